package meters_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// What is expected of a source that tells neither its period nor its lag is what
// is assumed of its kind, and not that of one which is always fresh.
func TestExpectedUncertaintyHoldsWhatIsNotTold(t *testing.T) {
	t.Parallel()
	c := bench.Channel{Name: "pdu.rack.power", Unit: bench.UnitWatt, Scope: bench.ScopeOutlet, RelAccuracy: 0.03, AccuracyNote: "stated"}
	told := c
	told.UpdatePeriod, told.PeriodBasis, told.LagBasis = 3*time.Second, "stated", "stated"
	untold, basis := meters.ExpectedRelative(c, 500, 5*time.Minute)
	known, _ := meters.ExpectedRelative(told, 500, 5*time.Minute)
	// 500 W × 3 s / √3 for the delay, beside the rest.
	require.InDelta(t, 1.96*500*3/1.7320508, 500*300*sqrtDiff(untold, known), 10)
	require.Contains(t, basis, "update period assumed: 3s")
	_, basis = meters.ExpectedRelative(c, 500, 29*time.Second)
	require.Contains(t, basis, "too short")
	_, basis = meters.ExpectedRelative(told, 500, 5*time.Minute)
	require.NotContains(t, basis, "assumed")
}

// sqrtDiff takes one part out of a sum of squares.
func sqrtDiff(all, rest float64) float64 { return math.Sqrt(all*all - rest*rest) }
