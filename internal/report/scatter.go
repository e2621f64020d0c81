package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Size and margins of a scatter chart; the width is only assumed, to keep
// labels apart on the narrowest screen.
const (
	scatterTop, scatterBottom = 16, 300
	scatterHeight             = 342
	scatterFrom, scatterUpTo  = 9.0, 96.0
	assumedWidth              = 330.0
	maxLabelled               = 14
)

// scatterSpec describes a chart of what a call costs against how right it is.
type scatterSpec struct {
	id, title, desc, xTitle string
	cost                    func(bench.CellResult) (at float64, low, high *float64, ok bool)
}

type scatterPoint struct {
	cell         bench.CellResult
	series       int
	x            float64
	low, high    *float64
	frontier     bool
	xShare       float64 // 0 to 100
	y            int
	name, hovers string
}

// drawScatter draws cells by cost and weighted score, with the frontier of
// cells that no other cell of the same language beats on both. It gives false
// when no cell has both figures.
func drawScatter(spec scatterSpec, cells []bench.CellResult, series []string) (drawing, bool) {
	var points []scatterPoint
	var values []float64
	for _, c := range cells {
		x, low, high, ok := spec.cost(c)
		if !ok || c.WeightedScore == nil {
			continue
		}
		points = append(points, scatterPoint{cell: c, series: slices.Index(series, c.Language), x: x, low: low, high: high})
		values = append(values, x)
		if high != nil {
			values = append(values, *high)
		}
	}
	if len(points) == 0 {
		return drawing{}, false
	}
	xs, ys := newAxis(values, scatterFrom, scatterUpTo), unitAxis(0, 1)
	d := drawing{ID: spec.id, Title: spec.title, Desc: spec.desc, Height: scatterHeight}
	d.vertical(xs, scatterTop, scatterBottom)
	for _, t := range ys.ticks {
		y := scoreY(ys, t.At)
		d.Grid = append(d.Grid, line{pct(scatterFrom), px(y), pct(scatterUpTo), px(y), "grid"})
		d.text("0", y+4, "tick", t.Label)
	}
	d.text(pct((scatterFrom+scatterUpTo)/2), scatterHeight-4, "axistitle mid", spec.xTitle)
	placePoints(points, xs, ys)
	d.frontiers(points, xs, len(series))
	d.points(points, xs, ys)
	d.labels(points)
	return d, true
}

func scoreY(ys axis, score float64) int {
	return scatterBottom - int(ys.share(score)*(scatterBottom-scatterTop)+0.5)
}

func placePoints(points []scatterPoint, xs, ys axis) {
	names := shortNames(points)
	for i := range points {
		p := &points[i]
		p.xShare = xs.from + xs.share(p.x)*(xs.upTo-xs.from)
		p.y = scoreY(ys, p.cell.WeightedScore.Mean)
		p.name = names[p.cell.Model]
		p.hovers = printable(p.cell.Model, 80) + ", " + language(p.cell.Language) + ": " + three(p.x) +
			", weighted score " + scoreWords(p.cell)
	}
}

// frontiers marks and joins, for each series, the points that no cheaper point
// equals or beats.
func (d *drawing) frontiers(points []scatterPoint, xs axis, series int) {
	for s := range series {
		var own []*scatterPoint
		for i := range points {
			if points[i].series == s {
				own = append(own, &points[i])
			}
		}
		slices.SortStableFunc(own, func(a, b *scatterPoint) int {
			return cmp.Or(cmp.Compare(a.x, b.x), cmp.Compare(b.cell.WeightedScore.Mean, a.cell.WeightedScore.Mean))
		})
		var last *scatterPoint
		for _, p := range own {
			if last != nil && p.cell.WeightedScore.Mean <= last.cell.WeightedScore.Mean {
				continue
			}
			p.frontier = true
			if last != nil {
				class := "frontier " + seriesClass(s)
				d.line(xs.x(last.x), last.y, xs.x(p.x), last.y, class)
				d.line(xs.x(p.x), last.y, xs.x(p.x), p.y, class)
			}
			last = p
		}
	}
}

func (d *drawing) points(points []scatterPoint, xs, ys axis) {
	for _, p := range points {
		class := "cross " + seriesClass(p.series)
		if e := p.cell.WeightedScore; e.CI95Low != nil && e.CI95High != nil {
			d.line(xs.x(p.x), scoreY(ys, *e.CI95Low), xs.x(p.x), scoreY(ys, *e.CI95High), class)
		}
		if p.low != nil && p.high != nil {
			d.line(xs.x(*p.low), p.y, xs.x(*p.high), p.y, class)
		}
	}
	for _, p := range points {
		d.mark(xs.x(p.x), p.y, p.series, "", p.hovers)
	}
}

// box is the room a label or a mark takes, in pixels of the assumed width.
type box struct{ x1, y1, x2, y2 float64 }

func (b box) meets(o box) bool { return b.x1 < o.x2 && o.x1 < b.x2 && b.y1 < o.y2 && o.y1 < b.y2 }

// labels writes names beside points where there is room; with many points,
// only beside those on a frontier. All points show their name on hovering.
func (d *drawing) labels(points []scatterPoint) {
	taken := make([]box, 0, 2*len(points))
	for _, p := range points {
		x, y := p.xShare/100*assumedWidth, float64(p.y)
		taken = append(taken, box{x - 6, y - 6, x + 6, y + 6})
	}
	for _, p := range points {
		if p.name == "" || (len(points) > maxLabelled && !p.frontier) {
			continue
		}
		for _, try := range labelPlaces() {
			room := labelBox(p, try)
			if room.x1 < 0 || room.x2 > assumedWidth || room.y1 < 0 || slices.ContainsFunc(taken, room.meets) {
				continue
			}
			taken = append(taken, room)
			d.Texts = append(d.Texts, label{
				X: pct(p.xShare), Y: px(p.y + try.dy), DX: px(try.dx), Class: try.class, Text: p.name,
			})
			break
		}
	}
}

// labelPlace is a place beside a point where its name may stand.
type labelPlace struct {
	dx, dy int
	class  string
}

// labelPlaces lists the places in the order of preference.
func labelPlaces() []labelPlace {
	return []labelPlace{
		{9, 4, "point"},
		{-9, 4, "point end"},
		{0, -10, "point mid"},
		{0, 18, "point mid"},
		{9, -7, "point"},
		{9, 15, "point"},
		{-9, -7, "point end"},
		{-9, 15, "point end"},
	}
}

func labelBox(p scatterPoint, at labelPlace) box {
	width := float64(len([]rune(p.name)))*6.4 + 2
	x := p.xShare/100*assumedWidth + float64(at.dx)
	y := float64(p.y + at.dy)
	switch {
	case strings.HasSuffix(at.class, "end"):
		x -= width
	case strings.HasSuffix(at.class, "mid"):
		x -= width / 2
	}
	return box{x, y - 11, x + width, y + 3}
}

// shortNames leaves out the prefix that all models share, up to a separator,
// so that names fit beside points.
func shortNames(points []scatterPoint) map[string]string {
	names := map[string]string{}
	prefix := points[0].cell.Model
	for _, p := range points {
		names[p.cell.Model] = ""
		for !strings.HasPrefix(p.cell.Model, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	cut := strings.LastIndexAny(prefix, "-/:_ ") + 1
	if len(names) < 2 {
		cut = 0
	}
	for model := range names {
		names[model] = printable(model[cut:], 24)
	}
	return names
}
