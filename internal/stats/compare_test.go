package stats

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestMcNemar(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		b, c   int
		p, mid float64
	}{
		{0, 0, 1, 1},
		{5, 0, 2.0 / 32, 1.0 / 32},                                    // 2 × 1/2⁵; less half of it
		{0, 5, 2.0 / 32, 1.0 / 32},                                    // it has no direction
		{1, 9, 22.0 / 1024, 22.0/1024 - 10.0/1024},                    // 2 × (1 + 10)/2¹⁰
		{3, 3, 1, 1 - 0.3125 + 0.3125},                                // never above 1
		{12, 5, 2 * 9402.0 / 131072, 2*9402.0/131072 - 6188.0/131072}, // Σ C(17, 0…5) = 9402
	} {
		p, mid := McNemar(c.b, c.c)
		require.InDelta(t, c.p, p, 1e-9, "%d %d", c.b, c.c)
		require.InDelta(t, c.mid, mid, 1e-9, "%d %d", c.b, c.c)
	}
	p, _ := McNemar(5200, 5000) // as the normal law says of √(200²/10200) = 1.98
	require.InDelta(t, 2*(1-0.97558), p, 0.002)
}

func TestMcNemarOf(t *testing.T) {
	t.Parallel()
	first := map[string]float64{"a": 1, "b": 1, "c": 0.8, "d": 0, "e": 0.5, "f": 1, "only": 1}
	second := map[string]float64{"a": 1, "b": 0, "c": 0.2, "d": 0.4, "e": 1, "f": 1, "other": 0}
	got := McNemarOf(first, second)
	require.Equal(t, McNemarTest{BothRight: 2, BothWrong: 1, OnlyFirst: 2, Undecided: 1, P: 0.5, MidP: 0.25}, got)
	back := McNemarOf(second, first)
	require.Equal(t, 2, back.OnlySecond)
	require.InDelta(t, got.P, back.P, 0)
}

func TestHedgesG(t *testing.T) {
	t.Parallel()
	// Means 3 and 5, variances 2.5 each, so d = −2/√2.5, times 1 − 3/31.
	e, err := HedgesG([]float64{1, 2, 3, 4, 5}, []float64{3, 4, 5, 6, 7})
	require.NoError(t, err)
	g := -2 / math.Sqrt(2.5) * (1 - 3.0/31)
	require.InDelta(t, g, e.Mean, 1e-12)
	half := 1.959964 * math.Sqrt(10.0/25+g*g/20)
	require.InDelta(t, g-half, *e.CI95Low, 1e-5)
	require.InDelta(t, g+half, *e.CI95High, 1e-5)
	for _, bad := range [][2][]float64{{{1}, {1, 2}}, {{2, 2}, {3, 3}}, {nil, {1}}, {{math.NaN(), 1}, {1, 2}}} {
		_, err := HedgesG(bad[0], bad[1])
		require.Error(t, err)
	}
}

func TestCliffsDelta(t *testing.T) {
	t.Parallel()
	e, err := CliffsDelta([]float64{1, 2, 3}, []float64{2, 3, 4})
	require.NoError(t, err)
	require.InDelta(t, (1.0-6)/9, e.Mean, 1e-12) // above: (3,2); below: six; equal: two
	require.Less(t, *e.CI95Low, e.Mean)
	require.Greater(t, *e.CI95High, e.Mean)
	require.GreaterOrEqual(t, *e.CI95Low, -1.0)
	all, err := CliffsDelta([]float64{5, 6}, []float64{1, 2})
	require.NoError(t, err)
	require.InDelta(t, 1, all.Mean, 0)
	require.NotEmpty(t, all.CIMissing)
	one, err := CliffsDelta([]float64{5}, []float64{1, 2})
	require.NoError(t, err)
	require.NotEmpty(t, one.CIMissing)
	_, err = CliffsDelta(nil, []float64{1})
	require.Error(t, err)
}

