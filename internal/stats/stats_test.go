package stats

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wattsweep/wattsweep/internal/bench"
)

func TestQuantileType7(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []float64
		p      float64
		want   float64 // R: quantile(x, p, type = 7)
	}{
		{[]float64{1, 2, 3, 4}, 0.25, 1.75},
		{[]float64{4, 1, 3, 2}, 0.5, 2.5},
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 0.95, 9.55},
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 0.99, 9.91},
		{[]float64{7}, 0.99, 7},
		{[]float64{1, 2}, 0, 1},
		{[]float64{1, 2}, 1, 2},
	} {
		got, err := Quantile(c.values, c.p)
		require.NoError(t, err)
		require.InDelta(t, c.want, got, 1e-12)
	}
	for _, p := range []float64{-0.1, 1.1, math.NaN()} {
		_, err := Quantile([]float64{1}, p)
		require.ErrorContains(t, err, "expected 0 to 1")
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	d, err := Describe([]float64{2, 4, 4, 4, 5, 5, 7, 9})
	require.NoError(t, err)
	require.Equal(t, 8, d.N)
	require.InDelta(t, 5, d.Mean, 1e-12)
	require.InDelta(t, math.Sqrt(32.0/7), *d.SD, 1e-12)
	require.InDelta(t, 4.5, d.P50, 1e-12)
	one, err := Describe([]float64{3})
	require.NoError(t, err)
	require.Nil(t, one.SD)
	for _, bad := range [][]float64{nil, {1, math.NaN()}, {math.Inf(1)}, {math.MaxFloat64, math.MaxFloat64}} {
		_, err := Describe(bad)
		require.Error(t, err)
	}
}

func TestStudentT(t *testing.T) {
	t.Parallel()
	iv, err := StudentT([]float64{1, 2, 3})
	require.NoError(t, err)
	require.InDelta(t, 2-4.302653/math.Sqrt(3), iv.Low, 1e-5) // t(0.975, 2 df)
	require.InDelta(t, 2+4.302653/math.Sqrt(3), iv.High, 1e-5)
	iv, err = StudentT([]float64{1, 2})
	require.NoError(t, err)
	require.InDelta(t, 12.7062, iv.High-iv.Low, 1e-3) // 1 df: 2 × 12.7062 × 0.7071 / √2
	_, err = StudentT([]float64{1})
	require.ErrorContains(t, err, "one value has no spread")
	_, err = StudentT([]float64{2, 2, 2})
	require.ErrorContains(t, err, "all 3 values are equal")
}

func TestWilson(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		p         float64
		n         int
		low, high float64
	}{
		{0.5, 10, 0.236593, 0.763407},
		{1, 40, 0.912381, 1},
		{0, 40, 0, 0.087619},
	} {
		iv, err := Wilson(c.p, c.n)
		require.NoError(t, err)
		require.InDelta(t, c.low, iv.Low, 1e-5)
		require.InDelta(t, c.high, iv.High, 1e-5)
	}
	for _, p := range []float64{-0.1, 1.1, math.NaN()} {
		_, err := Wilson(p, 10)
		require.Error(t, err)
	}
	_, err := Wilson(0.5, 0)
	require.Error(t, err)
}

func TestBootstrapIsSeededAndCovers(t *testing.T) {
	t.Parallel()
	values := make([]float64, 100)
	for i := range values {
		values[i] = float64(i % 10)
	}
	a, err := BootstrapMean(values, 1)
	require.NoError(t, err)
	again, err := BootstrapMean(values, 1)
	require.NoError(t, err)
	require.Equal(t, a, again)
	other, err := BootstrapMean(values, 2)
	require.NoError(t, err)
	require.NotEqual(t, a, other)
	// Normal theory: 4.5 ± 1.96 × 2.87 / 10.
	require.InDelta(t, 4.5-0.563, a.Low, 0.06)
	require.InDelta(t, 4.5+0.563, a.High, 0.06)
	_, err = BootstrapMean([]float64{1, 2, 3}, 1)
	require.ErrorContains(t, err, "too few")
	_, err = BootstrapMean([]float64{3, 3, 3, 3, 3}, 1)
	require.ErrorContains(t, err, "equal")
	_, err = BootstrapMean([]float64{3, math.NaN(), 3, 3, 3}, 1)
	require.ErrorContains(t, err, "finite")
}

func TestSummarise(t *testing.T) {
	t.Parallel()
	s, err := Summarise([][]float64{{1, 3}, {}, {4, 4}}, Options{Bounds: NonNegative})
	require.NoError(t, err)
	require.InDelta(t, 3, s.Mean, 1e-12)
	require.Equal(t, 4, s.N)
	require.Equal(t, "runs (Student t, n = 2), cut at 0", s.IntervalOver)
	require.Zero(t, *s.CI95Low)
	require.InDelta(t, 3+12.7062, *s.CI95High, 1e-3) // run means 2 and 4

	s, err = Summarise([][]float64{{1, 2, 3, 4, 5, 6}}, Options{})
	require.NoError(t, err)
	require.Equal(t, OverCalls, s.IntervalOver)

	s, err = Summarise([][]float64{{1, 2}}, Options{})
	require.NoError(t, err)
	require.Nil(t, s.CI95Low)
	require.Nil(t, s.CI95High)
	require.Empty(t, s.IntervalOver)
	require.Contains(t, s.CIMissing, "too few")

	s, err = Summarise([][]float64{{1, 3}, {2, 2}}, Options{})
	require.NoError(t, err)
	require.Nil(t, s.CI95Low)
	require.Equal(t, "over runs: all 2 values are equal, so an interval would have no width", s.CIMissing)

	for _, bad := range [][][]float64{nil, {{}, {}}, {{math.NaN()}}, {{1}, {math.Inf(-1)}}} {
		_, err := Summarise(bad, Options{})
		require.Error(t, err)
	}
}

