package app

import (
	"iter"
	"slices"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/report"
	"github.com/wattsweep/wattsweep/internal/store"
)

// chosenCells keeps the wanted cells; a cell that the sweep has not is refused.
func chosenCells(cells []store.Cell, want []bench.CellID) ([]store.Cell, error) {
	if len(want) == 0 {
		return cells, nil
	}
	for _, id := range want {
		if !slices.ContainsFunc(cells, func(c store.Cell) bool { return c.ID == id }) {
			return nil, fault.New(fault.Invalid, "", "wattsweep status lists the cells of a sweep", "the sweep has %d cells, none with the id %s", len(cells), id)
		}
	}
	return slices.DeleteFunc(slices.Clone(cells), func(c store.Cell) bool { return !slices.Contains(want, c.ID) }), nil
}

func hasCell(cells []store.Cell, id bench.CellID) bool {
	return slices.ContainsFunc(cells, func(c store.Cell) bool { return c.ID == id })
}

// narrowed keeps the rows of some cells.
func narrowed(r bench.Results, cells []store.Cell) bench.Results {
	r.Cells = slices.DeleteFunc(slices.Clone(r.Cells), func(c bench.CellResult) bool { return !hasCell(cells, c.Cell) })
	return r
}

// ofCells keeps the calls of some cells; errors pass.
func ofCells(rows iter.Seq2[report.CallRow, error], cells []store.Cell) iter.Seq2[report.CallRow, error] {
	return func(yield func(report.CallRow, error) bool) {
		for row, err := range rows {
			if err == nil && !hasCell(cells, row.Call.Cell) {
				continue
			}
			if !yield(row, err) {
				return
			}
		}
	}
}
