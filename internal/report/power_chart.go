package report

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Size and margins of a chart over time; the right margin holds the names of
// its lines.
const (
	timeFrom, timeUpTo    = 7.5, 79.0
	powerTop, powerHeight = 24, 210
	heatHeight            = 52
	maxPowerLines         = 6
	nameRoom              = 15        // pixels between names
	runeWide, runeNarrow  = 0.95, 2.0 // percent of the width per letter, on a desk and on a phone
)

// course is the curves of a cell, ready to draw on one axis of time.
type course struct {
	id, name string
	begin    time.Time
	length   time.Duration
	power    []drawnCurve
	heat     []drawnCurve // temperatures
	left     int          // power curves that found no room
}

type drawnCurve struct {
	bench.Curve
	steps []curveStep
}

// newCourse thins a cell's curves to at most steps each; false without power.
func newCourse(c bench.CellResult, name string, steps int) (course, bool) {
	k := course{id: printable(string(c.Cell), 20), name: name}
	var end time.Time
	for _, v := range c.Curves {
		if !drawable(v) {
			continue
		}
		first, last := v.Points[0].At, v.Points[len(v.Points)-1].At
		if k.begin.IsZero() || first.Before(k.begin) {
			k.begin = first
		}
		if last.After(end) {
			end = last
		}
	}
	k.length = end.Sub(k.begin)
	for _, v := range c.Curves {
		if !drawable(v) {
			continue
		}
		d := drawnCurve{v, thin(v.Points, k.begin, steps)}
		if v.Unit == bench.UnitWatt {
			k.power = append(k.power, d)
		} else {
			k.heat = append(k.heat, d)
		}
	}
	slices.SortStableFunc(k.power, func(a, b drawnCurve) int { return cmp.Compare(partRank(a.Part), partRank(b.Part)) })
	if len(k.power) > maxPowerLines {
		k.left = len(k.power) - maxPowerLines
		k.power = k.power[:maxPowerLines]
	}
	k.heat = k.heat[:min(len(k.heat), maxPowerLines)]
	return k, len(k.power) > 0 && k.length > 0
}

// drawable reports whether a curve is one of power or temperature that holds a
// value.
func drawable(v bench.Curve) bool {
	return (v.Unit == bench.UnitWatt || v.Unit == bench.UnitCelsius) &&
		slices.ContainsFunc(v.Points, func(p bench.Point) bool { return p.Mean != nil })
}

func meanOf(s curveStep) *float64 { return s.mean }

// powerDrawing draws power with its band, phases shaded, and temperature
// below.
func (k course) powerDrawing() drawing {
	times, unit := timeAxis(k.length, timeFrom, timeUpTo)
	d := drawing{
		ID: "power-" + k.id, Title: "Power over time of " + k.name,
		Desc: "Mean power in watt of each part of the host over elapsed time, with the band between least and greatest " +
			"value; phases are shaded and named, gaps are left open.",
	}
	bottom := powerTop + powerHeight
	under := bottom
	if len(k.heat) > 0 {
		under = bottom + 22 + heatHeight
	}
	d.phases(k.power[0].steps, times, powerTop, under)
	d.series(k.power, times, powerTop, powerHeight, "W", true)
	if len(k.heat) > 0 {
		d.series(k.heat, times, bottom+22, heatHeight, "°C", false)
	}
	d.vertical(times, powerTop, under)
	d.text(pct(timeUpTo), under+32, "axistitle end", "elapsed, "+unit)
	d.Height = under + 38
	return d
}

// series draws curves of one unit into a panel, with their names beside it.
func (d *drawing) series(curves []drawnCurve, times axis, top, height int, unit string, spread bool) {
	var values []float64
	for _, v := range curves {
		for _, s := range v.steps {
			if s.max != nil {
				values = append(values, *s.max)
			}
		}
	}
	p := plane{times, linearFrom(values, height), height}
	d.horizontal(p.values, top, height, unit)
	inside := panel{
		X: pct(timeFrom), Y: px(top), W: pct(timeUpTo - timeFrom), H: px(height),
		View: "0 0 " + strconv.Itoa(panelWide) + " " + strconv.Itoa(height*panelFine),
	}
	for i, v := range curves {
		class := curveClass(v.Curve, i)
		if spread {
			inside.Paths = append(inside.Paths, path{p.spread(v.steps), "spread " + class})
		}
		inside.Paths = append(inside.Paths, path{p.lines(v.steps, meanOf), "curve " + class})
	}
	d.Panels = append(d.Panels, inside)
	d.names(curves, p, top, unit)
}

