package meters_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
)

func TestWindowOfConstantPower(t *testing.T) {
	t.Parallel()
	play(t, 10*time.Second, metertest.Script{Power: metertest.Constant(470)}, func(t *testing.T, s *meters.Sampler) {
		power, energy := window(s, time.Second, 9*time.Second)
		require.Equal(t, bench.PhaseInference, power.Phase)
		require.Equal(t, 1, power.Run)
		require.Equal(t, 2, power.No)
		require.Equal(t, 8*time.Second, power.Window)
		require.Equal(t, 160, power.Samples)
		require.Zero(t, power.Missed)
		require.InDelta(t, 1, power.Coverage, 1e-9)
		require.InDelta(t, 470, *power.Mean, 1e-9)
		require.InDelta(t, 3760, *power.EnergyJ, 1e-6)
		require.Equal(t, bench.EnergyTrapezoid, power.Method)
		require.InDelta(t, 3760, *energy.EnergyJ, 1e-6)
		require.Equal(t, bench.EnergyCounter, energy.Method)
		require.Nil(t, energy.Mean, "a counter has no mean")
		require.Empty(t, power.Missing+energy.Missing)
		require.True(t, power.Channel.Simulated)
		// The white paper's H100 call: 470 W for 0.73 s is 343.1 J.
		call, _ := window(s, 3010*time.Millisecond, 3740*time.Millisecond)
		require.InDelta(t, 343.1, *call.EnergyJ, 1e-9)
	})
}

// Windows whose edges fall between ticks, against the closed form.
func TestClosedForms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		power  metertest.Power
		within float64 // of the trapezoid, relative
	}{
		"constant": {metertest.Constant(143), 1e-3},
		"ramp":     {metertest.Ramp(60, 45), 1e-3},
		"sine":     {metertest.Sine(300, 150, 2*time.Second), 1e-3},
		// A step falls between two samples: each edge can cost half an
		// interval of the swing, and the edges cancel only in part.
		"square": {metertest.Square(60, 480, 1700*time.Millisecond), 2e-2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, 20*time.Second, metertest.Script{Power: c.power}, func(t *testing.T, s *meters.Sampler) {
				for _, w := range [][2]time.Duration{
					{1013 * time.Millisecond, 19171 * time.Millisecond},
					{2 * time.Second, 9 * time.Second},
					{333 * time.Millisecond, 12345678 * time.Microsecond},
				} {
					want := c.power.Energy(w[1]) - c.power.Energy(w[0])
					power, energy := window(s, w[0], w[1])
					require.InEpsilon(t, want, *power.EnergyJ, c.within)
					require.InEpsilon(t, want, *energy.EnergyJ, 5e-3)
					require.InEpsilon(t, want/(w[1]-w[0]).Seconds(), *power.Mean, c.within)
					require.LessOrEqual(t, *power.Min, *power.Mean)
					require.LessOrEqual(t, *power.Mean, *power.Max)
					if name != "square" {
						require.InEpsilon(t, want, *energy.EnergyJ, 1e-3)
					}
				}
			})
		})
	}
}

func TestShortWindowHasNoEnergyOfItsOwn(t *testing.T) {
	t.Parallel()
	play(t, 5*time.Second, metertest.Script{Power: metertest.Ramp(10, 10)}, func(t *testing.T, s *meters.Sampler) {
		power, energy := window(s, time.Second, 1499*time.Millisecond)
		require.Nil(t, power.EnergyJ)
		require.Empty(t, power.Method)
		require.Equal(t, meters.MissingShortWindow, power.Missing)
		require.Equal(t, meters.MissingShortWindow, energy.Missing)
		require.InDelta(t, 10+10*1.2495, *power.Mean, 1e-6, "its mean is still known")
		power, _ = window(s, time.Second, 1500*time.Millisecond)
		require.NotNil(t, power.EnergyJ)
		between, _ := window(s, 1010*time.Millisecond, 1020*time.Millisecond)
		require.Zero(t, between.Samples)
		require.InDelta(t, 10+10*1.015, *between.Mean, 1e-6)
		for _, w := range [][2]time.Duration{{2 * time.Second, 2 * time.Second}, {3 * time.Second, 2 * time.Second}} {
			nothing, _ := window(s, w[0], w[1])
			require.Nil(t, nothing.EnergyJ)
			require.Nil(t, nothing.Mean)
			require.Zero(t, nothing.Coverage)
			require.NotEmpty(t, nothing.Missing)
		}
	})
}

