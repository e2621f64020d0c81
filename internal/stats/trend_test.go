package stats

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wattsweep/wattsweep/internal/bench"
)

func line(n int, step time.Duration, value func(i int) float64) []TimedValue {
	out := make([]TimedValue, n)
	for i := range out {
		out[i] = TimedValue{time.Duration(i) * step, value(i)}
	}
	return out
}

func TestTrendOfALine(t *testing.T) {
	t.Parallel()
	// 100 W and 1 W more every minute: 60 W an hour; over 19 minutes 19 W.
	got := TrendOf(TrendInput{Quantity: "power", Unit: "W", Run: 2, Values: line(20, time.Minute, func(i int) float64 { return 100 + float64(i) })})
	require.Equal(t, VerdictDrifting, got.Verdict)
	require.InDelta(t, 60, *got.Slope, 1e-9)
	require.InDelta(t, 60, *got.SlopeLow, 1e-9)
	require.InDelta(t, 60, *got.SlopeHigh, 1e-9)
	require.InDelta(t, 19/109.5, *got.Change, 1e-9)
	require.Less(t, *got.PValue, 1e-6)
	require.Equal(t, 2, got.Run)
}

// By hand: S = 45 of ten rising values, Var S = 10·9·25/18 = 125, z = 44/√125.
func TestMannKendallByHand(t *testing.T) {
	t.Parallel()
	m := mannKendall(line(10, time.Second, func(i int) float64 { return float64(i) }))
	require.InDelta(t, 45, m.s, 0)
	require.InDelta(t, 125, m.variance, 1e-9)
	require.InDelta(t, math.Erfc(44/math.Sqrt(125)/math.Sqrt2), m.p, 1e-9)
	// Ties: 1 1 2 2 3 3 4 4 5 5 has five pairs, each less 2·1·9/18 = 1.
	m = mannKendall(line(10, time.Second, func(i int) float64 { return float64(i/2 + 1) }))
	require.InDelta(t, 40, m.s, 0)
	require.InDelta(t, 120, m.variance, 1e-9)
}

func TestTrendVerdicts(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	noise := func(sd float64) func(int) float64 {
		return func(int) float64 { return 100 + sd*r.NormFloat64() }
	}
	for _, c := range []struct {
		name   string
		values []TimedValue
		limit  float64
		want   string
	}{
		{"constant", line(30, time.Second, func(int) float64 { return 7 }), 0, VerdictSteady},
		{"little noise", line(200, time.Second, noise(0.5)), 0, VerdictSteady},
		{"much noise", line(20, time.Second, noise(30)), 0, VerdictOpen},
		{"a rise below the limit", line(100, time.Second, func(i int) float64 { return 60 + float64(i)/100 }), LimitCelsius, VerdictSteady},
		{"a rise above the limit", line(100, time.Second, func(i int) float64 { return 60 + float64(i)/20 }), LimitCelsius, VerdictDrifting},
		{"too few", line(9, time.Second, func(i int) float64 { return float64(i) }), 0, VerdictTooFew},
		{"one time", line(30, 0, func(i int) float64 { return float64(i) }), 0, VerdictTooFew},
		{"none", nil, 0, VerdictTooFew},
		{"no number", line(30, time.Second, func(int) float64 { return math.NaN() }), 0, VerdictTooFew},
	} {
		got := TrendOf(TrendInput{Values: c.values, Limit: c.limit})
		require.Equal(t, c.want, got.Verdict, c.name)
		require.Equal(t, got.Slope == nil, got.Missing != "", c.name)
		require.Equal(t, got.Slope == nil, got.PValue == nil, c.name)
	}
}

// Neighbours that resemble each other are no trend: of 200 random walks that
// return to their middle, few may be called one. Without the correction about
// half are.
func TestTrendOfResemblingNeighbours(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	found, raw := 0, 0
	for range 200 {
		v := 0.0
		values := line(120, time.Second, func(int) float64 {
			v = 0.8*v + r.NormFloat64()
			return 100 + v
		})
		m := mannKendall(values)
		if m.p < 0.05 {
			found++
		}
		plain := 120.0 * 119 * 245 / 18
		if math.Abs(m.s)/math.Sqrt(plain) > 1.96 {
			raw++
		}
	}
	require.Greater(t, raw, 60)
	require.Less(t, found, 40)
}

