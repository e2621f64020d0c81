package meters_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
)

// A level stretch of a held value stands for as many equal renewals: a step at
// its end is doubted over one update period and not over the whole stretch.
func TestAStepBesideALevelStretchIsDoubtedByOnePeriod(t *testing.T) {
	t.Parallel()
	const t0, t1 = 20 * time.Second, 80 * time.Second
	for _, period := range []time.Duration{time.Second, 3 * time.Second, 5 * time.Second} {
		var worst, widest float64
		for k := range 20 {
			script := metertest.Script{
				Power: pulsed(100, 500, t0, t1), UpdatePeriod: period, Phase: period * time.Duration(2*k+1) / 40, QuantumW: 10,
			}
			play(t, t1+10*time.Second, script, func(t *testing.T, s *meters.Sampler) {
				p, _ := window(s, t0, t1)
				require.NotNil(t, p.EnergyJ, p.Missing)
				worst = max(worst, math.Abs(*p.EnergyJ-script.Truth(t0, t1))/p.Uncertainty.U95)
				widest = max(widest, p.Uncertainty.U95)
			})
		}
		t.Logf("renewed every %s: worst error %.2f of U95, widest U95 %.0f of 30000 J", period, worst, widest)
		require.LessOrEqual(t, worst, 1.0)
		require.LessOrEqual(t, widest, 5*400*period.Seconds(), "two steps of 400 W over a period each")
	}
}
