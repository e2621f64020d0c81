package stats

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// generalised is the interval of a mean over calls, as targets are judged by it.
func generalised(parts []part, b Bounds) bench.FigureInterval {
	j := judged{}
	return j.general(parts, "1", b)
}

// partsOf makes the calls of some journals in some runs.
func partsOf(journals, runs int, value func(journal, run int) float64) []part {
	var out []part
	for run := 1; run <= runs; run++ {
		for journal := range journals {
			out = append(out, part{run, journal, cluster{value(journal, run), 1}})
		}
	}
	return out
}

// A single call that differs is no reason to be surer: without it the runs repeat
// each other and the interval is over journals, and with it it still is.
func TestOneDifferentCallMakesNothingSurer(t *testing.T) {
	t.Parallel()
	failures := func(n int) bench.FigureInterval {
		return generalised(partsOf(10, 10, func(journal, run int) float64 {
			return oneIf(10*(run-1)+journal >= n)
		}), Share)
	}
	for n := range 30 {
		f := failures(n)
		require.Less(t, *f.Low, 0.73, "%d of 100 calls failed on 10 journals: %s", n, f.Over)
		require.GreaterOrEqual(t, *f.High, *f.Value)
	}
	score := func(odd float64) bench.FigureInterval {
		return generalised(partsOf(20, 10, func(journal, run int) float64 {
			if journal == 3 && run == 2 {
				return oneIf(journal < 13) - odd
			}
			return oneIf(journal < 13)
		}), Share)
	}
	same, differs := score(0), score(0.25)
	require.InDelta(t, 0.65, *same.Value, 1e-9)
	require.InDelta(t, *same.Low, *differs.Low, 0.06)
	require.InDelta(t, *same.High, *differs.High, 0.06)
	require.Less(t, *differs.Low, 0.6, "a target of 0.6 is not met by it")
	require.Contains(t, differs.Over, "20 journals and 10 runs crossed")
}

// By hand: journals of 1 and 3 that repeat in both runs. Mean 2; deviations of
// the journals −2 and +2 over 4 calls: V = 2/1 · (4+4)/16 = 1, one degree of
// freedom, t = 12.706. Runs do not differ.
func TestSpreadByHand(t *testing.T) {
	t.Parallel()
	s := spreadOf(partsOf(2, 2, func(journal, _ int) float64 { return 1 + 2*float64(journal) }))
	require.InDelta(t, 2, s.value, 1e-12)
	require.InDelta(t, 1, s.overJournals, 1e-12)
	require.Zero(t, s.overRuns)
	require.InDelta(t, 12.7062047, s.half(), 1e-6)
	require.InDelta(t, 1, s.freedom(), 1e-6)
}

// TestMeanCovers simulates cells whose mean is known and counts how often the
// interval leaves it out on each side, as TestPercentileCovers does of
// percentiles. 2.5 % is meant.
func TestMeanCovers(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]struct {
		made
		most float64 // share of trials missed on one side, with the noise of counting
	}{
		"independent":               {made{50, 10, 0, 0, 1}, 0.045},
		"journals differ":           {made{50, 10, 1, 0, 0.3}, 0.045},
		"runs repeat exactly":       {made{50, 3, 1, 0, 0}, 0.045},
		"runs nearly repeat":        {made{50, 3, 1, 0.01, 0.01}, 0.045},
		"both":                      {made{50, 5, 1, 0.2, 1}, 0.045},
		"runs differ more than all": {made{50, 5, 0.2, 0.5, 0.3}, 0.045},
		"two runs":                  {made{50, 2, 0.5, 0.1, 0.5}, 0.045},
		"two runs that differ":      {made{50, 2, 0.3, 0.5, 0.3}, 0.075},
		"few journals":              {made{5, 10, 1, 0, 0.2}, 0.045},
		"few of both":               {made{6, 3, 0.5, 0.3, 0.5}, 0.045},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(11, 3))
			const trials = 500
			var low, high float64
			for range trials {
				byJournal, byRun := normals(r, m.journals, m.journal), normals(r, m.runs+1, m.run)
				f := generalised(partsOf(m.journals, m.runs, func(journal, run int) float64 {
					return 100 + byJournal[journal] + byRun[run] + m.each*r.NormFloat64()
				}), NonNegative)
				low += oneIf(*f.Low > 100) / trials
				high += oneIf(*f.High < 100) / trials
			}
			t.Logf("missed: %.1f %% above, %.1f %% below", 100*low, 100*high)
			require.LessOrEqual(t, low, m.most, "low bound above the truth")
			require.LessOrEqual(t, high, m.most, "high bound below the truth")
		})
	}
}

func normals(r *rand.Rand, n int, sd float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = sd * r.NormFloat64()
	}
	return out
}

// TestShareCovers does the same for shares of calls: journals that always go
// right or wrong, that are as likely as each other, and between.
func TestShareCovers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		journals, runs int
		share          float64
		alike          float64 // share of journals that always go the same way
	}{
		{20, 10, 0.65, 1},
		{20, 10, 0.65, 0.5},
		{20, 10, 0.65, 0},
		{10, 10, 0.95, 1},
		{10, 10, 0.95, 0.5},
		{10, 10, 0.95, 0},
		{60, 3, 0.9, 0.8},
		{60, 3, 0.98, 0.8},
		{100, 5, 0.5, 0.3},
	} {
		t.Run(fmt.Sprintf("%d journals, %d runs, %g, %g alike", c.journals, c.runs, c.share, c.alike), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(12, 4))
			const trials = 500
			var low, high float64
			for range trials {
				settled := make([]float64, c.journals)
				for i := range settled {
					if settled[i] = c.share; r.Float64() < c.alike {
						settled[i] = oneIf(r.Float64() < c.share)
					}
				}
				f := generalised(partsOf(c.journals, c.runs, func(journal, _ int) float64 {
					return oneIf(r.Float64() < settled[journal])
				}), Share)
				low += oneIf(*f.Low > c.share) / trials
				high += oneIf(*f.High < c.share) / trials
			}
			t.Logf("missed: %.1f %% above, %.1f %% below", 100*low, 100*high)
			require.LessOrEqual(t, low, 0.065, "low bound above the truth")
			require.LessOrEqual(t, high, 0.065, "high bound below the truth")
		})
	}
}
