package report

import (
	"slices"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// drawSizes draws energy per call against the number of weights, as the white
// paper does in its section 8.3. It gives false below two sizes.
func drawSizes(cells []bench.CellResult, series []string) (drawing, bool) {
	var list []bench.CellResult
	var sizes, energies []float64
	for _, c := range cells {
		if c.Energy == nil || c.Energy.Mean <= 0 || c.ModelFacts == nil || c.ModelFacts.Parameters <= 0 {
			continue
		}
		list = append(list, c)
		sizes = append(sizes, float64(c.ModelFacts.Parameters))
		energies = append(energies, c.Energy.Mean)
	}
	if len(list) == 0 || slices.Min(sizes) == slices.Max(sizes) {
		return drawing{}, false
	}
	xs, ys := newAxis(sizes, scatterFrom, scatterUpTo), newAxis(energies, 0, 100)
	d := drawing{
		ID: "sizes", Title: "Energy by model size" + sizeWord(list), Height: scatterHeight,
		Desc: "Energy per call in joule against the number of weights of each model.",
	}
	for i := range xs.ticks {
		if xs.ticks[i].At > 0 {
			xs.ticks[i].Label = parameters(int64(xs.ticks[i].At))
		}
	}
	d.vertical(xs, scatterTop, scatterBottom)
	for _, t := range ys.ticks {
		y := scoreY(ys, t.At)
		d.Grid = append(d.Grid, line{pct(scatterFrom), px(y), pct(scatterUpTo), px(y), "grid"})
		d.text("0", y+4, "tick", t.Label)
	}
	d.text("0", scatterTop-6, "axistitle", "J per call")
	d.text(pct((scatterFrom+scatterUpTo)/2), scatterHeight-4, "axistitle mid", "weights")
	d.sizePoints(list, series, xs, ys)
	return d, true
}

func sizeWord(cells []bench.CellResult) string {
	word, same := commonWord(cells, func(bench.CellResult) bool { return true }, energyWord)
	if !same {
		word = "partly estimated or simulated"
	}
	if word == "" {
		return ""
	}
	return " (" + word + ")"
}

func (d *drawing) sizePoints(cells []bench.CellResult, series []string, xs, ys axis) {
	points := make([]scatterPoint, 0, len(cells))
	for _, c := range cells {
		p := scatterPoint{cell: c, series: slices.Index(series, c.Language), x: float64(c.ModelFacts.Parameters), frontier: true}
		p.xShare, p.y = xs.percent(p.x), scoreY(ys, c.Energy.Mean)
		if u := c.Energy.Uncertainty; u != nil {
			low, high := scoreY(ys, max(0, c.Energy.Mean-u.U95)), scoreY(ys, c.Energy.Mean+u.U95)
			d.line(xs.x(p.x), low, xs.x(p.x), high, "cross "+seriesClass(p.series))
		}
		title := words(printable(c.Model, 80)+", "+language(c.Language)+": "+withDoubt(c.Energy.Mean, c.Energy.Uncertainty)+
			" J per call", energyWord(c))
		d.mark(xs.x(p.x), p.y, p.series, "", title)
		points = append(points, p)
	}
	names := shortNames(points)
	for i := range points {
		points[i].name = names[points[i].cell.Model]
	}
	if len(points) <= maxLabelled {
		d.labels(points)
	}
}
