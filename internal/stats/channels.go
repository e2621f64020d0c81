package stats

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// enough is the share of the calls whose energy a channel must tell to go
// before one of lower rank: one window that is too short for a wall meter must
// not turn a measured cell into an estimated one.
const enough = 0.9

// series is one energy channel over the inference windows of a cell.
type series struct {
	channel bench.Channel
	of      map[windowKey]bench.PhaseReading
	calls   int // in windows whose energy it tells
}

// energySeries lists the channels that can tell energy, by name.
func energySeries(phases []bench.PhaseReading, windows []callWindow) []series {
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
		for _, w := range windows {
			if s.gap(w) == "" {
				s.calls += len(w.calls)
			}
		}
		list = append(list, s)
	}
	return list
}

// gap says why the channel cannot tell the energy of a window; "" when it can.
func (s series) gap(w callWindow) string {
	p, read := s.of[w.windowKey]
	switch {
	case !read:
		return "not read"
	case p.EnergyJ == nil:
		return or(p.Missing, "no energy")
	case !finite(*p.EnergyJ) || *p.EnergyJ < 0:
		return fmt.Sprintf("%g J is no energy", *p.EnergyJ)
	}
	return ""
}

// gapOf is the first channel without an energy of a window, and why.
func gapOf(list []series, w callWindow) (channel, why string) {
	for _, s := range list {
		if why := s.gap(w); why != "" {
			return s.channel.Name, why
		}
	}
	return "", ""
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
// of every device of the best rank that tells, all devices together, the energy
// of enough calls; where none does, of the rank that tells that of the most. It
// is nil where none tells any.
func choose(all []series, windows []callWindow) []series {
	total := 0
	for _, w := range windows {
		total += len(w.calls)
	}
	ranks := map[int][]series{}
	for _, s := range all {
		ranks[rank(s.channel)] = append(ranks[rank(s.channel)], s)
	}
	var chosen []series
	most := 0
	for _, r := range slices.Sorted(maps.Keys(ranks)) {
		list := perDevice(ranks[r])
		told := 0
		for _, w := range windows {
			if _, why := gapOf(list, w); why == "" {
				told += len(w.calls)
			}
		}
		if told > most {
			chosen, most = list, told
		}
		if float64(told) >= enough*float64(total) {
			break
		}
	}
	return chosen
}

// perDevice picks one channel of every device: the one that tells the energy
// of more calls, then a counter before power.
func perDevice(list []series) []series {
	best := map[string]int{}
	var out []series
	for _, s := range list {
		d := device(s.channel)
		i, known := best[d]
		switch {
		case !known:
			best[d] = len(out)
			out = append(out, s)
		case s.calls > out[i].calls, s.calls == out[i].calls && s.channel.Counter && !out[i].channel.Counter:
			out[i] = s
		}
	}
	return out
}