// linearFrom spans 0 to the greatest value with as many steps as there is
// room for.
func linearFrom(values []float64, height int) axis {
	high := 1e-3
	for _, v := range values {
		high = max(high, v)
	}
	return linear(0, high, max(1, float64(height)/52), 0, 100)
}

// horizontal draws the grid and tick labels of a vertical axis.
func (d *drawing) horizontal(values axis, top, height int, unit string) {
	for i, t := range values.ticks {
		y := top + height - int(values.share(t.At)*float64(height)+0.5)
		class := "grid"
		if t.At == 0 {
			class = "grid zero"
		}
		d.Grid = append(d.Grid, line{pct(timeFrom), px(y), pct(timeUpTo), px(y), class})
		text := t.Label
		if i == len(values.ticks)-1 {
			text += " " + unit
		}
		d.Texts = append(d.Texts, label{X: pct(timeFrom), Y: px(y + 4), DX: "-6", Class: "tick end", Text: text})
	}
}

// names writes each line's name beside the height at which it runs while
// calls are answered.
func (d *drawing) names(curves []drawnCurve, p plane, top int, unit string) {
	type named struct {
		y     int
		text  string
		class string
		title string
	}
	list := make([]named, 0, len(curves))
	for i, v := range curves {
		level, what := typicalLevel(v.steps)
		text := curveName(v.Curve, curves)
		title := v.Channel + ": " + three(level) + " " + unit + " " + what
		if word := basisWord(v.Estimated, v.Simulated); word != "" {
			title += " (" + word + ")"
		}
		y := top + p.y(level)/panelFine
		list = append(list, named{y, text + " " + three(level) + " " + unit, curveClass(v.Curve, i), title})
	}
	slices.SortStableFunc(list, func(a, b named) int { return cmp.Compare(a.y, b.y) })
	wanted := make([]int, 0, len(list))
	for _, n := range list {
		wanted = append(wanted, n.y)
	}
	for i, y := range spaced(wanted, nameRoom, top+4, top+p.height) {
		n := list[i]
		d.Texts = append(d.Texts, label{
			X: pct(timeUpTo), Y: px(y + 4), DX: "8", Class: "linename " + n.class, Text: n.text, Title: n.title,
		})
	}
}

// typicalLevel is the mean while calls are answered, or over all when none is
// marked.
func typicalLevel(steps []curveStep) (level float64, what string) {
	sum, n, all, total := 0.0, 0, 0.0, 0
	for _, s := range steps {
		if s.mean == nil {
			continue
		}
		all += *s.mean
		total++
		if s.phase == bench.PhaseInference {
			sum += *s.mean
			n++
		}
	}
	switch {
	case n > 0:
		return sum / float64(n), "mean while calls are answered"
	case total > 0:
		return all / float64(total), "mean over all"
	default:
		return 0, "never read"
	}
}

// curveName names a line by its part, or by its channel where a part has
// several.
func curveName(v bench.Curve, beside []drawnCurve) string {
	same := 0
	for _, o := range beside {
		if o.Part == v.Part {
			same++
		}
	}
	name := partName(v.Part)
	if same > 1 || v.Part == bench.PartNone {
		name = printable(v.Channel, 16)
	}
	if v.Simulated {
		name += " (sim.)"
	} else if v.Estimated {
		name += " (est.)"
	}
	return name
}

// curveClass gives a line the colour and dash of its part; several lines of
// one part differ by their place.
func curveClass(v bench.Curve, place int) string {
	switch v.Part {
	case bench.PartWall:
		return "s2 wall"
	case bench.PartGPU:
		return "s0 gpu"
	case bench.PartCPU:
		return "s1 cpu"
	default:
		return seriesClass(3+place%3) + " other"
	}
}
