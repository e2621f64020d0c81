package report

import "github.com/wattsweep/wattsweep/internal/bench"

// frontierNote explains the dashed line of the scatter charts.
const frontierNote = " The dashed line joins the cells that no cheaper one equals, per language. It is drawn through " +
	"means and claims no difference between neighbours whose intervals overlap."

// chartSet collects the charts for which there is a figure.
type chartSet struct {
	cells  []bench.CellResult
	rows   []dotRow
	series []string
	list   []chart
}

func (s *chartSet) dots(spec dotSpec, caption string) {
	if panels := drawDots(spec, s.rows); len(panels) > 0 {
		s.list = append(s.list, chart{spec.title, caption, panels})
	}
}

func (s *chartSet) scatter(spec scatterSpec, caption string) {
	if d, ok := drawScatter(spec, s.cells, s.series); ok {
		s.list = append(s.list, chart{spec.title, caption + frontierNote, []drawing{d}})
	}
}

// charts draws every chart for which there is a figure. What rests on an
// assumption says so in its title.
func charts(cells []bench.CellResult, rows []dotRow, series []string) []chart {
	word, same := commonWord(cells, func(c bench.CellResult) bool { return c.Energy != nil }, energyWord)
	if !same {
		word = "partly estimated or simulated"
	}
	if word != "" {
		word = " (" + word + ")"
	}
	s := &chartSet{cells: cells, rows: rows, series: series}
	s.dots(dotSpec{
		"score", "Weighted score", "Weighted score of each model and language, 0 to 1, with 95 % intervals.", true,
		scorePoint(func(c bench.CellResult) *bench.Estimate { return c.WeightedScore }, "weighted score"),
	}, "1 is right to the last character. The line is the 95 % interval.")
	s.dots(dotSpec{
		"exact", "Exact match", "Share of calls whose first code is right, with 95 % intervals.", true,
		scorePoint(func(c bench.CellResult) *bench.Estimate { return c.ExactMatch }, "exact match"),
	}, "Share of calls whose first code is one of the true codes. The line is the 95 % interval.")
	s.dots(dotSpec{
		"latency", "Latency per call, s",
		"Median and 95th percentile of latency in seconds, with the 95 % interval of the mean.", false, latencyPoint,
	}, "The symbol is the median, the bar at the end of the line the 95th percentile, the shaded band the 95 % "+
		"interval of the mean. On the right: p50 · p95.")
	s.dots(dotSpec{
		"energy", "Energy per call, J" + word, "Energy per call in joule, with 95 % intervals where known.",
		false, energyPoint,
	}, "Mean per call. The line is the 95 % interval, where one is known.")
	s.scatter(scatterSpec{
		"score-latency", "Accuracy against time", "Weighted score against median latency of each cell.",
		"median latency, s", latencyCost,
	}, "Up is more accurate, left is faster.")
	s.scatter(scatterSpec{
		"score-energy", "Accuracy against energy" + word, "Weighted score against energy per call of each cell.",
		"energy per call, J" + word, energyCost,
	}, "Up is more accurate, left takes less energy.")
	s.scatter(scatterSpec{
		"score-cost", "Accuracy against cost" + costTitle(cells), "Weighted score against the cost of 100 calls of each cell.",
		"cost of 100 calls" + currencyNote(cells), moneyCost,
	}, "Up is more accurate, left is cheaper. Electricity only.")
	s.dots(dotSpec{
		"million", "Cost of a million calls" + currencyNote(cells), "Cost of the electricity of a million calls of each cell.",
		false, millionPoint,
	}, "Electricity of a million calls at the price that the sweep states; no idle time, no hardware.")
	if d, ok := drawSizes(cells, series); ok {
		s.list = append(s.list, chart{d.Title, "Energy of one call against the number of weights, both logarithmic where they " +
			"span much. The line is the ± at 95 %, where one is known. A cell of the same language further down takes less.", []drawing{d}})
	}
	return s.list
}

// currencyNote names the currency that all costs share, and on what they rest.
func currencyNote(cells []bench.CellResult) string {
	has := func(c bench.CellResult) bool { return c.Cost != nil }
	currency, one := commonWord(cells, has, func(c bench.CellResult) string { return printable(c.Cost.Currency, 12) })
	if !one {
		currency = "several currencies"
	}
	if currency != "" {
		currency = ", " + currency
	}
	return currency + costTitle(cells)
}

// costTitle says on what the costs rest, for a title.
func costTitle(cells []bench.CellResult) string {
	word, same := commonWord(cells, func(c bench.CellResult) bool { return c.Cost != nil }, costWord)
	if !same {
		word = "partly estimated or simulated"
	}
	if word == "" {
		return ""
	}
	return " (" + word + ")"
}

// moneyCost gives the cost of 100 calls; its doubt is at least that of the
// energy.
func moneyCost(c bench.CellResult) (at float64, low, high *float64, ok bool) {
	if c.Cost == nil {
		return 0, nil, nil, false
	}
	return c.Cost.Amount, nil, nil, true
}

// millionPoint is the cost of a million calls.
func millionPoint(c bench.CellResult) (dotPoint, bool) {
	if c.Cost == nil {
		return dotPoint{}, false
	}
	amount := c.Cost.Amount * 1e4
	text := three(amount) + " " + printable(c.Cost.Currency, 12)
	return dotPoint{at: amount, text: text, title: words(printable(c.Model, 80)+", "+language(c.Language)+": "+text, costWord(c))}, true
}

func latencyCost(c bench.CellResult) (at float64, low, high *float64, ok bool) {
	if c.Latency == nil {
		return 0, nil, nil, false
	}
	return c.Latency.P50, nil, nil, true // the interval is the mean's, not the median's
}

func energyCost(c bench.CellResult) (at float64, low, high *float64, ok bool) {
	if c.Energy == nil {
		return 0, nil, nil, false
	}
	return c.Energy.Mean, c.Energy.CI95Low, c.Energy.CI95High, true
}
