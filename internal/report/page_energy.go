package report

import (
	"github.com/wattsweep/wattsweep/internal/bench"
)

// energySections are the parts of the page about power and energy.
type energySections struct {
	Energies      tableView
	Courses       []courseView
	CoursesLeft   string // which cells have no curve on the page, and why
	Cumulative    *chart
	CumLegend     []legendItem
	PhaseChart    []drawing
	PhaseLegend   []legendItem
	PhaseEnergy   tableView
	Reconcile     []drawing
	ReconcileKeys []legendItem
	Reconciled    tableView
	Budget        []drawing
	BudgetLegend  []legendItem
	Budgets       tableView
	WhitePaper    []tableView
	Thesis        []tableView
	Drift         string
	Trends        tableView
	Sampling      tableView
	GPUs          tableView
}

// courseView is one cell's power over time.
type courseView struct {
	Title, Under string
	Open         bool
	Charts       []drawing
	Note         string
}

// Limits of the curves on one page: a page of hundreds of cells stays one that
// opens at once. What is left out is said, and stands in curves.csv.
const (
	pageSteps    = 60_000 // of all curves together
	mostSteps    = 600    // of one curve
	leastSteps   = 100
	openCourses  = 2
	courseBudget = pageSteps / leastSteps // curves
)

// addEnergy fills the sections on power and energy.
func (p *page) addEnergy(r bench.Results, foot *footnotes) {
	cells := r.Cells
	s := &p.energySections
	s.Energies = energyTable(cells, foot)
	courses, left := drawnCourses(cells)
	s.CoursesLeft = left
	for i, k := range courses {
		s.Courses = append(s.Courses, k.view(i < openCourses))
	}
	if panels := cumulativeDrawings(courses); panels != nil {
		s.Cumulative = &chart{Title: "Cumulative energy", Caption: cumulativeCaption(len(courses)), Panels: panels}
		s.CumLegend = cumulativeLegend(courses)
	}
	if s.PhaseChart = phaseBarDrawings(cells); s.PhaseChart != nil {
		s.PhaseLegend = phaseLegend()
	}
	s.PhaseEnergy = phaseEnergyTable(cells)
	s.Reconcile, s.Reconciled = reconcileDrawings(cells), reconcileTable(cells)
	s.ReconcileKeys = reconcileLegend()
	list := budgets(cells)
	s.Budget, s.BudgetLegend, s.Budgets = budgetDrawings(list), budgetLegend(list), budgetTable(list)
	s.WhitePaper = metricTables("white-paper-metrics", "the white paper", cells,
		func(c bench.CellResult) []bench.Metric { return c.WhitePaper }, foot)
	s.Thesis = metricTables("thesis-metrics", "the thesis", cells,
		func(c bench.CellResult) []bench.Metric { return c.Thesis }, foot)
	s.Drift, s.Trends, s.Sampling = driftSentence(cells), trendTable(cells), samplingTable(cells)
	s.GPUs = gpuTable(r)
}

func cumulativeCaption(n int) string {
	text := "Energy since the beginning of each cell, of the wall where it was measured, else of the first part that was. " +
		"A steeper line takes more power; a line stays open where nothing was read."
	if n > maxCumulative {
		text += " The first " + count(maxCumulative) + " of " + plural(n, "cell") + " are drawn; curves.csv holds them all."
	}
	return text
}

// drawnCourses thins the curves of all cells to what a page can hold, and says
// which cells are left out.
func drawnCourses(cells []bench.CellResult) (courses []course, left string) {
	names := newNaming(cells)
	curves := 0
	for _, c := range cells {
		curves += len(c.Curves)
	}
	steps := min(mostSteps, max(leastSteps, pageSteps/max(curves, 1)))
	used, without := 0, 0
	for _, c := range cells {
		if len(c.Curves) == 0 {
			continue
		}
		k, ok := newCourse(c, names.cell(c.Coordinates), steps)
		if !ok {
			continue
		}
		if used += len(c.Curves); used > courseBudget {
			without++
			continue
		}
		courses = append(courses, k)
	}
	if without > 0 {
		left = "The curves of " + plural(without, "more cell") + " are left out to keep this page small; curves.csv holds them."
	}
	return courses, left
}

func (k course) view(open bool) courseView {
	v := courseView{Title: k.name, Open: open, Charts: []drawing{k.powerDrawing()}}
	if d, ok := k.cumulativeParts(); ok {
		v.Charts = append(v.Charts, d)
	}
	for _, curve := range k.power {
		level, what := typicalLevel(curve.steps)
		text := curveName(curve.Curve, k.power) + " " + three(level) + " W"
		if v.Under = words(v.Under, text); curve.Channel == k.power[len(k.power)-1].Channel {
			v.Under += ", " + what
		}
	}
	v.Note = "Above: power and temperature; lines are means over each step, bands reach from the least to the greatest " +
		"value. Below: energy since the beginning. A gap is open: nothing was read there."
	if word := courseWord(k); word != "" {
		v.Note += " Some of it is " + word + "."
	}
	if k.left > 0 {
		v.Note += " " + plural(k.left, "further channel") + " of power stand in curves.csv."
	}
	return v
}

func courseWord(k course) string {
	estimated, simulated := false, false
	for _, c := range k.power {
		estimated, simulated = estimated || c.Estimated, simulated || c.Simulated
	}
	for _, c := range k.heat {
		estimated, simulated = estimated || c.Estimated, simulated || c.Simulated
	}
	return basisWord(estimated, simulated)
}