func TestPairedSizes(t *testing.T) {
	t.Parallel()
	a := map[string]float64{"1": 2, "2": 4, "3": 6, "4": 8, "5": 10, "6": 12, "x": 1}
	b := map[string]float64{"1": 1, "2": 2, "3": 3, "4": 4, "5": 5, "6": 6, "y": 1}
	r, err := PairedRatio(a, b, 1)
	require.NoError(t, err)
	require.InDelta(t, 2, r.Mean, 1e-12)
	require.Equal(t, 6, r.N)
	require.NotEmpty(t, r.CIMissing, "every pair has the ratio 2")
	b["6"] = 7
	r, err = PairedRatio(a, b, 1)
	require.NoError(t, err)
	require.InDelta(t, 42.0/22, r.Mean, 1e-12)
	require.LessOrEqual(t, *r.CI95Low, r.Mean)
	d, err := PairedDelta(a, b, 1)
	require.NoError(t, err)
	require.InDelta(t, 1, d.Mean, 0)
	g, err := PairedHedgesG(a, b, 1)
	require.NoError(t, err)
	// Means 7 and 22/6; variances 14 and (104 − 22²/6)/5 = 4.6667.
	require.InDelta(t, (1-3.0/19)*(7-22.0/6)/math.Sqrt((14+14.0/3)/2), g.Mean, 1e-9)
	require.NotNil(t, g.CI95Low)
	b["1"] = 0
	_, err = PairedRatio(a, b, 1)
	require.ErrorContains(t, err, "more than 0")
	_, err = PairedRatio(map[string]float64{"q": 1}, b, 1)
	require.Error(t, err)
	_, err = PairedHedgesG(map[string]float64{"1": 1}, b, 1)
	require.Error(t, err)
}

func TestDifferenceHasItsTests(t *testing.T) {
	t.Parallel()
	sv, en := cellOf(2, 10), cellOf(2, 10)
	for i := range en.Scores {
		if en.Scores[i].Item == 0 {
			en.Scores[i].Weighted, en.Scores[i].ExactAt1 = 0.75, false
		}
	}
	d, err := ScoreDifference(Answers{sv.Calls, sv.Scores}, Answers{en.Calls, en.Scores}, 1)
	require.NoError(t, err)
	require.Equal(t, McNemarTest{BothRight: 4, BothWrong: 5, OnlyFirst: 1, P: 1, MidP: 0.5}, d.McNemar)
	require.InDelta(t, 0.1, d.CliffsDelta.Mean, 1e-12)
	require.Positive(t, d.HedgesG.Mean)
	require.Empty(t, d.HedgesGMissing)
}

func TestCompareProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b, c := rapid.IntRange(0, 400).Draw(t, "b"), rapid.IntRange(0, 400).Draw(t, "c")
		p, mid := McNemar(b, c)
		back, _ := McNemar(c, b)
		require.InDelta(t, p, back, 1e-12)
		require.GreaterOrEqual(t, p, 0.0)
		require.LessOrEqual(t, p, 1.0)
		require.LessOrEqual(t, mid, p)
		set := rapid.SliceOfN(rapid.Float64Range(-5, 5), 2, 20)
		x, y := set.Draw(t, "x"), set.Draw(t, "y")
		delta, err := CliffsDelta(x, y)
		require.NoError(t, err)
		other, err := CliffsDelta(y, x)
		require.NoError(t, err)
		require.InDelta(t, delta.Mean, -other.Mean, 1e-9)
		if delta.CI95Low != nil {
			require.LessOrEqual(t, *delta.CI95Low, delta.Mean+1e-9)
			require.GreaterOrEqual(t, *delta.CI95High, delta.Mean-1e-9)
			require.GreaterOrEqual(t, *delta.CI95Low, -1.0)
			require.LessOrEqual(t, *delta.CI95High, 1.0)
		}
	})
}
