package stats

import (
	"github.com/wattsweep/wattsweep/internal/bench"
)

// floor is what chosen channels draw in a phase without calls, to be taken off
// the energy of inference: the baseline with nothing loaded, or the loaded
// idle.
type floor struct {
	powerW  float64       // of all devices
	devices []deviceFloor // in the order of the chosen channels
	missing string        // why there is none
}

// deviceFloor is the floor of one device with the windows that it rests on.
type deviceFloor struct {
	channel  string
	powerW   float64
	readings []bench.PhaseReading
	seconds  float64 // of all readings
}

// floorOf is the mean power in W of chosen channels in a phase, each by the
// windows that tell it. Where a channel tells none, another view of its device
// stands in.
func (a *account) floorOf(phase bench.Phase, g group, chosen []series) floor {
	var f floor
	for i, s := range chosen {
		one, missing := a.channelFloor(phase, s)
		for _, other := range g.devices[i].list {
			if missing != "" && other.channel.Name != s.channel.Name {
				if instead, none := a.channelFloor(phase, other); none == "" {
					one, missing = instead, ""
				}
			}
		}
		if missing != "" {
			return floor{missing: missing}
		}
		f.powerW += one.powerW
		f.devices = append(f.devices, one)
	}
	return f
}

// channelFloor is the mean power of one channel in a phase.
func (a *account) channelFloor(phase bench.Phase, s series) (f deviceFloor, missing string) {
	f.channel = s.channel.Name
	joules := 0.0
	for _, key := range s.windowsOf(phase) {
		p := s.of[key]
		energyJ, why := meanEnergy(p)
		if why = or(a.void(key), why); why != "" {
			missing = why
			continue
		}
		joules += energyJ
		f.seconds += p.Window.Seconds()
		f.readings = append(f.readings, p)
	}
	switch {
	case f.seconds > 0:
		f.powerW = joules / f.seconds
		return f, ""
	case missing != "":
		return f, "no " + string(phase) + " of " + s.channel.Name + ": " + missing
	default:
		return f, "no " + string(phase) + " of " + s.channel.Name + " was measured"
	}
}

// meanEnergy is a window's energy in J for a mean power: its own or, where the
// window has none, mean power times length.
func meanEnergy(p bench.PhaseReading) (energyJ float64, missing string) {
	switch {
	case p.Window <= 0:
		return 0, "its window has no length"
	case p.EnergyJ != nil && finite(*p.EnergyJ):
		return *p.EnergyJ, ""
	case p.Mean != nil && finite(*p.Mean) && p.Channel.Unit == bench.UnitWatt:
		return *p.Mean * p.Window.Seconds(), ""
	default:
		return 0, or(p.Missing, "no energy")
	}
}
