package targets

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// normalCell has a mean of a known error, with its 95 % interval.
func normalCell(value float64) bench.CellResult {
	f := latency(ptr(value-1.96), ptr(value+1.96), 5)
	f.Value = &value
	return cellWith(f)
}

// A failure among many is held to what many make likely; that all are met is
// not.
func TestFailuresAmongMany(t *testing.T) {
	t.Parallel()
	rule := parsed(t, "latency_s p95 <= 10")
	verdicts := func(values ...float64) []bench.Verdict {
		p := NewPanel([]Rule{rule})
		for _, v := range values {
			p.Add(normalCell(v))
		}
		var out []bench.Verdict
		for _, j := range p.Results().Judgements {
			out = append(out, j.Verdict)
		}
		return out
	}
	pass, fail, open := bench.VerdictPass, bench.VerdictFail, bench.VerdictUndecided
	require.Equal(t, []bench.Verdict{fail}, verdicts(12.1), "one figure is judged by its interval")
	require.Equal(t, []bench.Verdict{open, pass, pass}, verdicts(12.1, 8, 7), "p 0.018, times 3 is more than 0.025")
	require.Equal(t, []bench.Verdict{fail, pass, pass}, verdicts(12.5, 8, 7), "p 0.006, times 3 is less")
	require.Equal(t, []bench.Verdict{fail, fail, pass}, verdicts(12.4, 12.5, 7), "step-down: the second is held to two")
	p := NewPanel([]Rule{rule})
	for _, v := range []float64{12.1, 8, 7} {
		p.Add(normalCell(v))
	}
	r := p.Results()
	require.Equal(t, open, r.Verdict)
	require.Equal(t, bench.TargetSummary{Target: rule.Text, Verdict: open, Passed: 2, Undecided: 1}, r.Targets[0])
	require.Contains(t, r.Judgements[0].Reason, "3 figures judged together")
	require.Equal(t, r, p.Results(), "asked again it says the same")
}

// With few degrees of freedom a failure needs to be further away.
func TestFailuresOfFewRuns(t *testing.T) {
	t.Parallel()
	j := JudgeCell(parsed(t, "latency_s p95 <= 10"), normalCell(13))
	require.InDelta(t, 0.00135, chanceOf(j), 1e-5, "three standard errors")
	j.Figure.Freedom = 2
	// t = 4.3027·3/1.96 = 6.586: (1 − t/√(2+t²))/2 with two degrees of freedom.
	require.InDelta(t, 0.0111, chanceOf(j), 1e-4)
}

// A figure without any spread that lies on a limit which it may not reach fails
// by itself, and takes no other failure back.
func TestFailureWithoutSpreadOnTheLimit(t *testing.T) {
	t.Parallel()
	rule := parsed(t, "latency_s p95 < 10")
	flat := latency(ptr(10.0), ptr(10.0), 5)
	flat.Value = ptr(10.0)
	on := JudgeCell(rule, cellWith(flat))
	require.Equal(t, bench.VerdictFail, on.Verdict)
	require.InDelta(t, side, chanceOf(on), 0, "no more is known than that it failed")
	p := NewPanel([]Rule{rule})
	p.Add(cellWith(flat))
	p.Add(normalCell(30))
	p.Add(normalCell(30))
	var got []bench.Verdict
	for _, j := range p.Results().Judgements {
		got = append(got, j.Verdict)
	}
	require.Equal(t, []bench.Verdict{bench.VerdictFail, bench.VerdictFail, bench.VerdictFail}, got)
	// Nor does one of which nothing can be reckoned.
	off := on
	off.Figure.Freedom, off.Figure.Low = 2, ptr(math.Inf(-1))
	off.Figure.Value = ptr(math.Inf(1))
	sure := JudgeCell(rule, normalCell(30))
	require.Equal(t, bench.VerdictFail, together([]bench.Judgement{off, sure, sure})[1].Verdict)
}

// TestSweepsThatJustMeetTheirTargets simulates sweeps of many cells whose figures
// lie exactly on the limit: they are failed in no more than 2.5 %.
func TestSweepsThatJustMeetTheirTargets(t *testing.T) {
	t.Parallel()
	rule := parsed(t, "latency_s p95 <= 10")
	r := rand.New(rand.NewPCG(3, 5))
	const sweeps, cells = 1000, 40
	failed, single := 0., 0.
	for range sweeps {
		p := NewPanel([]Rule{rule})
		alone := false
		for range cells {
			c := normalCell(10 + r.NormFloat64())
			alone = alone || JudgeCell(rule, c).Verdict == bench.VerdictFail
			p.Add(c)
		}
		if p.Results().Verdict == bench.VerdictFail {
			failed += 1. / sweeps
		}
		if alone {
			single += 1. / sweeps
		}
	}
	t.Logf("failed: %.1f %%; each cell for itself: %.1f %%", 100*failed, 100*single)
	require.LessOrEqual(t, failed, 0.025+3*0.005)
	require.Greater(t, single, 0.5, "what the correction is for")
}
