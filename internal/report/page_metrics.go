package report

import (
	"slices"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// metricColumns is how many cells one table of metrics shows side by side.
const metricColumns = 6

// metricTables show the metrics of an earlier work under their own names: one
// row per metric, one column per cell.
func metricTables(id, work string, cells []bench.CellResult, of func(bench.CellResult) []bench.Metric,
	foot *footnotes,
) []tableView {
	var with []bench.CellResult
	for _, c := range cells {
		if len(of(c)) > 0 {
			with = append(with, c)
		}
	}
	names := newNaming(cells)
	var tables []tableView
	for chunk := range slices.Chunk(with, metricColumns) {
		t := tableView{
			ID: id, Caption: "Metrics of " + work + ", under its own names; ± at 95 % where one is known.",
			Folded: len(tables) > 0,
		}
		t.Heads = []headView{{"Metric", "how it is made", false}, {"Unit", "", false}}
		for _, c := range chunk {
			t.Heads = append(t.Heads, headView{printable(c.Model, 40), words(names.context(c.Coordinates), language(c.Language)), true})
		}
		for _, name := range metricNames(chunk, of) {
			t.Rows = append(t.Rows, metricRow(name, chunk, of, names, foot))
		}
		tables = append(tables, t)
	}
	return tables
}

func metricNames(cells []bench.CellResult, of func(bench.CellResult) []bench.Metric) []string {
	var names []string
	for _, c := range cells {
		for _, m := range of(c) {
			if !slices.Contains(names, m.Name) {
				names = append(names, m.Name)
			}
		}
	}
	return names
}

// metricRow puts a metric's cells side by side. A basis that they share stands
// under the name, one of a cell's own is shown on hovering.
func metricRow(name string, cells []bench.CellResult, of func(bench.CellResult) []bench.Metric, names naming,
	foot *footnotes,
) []cellView {
	find := func(c bench.CellResult) *bench.Metric {
		for _, m := range of(c) {
			if m.Name == name {
				return &m
			}
		}
		return nil
	}
	basis, unit, same := "", "", true
	for _, c := range cells {
		m := find(c)
		if m == nil {
			continue
		}
		same = same && (basis == "" || m.Basis == "" || m.Basis == basis)
		basis, unit = orText(basis, m.Basis), orText(unit, m.Unit)
	}
	head := cellView{Main: printable(name, 80), Beside: printable(basis, 240), Head: true}
	if !same {
		head.Beside += " (differs between cells; metrics.csv has each)"
	}
	row := []cellView{head, {Main: printable(unit, 20)}}
	for _, c := range cells {
		m := find(c)
		if m == nil {
			row = append(row, cellView{Main: none, Num: true, Title: "not among this cell's metrics"})
			continue
		}
		row = append(row, metricValue(*m).view(foot, names.cell(c.Coordinates)))
		last := &row[len(row)-1]
		last.Num, last.Title = true, orText(last.Title, printable(m.Basis, 300))
	}
	return row
}

func metricValue(m bench.Metric) value {
	if m.Value == nil && m.Text != "" {
		return value{main: printable(m.Text, 80)}
	}
	if m.Value == nil {
		return gap(printable(m.Name, 80), m.Missing)
	}
	return value{main: withU95(*m.Value, m.U95), beside: basisWord(m.Estimated, m.Simulated)}
}
