package gum_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/gum"
)

func part(name string, u float64, common bool, dof float64) bench.UncertaintyPart {
	return bench.UncertaintyPart{Name: name, Standard: u, Common: common, DOF: dof, Type: gum.TypeB, Basis: name}
}

// The example of GUM H.1, the calibration of an end gauge: its parts in nm
// give u = 32 nm with 16 effective degrees of freedom. (G.4.1 cuts the degrees
// to 16; k is 2.12 at 95 %.)
func TestEndGaugeOfTheGuide(t *testing.T) {
	t.Parallel()
	u := gum.Combine([]bench.UncertaintyPart{
		part("standard", 25, false, 18), part("difference", 9.7, false, 25.6),
		part("expansion", 2.9, false, 50), part("temperature", 16.6, false, 2),
	})
	require.InDelta(t, 32, u.Standard, 0.5)
	require.InDelta(t, 16.7, u.DOF, 1)
	require.InDelta(t, 2.12, u.K, 0.02)
	require.InDelta(t, u.K*u.Standard, u.U95, 1e-12)
}

func TestCombine(t *testing.T) {
	t.Parallel()
	u := gum.Combine([]bench.UncertaintyPart{part("a", 3, false, 0), part("b", 4, true, 0)})
	require.InDelta(t, 5, u.Standard, 1e-12)
	require.InDelta(t, 1.959964, u.K, 1e-6)
	require.Zero(t, u.DOF)
	none := gum.Combine(nil)
	require.Zero(t, none.U95)
	one := gum.Combine([]bench.UncertaintyPart{part("a", 2, false, 9)})
	require.InDelta(t, 2.262157, one.K, 1e-6)
	require.InDelta(t, 9, one.DOF, 1e-9)
	for _, bad := range []float64{math.NaN(), math.Inf(1), -1} {
		require.True(t, math.IsInf(gum.Combine([]bench.UncertaintyPart{part("a", bad, false, 0)}).U95, 1))
	}
	require.InDelta(t, 1, gum.Rectangular(-math.Sqrt(3)), 1e-12)
	require.InDelta(t, 1, gum.Triangular(math.Sqrt(6)), 1e-12)
	require.InDelta(t, 1, gum.Arcsine(math.Sqrt2), 1e-12)
}

func TestSumOver(t *testing.T) {
	t.Parallel()
	window := gum.Combine([]bench.UncertaintyPart{part("sensor", 3, true, 0), part("edges", 4, false, 0)})
	sum := gum.SumOver([]bench.Uncertainty{window, window, window, window})
	require.Len(t, sum.Parts, 2)
	require.InDelta(t, 12, sum.Parts[0].Standard, 1e-12, "one error in every window adds linearly")
	require.InDelta(t, 8, sum.Parts[1].Standard, 1e-12, "errors of their own add in quadrature")
	require.InDelta(t, math.Hypot(12, 8), sum.Standard, 1e-12)
	require.Equal(t, window, gum.SumOver([]bench.Uncertainty{window}))
	require.Zero(t, gum.SumOver(nil).U95)
}

// Only the accuracy of one sensor is known to have one sign in both: what is
// common to windows but may be above in one and below in the other adds up.
func TestMinusCancelsNothingOfUnknownSign(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"disagreement", "gaps", "window edges", "delay"} {
		gross := gum.Combine([]bench.UncertaintyPart{part(gum.NameAccuracy, 9, true, 0), part(name, 300, true, 0)})
		base := gum.Combine([]bench.UncertaintyPart{part(gum.NameAccuracy, 8, true, 0), part(name, 300, true, 0)})
		net := gum.Minus(gross, base)
		require.Len(t, net.Parts, 2)
		require.InDelta(t, 1, net.Parts[0].Standard, 1e-12)
		require.InDelta(t, 600, net.Parts[1].Standard, 1e-12, "+300 J under load and -300 J in the baseline: %s", name)
		require.True(t, net.Parts[1].Common)
	}
	// Common in one alone it is not the same error.
	net := gum.Minus(gum.Combine([]bench.UncertaintyPart{part("resolution", 3, false, 0)}),
		gum.Combine([]bench.UncertaintyPart{part("resolution", 4, true, 0)}))
	require.InDelta(t, 5, net.Standard, 1e-12)
}

