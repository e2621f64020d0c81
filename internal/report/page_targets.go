package report

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/units"
)

// targetSection is the part of the page about targets.
type targetSection struct {
	Verdict, Class string // of the sweep
	Line           string // how many passed, failed and are not decided
	Summary        tableView
	Cells          tableView
	Left           string // what the table of cells leaves out
}

// maxJudgements is how many judgements the page and the terminal list; those
// that failed go first, then those not decided. targets.csv holds all.
const maxJudgements = 300

// strip draws an interval against its limit: places are in percent of its
// width.
type strip struct {
	GoodX, GoodW, Limit, Low, Width, Value string
	Class, Title                           string
	OpenLow, OpenHigh, HasValue, HasSpan   bool
}

func newTargetSection(r bench.Results) *targetSection {
	t := r.Targets
	if t == nil {
		return nil
	}
	s := &targetSection{Verdict: string(t.Verdict), Class: verdictClass(t.Verdict), Line: targetLine(*t)}
	s.Summary = targetSummary(*t)
	list, left := worstFirst(t.Judgements)
	s.Left = left
	s.Cells = judgementTable(list, newNaming(shown(r.Cells)))
	return s
}

// targetLine says in one sentence how a sweep stands to its targets.
func targetLine(t bench.TargetResults) string {
	var passed, failed, open int
	for _, one := range t.Targets {
		switch one.Verdict {
		case bench.VerdictPass:
			passed++
		case bench.VerdictFail:
			failed++
		case bench.VerdictUndecided:
			open++
		}
	}
	if passed == len(t.Targets) {
		if passed == 1 {
			return "The target is met by every cell that it is about."
		}
		return "All " + count(passed) + " targets are met by every cell that they are about."
	}
	var parts []string
	for _, p := range []struct {
		n    int
		verb string
	}{{passed, "met"}, {failed, "failed"}, {open, "not decided"}} {
		if p.n > 0 {
			parts = append(parts, strconv.Itoa(p.n)+" "+p.verb)
		}
	}
	return "Of " + plural(len(t.Targets), "target") + ": " + sentenceList(parts) + "."
}

func targetSummary(t bench.TargetResults) tableView {
	v := tableView{
		ID: "targets-summary", Empty: "No target is set.",
		Caption: "A target is met by a cell only where the whole 95 % interval of the figure lies on the good side, and failed only where all of it lies on the bad side.",
		Heads: []headView{
			{"Target", "", false}, {"Verdict", "", false}, {"Met", "cells", true}, {"Failed", "cells", true}, {"Not decided", "cells", true},
		},
	}
	for _, one := range t.Targets {
		v.Rows = append(v.Rows, []cellView{
			{Main: printable(one.Target, 300), Head: true, Code: true, Beside: printable(one.Reason, 200)},
			verdictCell(one.Verdict),
			{Main: count(one.Passed), Num: true},
			{Main: count(one.Failed), Num: true},
			{Main: count(one.Undecided), Num: true},
		})
	}
	return v
}

func verdictCell(v bench.Verdict) cellView {
	text := string(v)
	switch v { //nolint:exhaustive // the other is the default
	case bench.VerdictPass:
		text = "met"
	case bench.VerdictFail:
		text = "failed"
	}
	return cellView{Main: text, Chip: verdictClass(v)}
}

func verdictClass(v bench.Verdict) string {
	switch v {
	case bench.VerdictPass:
		return "good"
	case bench.VerdictFail:
		return "bad"
	case bench.VerdictUndecided:
		return "doubt"
	default:
		return "doubt"
	}
}

// worstFirst puts what failed before what is not decided before what is met,
// and cuts what is too much to list.
func worstFirst(all []bench.Judgement) (list []bench.Judgement, left string) {
	rank := map[bench.Verdict]int{bench.VerdictFail: 0, bench.VerdictUndecided: 1, bench.VerdictPass: 2}
	list = slices.SortedStableFunc(slices.Values(all), func(a, b bench.Judgement) int { return cmp.Compare(rank[a.Verdict], rank[b.Verdict]) })
	if len(list) > maxJudgements {
		left = "The first " + count(maxJudgements) + " of " + plural(len(list), "judgement") + ", those that failed first; " + TargetsFile + " holds all."
		list = list[:maxJudgements]
	}
	return list, left
}

