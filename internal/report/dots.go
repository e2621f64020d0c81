package report

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// dotPanelRows is how many rows one panel of a dot chart holds, so that a
// panel fits a printed page.
const dotPanelRows = 24

// Places within a dot chart, in percent of the width.
const (
	plotFrom = 1.0
	plotUpTo = 80.0
)

// dotPoint is what a dot chart shows for one cell. Nil bounds draw nothing.
type dotPoint struct {
	at        float64
	low, high *float64 // 95 % interval
	tail      *float64 // a second value on the same line, such as p95
	bandMean  *float64 // the mean that the interval belongs to, when not at
	text      string
	title     string
}

// dotSpec describes a dot chart over all cells of a sweep.
type dotSpec struct {
	id, title, desc string
	unit            bool // the axis is 0 to 1
	point           func(bench.CellResult) (dotPoint, bool)
}

// dotRow is one line of a chart: a model, with its cells by series.
type dotRow struct {
	label string
	cells []*bench.CellResult // by series, nil where there is none
}

// layout sorts cells into rows by name and series by language, in the order in
// which they come.
func layout(cells []bench.CellResult) (rows []dotRow, series []string) {
	for _, c := range cells {
		if !slices.Contains(series, c.Language) {
			series = append(series, c.Language)
		}
	}
	names := newNaming(cells)
	place := map[string]int{}
	for i, c := range cells {
		label := names.row(c.Coordinates)
		at, found := place[label]
		s := slices.Index(series, c.Language)
		if !found || rows[at].cells[s] != nil {
			at = len(rows)
			place[label] = at
			rows = append(rows, dotRow{label, make([]*bench.CellResult, len(series))})
		}
		rows[at].cells[s] = &cells[i]
	}
	return rows, series
}

// drawDots draws a dot chart as one or more panels on a shared axis. It gives
// nil when no cell has the figure.
func drawDots(spec dotSpec, rows []dotRow) []drawing {
	var values []float64
	for _, row := range rows {
		for _, c := range row.cells {
			if c == nil {
				continue
			}
			if p, ok := spec.point(*c); ok {
				values = append(values, p.values()...)
			}
		}
	}
	if len(values) == 0 {
		return nil
	}
	a := newAxis(values, plotFrom, plotUpTo)
	if spec.unit {
		a = unitAxis(plotFrom, plotUpTo)
	}
	var panels []drawing
	for part := range slices.Chunk(rows, dotPanelRows) {
		panels = append(panels, drawDotPanel(spec, part, a, len(panels), len(rows)))
	}
	return panels
}

func (p dotPoint) values() []float64 {
	all := []float64{p.at}
	for _, v := range []*float64{p.low, p.high, p.tail} {
		if v != nil {
			all = append(all, *v)
		}
	}
	return all
}

func drawDotPanel(spec dotSpec, rows []dotRow, a axis, panel, total int) drawing {
	const labelHeight, lineHeight, rowGap = 20, 18, 8
	d := drawing{ID: spec.id + "-" + strconv.Itoa(panel+1), Title: spec.title, Desc: spec.desc}
	if total > dotPanelRows {
		first := panel*dotPanelRows + 1
		d.Title += fmt.Sprintf(" (rows %d to %d of %d)", first, first+len(rows)-1, total)
	}
	y := 4
	for _, row := range rows {
		d.Texts = append(d.Texts, label{
			X: "0", Y: px(y + 13), DX: "0", Class: "rowlabel",
			Text: printable(row.label, 46), Title: row.label,
		})
		y += labelHeight
		for s, c := range row.cells {
			if c == nil {
				continue
			}
			d.dot(spec, *c, a, y+lineHeight/2-2, s)
			y += lineHeight
		}
		y += rowGap
	}
	d.vertical(a, 0, y)
	d.Height = y + 24
	return d
}

func (d *drawing) dot(spec dotSpec, c bench.CellResult, a axis, y, series int) {
	p, ok := spec.point(c)
	if !ok {
		text := none
		if c.State != bench.StateDone {
			text += " " + string(c.State)
		}
		d.text("100%", y+4, "value end soft", text)
		return
	}
	class := seriesClass(series)
	if p.tail != nil {
		d.line(a.x(p.at), y, a.x(*p.tail), y, "reach "+class)
		d.line(a.x(*p.tail), y-5, a.x(*p.tail), y+5, "stop "+class)
	}
	if p.low != nil && p.high != nil {
		low, high := a.from+a.share(*p.low)*(a.upTo-a.from), a.from+a.share(*p.high)*(a.upTo-a.from)
		if p.bandMean != nil {
			d.Bands = append(d.Bands, band{pct(low), px(y - 6), pct(max(high-low, 0.4)), "12", class, ""})
		} else {
			d.line(a.x(*p.low), y, a.x(*p.high), y, "interval "+class)
		}
	}
	d.mark(a.x(p.at), y, series, "", p.title)
	d.text("100%", y+4, "value end", p.text)
}

func scorePoint(of func(bench.CellResult) *bench.Estimate, name string) func(bench.CellResult) (dotPoint, bool) {
	return func(c bench.CellResult) (dotPoint, bool) {
		e := of(c)
		if e == nil {
			return dotPoint{}, false
		}
		title := printable(c.Model, 80) + ", " + language(c.Language) + ": " + name + " " + two(e.Mean)
		if e.CI95Low != nil && e.CI95High != nil {
			title += " (95 % " + span(*e.CI95Low, *e.CI95High, two) + ")"
		}
		return dotPoint{at: e.Mean, low: e.CI95Low, high: e.CI95High, text: two(e.Mean), title: title}, true
	}
}

func latencyPoint(c bench.CellResult) (dotPoint, bool) {
	s := c.Latency
	if s == nil {
		return dotPoint{}, false
	}
	title := printable(c.Model, 80) + ", " + language(c.Language) + ": median " + three(s.P50) + " s, p95 " +
		three(s.P95) + " s, mean " + three(s.Mean) + " s"
	if s.CI95Low != nil && s.CI95High != nil {
		title += " (95 % " + span(*s.CI95Low, *s.CI95High, three) + ")"
	}
	return dotPoint{
		at: s.P50, tail: &s.P95, low: s.CI95Low, high: s.CI95High, bandMean: &s.Mean,
		text: three(s.P50) + " · " + three(s.P95), title: title,
	}, true
}

func energyPoint(c bench.CellResult) (dotPoint, bool) {
	e := c.Energy
	if e == nil {
		return dotPoint{}, false
	}
	title := printable(c.Model, 80) + ", " + language(c.Language) + ": " + withDoubt(e.Mean, e.Uncertainty) + " J per call"
	if word := energyWord(c); word != "" {
		title += " (" + word + ")"
	}
	p := dotPoint{at: e.Mean, low: e.CI95Low, high: e.CI95High, text: withDoubt(e.Mean, e.Uncertainty), title: title}
	if u := e.Uncertainty; u != nil {
		low, high := max(0, e.Mean-u.U95), e.Mean+u.U95
		p.low, p.high = &low, &high
	}
	return p, true
}
