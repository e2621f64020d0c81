package report

import (
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// energyCSVColumns hold the cell's energy with its uncertainty, what it rests
// on and what speaks against it, then each part of the host.
func energyCSVColumns() []csvColumn {
	text := func(head string, of func(bench.EnergyFigure) string) csvColumn {
		return csvColumn{head, func(c bench.CellResult) string {
			if c.Energy == nil {
				return ""
			}
			return safe(of(*c.Energy))
		}}
	}
	value := func(head string, of func(bench.EnergyFigure) *float64) csvColumn {
		return csvColumn{head, func(c bench.CellResult) string {
			if c.Energy == nil {
				return ""
			}
			return number(of(*c.Energy))
		}}
	}
	columns := []csvColumn{
		value("energy_j_per_call", func(e bench.EnergyFigure) *float64 { return &e.Mean }),
		value("energy_u95_j", func(e bench.EnergyFigure) *float64 { return u95(e.Uncertainty) }),
		value("energy_net_j", func(e bench.EnergyFigure) *float64 { return e.NetMean }),
		value("energy_net_u95_j", func(e bench.EnergyFigure) *float64 { return u95(e.NetUncertainty) }),
		value("energy_above_idle_j", func(e bench.EnergyFigure) *float64 { return e.AboveIdleMean }),
		text("energy_method", func(e bench.EnergyFigure) string { return string(e.Method) }),
		{"energy_is", func(c bench.CellResult) string { return orMeasured(c.Energy != nil, energyWord(c)) }},
		text("energy_part", func(e bench.EnergyFigure) string { return string(e.Part) }),
		text("energy_channel", func(e bench.EnergyFigure) string { return e.Channel }),
		value("energy_coverage", func(e bench.EnergyFigure) *float64 { return &e.Coverage }),
		text("energy_doubts", func(e bench.EnergyFigure) string { return strings.Join(energyDoubts(e), "; ") }),
	}
	for _, part := range []bench.Part{bench.PartWall, bench.PartGPU, bench.PartCPU} {
		columns = append(columns, partColumns(part)...)
	}
	return append(columns,
		csvColumn{"energy_j_per_word", func(c bench.CellResult) string { return number(c.EnergyPerWord) }},
		csvColumn{"tokens_per_wh_p50", func(c bench.CellResult) string {
			if c.TokensPerWh == nil {
				return ""
			}
			return number(&c.TokensPerWh.P50)
		}},
	)
}

func partColumns(part bench.Part) []csvColumn {
	of := func(c bench.CellResult) *bench.EnergyFigure {
		for _, e := range c.Energies {
			if e.Part == part {
				return &e
			}
		}
		return nil
	}
	name := "energy_" + string(part)
	return []csvColumn{
		{name + "_j", func(c bench.CellResult) string {
			if e := of(c); e != nil {
				return number(&e.Mean)
			}
			return ""
		}},
		{name + "_u95_j", func(c bench.CellResult) string {
			if e := of(c); e != nil {
				return number(u95(e.Uncertainty))
			}
			return ""
		}},
		{name + "_is", func(c bench.CellResult) string {
			if e := of(c); e != nil {
				return orMeasured(true, figureWord(*e))
			}
			return ""
		}},
	}
}

func u95(u *bench.Uncertainty) *float64 {
	if u == nil {
		return nil
	}
	return &u.U95
}
