package stats

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// windowKey names an inference window: a segment of a run.
type windowKey struct{ run, segment int }

// series is one energy channel over the inference windows of a cell.
type series struct {
	channel bench.Channel
	of      map[windowKey]bench.PhaseReading
	missing string // why a window has no energy; "" when all have
}

// inferenceWindows lists the windows in which anything was read, in order.
func inferenceWindows(phases []bench.PhaseReading) []windowKey {
	var keys []windowKey
	for _, p := range phases {
		key := windowKey{p.Run, p.No}
		if p.Phase == bench.PhaseInference && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b windowKey) int {
		return cmp.Or(cmp.Compare(a.run, b.run), cmp.Compare(a.segment, b.segment))
	})
	return keys
}

// energySeries lists the channels that can tell energy, by name.
func energySeries(phases []bench.PhaseReading, windows []windowKey) []series {
	byName := map[string]*series{}
	var names []string
	for _, p := range phases {
		c := p.Channel
		total := (c.Unit == bench.UnitWatt || c.Unit == bench.UnitJoule) && scopeRank(c.Scope) > 0
		if p.Phase != bench.PhaseInference || !total {
			continue
		}
		if byName[c.Name] == nil {
			byName[c.Name] = &series{channel: c, of: map[windowKey]bench.PhaseReading{}}
			names = append(names, c.Name)
		}
		byName[c.Name].of[windowKey{p.Run, p.No}] = p
	}
	slices.Sort(names)
	list := make([]series, 0, len(names))
	for _, name := range names {
		s := *byName[name]
		s.missing = s.gap(windows)
		list = append(list, s)
	}
	return list
}

// gap says why the channel cannot tell the energy of every window.
func (s series) gap(windows []windowKey) string {
	for _, w := range windows {
		p, read := s.of[w]
		switch {
		case !read:
			return fmt.Sprintf("%s was not read in run %d, segment %d", s.channel.Name, w.run, w.segment)
		case p.EnergyJ == nil:
			return fmt.Sprintf("%s in run %d, segment %d: %s", s.channel.Name, w.run, w.segment, or(p.Missing, "no energy"))
		case !finite(*p.EnergyJ) || *p.EnergyJ < 0:
			return fmt.Sprintf("%s in run %d, segment %d: %g J is no energy", s.channel.Name, w.run, w.segment, *p.EnergyJ)
		}
	}
	return ""
}

// scopeRank orders what a channel covers from the whole machine down; 0 for
// what is only part of a figure (memory) or none.
func scopeRank(s bench.Scope) int {
	order := []bench.Scope{
		bench.ScopeInlet, bench.ScopeOutlet, bench.ScopeModule, bench.ScopeBoard,
		bench.ScopeGPU, bench.ScopePackage, bench.ScopeHost, bench.ScopeProcess,
	}
	return slices.Index(order, s) + 1
}

// rank orders channels by trust: real before made up, measured before
// estimated, then by scope.
func rank(c bench.Channel) int {
	r := scopeRank(c.Scope)
	if c.Estimated {
		r += 100
	}
	if c.Simulated {
		r += 1000
	}
	return r
}

// device groups channels of one source (gpu0.power and gpu0.energy), which
// must not be added up; different sources of a scope are.
func device(c bench.Channel) string {
	name := c.Name
	if at := strings.LastIndexByte(name, '.'); at >= 0 {
		name = name[:at]
	}
	return name + "\x00" + c.Identity
}

// choose picks the channels whose sum is the energy of the cell: one channel
// of every device of the best rank in which each device covers all windows. A
// counter goes before power of the same device.
func choose(all []series) (chosen []series, missing string) {
	ranks := map[int][]series{}
	var order []int
	for _, s := range all {
		r := rank(s.channel)
		if ranks[r] == nil {
			order = append(order, r)
		}
		ranks[r] = append(ranks[r], s)
	}
	slices.Sort(order)
	for _, r := range order {
		best := map[string]series{}
		var devices []string
		for _, s := range ranks[r] {
			d := device(s.channel)
			if old, known := best[d]; !known {
				devices = append(devices, d)
				best[d] = s
			} else if better(s, old) {
				best[d] = s
			}
		}
		chosen = chosen[:0]
		for _, d := range devices {
			if best[d].missing == "" {
				chosen = append(chosen, best[d])
			} else {
				missing = or(missing, best[d].missing)
			}
		}
		if len(chosen) == len(devices) {
			return chosen, ""
		}
	}
	return nil, missing
}

// better prefers a channel that covers all windows, then a counter.
func better(a, b series) bool {
	if (a.missing == "") != (b.missing == "") {
		return a.missing == ""
	}
	return a.channel.Counter && !b.channel.Counter
}
