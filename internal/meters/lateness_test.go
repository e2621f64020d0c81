package meters

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLatenessQuantiles(t *testing.T) {
	t.Parallel()
	var h lateness
	require.Zero(t, h.quantile(0.5))
	r := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	for range 20000 {
		d := time.Duration(r.ExpFloat64() * float64(300*time.Microsecond))
		all = append(all, d)
		h.add(d)
	}
	slices.Sort(all)
	for _, p := range []float64{0.01, 0.5, 0.9, 0.99, 0.999} {
		want := all[int(p*float64(len(all)))]
		require.InDelta(t, float64(want), float64(h.quantile(p)), float64(want)/12+1000, "p%g", 100*p)
	}
	require.Equal(t, all[len(all)-1], h.longest)
	for _, d := range []time.Duration{-5, 0, 1, time.Microsecond, 15 * time.Microsecond, 16 * time.Microsecond, time.Hour, 1 << 62} {
		i := latenessBucket(d)
		require.GreaterOrEqual(t, i, 0)
		require.Less(t, i, latenessBuckets)
		if d >= time.Microsecond && d <= time.Hour {
			require.InEpsilon(t, float64(d), float64(latenessMiddle(i)), 0.51, d)
		}
	}
}
