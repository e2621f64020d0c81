package stats

import (
	"fmt"
	"slices"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// phasesInTime lists the phases of a cell in the order in which they come. The
// thesis' "server startup" is startup, its "server shutdown" is shutdown; its
// "response received" has no window of its own, as an answer streams while it
// is made, and lies in inference.
func phasesInTime() []bench.Phase {
	return []bench.Phase{
		bench.PhaseBaseline, bench.PhaseStartup, bench.PhaseIdle, bench.PhaseWarmUp, bench.PhaseInference, bench.PhaseShutdown,
	}
}

// phaseEnergies is the energy account of a cell: every phase that has a window
// as every part of the host that was read told it. A part is read by the same
// devices in all phases, those that tell its inference.
func phaseEnergies(in CellInput) []bench.PhaseEnergy {
	a := accountOf(in.Phases, in.Cell.Config.Meters.Foreign)
	inference, _ := place(in.Calls, in.Phases)
	chosen := map[bench.Part]option{}
	for _, o := range perPart(a, weigh(inference)) {
		chosen[o.group.part] = o
	}
	for _, o := range perPart(a, a.everyWindow()) {
		if _, known := chosen[o.group.part]; !known {
			chosen[o.group.part] = o
		}
	}
	out := []bench.PhaseEnergy{}
	for _, phase := range phasesInTime() {
		for _, part := range parts() {
			if o, read := chosen[part]; read {
				if line, ok := a.phaseEnergy(phase, o.group); ok {
					out = append(out, line)
				}
			}
		}
	}
	return out
}

// everyWindow lists all windows of all phases, each with the same weight.
func (a *account) everyWindow() []weighted {
	var out []weighted
	for _, phase := range phasesInTime() {
		for _, key := range a.windowsOf(phase) {
			out = append(out, weighted{key, 1})
		}
	}
	return out
}

// windowsOf lists the windows of a phase that any channel was read over.
func (a *account) windowsOf(phase bench.Phase) []phaseKey {
	var keys []phaseKey
	for _, g := range a.groups {
		keys = append(keys, g.windowsOf(phase)...)
	}
	slices.SortFunc(keys, compareKeys)
	return slices.Compact(keys)
}

// phaseEnergy is one line of the account; false where the phase has no window.
func (a *account) phaseEnergy(phase bench.Phase, g group) (bench.PhaseEnergy, bool) {
	keys := g.windowsOf(phase)
	if len(keys) == 0 {
		return bench.PhaseEnergy{}, false
	}
	windows := make([]weighted, 0, len(keys))
	for _, key := range keys {
		windows = append(windows, weighted{key, 1})
	}
	chosen := g.pick(a, windows)
	line := bench.PhaseEnergy{Phase: phase, Part: g.part, Channel: namesOf(chosen)}
	var told []phaseKey
	why := ""
	for _, key := range keys {
		if gap := a.gap(chosen, key); gap != "" {
			why = or(why, gap)
			continue
		}
		told = append(told, key)
		line.Window += lengthOf(chosen, key)
	}
	line.Windows = len(told)
	line.Estimated, line.Simulated = marksOf(chosen, told)
	if len(told) == 0 {
		line.Estimated, line.Simulated = marksOf(chosen, keys)
		line.Windows, line.Coverage, line.Missing = len(keys), coverageOf(chosen, keys), why
		for _, key := range keys {
			line.Window += lengthOf(chosen, key)
		}
		return line, true
	}
	a.sumPhase(&line, g, chosen, told)
	if left := len(keys) - len(told); left > 0 {
		line.Flags = append(line.Flags, fmt.Sprintf("left out: %d of %s (%s)", left, counted(len(keys), "window"), why))
	}
	return line, true
}

// sumPhase fills a line from the windows that are told.
func (a *account) sumPhase(line *bench.PhaseEnergy, g group, chosen []series, told []phaseKey) {
	joules := 0.0
	for _, key := range told {
		joules += energyOf(chosen, key)
	}
	line.EnergyJ = &joules
	line.Method, line.Coverage = methodOf(chosen, told), coverageOf(chosen, told)
	line.Flags = a.flags(chosen, told, disagreementOf(a, g, chosen, told))
	line.Uncertainty, _ = sumDoubt(chosen, told)
	seconds := line.Window.Seconds()
	if seconds <= 0 {
		return
	}
	mean := joules / seconds
	line.MeanPowerW = &mean
	if baseline := a.floorOf(bench.PhaseBaseline, g, chosen); baseline.missing == "" {
		net := joules - baseline.powerW*seconds
		line.NetJ = &net
		for _, device := range baseline.devices {
			for _, p := range device.readings {
				line.Estimated, line.Simulated = line.Estimated || p.Channel.Estimated, line.Simulated || p.Channel.Simulated
			}
		}
	}
}