func judgementTable(list []bench.Judgement, names naming) tableView {
	t := tableView{
		ID: "targets-cells", Empty: "No cell is one that a target is about.",
		Caption: "Cell by cell. The bar is the 95 % interval, the dot the figure, the upright line the limit, the shade the good side.",
		Heads: []headView{
			{"Cell", "", false}, {"Target", "", false}, {"Verdict", "", false}, {"Figure", "95 % interval", true}, {"Against the limit", "", false}, {"How", "", false},
		},
	}
	scales := scalesOf(list)
	for _, j := range list {
		row := []cellView{
			{Main: names.row(j.Coordinates), Beside: language(j.Language), Head: true},
			{Main: printable(j.Target, 300), Code: true},
			verdictCell(j.Verdict),
			figureCell(j),
			{Strip: newStrip(j, scales[j.Target])},
			{Main: orText(printable(j.Reason, 400), printable(j.Figure.Over, 400)), Beside: printable(j.Note, 200)},
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// figureCell shows a figure with its interval and the word that tells on what
// it rests.
func figureCell(j bench.Judgement) cellView {
	f := j.Figure
	if f.Value == nil {
		return cellView{Main: none, Num: true}
	}
	v := cellView{Main: withUnit(*f.Value, f.Unit), Num: true}
	low, high := "−∞", "∞"
	if f.Low != nil {
		low = figureText(*f.Low, f.Unit)
	}
	if f.High != nil {
		high = figureText(*f.High, f.Unit)
	}
	if f.Low != nil || f.High != nil {
		v.Beside = low + " to " + high
	}
	v.Beside = words(v.Beside, basisWord(f.Estimated, f.Simulated))
	return v
}

// withUnit is a figure with its unit.
func withUnit(v float64, unit string) string {
	if unit == "1" || unit == "" {
		return figureText(v, unit)
	}
	if unit == "B" {
		return bytesText(v)
	}
	return figureText(v, unit) + "\u00a0" + printable(unit, 20)
}

func figureText(v float64, unit string) string {
	switch unit {
	case "B":
		return bytesText(v)
	case "1":
		return fixed(v, 3)
	default:
		return sig(v, 3)
	}
}

// scale is the stretch of a target's axis.
type scale struct{ from, to float64 }

func scalesOf(list []bench.Judgement) map[string]scale {
	out := map[string]scale{}
	for _, j := range list {
		s, known := out[j.Target]
		if !known {
			s = scale{j.Limit, j.Limit}
		}
		for _, v := range []*float64{j.Figure.Low, j.Figure.Value, j.Figure.High} {
			if v != nil {
				s.from, s.to = min(s.from, *v), max(s.to, *v)
			}
		}
		out[j.Target] = s
	}
	for name, s := range out {
		pad := (s.to - s.from) * 0.08
		if !(pad > 0) || math.IsInf(pad, 0) {
			pad = math.Max(math.Abs(s.to)*0.1, 1e-9)
		}
		out[name] = scale{s.from - pad, s.to + pad}
	}
	return out
}

// percentAt is where a value lies on the axis.
func (s scale) percentAt(v float64) float64 { return 100 * min(1, max(0, (v-s.from)/(s.to-s.from))) }

func newStrip(j bench.Judgement, s scale) *strip {
	text := func(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) + "%" }
	limit := s.percentAt(j.Limit)
	out := &strip{Limit: text(limit), GoodX: "0%", GoodW: text(limit), Class: verdictClass(j.Verdict)}
	if j.Op == ">=" || j.Op == ">" {
		out.GoodX, out.GoodW = text(limit), text(100-limit)
	}
	f := j.Figure
	if f.Value != nil {
		out.HasValue, out.Value = true, text(s.percentAt(*f.Value))
	}
	if f.Low != nil || f.High != nil {
		low, high := 0., 100.
		if f.Low != nil {
			low = s.percentAt(*f.Low)
		}
		if f.High != nil {
			high = s.percentAt(*f.High)
		}
		out.HasSpan, out.Low, out.Width = true, text(low), text(max(0.8, high-low))
		out.OpenLow, out.OpenHigh = f.Low == nil, f.High == nil
	}
	out.Title = "limit " + figureText(j.Limit, f.Unit)
	if f.Value != nil {
		out.Title = figureCell(j).Main + ", " + figureCell(j).Beside + "; " + out.Title
	}
	return out
}

// bytesText prints a number of bytes with its unit.
func bytesText(v float64) string { return units.Bytes(v).String() }
