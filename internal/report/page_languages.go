package report

import (
	"fmt"
	"math"
	"reflect"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// languageView is the section that compares languages.
type languageView struct {
	Table tableView
	Chart []drawing
	Left  string // that not all pairs were compared
}

// languageSection shows paired differences as a table and a chart around zero.
func languageSection(r bench.Results, o HTMLOptions) languageView {
	pairs := o.PairedDifferences
	t := tableView{
		ID: "pairs", Caption: "Paired differences between languages, over the journals that both were asked.",
		Empty: "No two languages of one model were asked the same journals.",
	}
	t.Heads = []headView{
		{"Model", "", false},
		{"Compared", "", false},
		{"First", "mean", true},
		{"Second", "mean", true},
		{"Difference", "95 % interval", true},
		{"Size", "Hedges' g", true},
		{"First code right", "only first : only second", true},
		{"Journals", "", true},
		{"Reading", "", false},
	}
	names := newNaming(r.Cells)
	for _, p := range pairs {
		compared := language(p.A) + " − " + language(p.B)
		row := []cellView{
			{Main: printable(p.At.Model, 60), Beside: names.context(p.At), Head: true},
			{Main: compared, Beside: printable(p.Metric, 40)},
		}
		if p.Difference == nil {
			reason := printable(p.Missing, 200)
			for range 5 {
				row = append(row, cellView{Main: none, Num: true})
			}
			row = append(row, cellView{Main: count(p.Journals), Num: true}, cellView{Main: reason})
		} else {
			row = append(row, cellView{Main: two(p.MeanA), Num: true}, cellView{Main: two(p.MeanB), Num: true},
				cellView{Main: two(p.Difference.Mean), Beside: pairSpan(*p.Difference), Num: true},
				effectSize(p), firstCodes(p), cellView{Main: count(p.Journals), Num: true}, cellView{Main: pairReading(p)})
		}
		t.Rows = append(t.Rows, row)
	}
	view := languageView{Table: t, Chart: drawPairs(names, pairs)}
	if o.PairsLeft > 0 {
		view.Left = plural(o.PairsLeft, "more pair") + " of cells were not compared, to keep this page small; calls.csv holds the scores of all calls."
	}
	return view
}

// effectSize is the difference in units of its scatter.
func effectSize(p PairedDifference) cellView {
	if p.HedgesG == nil {
		return cellView{Main: none, Num: true}
	}
	return cellView{Main: two(p.HedgesG.Mean), Beside: pairSpan(*p.HedgesG), Num: true}
}

// firstCodes is McNemar's comparison of the journals whose first code was right
// on one side alone.
func firstCodes(p PairedDifference) cellView {
	if p.FirstCode == nil {
		return cellView{Main: none, Num: true}
	}
	return cellView{
		Main: count(p.FirstCode.OnlyA) + " : " + count(p.FirstCode.OnlyB), Beside: "McNemar mid-p " + two(p.FirstCode.MidP), Num: true,
	}
}

func pairSpan(e bench.Estimate) string {
	if e.CI95Low == nil || e.CI95High == nil {
		return ""
	}
	return two(*e.CI95Low) + " to " + two(*e.CI95High)
}

// pairReading says what a difference means; it claims one only where the
// interval leaves out zero.
func pairReading(p PairedDifference) string {
	d := p.Difference
	switch {
	case d.CI95Low == nil || d.CI95High == nil:
		return "no interval, so no difference is claimed"
	case *d.CI95Low > 0:
		return language(p.A) + " is higher"
	case *d.CI95High < 0:
		return language(p.A) + " is lower"
	default:
		return "cannot be told apart"
	}
}

// drawPairs draws the differences with their intervals around zero.
func drawPairs(names naming, pairs []PairedDifference) []drawing {
	var values []float64
	for _, p := range pairs {
		if p.Difference == nil {
			continue
		}
		values = append(values, p.Difference.Mean)
		for _, v := range []*float64{p.Difference.CI95Low, p.Difference.CI95High} {
			if v != nil {
				values = append(values, *v)
			}
		}
	}
	if len(values) == 0 || len(pairs) > dotPanelRows {
		return nil
	}
	a := aroundZero(values, plotFrom+2, plotUpTo)
	d := drawing{
		ID: "pairs-chart", Title: "Difference between languages",
		Desc: "Paired differences with 95 % intervals; left of zero the first language is lower.",
	}
	y := 4
	for _, p := range pairs {
		text := names.row(p.At) + " · " + language(p.A) + " − " + language(p.B)
		d.Texts = append(d.Texts, label{
			X: "0", Y: px(y + 13), DX: "0", Class: "rowlabel",
			Text: printable(text, 52), Title: text,
		})
		y += 20
		if e := p.Difference; e == nil {
			d.text("100%", y+11, "value end soft", none)
		} else {
			if e.CI95Low != nil && e.CI95High != nil {
				d.line(a.x(*e.CI95Low), y+7, a.x(*e.CI95High), y+7, "interval s2")
			}
			d.mark(a.x(e.Mean), y+7, 2, "", text+": "+two(e.Mean)+" ("+pairSpan(*e)+")")
			d.text("100%", y+11, "value end", two(e.Mean))
		}
		y += 26
	}
	d.vertical(a, 0, y)
	d.Height = y + 24
	return []drawing{d}
}

// verifyPairs refuses differences that are no numbers or miss without reason.
func verifyPairs(r bench.Results, pairs []PairedDifference) error {
	v := &verifier{results: r}
	for i, p := range pairs {
		where := fmt.Sprintf("paired_differences[%d]", i)
		if p.Difference == nil {
			v.need(where, p.Missing != "", "a difference is missing without a reason", "say why it does not exist")
			continue
		}
		v.nonFinite(where, reflect.ValueOf(*p.Difference))
		if p.HedgesG != nil {
			v.nonFinite(where+".hedges_g", reflect.ValueOf(*p.HedgesG))
		}
		if f := p.FirstCode; f != nil {
			v.need(where+".first_code", f.OnlyA >= 0 && f.OnlyB >= 0 && f.MidP >= 0 && f.MidP <= 1, "McNemar's test is out of range",
				"recompute the figure")
		}
		v.need(where, !math.IsNaN(p.MeanA+p.MeanB) && !math.IsInf(p.MeanA+p.MeanB, 0), "a mean is not a finite number",
			"recompute the figure")
	}
	if len(v.problems) == 0 {
		return nil
	}
	return &fault.Problems{Subject: "paired differences of sweep " + printable(string(r.Sweep.ID), 40), List: v.problems}
}
