package drift

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Options say how to judge.
type Options struct {
	// Tolerance is the shift that is of no interest: a share of times, rates and
	// energies, and absolute of scores and shares. 0 takes DefaultTolerance.
	Tolerance float64
}

// DefaultTolerance is 5 %: beyond what clocks and rooms do from day to day, and
// half of what a driver or a build commonly changes.
const DefaultTolerance = 0.05

// reportVersion is the V of a Report.
const reportVersion = 1

// method says in a sentence how figures are compared; the package's text has it
// in full.
const method = "calls paired by journal; ratios of times, rates and energies by logarithms, differences of scores; " +
	"95 % intervals from the spread between runs (pooled over both sides) and of journals between the sides (Cochran and Cox); " +
	"drifted: the interval lies wholly beyond the tolerance, and Holm's adjusted p of a shift within the tolerance is at most 0.05; " +
	"steady: the interval lies wholly within the tolerance"

// Compare holds cells as they are now against their baseline. Cells are paired
// by their coordinates, calls by journal.
func Compare(baseline, now []Cell, opts Options) Report {
	r := Report{
		V: reportVersion, Tolerance: opts.Tolerance, Method: method,
		Cells: []CellReport{}, Missing: []Missing{},
	}
	if r.Tolerance <= 0 {
		r.Tolerance = DefaultTolerance
	}
	later := map[bench.Coordinates][]Cell{}
	for _, c := range now {
		later[c.At] = append(later[c.At], c)
	}
	for _, before := range baseline {
		list := later[before.At]
		if len(list) == 0 {
			r.lacks(before, SideNow, "", "the cell is not in the later sweep")
			continue
		}
		// Of several cells in one place, the one that is set alike.
		at := max(0, slices.IndexFunc(list, func(c Cell) bool { return maps.Equal(c.Settings, before.Settings) }))
		after := list[at]
		later[before.At] = slices.Delete(slices.Clone(list), at, at+1)
		r.pair(before, after)
	}
	for _, c := range now {
		if rest := later[c.At]; slices.ContainsFunc(rest, func(o Cell) bool { return o.ID == c.ID }) {
			r.lacks(c, SideBaseline, "", "the baseline has no such cell")
		}
	}
	r.correct()
	r.judge()
	r.Text = r.sentence()
	return r
}

func (r *Report) lacks(c Cell, side string, state bench.State, reason string) {
	r.Missing = append(r.Missing, Missing{At: c.At, Cell: c.ID, Side: side, State: state, Reason: reason})
}

// pair compares two cells that were both measured.
func (r *Report) pair(before, now Cell) {
	for _, one := range []struct {
		cell Cell
		side string
	}{{before, SideBaseline}, {now, SideNow}} {
		if one.cell.State == bench.StateDone {
			continue
		}
		reason := "the cell is " + string(one.cell.State)
		if one.cell.Reason != "" {
			reason += ": " + one.cell.Reason
		}
		r.lacks(one.cell, one.side, one.cell.State, reason)
		return
	}
	if differing := unlike(before.Settings, now.Settings); differing != "" {
		r.lacks(now, SideNow, "", "it was measured with other settings than the baseline: "+differing)
		return
	}
	out := CellReport{At: before.At, Baseline: before.ID, Now: now.ID, Figures: []Figure{}}
	for _, m := range metrics() {
		if f, compared := m.compare(before, now, r.Tolerance); compared {
			out.Figures = append(out.Figures, f)
			r.Estimated = r.Estimated || f.Estimated
			r.Simulated = r.Simulated || f.Simulated
		}
	}
	out.Changes, out.StartC = changes(before.Conditions, now.Conditions)
	r.Simulated = r.Simulated || before.Conditions.Simulated || now.Conditions.Simulated
	r.Cells = append(r.Cells, out)
}

// compare makes the figure of a metric; ok false says that neither side has it.
func (m metric) compare(before, now Cell, tolerance float64) (f Figure, ok bool) {
	a, b := m.values(before), m.values(now)
	if len(a) == 0 && len(b) == 0 {
		return Figure{}, false
	}
	f = Figure{Metric: m.name, Unit: m.unit, Ratio: m.ratio}
	if m.watts {
		f.Estimated = before.Energy.Estimated || now.Energy.Estimated
		f.Simulated = before.Energy.Simulated || now.Energy.Simulated
	}
	switch {
	case len(a) == 0:
		f.Missing = "the baseline has none" + because(m.watts, before.Energy)
		return f, true
	case len(b) == 0:
		f.Missing = "there is none now" + because(m.watts, now.Energy)
		return f, true
	case m.watts && !alike(before.Energy, now.Energy):
		f.Missing = fmt.Sprintf("energy is told by %s now and was by %s: they are not the same quantity", now.Energy, before.Energy)
		return f, true
	}
	s, missing := shiftOf(a, b, m.scaled(tolerance))
	f.Journals, f.RunsBefore, f.RunsNow, f.Missing = s.journals, s.runsBefore, s.runsNow, missing
	if s.runsBefore == 0 {
		return f, true
	}
	f.fill(s, missing == "")
	return f, true
}

