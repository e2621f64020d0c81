package report

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

func TestVerifyHoldsFiguresTogether(t *testing.T) {
	t.Parallel()
	cell := func(r *bench.Results) *bench.CellResult { return &r.Cells[0] }
	cases := map[string]struct {
		change func(r *bench.Results)
		where  string
	}{
		"chief not among parts": {func(r *bench.Results) { cell(r).Energy.Mean++ }, "cells[0].energies"},
		"part twice":            {func(r *bench.Results) { cell(r).Energies[1] = cell(r).Energies[0] }, "cells[0].energies[1]"},
		"part without method":   {func(r *bench.Results) { cell(r).Energies[1].Method = "" }, "cells[0].energies[1].method"},
		"coverage":              {func(r *bench.Results) { cell(r).Energies[1].Coverage = 1.2 }, "cells[0].energies[1].coverage"},
		"no uncertainty": {
			func(r *bench.Results) { cell(r).Energies[1].Uncertainty = nil }, "cells[0].energies[1].uncertainty_missing",
		},
		"parts do not combine": {
			func(r *bench.Results) { cell(r).Energies[2].Uncertainty.Standard *= 1.01 },
			"cells[0].energies[2].uncertainty.standard",
		},
		"k": {func(r *bench.Results) { cell(r).Energies[2].Uncertainty.K = 3 }, "cells[0].energies[2].uncertainty.u95"},
		"type C": {
			func(r *bench.Results) { cell(r).Energies[2].Uncertainty.Parts[0].Type = "C" },
			"cells[0].energies[2].uncertainty.parts[0].type",
		},
		"no parts": {
			func(r *bench.Results) { cell(r).Energies[2].Uncertainty.Parts = nil },
			"cells[0].energies[2].uncertainty.parts",
		},
		"net uncertainty": {
			func(r *bench.Results) { cell(r).Energy.NetUncertainty.U95 = -1 },
			"cells[0].energy_j_per_call.net_uncertainty.u95",
		},
		"simulated hidden": {
			func(r *bench.Results) { cell(r).Energies[0].Simulated = false }, "cells[0].energies[0].simulated",
		},
		"simulated phase hidden": {
			func(r *bench.Results) { cell(r).EnergyByPhase[0].Simulated = false }, "cells[0].energy_by_phase[0].simulated",
		},
		"simulated metric hidden": {
			func(r *bench.Results) { cell(r).Thesis[1].Simulated = false }, "cells[0].thesis[1].simulated",
		},
		"simulated curve hidden": {
			func(r *bench.Results) { cell(r).Curves[0].Simulated = false }, "cells[0].curves[0].simulated",
		},
		"simulated not told": {func(r *bench.Results) { r.Provenance.Simulated = false }, "provenance.simulated"},
		"windows do not add up": {
			func(r *bench.Results) { *cell(r).EnergyByPhase[4].EnergyJ *= 1.001 }, "cells[0].energy_by_phase[4].energy_j",
		},
		"phase without reason": {
			func(r *bench.Results) { cell(r).EnergyByPhase[4].EnergyJ = nil }, "cells[0].energy_by_phase[4].missing",
		},
		"rest":       {func(r *bench.Results) { cell(r).Reconciliation.RestJ += 50 }, "cells[0].reconciliation.rest_j"},
		"rest share": {func(r *bench.Results) { cell(r).Reconciliation.RestShare = 0.9 }, "cells[0].reconciliation.rest_share"},
		"verdict":    {func(r *bench.Results) { cell(r).Reconciliation.Verdict = "" }, "cells[0].reconciliation.verdict"},
		"no reconciliation": {
			func(r *bench.Results) { cell(r).Reconciliation = nil }, "cells[0].reconciliation_missing",
		},
		"metric without basis":  {func(r *bench.Results) { cell(r).WhitePaper[0].Basis = "" }, "cells[0].white_paper[0].basis"},
		"metric without reason": {func(r *bench.Results) { cell(r).WhitePaper[3].Missing = "" }, "cells[0].white_paper[3].missing"},
		"curve goes back": {
			func(r *bench.Results) { cell(r).Curves[0].Points[5].At = day(1, 0) }, "cells[0].curves[0].points[5].at",
		},
		"cumulative falls": {
			func(r *bench.Results) { *cell(r).Curves[0].Points[9].CumulativeJ = 0 },
			"cells[0].curves[0].points[9].cumulative_j",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := measured()
			require.NoError(t, Verify(r))
			c.change(&r)
			err := Verify(r)
			require.Error(t, err)
			var places []string
			for _, p := range err.(*fault.Problems).List { //nolint:errorlint // Verify returns the type itself
				require.NotEmpty(t, p.Mend)
				places = append(places, p.Where)
			}
			require.Contains(t, places, c.where)
		})
	}
}