func TestScoreIntervals(t *testing.T) {
	t.Parallel()
	repeated := func(runs, journals int, value func(int) float64) []observation {
		var list []observation
		for run := range runs {
			for j := range journals {
				list = append(list, observation{run + 1, string(rune('a' + j)), value(j)})
			}
		}
		return list
	}
	half := func(j int) float64 { return float64(j % 2) }
	for _, c := range []struct {
		name   string
		list   []observation
		binary bool
		over   string
	}{
		{"one run of hits", repeated(1, 20, half), true, OverTrials},
		{"one run of scores", repeated(1, 20, half), false, OverCalls},
		{"runs that agree, hits", repeated(3, 20, half), true, "journals (Wilson; the 3 runs agree exactly)"},
		{"runs that agree, scores", repeated(3, 20, half), false, "journals (bootstrap; the 3 runs agree exactly)"},
		{"all right", repeated(2, 20, func(int) float64 { return 1 }), true, "journals (Wilson; the 2 runs agree exactly)"},
		{"all the same score", repeated(2, 20, func(int) float64 { return 0.75 }), false, ""},
	} {
		e := estimateScore(c.list, c.binary, 1)
		require.Equal(t, c.over, e.IntervalOver, c.name)
		require.Equal(t, c.over == "", e.CI95Low == nil, c.name)
		require.Equal(t, c.over == "", e.CIMissing != "", c.name)
	}
	differing := append(repeated(1, 10, half), observation{2, "a", 1}, observation{2, "b", 1})
	e := estimateScore(differing, true, 1)
	require.Equal(t, "runs (Student t, n = 2), cut to 0–1", e.IntervalOver)
	require.Zero(t, *e.CI95Low)
	require.InDelta(t, 1, *e.CI95High, 0)
}

func TestPairedDifference(t *testing.T) {
	t.Parallel()
	a := map[string]float64{"1": 1, "2": 0.75, "3": 1, "4": 0.25, "5": 1, "6": 0, "only a": 1}
	b := map[string]float64{"1": 0.75, "2": 0.75, "3": 0, "4": 0.25, "5": 1, "6": 0, "only b": 1}
	e, err := PairedDifference(a, b, 1)
	require.NoError(t, err)
	require.InDelta(t, 1.25/6, e.Mean, 1e-12)
	require.Equal(t, 6, e.N)
	require.Equal(t, OverDifference, e.IntervalOver)
	back, err := PairedDifference(b, a, 1)
	require.NoError(t, err)
	require.InDelta(t, -e.Mean, back.Mean, 1e-12)
	_, err = PairedDifference(map[string]float64{"x": 1}, b, 1)
	require.ErrorContains(t, err, "share no journal")
	_, err = PairedDifference(map[string]float64{"1": math.NaN()}, b, 1)
	require.Error(t, err)
	few, err := PairedDifference(map[string]float64{"1": 1}, b, 1)
	require.NoError(t, err)
	require.Contains(t, few.CIMissing, "too few")
}

func TestDescriptionProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), 1, 50).Draw(t, "values")
		d, err := Describe(values)
		require.NoError(t, err)
		require.LessOrEqual(t, d.Min, d.P50)
		require.LessOrEqual(t, d.P50, d.P95)
		require.LessOrEqual(t, d.P95, d.P99)
		require.LessOrEqual(t, d.P99, d.Max)
		require.GreaterOrEqual(t, d.Mean, d.Min)
		require.LessOrEqual(t, d.Mean, d.Max)
	})
}

func TestSummaryProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		runs := rapid.SliceOfN(rapid.SliceOfN(rapid.Float64Range(0, 1), 0, 12), 1, 4).Draw(t, "runs")
		s, err := Summarise(runs, Options{Seed: 7, Bounds: Share})
		n := 0
		for _, run := range runs {
			n += len(run)
		}
		if n == 0 {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		requireInterval(t, s.Mean, s.CI95Low, s.CI95High, s.IntervalOver, s.CIMissing)
		require.LessOrEqual(t, value(s.CI95High), 1.0)
		require.GreaterOrEqual(t, value(s.CI95Low), 0.0)
	})
}

// requireInterval checks that an interval is whole, or away with its reason.
func requireInterval(t require.TestingT, mean float64, low, high *float64, over, missing string) {
	require.Equal(t, low == nil, high == nil)
	require.Equal(t, low == nil, missing != "")
	require.Equal(t, low == nil, over == "")
	if low != nil {
		require.LessOrEqual(t, *low, *high)
		if over != OverCalls { // a bootstrap of few values may miss the mean by a rounding
			require.LessOrEqual(t, *low, mean+1e-9)
			require.GreaterOrEqual(t, *high, mean-1e-9)
		}
	}
}

func value(f *float64) float64 {
	if f == nil {
		return 0
	}
	return *f
}

func TestMethodNamesTheEstimator(t *testing.T) {
	t.Parallel()
	require.Contains(t, Method()[0], "R type 7")
	var none bench.Estimate
	setInterval(&none, Interval{math.NaN(), 1}, Share)
	require.NotEmpty(t, none.CIMissing)
}