// Of white noise about 5 % may be called a trend.
func TestTrendLevel(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	found := 0
	for range 400 {
		if mannKendall(line(40, time.Second, func(int) float64 { return r.NormFloat64() })).p < 0.05 {
			found++
		}
	}
	require.Less(t, found, 40)
}

func TestTrendProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 60).Draw(t, "n")
		values := make([]TimedValue, n)
		for i := range values {
			values[i] = TimedValue{
				time.Duration(rapid.IntRange(0, 1000).Draw(t, "at")) * time.Millisecond,
				rapid.Float64Range(-1e3, 1e3).Draw(t, "value"),
			}
		}
		got := TrendOf(TrendInput{Values: values})
		if got.Slope == nil {
			require.NotEmpty(t, got.Missing)
			return
		}
		require.LessOrEqual(t, *got.SlopeLow, *got.Slope)
		require.GreaterOrEqual(t, *got.SlopeHigh, *got.Slope)
		require.GreaterOrEqual(t, *got.PValue, 0.0)
		require.LessOrEqual(t, *got.PValue, 1.0)
		mirrored := make([]TimedValue, n)
		for i, v := range values {
			mirrored[i] = TimedValue{v.At, -v.Value}
		}
		require.InDelta(t, -*got.Slope, *TrendOf(TrendInput{Values: mirrored}).Slope, 1e-6*(1+math.Abs(*got.Slope)))
	})
}

func TestThinning(t *testing.T) {
	t.Parallel()
	long := line(10_000, time.Second, func(i int) float64 { return float64(i) })
	short := thinned(long)
	require.LessOrEqual(t, len(short), maxTrend)
	require.InDelta(t, 12, short[0].Value, 1e-9) // mean of 0 … 24
	require.Equal(t, 12*time.Second, short[0].At)
	require.InDelta(t, 3600, *TrendOf(TrendInput{Values: long}).Slope, 1e-6)
}

func TestTrendsOfACell(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	in := cellOf(2, 20)
	at(in.Calls, 1, began)
	at(in.Calls, 2, began.Add(time.Minute))
	warm := bench.Curve{Channel: "gpu0.temperature", Unit: bench.UnitCelsius}
	for i := range in.Phases {
		in.Phases[i].Window = 30 * time.Second
		in.Phases[i].Started = began.Add(time.Duration(in.Phases[i].Run-1) * time.Minute)
	}
	for i := range 90 {
		p := bench.Point{At: began.Add(time.Duration(i) * time.Second), Mean: ptr(40 + float64(i))}
		if i == 3 {
			p.Mean = nil
		}
		warm.Points = append(warm.Points, p)
	}
	in.Curves = []bench.Curve{warm, {Channel: "gpu0.power", Unit: bench.UnitWatt}, {Channel: "gpu0.clock_sm", Unit: bench.UnitHertz}}
	r := Cell(in)
	require.Len(t, r.Trends, 6)
	require.Equal(t, "latency", r.Trends[0].Quantity)
	require.Equal(t, 20, r.Trends[0].N)
	require.Equal(t, VerdictDrifting, r.Trends[0].Verdict, "call after call takes longer, by construction")
	require.Equal(t, "temperature of gpu0.temperature", r.Trends[2].Quantity)
	require.Equal(t, 30, r.Trends[2].N, "0 to 30 s without one gap")
	require.InDelta(t, 3600, *r.Trends[2].Slope, 1e-6)
	require.Equal(t, 30, r.Trends[3].N, "60 to 89 s")
	require.Equal(t, VerdictTooFew, r.Trends[4].Verdict)
	require.Equal(t, in.Curves, r.Curves)
	require.Empty(t, r.CurvesMissing)
}
