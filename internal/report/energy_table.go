package report

import (
	"cmp"
	"slices"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// energyRow is an energy of one part of a cell's host.
type energyRow struct {
	cell  bench.CellResult
	e     bench.EnergyFigure
	chief bool // the one that the cell's other figures rest on
}

// energyRows lists the energies of all cells, the wall first. A cell whose
// parts are not told apart has its one figure.
func energyRows(cells []bench.CellResult) []energyRow {
	var rows []energyRow
	for _, c := range cells {
		list := slices.Clone(c.Energies)
		if len(list) == 0 && c.Energy != nil {
			list = []bench.EnergyFigure{*c.Energy}
		}
		slices.SortStableFunc(list, func(a, b bench.EnergyFigure) int {
			return cmp.Compare(partRank(a.Part), partRank(b.Part))
		})
		for _, e := range list {
			chief := c.Energy != nil && len(list) > 1 && e.Channel == c.Energy.Channel && e.Part == c.Energy.Part
			rows = append(rows, energyRow{c, e, chief})
		}
	}
	return rows
}

// energyCol is one column of the table of energies.
type energyCol struct {
	head, under string
	text        bool
	figure      func(energyRow) value
}

// energyColumns are those that both the terminal and the page show.
func energyColumns(cells []bench.CellResult) []energyCol {
	names := newNaming(cells)
	return []energyCol{
		{"Model", "", true, func(r energyRow) value {
			return value{main: printable(r.cell.Model, 60), beside: names.context(r.cell.Coordinates)}
		}},
		{"Language", "", true, func(r energyRow) value { return value{main: language(r.cell.Language)} }},
		{"Part", "", true, func(r energyRow) value {
			return value{main: partName(r.e.Part), beside: figureWord(r.e)}
		}},
		{"Gross", "", false, grossEnergy},
		{"Net", "less baseline", false, func(r energyRow) value {
			if r.e.NetMean == nil {
				return gap("net energy per call", r.e.NetMeanMissing)
			}
			v := value{main: withDoubt(*r.e.NetMean, r.e.NetUncertainty)}
			if r.e.NetUncertainty == nil {
				v.remarks = append(v.remarks, remark{false, "uncertainty of net energy per call", r.e.UncertaintyMissing})
			}
			return v
		}},
		{"Above idle", "", false, func(r energyRow) value {
			if r.e.AboveIdleMean == nil {
				return gap("energy per call above idle", r.e.AboveIdleMeanMissing)
			}
			return value{main: three(*r.e.AboveIdleMean)}
		}},
		{"Method", "", true, func(r energyRow) value { return value{main: printable(string(r.e.Method), 20)} }},
		{"Coverage", "", false, func(r energyRow) value { return value{main: percent(r.e.Coverage)} }},
		{"Views", "differ by", false, func(r energyRow) value {
			d := r.e.Disagreement
			if d == nil {
				return value{main: none}
			}
			return value{main: signedPercent(d.Relative), made: "against " + printable(d.With, 60)}
		}},
	}
}

func grossEnergy(r energyRow) value {
	v := value{main: withDoubt(r.e.Mean, r.e.Uncertainty)}
	if r.e.Uncertainty == nil {
		v.remarks = append(v.remarks, remark{false, "uncertainty of energy per call", r.e.UncertaintyMissing})
	}
	for _, doubt := range energyDoubts(r.e) {
		v.remarks = append(v.remarks, remark{true, "energy per call", doubt})
	}
	return v
}

// pageEnergyColumns add what a page has room for.
func pageEnergyColumns(cells []bench.CellResult) []energyCol {
	watts := func(of func(bench.EnergyFigure) *float64) func(energyRow) value {
		return func(r energyRow) value {
			if v := of(r.e); v != nil {
				return value{main: three(*v)}
			}
			return value{main: none}
		}
	}
	return append(energyColumns(cells),
		energyCol{"Baseline", "W", false, watts(func(e bench.EnergyFigure) *float64 { return e.BaselinePowerW })},
		energyCol{"Idle", "W, loaded", false, watts(func(e bench.EnergyFigure) *float64 { return e.IdlePowerW })},
		energyCol{"Channels", "", true, func(r energyRow) value { return value{main: printable(r.e.Channel, 120)} }},
	)
}

// energyTable shows every energy with its doubt.
func energyTable(cells []bench.CellResult, foot *footnotes) tableView {
	t := tableView{
		ID: "energies", Empty: "No energy was measured.",
		Caption: "Energy per call in J by part of the host, ± at 95 %. Net is less baseline power × time, above idle less " +
			"that of the loaded host that is not asked. A dot marks the figure that cost and ratios rest on.",
	}
	columns, names := pageEnergyColumns(cells), newNaming(cells)
	for _, col := range columns {
		t.Heads = append(t.Heads, headView{col.head, col.under, !col.text})
	}
	for _, r := range energyRows(cells) {
		row := make([]cellView, 0, len(columns))
		for i, col := range columns {
			view := col.figure(r).view(foot, names.cell(r.cell.Coordinates))
			view.Num, view.Head, view.Code = !col.text, i == 0, col.head == "Channels"
			if col.head == "Part" && r.chief {
				view.Main += "\u00a0●"
			}
			row = append(row, view)
		}
		t.Rows = append(t.Rows, row)
	}
	t.Folded = len(t.Rows) > foldAfter
	return t
}
