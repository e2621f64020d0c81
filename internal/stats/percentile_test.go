package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// made is how calls of a simulated cell come about: the standard deviations of
// what journals, runs and single calls add.
type made struct {
	journals, runs     int
	journal, run, each float64
}

func (m made) truth(p float64, r *rand.Rand) float64 {
	values := make([]float64, 400_000)
	for i := range values {
		values[i] = math.Exp(m.journal*r.NormFloat64() + m.run*r.NormFloat64() + m.each*r.NormFloat64())
	}
	slices.Sort(values)
	return quantile(values, p)
}

func (m made) calls(r *rand.Rand) []sighting {
	byJournal, byRun := make([]float64, m.journals), make([]float64, m.runs)
	for i := range byJournal {
		byJournal[i] = m.journal * r.NormFloat64()
	}
	for i := range byRun {
		byRun[i] = m.run * r.NormFloat64()
	}
	var out []sighting
	for run := range m.runs {
		for j := range m.journals {
			out = append(out, sighting{run + 1, j, math.Exp(byJournal[j] + byRun[run] + m.each*r.NormFloat64())})
		}
	}
	return out
}

// TestPercentileCovers simulates cells whose percentiles are known and counts
// how often the interval leaves them out on each side. 2.5 % is meant; with few
// runs that differ much the design effect is itself uncertain, and it may come
// to 5 %.
func TestPercentileCovers(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]struct {
		made
		most float64 // share of trials missed on one side, with the noise of counting
	}{
		"independent":               {made{50, 10, 0, 0, 1}, 0.035},
		"journals differ":           {made{100, 10, 1, 0, 0.3}, 0.045},
		"runs nearly repeat":        {made{300, 10, 1, 0.1, 0.1}, 0.045},
		"both":                      {made{200, 5, 1, 0, 1}, 0.045},
		"runs differ":               {made{200, 5, 1, 0.3, 0.5}, 0.06},
		"runs differ more than all": {made{200, 10, 0.3, 0.5, 0.5}, 0.075},
		"two runs":                  {made{100, 2, 0.5, 0, 1}, 0.045},
		"few journals":              {made{30, 10, 1, 0, 0.2}, 0.045},
	} {
		for _, p := range []float64{0.05, 0.5, 0.95} {
			t.Run(fmt.Sprint(name, p), func(t *testing.T) {
				t.Parallel()
				r := rand.New(rand.NewPCG(7, uint64(1000*p)))
				truth := m.truth(p, r)
				const trials = 400
				var above, below float64
				for range trials {
					b := percentile(m.calls(r), p)
					require.LessOrEqual(t, b.independent, float64(b.n))
					if b.low != nil && *b.low > truth {
						above += 1. / trials
					}
					if b.high != nil && *b.high < truth {
						below += 1. / trials
					}
				}
				require.LessOrEqual(t, above, m.most, "low bound above the truth")
				require.LessOrEqual(t, below, m.most, "high bound below the truth")
			})
		}
	}
}

// TestPercentileOfIndependentCalls holds the bounds against tables of order
// statistics: of 100 independent values, the 40th and the 61st bound the median
// (Binomial(100, 1/2): P(X <= 39) = 0.0176, P(X <= 40) = 0.0284).
func TestPercentileOfIndependentCalls(t *testing.T) {
	t.Parallel()
	var list []sighting
	for i := range 100 {
		list = append(list, sighting{run: 1, journal: i, value: float64(i + 1)})
	}
	b := percentile(list, 0.5)
	require.InDelta(t, 50.5, b.value, 1e-12)
	require.InDelta(t, 100, b.independent, 2)
	require.Equal(t, []float64{40, 61}, []float64{*b.low, *b.high})
	require.Empty(t, b.open)
}

// TestPercentileNeedsCalls: the highest of n values lies below p95 with the
// probability 0.95^n, which is 2.5 % at n = 72.
func TestPercentileNeedsCalls(t *testing.T) {
	t.Parallel()
	calls := func(n, runs int) (list []sighting) {
		for i := range n {
			for run := range runs {
				list = append(list, sighting{run: run + 1, journal: i, value: float64(i)})
			}
		}
		return list
	}
	few, enough := percentile(calls(71, 1), 0.95), percentile(calls(73, 1), 0.95)
	require.Nil(t, few.high)
	require.NotNil(t, few.low)
	require.Contains(t, few.open, "too few to bound it from above: that takes 72")
	require.NotNil(t, enough.high)
	// Runs that repeat the same journals exactly add nothing.
	again := percentile(calls(40, 10), 0.95)
	require.Nil(t, again.high)
	require.Less(t, again.independent, 60.)
	// Values that are all alike are worth as many as there are journals.
	alike := percentile([]sighting{{1, 1, 5}, {1, 2, 5}, {2, 1, 5}, {2, 2, 5}}, 0.95)
	require.InDelta(t, 2, alike.independent, 0)
	require.Nil(t, alike.high)
	require.InDelta(t, 5, *alike.low, 0)
	one := percentile([]sighting{{1, 1, 5}}, 0.5)
	require.InDelta(t, 5, one.value, 0)
	require.Nil(t, one.low)
	require.Contains(t, one.open, "either side")
}
