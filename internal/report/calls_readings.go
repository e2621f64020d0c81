package report

import (
	"slices"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// readingFields are the columns from energy_is to readings_missing: what the
// meters showed while a call ran. Channels of one device are views of the same
// power, so one of them counts; devices of one kind are added up, a temperature
// is that of the hottest.
func readingFields(r CallRow) []string {
	gpuPower := sumReadings(r, isPower(bench.PartGPU))
	wall := sumReadings(r, isPower(bench.PartWall))
	cpu := sumReadings(r, isPower(bench.PartCPU))
	memory := sumReadings(r, isGPU(bench.UnitByte, "memory"))
	busy := sumReadings(r, isGPU(bench.UnitPercent, "util"))
	heat := sumReadings(r, isGPU(bench.UnitCelsius, ""))
	hostCPU := sumReadings(r, isHost(bench.UnitPercent))
	hostMemory := sumReadings(r, isHost(bench.UnitByte))
	power := gpuPower
	power.add(wall)
	power.add(cpu)
	return []string{
		r.energyWord(), energyField(gpuPower.mean), energyField(gpuPower.peak), energyField(wall.mean),
		energyField(cpu.mean), orMeasured(power.n > 0, basisWord(power.estimated, power.simulated)),
		energyField(memory.mean), energyField(memory.peak), energyField(busy.average()), energyField(heat.hottest),
		energyField(hostCPU.mean), energyField(hostMemory.mean), safe(missingReadings(r)),
	}
}

// energyWord says on what the call's energy rests: by the figure that it is a
// share of, and by the channels that carry it. It is empty where neither tells.
func (r CallRow) energyWord() string {
	if r.EnergyJ == nil {
		return ""
	}
	estimated, simulated, known := r.EnergyMethod == bench.EnergyEstimated, false, r.Energy != nil
	if known {
		estimated = estimated || r.Energy.Estimated || r.Energy.Method == bench.EnergyEstimated
		simulated = r.Energy.Simulated
	}
	for _, reading := range r.Readings {
		if m := r.channel(reading.Channel); m != nil && reading.EnergyJ != nil {
			estimated, simulated, known = estimated || m.Estimated, simulated || m.Simulated, true
		}
	}
	return orMeasured(known, basisWord(estimated, simulated))
}

func (r CallRow) channel(name string) *bench.Channel {
	i := slices.IndexFunc(r.Channels, func(m bench.Channel) bool { return m.Name == name })
	if i < 0 {
		return nil
	}
	return &r.Channels[i]
}

// readingSum adds up the readings of several devices.
type readingSum struct {
	n                    int
	mean, peak, hottest  *float64
	estimated, simulated bool
}

func (s *readingSum) add(o readingSum) {
	s.n += o.n
	s.estimated, s.simulated = s.estimated || o.estimated, s.simulated || o.simulated
}

// average is the mean over devices.
func (s readingSum) average() *float64 {
	if s.mean == nil {
		return nil
	}
	v := *s.mean / float64(s.n)
	return &v
}

// sumReadings adds up one channel of each device that is of the wanted kind,
// the instantaneous one where there are several. Where one device was not
// read, there is no sum.
func sumReadings(r CallRow, wanted func(bench.Channel) bool) readingSum {
	chosen := map[string]bench.CallReading{}
	sensor := map[string]bench.Channel{}
	var devices []string
	for _, reading := range r.Readings {
		m := r.channel(reading.Channel)
		if m == nil || m.PartOf != "" || !wanted(*m) {
			continue
		}
		device := deviceOf(*m)
		have, found := sensor[device]
		if !found {
			devices = append(devices, device)
		}
		if !found || (have.Sensor != bench.SensorInstant && m.Sensor == bench.SensorInstant && reading.Mean != nil) {
			chosen[device], sensor[device] = reading, *m
		}
	}
	var s readingSum
	for _, device := range devices {
		s.take(chosen[device], sensor[device])
	}
	return s
}

func (s *readingSum) take(reading bench.CallReading, m bench.Channel) {
	s.estimated, s.simulated = s.estimated || m.Estimated, s.simulated || m.Simulated
	plus := func(sum, v *float64) *float64 {
		switch {
		case v == nil || (sum == nil && s.n > 0):
			return nil
		case sum == nil:
			out := *v
			return &out
		default:
			out := *sum + *v
			return &out
		}
	}
	s.mean, s.peak = plus(s.mean, reading.Mean), plus(s.peak, reading.Peak)
	if reading.Peak != nil && (s.hottest == nil || *reading.Peak > *s.hottest) {
		s.hottest = reading.Peak
	}
	s.n++
}

// deviceOf names what a channel measures, as [bench.Channel] says.
func deviceOf(m bench.Channel) string {
	if m.Device != "" {
		return m.Device
	}
	name := m.Name
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		name = name[:i]
	}
	return name + "\x00" + m.Identity
}

func isPower(part bench.Part) func(bench.Channel) bool {
	return func(m bench.Channel) bool { return m.Unit == bench.UnitWatt && m.Scope.Part() == part }
}

// isGPU finds channels of a GPU by unit, and by a word in their name where a
// unit is not enough: a GPU has a utilisation of its cores and of its memory's
// bus, both in percent.
func isGPU(unit bench.Unit, word string) func(bench.Channel) bool {
	return func(m bench.Channel) bool {
		if m.Unit != unit || m.Scope.Part() != bench.PartGPU {
			return false
		}
		name := strings.ToLower(m.Name[strings.LastIndexByte(m.Name, '.')+1:])
		if word == "util" && strings.Contains(name, "mem") {
			return false
		}
		return strings.Contains(name, word)
	}
}

func isHost(unit bench.Unit) func(bench.Channel) bool {
	return func(m bench.Channel) bool { return m.Unit == unit && m.Scope == bench.ScopeHost }
}

// missingReadings lists why channels showed nothing while the call ran.
func missingReadings(r CallRow) string {
	var list []string
	for _, reading := range r.Readings {
		if reading.Mean == nil && reading.Missing != "" {
			list = append(list, printable(reading.Channel, 60)+": "+printable(reading.Missing, 200))
		}
	}
	return strings.Join(list, "; ")
}
