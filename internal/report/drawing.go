package report

import "strconv"

// drawing is one SVG chart as primitive shapes. Horizontal places are
// percentages of its width and vertical ones pixels: the chart fits any page
// while its text keeps its size. Colours come from the page's style by class.
type drawing struct {
	ID, Title, Desc string
	Height          int
	Under           []band // shades, below everything
	Grid            []line
	Bands           []band
	Lines           []line
	Panels          []panel
	Marks           []mark
	Texts           []label
}

type line struct{ X1, Y1, X2, Y2, Class string }

type band struct{ X, Y, W, H, Class, Title string }

// panel is a part of a chart with coordinates of its own, which stretch with
// the chart's width; its lines keep their thickness.
type panel struct {
	X, Y, W, H, View string
	Paths            []path
}

type path struct{ D, Class string }

// mark is a symbol centred on a place, with a text shown on hovering.
type mark struct{ X, Y, Path, Class, Title string }

type label struct{ X, Y, DX, Class, Text, Title string }

func px(y int) string { return strconv.Itoa(y) }

func (d *drawing) line(x1 string, y1 int, x2 string, y2 int, class string) {
	d.Lines = append(d.Lines, line{x1, px(y1), x2, px(y2), class})
}

func (d *drawing) mark(x string, y, series int, class, title string) {
	d.Marks = append(d.Marks, mark{x, px(y), markPath(series), seriesClass(series) + " " + class, title})
}

func (d *drawing) text(x string, y int, class, text string) {
	d.Texts = append(d.Texts, label{X: x, Y: px(y), DX: "0", Class: class, Text: text})
}

// block draws a filled stretch from one share of the width to another.
func (d *drawing) block(from, upTo float64, y, height int, class, title string) {
	d.Bands = append(d.Bands, band{pct(from), px(y), pct(max(upTo-from, 0)), px(height), class, title})
}

// vertical draws the grid and tick labels of a horizontal axis.
func (d *drawing) vertical(a axis, top, bottom int) {
	for _, t := range a.ticks {
		x := a.x(t.At)
		class := "grid"
		if t.At == 0 {
			class = "grid zero"
		}
		d.Grid = append(d.Grid, line{x, px(top), x, px(bottom), class})
		d.text(x, bottom+16, "tick mid", t.Label)
	}
}

// maxSeries is how many series have a colour and symbol of their own.
const maxSeries = 6

func seriesClass(series int) string { return "s" + strconv.Itoa(series%maxSeries) }

// markPath gives each series a symbol of its own, so that charts read without
// colour.
func markPath(series int) string {
	switch series % maxSeries {
	case 0:
		return "M-4.5,0a4.5,4.5 0 1,0 9,0a4.5,4.5 0 1,0 -9,0z" // circle
	case 1:
		return "M0,-5.6L5.6,0L0,5.6L-5.6,0z" // diamond
	case 2:
		return "M-4,-4H4V4H-4z" // square
	case 3:
		return "M0,-5.4L5,3.8H-5z" // triangle
	case 4:
		return "M0,5.4L5,-3.8H-5z" // triangle, down
	default:
		return "M-1.6,-5h3.2v3.4h3.4v3.2h-3.4v3.4h-3.2v-3.4h-3.4v-3.2h3.4z" // cross
	}
}

// legendItem names a series.
type legendItem struct{ Path, Class, Name string }

func legend(series []string) []legendItem {
	items := make([]legendItem, 0, len(series))
	for i, code := range series {
		items = append(items, legendItem{markPath(i), seriesClass(i), language(code)})
	}
	return items
}