func TestGaps(t *testing.T) {
	t.Parallel()
	script := metertest.Script{
		Power: metertest.Constant(100),
		Gaps: []metertest.Span{
			{From: 3 * time.Second, To: 3100 * time.Millisecond}, // two ticks: bridged
			{From: 5 * time.Second, To: 7 * time.Second},
		},
	}
	play(t, 20*time.Second, script, func(t *testing.T, s *meters.Sampler) {
		power, _ := window(s, 2*time.Second, 4*time.Second)
		require.Equal(t, 2, power.Missed)
		require.InDelta(t, 1, power.Coverage, 1e-9, "samples 150 ms apart are joined")
		require.InDelta(t, 200, *power.EnergyJ, 1e-9)

		power, energy := window(s, 4*time.Second, 14*time.Second)
		require.Equal(t, 40, power.Missed)
		require.InDelta(t, 0.795, power.Coverage, 1e-9)
		require.Nil(t, power.EnergyJ, "a fifth of the window is not known")
		require.Equal(t, "samples cover 79.5 % of the window, less than 95 %", power.Missing)
		require.InDelta(t, 100, *power.Mean, 1e-9)
		require.InDelta(t, 0.795, energy.Coverage, 1e-9)
		require.InDelta(t, 1000, *energy.EnergyJ, 1e-6, "the counter went on inside the gap")

		_, energy = window(s, 6*time.Second, 14*time.Second)
		require.Nil(t, energy.EnergyJ)
		require.Equal(t, "no samples around the start of the window", energy.Missing)
		_, energy = window(s, 2*time.Second, 6*time.Second)
		require.Equal(t, "no samples around the end of the window", energy.Missing)
		power, energy = window(s, 5200*time.Millisecond, 6200*time.Millisecond)
		require.Nil(t, power.Mean)
		require.Equal(t, "scripted gap", power.Missing)
		require.Nil(t, energy.EnergyJ)
	})
}

func TestResetLeavesNoEnergy(t *testing.T) {
	t.Parallel()
	script := metertest.Script{Power: metertest.Constant(100), OffsetJ: 1e6, ResetsAt: []time.Duration{5010 * time.Millisecond}}
	play(t, 10*time.Second, script, func(t *testing.T, s *meters.Sampler) {
		power, energy := window(s, 4*time.Second, 6*time.Second)
		require.NotNil(t, power.EnergyJ)
		require.Nil(t, energy.EnergyJ)
		require.Equal(t, "the counter was reset inside the window", energy.Missing)
		for _, w := range [][2]time.Duration{{4 * time.Second, 5 * time.Second}, {5050 * time.Millisecond, 7050 * time.Millisecond}} {
			_, energy = window(s, w[0], w[1])
			require.InDelta(t, 100*(w[1]-w[0]).Seconds(), *energy.EnergyJ, 1e-6)
		}
	})
}

func TestWraps(t *testing.T) {
	t.Parallel()
	script := metertest.Script{Power: metertest.Constant(100), WrapAtJ: 70, OffsetJ: 65}
	play(t, 10*time.Second, script, func(t *testing.T, s *meters.Sampler) {
		_, energy := window(s, time.Second, 9*time.Second)
		require.InDelta(t, 800, *energy.EnergyJ, 1e-6)
	})
	// A gap in which the counter can wrap more than once leaves no figure.
	script.WrapAtJ = 180
	script.Gaps = []metertest.Span{{From: 4 * time.Second, To: 6 * time.Second}}
	play(t, 10*time.Second, script, func(t *testing.T, s *meters.Sampler) {
		_, energy := window(s, time.Second, 9*time.Second)
		require.Nil(t, energy.EnergyJ)
		require.Contains(t, energy.Missing, "wrapped more than once")
	})
	script.WrapAtJ = 5000
	play(t, 10*time.Second, script, func(t *testing.T, s *meters.Sampler) {
		_, energy := window(s, time.Second, 9*time.Second)
		require.InDelta(t, 800, *energy.EnergyJ, 1e-6)
	})
}

