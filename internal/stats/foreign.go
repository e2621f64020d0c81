package stats

import (
	"slices"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// foreignSuffix ends the names of the channels that count processes on a GPU
// that are not the runtime's.
const foreignSuffix = ".foreign_processes"

// What is said of a window.
const (
	foreignSeen    = "a process that is not the runtime's was on the GPU"
	foreignUnknown = "could not be told whether a foreign process was there"
)

// foreigners names, by window, the channels that saw a foreign process and
// those that should have told and did not. Where no channel looks for foreign
// processes both are empty: nothing was promised then.
type foreigners struct{ seen, unknown map[phaseKey][]string }

// foreignOf reads the channels that count foreign processes. A channel that is
// read in a phase is expected in every window of that phase.
func foreignOf(phases []bench.PhaseReading) foreigners {
	out := foreigners{map[phaseKey][]string{}, map[phaseKey][]string{}}
	windows := map[bench.Phase][]phaseKey{}
	names := map[bench.Phase][]string{}
	looked := map[string]map[phaseKey]bool{}
	for _, p := range phases {
		key, name := keyOf(p), p.Channel.Name
		if !slices.Contains(windows[p.Phase], key) {
			windows[p.Phase] = append(windows[p.Phase], key)
		}
		if !strings.HasSuffix(name, foreignSuffix) {
			continue
		}
		if looked[name] == nil {
			looked[name] = map[phaseKey]bool{}
		}
		if !slices.Contains(names[p.Phase], name) {
			names[p.Phase] = append(names[p.Phase], name)
		}
		if p.Max == nil || !finite(*p.Max) {
			continue
		}
		looked[name][key] = true
		if *p.Max > 0 && !slices.Contains(out.seen[key], name) {
			out.seen[key] = append(out.seen[key], name)
		}
	}
	for phase, list := range names {
		for _, name := range list {
			for _, key := range windows[phase] {
				if !looked[name][key] {
					out.unknown[key] = append(out.unknown[key], name)
				}
			}
		}
	}
	return out
}

// flags says what is known of a window.
func (f foreigners) flags(key phaseKey) []string {
	var out []string
	if names := f.seen[key]; len(names) > 0 {
		out = append(out, foreignSeen+": "+strings.Join(names, ", "))
	}
	if names := f.unknown[key]; len(names) > 0 {
		out = append(out, foreignUnknown+": "+strings.Join(names, ", "))
	}
	return out
}