// What is assumed of a class of devices is wrong by the same in each of them.
func TestWhatDevicesShareAddsLinearly(t *testing.T) {
	t.Parallel()
	device := func(u float64, shared string) bench.Uncertainty {
		p := part(gum.NameAccuracy, u, true, 0)
		p.Shared = shared
		return gum.Combine([]bench.UncertaintyPart{p, part("edges", 4, true, 0)})
	}
	model := "an assumption for one model"
	sum := gum.AddIndependent([]string{"cpu0", "cpu1", "gpu0", "cpu2"},
		[]bench.Uncertainty{device(30, model), device(40, model), device(12, ""), device(5, "another model")})
	require.InDelta(t, math.Sqrt(70*70+12*12+5*5+4*16), sum.Standard, 1e-9)
	require.Equal(t, "cpu0, cpu1: "+gum.NameAccuracy, sum.Parts[0].Name)
	require.InDelta(t, 70, sum.Parts[0].Standard, 1e-12)
	require.Equal(t, "cpu1: edges", sum.Parts[2].Name)
	twice := gum.AddIndependent([]string{"", "baseline"}, []bench.Uncertainty{device(30, model), device(10, model)})
	require.Equal(t, "baseline: "+gum.NameAccuracy, twice.Parts[0].Name, "an empty label leaves no trace")
	require.InDelta(t, 40, twice.Parts[0].Standard, 1e-12)

	// Over windows and in a net the mark stays.
	windows := gum.SumOver([]bench.Uncertainty{device(30, model), device(10, model)})
	require.Equal(t, model, windows.Parts[0].Shared)
	require.InDelta(t, 40, windows.Parts[0].Standard, 1e-12)
	require.Equal(t, model, gum.Minus(windows, device(10, model)).Parts[0].Shared)
	require.Equal(t, model, gum.Scale(windows, 3).Parts[0].Shared)
}

func TestMinusAndScale(t *testing.T) {
	t.Parallel()
	sensor := gum.NameAccuracy
	gross := gum.Combine([]bench.UncertaintyPart{part(sensor, 50, true, 0), part("edges", 4, false, 0)})
	base := gum.Scale(gum.Combine([]bench.UncertaintyPart{part(sensor, 5, true, 0), part("edges", 0.3, false, 0)}), 10)
	net := gum.Minus(gross, base)
	require.InDelta(t, 0, net.Parts[0].Standard, 1e-12, "a wrong gain cancels where both are as large")
	require.InDelta(t, 5, net.Standard, 1e-12)
	require.Equal(t, "baseline: edges", net.Parts[2].Name)
	require.InDelta(t, 50, gross.Parts[0].Standard, 0, "the operand is not changed")
	other := gum.Minus(gross, gum.Combine([]bench.UncertaintyPart{part("other sensor", 5, true, 0)}))
	require.InDelta(t, math.Sqrt(2500+16+25), other.Standard, 1e-9)
	apart := gum.AddIndependent([]string{"wall", "gpu"}, []bench.Uncertainty{gross, gross})
	require.InDelta(t, gross.Standard*math.Sqrt2, apart.Standard, 1e-9)
	require.Equal(t, "gpu: "+sensor, apart.Parts[2].Name)
}

func TestWithRepeats(t *testing.T) {
	t.Parallel()
	u := gum.WithRepeats(bench.Uncertainty{}, 10, 4, "four runs")
	require.InDelta(t, 5, u.Standard, 1e-12)
	require.InDelta(t, 3.182446, u.K, 1e-6)
	require.Equal(t, gum.TypeA, u.Parts[0].Type)
	require.Zero(t, gum.WithRepeats(bench.Uncertainty{}, 10, 1, "one run").U95)
}

func TestAlgebra(t *testing.T) {
	t.Parallel()
	drawn := rapid.Custom(func(t *rapid.T) bench.Uncertainty {
		var parts []bench.UncertaintyPart
		for _, name := range []string{gum.NameAccuracy, "edges", "sampling"}[:rapid.IntRange(0, 3).Draw(t, "parts")] {
			parts = append(parts, part(name, rapid.Float64Range(0, 1e3).Draw(t, name), name != "sampling",
				rapid.SampledFrom([]float64{0, 0, 1, 5, 40}).Draw(t, "dof")))
		}
		return gum.Combine(parts)
	})
	rapid.Check(t, func(rt *rapid.T) {
		a, b := drawn.Draw(rt, "a"), drawn.Draw(rt, "b")
		factor := rapid.Float64Range(-100, 100).Draw(rt, "factor")
		near := func(want, got float64) { require.InDelta(rt, want, got, 1e-9*(1+math.Abs(want))) }
		near(math.Abs(factor)*a.Standard, gum.Scale(a, factor).Standard)
		ab, ba := gum.SumOver([]bench.Uncertainty{a, b}), gum.SumOver([]bench.Uncertainty{b, a})
		near(ab.Standard, ba.Standard)
		near(ab.U95, ba.U95)
		require.GreaterOrEqual(rt, ab.Standard+1e-9, max(a.Standard, b.Standard), "more windows, more doubt")
		require.LessOrEqual(rt, ab.Standard, a.Standard+b.Standard+1e-9)
		near(gum.Minus(a, b).Standard, gum.Minus(b, a).Standard)
		require.LessOrEqual(rt, gum.Minus(a, b).Standard, a.Standard+b.Standard+1e-9)
		require.GreaterOrEqual(rt, gum.WithRepeats(a, 3, 3, "").Standard, a.Standard)
		require.GreaterOrEqual(rt, a.K, 1.9599)
	})
}