// drawScript makes a script with random power, gaps, stalls, wrap and steps.
func drawScript(t *rapid.T) metertest.Script {
	ms := func(name string, from, to int) time.Duration {
		return time.Duration(rapid.IntRange(from, to).Draw(t, name)) * time.Millisecond
	}
	base := rapid.Float64Range(1, 500).Draw(t, "base")
	script := metertest.Script{Power: rapid.SampledFrom([]metertest.Power{
		metertest.Constant(base), metertest.Ramp(base, base/10),
		metertest.Sine(2*base, base, 1300*time.Millisecond), metertest.Square(base, 3*base, 900*time.Millisecond),
	}).Draw(t, "power")}
	for range rapid.IntRange(0, 3).Draw(t, "gaps") {
		from := ms("gap from", 0, 9000)
		script.Gaps = append(script.Gaps, metertest.Span{From: from, To: from + ms("gap", 1, 600)})
	}
	for range rapid.IntRange(0, 2).Draw(t, "stalls") {
		from := ms("stall from", 0, 9000)
		script.Stalls = append(script.Stalls, metertest.Span{From: from, To: from + ms("stall", 1, 600)})
	}
	script.WrapAtJ = rapid.SampledFrom([]float64{0, 0, 1e4, 262143.33}).Draw(t, "wrap")
	script.StepJ = rapid.SampledFrom([]float64{0, 0.001, 5}).Draw(t, "step")
	script.OffsetJ = rapid.Float64Range(0, 9e3).Draw(t, "offset")
	script.UpdatePeriod = time.Duration(rapid.SampledFrom([]int{0, 0, 17, 50, 100, 140}).Draw(t, "update period")) * time.Millisecond
	if script.UpdatePeriod > 0 {
		script.Phase = ms("phase", 0, 140)
		script.Window = ms("window", 0, 400)
		script.NoiseW = rapid.Float64Range(0, 0.1).Draw(t, "noise") * base
		script.QuantumW = rapid.SampledFrom([]float64{0, 0.001, 10}).Draw(t, "quantum")
	}
	if rapid.Bool().Draw(t, "reset") {
		script.ResetsAt = []time.Duration{ms("reset", 0, 10000)}
	}
	return script
}

// record samples a script for ten seconds of fake time.
func record(t *testing.T, script metertest.Script) (s *meters.Sampler) {
	synctest.Test(t, func(t *testing.T) {
		s = begin(t, script, meters.SamplerOptions{})
		time.Sleep(10 * time.Second)
		s.Stop()
	})
	return s
}

func TestSplittingAWindowKeepsTheSum(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := record(t, drawScript(rt))
		cut := func(name string, from, to int) time.Duration {
			return time.Duration(rapid.IntRange(from, to).Draw(rt, name)) * time.Microsecond
		}
		t0 := cut("from", 0, 4e6)
		middle := t0 + cut("middle", 2e5, 3e6)
		t1 := middle + cut("to", 2e5, 3e6)
		whole0, whole1 := window(s, t0, t1)
		left0, left1 := window(s, t0, middle)
		right0, right1 := window(s, middle, t1)
		for _, p := range [][3]bench.PhaseReading{{whole0, left0, right0}, {whole1, left1, right1}} {
			sane(rt, p[0])
			split(rt, p[0], p[1], p[2])
		}
	})
}

// sane holds for every window whatever was sampled.
func sane(t require.TestingT, r bench.PhaseReading) {
	require.GreaterOrEqual(t, r.Coverage, 0.0)
	require.LessOrEqual(t, r.Coverage, 1.0)
	require.GreaterOrEqual(t, r.Missed, 0)
	require.Equal(t, r.EnergyJ == nil, r.Missing != "", "an energy or a reason, never both or neither")
	require.Equal(t, r.EnergyJ == nil, r.Method == "")
	require.Equal(t, r.EnergyJ == nil, r.Uncertainty == nil, "no figure without its doubt")
	require.Equal(t, r.Samples, r.States.OK+r.States.Wrapped+r.States.Reset)
	require.GreaterOrEqual(t, r.Missed, r.States.Missing+r.States.Stale+r.States.OutOfRange)
	if r.EnergyJ != nil {
		require.GreaterOrEqual(t, *r.EnergyJ, 0.0, "energy never falls")
	}
	if r.Mean != nil {
		require.LessOrEqual(t, *r.Min, *r.Mean)
		require.LessOrEqual(t, *r.Mean, *r.Max)
	}
}