func because(watts bool, e Energy) string {
	if watts && e.Missing != "" {
		return ": " + e.Missing
	}
	return ""
}

func alike(a, b Energy) bool {
	return a.Part == b.Part && a.Channel == b.Channel && a.Estimated == b.Estimated && a.Simulated == b.Simulated
}

// scaled is a tolerance on the scale of comparison.
func (m metric) scaled(tolerance float64) float64 {
	if m.ratio {
		return math.Log1p(tolerance) // as far below as above, as a ratio
	}
	return tolerance
}

// unlike names the settings in which two cells differ, "" where there are none.
func unlike(before, now map[string]string) string {
	if maps.Equal(before, now) {
		return ""
	}
	keys := slices.Sorted(maps.Keys(before))
	for _, key := range slices.Sorted(maps.Keys(now)) {
		if _, both := before[key]; !both {
			keys = append(keys, key)
		}
	}
	var out []string
	for _, key := range keys {
		if a, b := before[key], now[key]; a != b {
			out = append(out, fmt.Sprintf("%s (%s → %s)", key, cmp.Or(a, "not set"), cmp.Or(b, "not set")))
		}
	}
	const shown = 8
	if more := len(out) - shown; more > 0 {
		out = append(out[:shown], fmt.Sprintf("%d more", more))
	}
	return strings.Join(out, ", ")
}

// fill takes a shift over on the scale that people read.
func (f *Figure) fill(s shift, decided bool) {
	level, moved := func(v float64) *float64 { return &v }, func(v float64) *float64 { return &v }
	if f.Ratio {
		level = func(v float64) *float64 { v = math.Exp(v); return &v }
		moved = func(v float64) *float64 { v = math.Expm1(v); return &v }
	}
	f.Before, f.Now, f.Shift = level(s.before), level(s.now), moved(s.by)
	if !decided {
		return
	}
	f.Low, f.High = moved(s.by-s.half), moved(s.by+s.half)
	if math.IsInf(*f.High, 0) || math.IsNaN(*f.High) || math.IsNaN(*f.Low) {
		f.Low, f.High, f.Missing = nil, nil, "the runs scatter so much that the interval has no end"
		return
	}
	p := s.p
	f.P = &p
}

// correct adjusts the p-values of all figures together: Holm's step-down.
func (r *Report) correct() {
	var tested []*Figure
	for i := range r.Cells {
		for k := range r.Cells[i].Figures {
			if f := &r.Cells[i].Figures[k]; f.P != nil {
				tested = append(tested, f)
			}
		}
	}
	r.Tests = len(tested)
	slices.SortStableFunc(tested, func(a, b *Figure) int { return cmp.Compare(*a.P, *b.P) })
	highest := 0.0
	for i, f := range tested {
		highest = max(highest, min(1, *f.P*float64(len(tested)-i)))
		p := highest
		f.PHolm = &p
	}
}

// judge gives every figure, every cell and the report its verdict.
func (r *Report) judge() {
	var cells []Verdict
	for i := range r.Cells {
		c := &r.Cells[i]
		var figures []Verdict
		for k := range c.Figures {
			c.Figures[k].Verdict = c.Figures[k].judge(r.Tolerance)
			figures = append(figures, c.Figures[k].Verdict)
		}
		c.Verdict = together(figures)
		cells = append(cells, c.Verdict)
	}
	r.Verdict = together(cells)
	if r.Verdict == Steady && len(r.Missing) > 0 {
		r.Verdict = Undecided
	}
}

// together is the verdict on several: any drift is drift, and only all steady is
// steady.
func together(list []Verdict) Verdict {
	switch {
	case slices.Contains(list, Drifted):
		return Drifted
	case len(list) == 0 || slices.Contains(list, Undecided):
		return Undecided
	default:
		return Steady
	}
}

func (f Figure) judge(tolerance float64) Verdict {
	if f.P == nil || f.PHolm == nil {
		return Undecided
	}
	low, high := -tolerance, tolerance
	if f.Ratio {
		low = 1/(1+tolerance) - 1 // as far below as above, as a ratio
	}
	switch {
	case *f.PHolm <= 1-level && (*f.Low > high || *f.High < low):
		return Drifted
	case *f.Low >= low && *f.High <= high:
		return Steady
	default:
		return Undecided
	}
}
