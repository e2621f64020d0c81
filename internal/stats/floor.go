package stats

import (
	"github.com/wattsweep/wattsweep/internal/bench"
)

// floor is what chosen channels draw in a phase without calls, to be taken off
// the energy of inference: the baseline with nothing loaded, or the loaded
// idle.
type floor struct {
	powerW   float64 // of all devices
	readings []floorReading
	missing  string // why there is none
}

// floorReading is one window of one channel that a floor rests on.
type floorReading struct {
	channel string
	of      bench.PhaseReading
	seconds float64 // of all windows of the channel
}

// floorOf is the mean power in W of chosen channels in a phase, each by the
// windows that tell it. Where a channel tells none, another view of its device
// stands in.
func (a *account) floorOf(phase bench.Phase, g group, chosen []series) floor {
	var f floor
	for i, s := range chosen {
		one := a.channelFloor(phase, s)
		for _, other := range g.devices[i].list {
			if one.missing != "" && other.channel.Name != s.channel.Name {
				if instead := a.channelFloor(phase, other); instead.missing == "" {
					one = instead
				}
			}
		}
		if one.missing != "" {
			return one
		}
		f.powerW += one.powerW
		f.readings = append(f.readings, one.readings...)
	}
	return f
}

// channelFloor is the mean power of one channel in a phase.
func (a *account) channelFloor(phase bench.Phase, s series) floor {
	var f floor
	var joules, seconds float64
	for _, key := range s.windowsOf(phase) {
		p := s.of[key]
		energyJ, why := meanEnergy(p)
		if why = or(a.void(key), why); why != "" {
			f.missing = why
			continue
		}
		joules += energyJ
		seconds += p.Window.Seconds()
		f.readings = append(f.readings, floorReading{channel: s.channel.Name, of: p})
	}
	switch {
	case seconds > 0:
		f.powerW, f.missing = joules/seconds, ""
	case f.missing != "":
		f.missing = "no " + string(phase) + " of " + s.channel.Name + ": " + f.missing
	default:
		f.missing = "no " + string(phase) + " of " + s.channel.Name + " was measured"
	}
	for i := range f.readings {
		f.readings[i].seconds = seconds
	}
	return f
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