// gapLimitJ is by how much the fill of a window's gaps may be off, in J.
func gapLimitJ(r bench.PhaseReading) float64 {
	for _, p := range r.Uncertainty.Parts {
		if p.Name == meters.PartGaps {
			return math.Sqrt(3) * p.Standard
		}
	}
	return 0
}

// split holds for a window and its two parts.
func split(t require.TestingT, whole, left, right bench.PhaseReading) {
	require.Equal(t, whole.Samples, left.Samples+right.Samples)
	require.Equal(t, whole.States.Missing, left.States.Missing+right.States.Missing)
	if left.Mean != nil && right.Mean != nil {
		small := 1e-9 * (1 + max(math.Abs(*whole.Min), math.Abs(*whole.Max)))
		require.InDelta(t, *whole.Min, min(*left.Min, *right.Min), small)
		require.InDelta(t, *whole.Max, max(*left.Max, *right.Max), small)
		lc, rc := left.Coverage*left.Window.Seconds(), right.Coverage*right.Window.Seconds()
		require.InDelta(t, *whole.Mean*(lc+rc), *left.Mean*lc+*right.Mean*rc, small)
	}
	require.InDelta(t, whole.Missed, left.Missed+right.Missed, 1)
	require.InDelta(t, whole.Coverage*whole.Window.Seconds(),
		left.Coverage*left.Window.Seconds()+right.Coverage*right.Window.Seconds(), 1e-6)
	if whole.EnergyJ != nil && left.EnergyJ != nil && right.EnergyJ != nil {
		sum := *left.EnergyJ + *right.EnergyJ
		within := 1e-9*sum + 1e-6
		for _, r := range []bench.PhaseReading{whole, left, right} {
			within += gapLimitJ(r) // a gap is filled with the mean of its own window
		}
		require.InDelta(t, *whole.EnergyJ, sum, within, "splitting a window keeps the sum")
	}
}

func TestAddingAGapLowersCoverage(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		script := drawScript(rt)
		before0, before1 := window(record(t, script), time.Second, 9*time.Second)
		from := time.Duration(rapid.IntRange(1500, 7000).Draw(rt, "new gap from")) * time.Millisecond
		gap := metertest.Span{From: from, To: from + time.Duration(rapid.IntRange(250, 1500).Draw(rt, "new gap"))*time.Millisecond}
		script.Gaps = append(script.Gaps, gap)
		after0, after1 := window(record(t, script), time.Second, 9*time.Second)
		joined := 7*max(interval, script.UpdatePeriod)/2 + 2*interval
		pairs := [][2]bench.PhaseReading{{before0, after0}, {before1, after1}}
		if len(script.ResetsAt) > 0 {
			pairs = pairs[:1] // a gap can hide a reset, and with it the stretch that a reset leaves uncovered
		}
		for _, p := range pairs {
			require.LessOrEqual(rt, p[1].Coverage, p[0].Coverage+1e-9)
			if p[0].Coverage > 1-1e-9 && gap.To-gap.From > joined {
				require.Less(rt, p[1].Coverage, p[0].Coverage-0.015)
			}
			require.LessOrEqual(rt, p[1].Samples, p[0].Samples)
		}
		// A gap is filled with the mean of the rest, and the budget says how far
		// that may be off; short ones are bridged by a line.
		if before0.EnergyJ != nil && after0.EnergyJ != nil && script.UpdatePeriod == 0 {
			highest := 0.35*(*before0.Max-*before0.Min) + 1e-9**before0.EnergyJ // two gap limits, by lines
			require.InDelta(rt, *before0.EnergyJ, *after0.EnergyJ, gapLimitJ(after0)+gapLimitJ(before0)+highest)
		}
	})
}

