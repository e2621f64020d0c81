package report

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// maxCumulative is how many cells one chart of cumulative energy compares.
const maxCumulative = 8

// summed is one line of the chart: the energy of a part since the beginning.
type summed struct {
	name, short string // short stands at the line's end
	class       string
	steps       []curveStep
	last        float64 // J
	word        string
}

// summedCurve gives the line of a curve, unless it has no cumulative energy.
func summedCurve(v drawnCurve) (summed, bool) {
	var last *float64
	for _, s := range v.steps {
		if s.sum != nil {
			last = s.sum
		}
	}
	if last == nil {
		return summed{}, false
	}
	return summed{steps: v.steps, last: *last, word: basisWord(v.Estimated, v.Simulated)}, true
}

// summedOf gives a cell's line of the wall, or of the first part that has one.
func summedOf(k course) (summed, bool) {
	for _, v := range k.power {
		if s, ok := summedCurve(v); ok {
			s.name = k.name + " · " + partName(v.Part)
			return s, true
		}
	}
	return summed{}, false
}

// cumulativeDrawings compares cells on one chart.
func cumulativeDrawings(courses []course) []drawing {
	var lines []summed
	for _, k := range courses {
		if s, ok := summedOf(k); ok && len(lines) < maxCumulative {
			s.short, s.class = strconv.Itoa(len(lines)+1)+" ·", lineClass(len(lines))
			lines = append(lines, s)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	d := cumulativeDrawing(lines, 240)
	d.ID, d.Title = "cumulative", "Cumulative energy"
	d.Desc = "Energy since the beginning of each cell over elapsed time. A steeper line takes more power."
	return []drawing{d}
}

// cumulativeParts draws the parts of one cell's host, as the thesis does.
func (k course) cumulativeParts() (drawing, bool) {
	var lines []summed
	for i, v := range k.power {
		if s, ok := summedCurve(v); ok {
			s.short, s.class = curveName(v.Curve, k.power), curveClass(v.Curve, i)
			s.name = s.short
			lines = append(lines, s)
		}
	}
	if len(lines) == 0 {
		return drawing{}, false
	}
	d := cumulativeDrawing(lines, 120)
	d.ID, d.Title = "cumulative-"+k.id, "Cumulative energy of "+k.name
	d.Desc = "Energy of each part of the host since the beginning of the cell, over elapsed time."
	return d, true
}

// cumulativeDrawing draws lines of energy on one axis.
func cumulativeDrawing(lines []summed, height int) drawing {
	const top = 12
	var longest time.Duration
	var values []float64
	for _, l := range lines {
		values = append(values, l.last)
		longest = max(longest, l.steps[len(l.steps)-1].at)
	}
	times, unit := timeAxis(longest, timeFrom, timeUpTo)
	scale, joule := jouleScale(slices.Max(values))
	for i := range values {
		values[i] /= scale
	}
	p := plane{times, linearFrom(values, height), height}
	d := drawing{Height: top + height + 38}
	d.horizontal(p.values, top, height, joule)
	d.vertical(times, top, top+height)
	d.text(pct(timeUpTo), top+height+32, "axistitle end", "elapsed, "+unit)
	inside := panel{
		X: pct(timeFrom), Y: px(top), W: pct(timeUpTo - timeFrom), H: px(height),
		View: "0 0 " + strconv.Itoa(panelWide) + " " + strconv.Itoa(height*panelFine),
	}
	for _, l := range lines {
		scaled := func(s curveStep) *float64 {
			if s.sum == nil {
				return nil
			}
			v := *s.sum / scale
			return &v
		}
		inside.Paths = append(inside.Paths, path{p.lines(l.steps, scaled), "curve " + l.class})
	}
	d.Panels = append(d.Panels, inside)
	d.lineEnds(lines, p, top, scale, joule)
	return d
}

// lineEnds names the lines where they end, each with its symbol.
func (d *drawing) lineEnds(lines []summed, p plane, top int, scale float64, unit string) {
	order := make([]int, len(lines))
	for i := range order {
		order[i] = i
	}
	height := func(i int) int { return top + p.y(lines[i].last/scale)/panelFine }
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(height(a), height(b)) })
	wanted := make([]int, 0, len(order))
	for _, i := range order {
		wanted = append(wanted, height(i))
	}
	for at, y := range spaced(wanted, nameRoom, top+4, top+p.height) {
		i := order[at]
		l := lines[i]
		end := l.steps[len(l.steps)-1].at
		series := i
		if len(l.class) > 1 {
			series = int(l.class[1] - '0')
		}
		d.mark(p.times.x(end.Seconds()), height(i), series, "", l.name+": "+three(l.last/scale)+" "+unit)
		d.Texts = append(d.Texts, label{
			X: pct(timeUpTo), Y: px(y + 4), DX: "9", Class: "linename " + l.class,
			Text: l.short + " " + three(l.last/scale) + " " + unit, Title: l.name,
		})
	}
}

// lineClass gives a line a colour and, from the seventh on, a dash.
func lineClass(i int) string {
	if i >= maxSeries {
		return seriesClass(i) + " cpu"
	}
	return seriesClass(i)
}

// jouleScale gives the prefix in which energies up to high read well.
func jouleScale(high float64) (scale float64, unit string) {
	switch {
	case high >= 2e6:
		return 1e6, "MJ"
	case high >= 2e3:
		return 1e3, "kJ"
	default:
		return 1, "J"
	}
}

// cumulativeLegend names the numbered lines of the chart.
func cumulativeLegend(courses []course) []legendItem {
	var items []legendItem
	for _, k := range courses {
		if s, ok := summedOf(k); ok && len(items) < maxCumulative {
			i := len(items)
			name := strconv.Itoa(i+1) + " · " + s.name
			if s.word != "" {
				name += " (" + s.word + ")"
			}
			items = append(items, legendItem{markPath(i), lineClass(i), name})
		}
	}
	return items
}
