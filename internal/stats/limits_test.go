package stats

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// A figure says what its ± cannot hold: a sensor whose limits nobody states, a
// single run, a baseline that contradicts it.
func TestLimitsOfAFigure(t *testing.T) {
	t.Parallel()
	net, good := -9.9, 0.3
	stated := &bench.Uncertainty{U95: 0.9, Parts: []bench.UncertaintyPart{{Name: "sensor accuracy", Standard: 0.4, Basis: "±5 %"}}}
	unknown := &bench.Uncertainty{U95: 0.1, Parts: []bench.UncertaintyPart{{Name: "sensor accuracy", Basis: unstated + ": stated watts"}}}
	cases := map[string]struct {
		figure bench.EnergyFigure
		runs   int
		want   []string
	}{
		"sound":         {bench.EnergyFigure{Uncertainty: stated, NetMean: &good, NetUncertainty: stated}, 2, nil},
		"not stated":    {bench.EnergyFigure{Uncertainty: unknown}, 2, []string{"not stated"}},
		"one run":       {bench.EnergyFigure{Uncertainty: stated}, 1, []string{"one run"}},
		"negative net":  {bench.EnergyFigure{Uncertainty: stated, NetMean: &net, NetUncertainty: stated}, 2, []string{"net is below zero"}},
		"no doubt told": {bench.EnergyFigure{NetMean: &net}, 1, nil},
	}
	for name, c := range cases {
		got := limitsOf(c.figure, c.runs)
		require.Len(t, got, len(c.want), name)
		for i := range got {
			require.Contains(t, got[i], c.want[i])
		}
	}
}