// A gap is filled with the mean power of the rest of the window, so that the
// figure is not too small by it.
func TestGapsAreFilledWithTheMean(t *testing.T) {
	t.Parallel()
	script := metertest.Script{
		Power: metertest.Constant(300),
		Gaps:  []metertest.Span{{From: 5 * time.Second, To: 5850 * time.Millisecond}},
	}
	play(t, 25*time.Second, script, func(t *testing.T, s *meters.Sampler) {
		power, _ := window(s, 2*time.Second, 22*time.Second)
		require.InDelta(t, 0.955, power.Coverage, 1e-9)
		require.InDelta(t, 6000, *power.EnergyJ, 1e-6)
		require.InDelta(t, *power.Mean*power.Window.Seconds(), *power.EnergyJ, 1e-9)
		require.InDelta(t, 0, gapLimitJ(power), 1e-6, "of steady power nothing is in doubt")
	})
	script.Power = metertest.Ramp(100, 10)
	play(t, 25*time.Second, script, func(t *testing.T, s *meters.Sampler) {
		power, _ := window(s, 2*time.Second, 22*time.Second)
		require.InDelta(t, script.Truth(2*time.Second, 22*time.Second), *power.EnergyJ, gapLimitJ(power))
		apart := max(*power.Max-*power.Mean, *power.Mean-*power.Min)
		require.InDelta(t, 0.9*apart, gapLimitJ(power), 1e-6)
		require.Less(t, gapLimitJ(power), 0.025**power.EnergyJ)
	})
}

// A gap that leaves an energy widens its doubt by what may have been used in
// it, and the truth stays inside.
func TestAGapWidensTheUncertainty(t *testing.T) {
	t.Parallel()
	var before *bench.Uncertainty
	for _, missing := range []int{0, 200, 300, 700} {
		script := metertest.Script{Power: metertest.Sine(300, 100, 3*time.Second), QuantumW: 1, RelAccuracy: 0.001}
		gap := metertest.Span{From: 5 * time.Second, To: 5*time.Second + time.Duration(missing)*time.Millisecond}
		script.Gaps = []metertest.Span{gap}
		power, counted := window(record(t, script), time.Second, 9999*time.Millisecond)
		if missing == 700 { // less than 95 % of 9 s are covered
			require.Nil(t, power.EnergyJ)
			continue
		}
		truth := script.Truth(time.Second, 9999*time.Millisecond)
		require.InDelta(t, truth, *power.EnergyJ, power.Uncertainty.U95)
		require.InDelta(t, truth, *counted.EnergyJ, counted.Uncertainty.U95)
		if before != nil {
			require.Greater(t, power.Uncertainty.U95, before.U95)
			require.Equal(t, meters.PartGaps, power.Uncertainty.Parts[len(power.Uncertainty.Parts)-2].Name)
		}
		before = power.Uncertainty
	}
}

func TestAttribute(t *testing.T) {
	t.Parallel()
	joules := 100.0
	w := bench.PhaseReading{Window: 10 * time.Second, EnergyJ: &joules}
	got, missing := meters.Attribute(w, []time.Duration{time.Second, 3 * time.Second})
	require.Empty(t, missing)
	require.Equal(t, []float64{10, 30}, got, "what was used between calls stays with the window")
	got, missing = meters.Attribute(w, []time.Duration{10 * time.Second, 10 * time.Second})
	require.Empty(t, missing)
	require.Equal(t, []float64{50, 50}, got, "calls that overlap share the whole")
	got, missing = meters.Attribute(bench.PhaseReading{Missing: "why"}, []time.Duration{1})
	require.Nil(t, got)
	require.Equal(t, "why", missing)
	for _, c := range []struct {
		w     bench.PhaseReading
		calls []time.Duration
	}{
		{bench.PhaseReading{}, []time.Duration{1}},
		{bench.PhaseReading{EnergyJ: &joules}, nil},
		{w, []time.Duration{-1}},
	} {
		got, missing = meters.Attribute(c.w, c.calls)
		require.Nil(t, got)
		require.NotEmpty(t, missing)
	}
}
