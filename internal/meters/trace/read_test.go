package trace_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters/trace"
	"github.com/wattsweep/wattsweep/internal/meters/trace/tracetest"
)

// series encodes readings of one meter, one row per tick, and loads them.
func series(t *testing.T, channels []bench.Channel, interval time.Duration, ticks [][]bench.Reading) trace.Samples {
	t.Helper()
	one := tracetest.Trace{Channels: channels, Interval: interval, Ticks: ticks}
	for i := range ticks {
		one.Seq = append(one.Seq, int64(i))
	}
	var stored []bench.TraceBlock
	for i, data := range blocks(one, 7) {
		stored = append(stored, bench.TraceBlock{No: i, Data: data})
	}
	s, err := trace.Load(bench.TraceSeries{
		TraceKey: key(), Channels: channels, Interval: interval, Anchor: anchor(), Reasons: []string{"no answer", "asleep"},
	}, append(stored[:1:1], stored...), nil) // the first block twice, as a piece and in full
	require.NoError(t, err)
	require.Len(t, s.Seq, len(ticks))
	return s
}

func power() bench.Channel { return bench.Channel{Name: "p", Unit: bench.UnitWatt} }

func values(points []bench.Point, of func(bench.Point) *float64) []any {
	var out []any
	for _, p := range points {
		if v := of(p); v == nil {
			out = append(out, nil)
		} else {
			out = append(out, *v)
		}
	}
	return out
}

const second = time.Second

// ramp has a reading each second: 0, 10, 20 … W, with none from 4 s to 8 s.
func ramp(t *testing.T) trace.Samples {
	var ticks [][]bench.Reading
	for i := range 13 {
		r := bench.Reading{At: time.Duration(i) * second, Value: 10 * float64(i)}
		if i >= 4 && i <= 8 {
			r = bench.Reading{At: r.At, State: bench.ReadingMissing, Reason: 1}
		}
		ticks = append(ticks, []bench.Reading{r})
	}
	return series(t, []bench.Channel{power()}, second, ticks)
}

func TestPointsKeepGapsAndAddUpEnergy(t *testing.T) {
	t.Parallel()
	s := ramp(t)
	points := s.Points(0, 0, 12*second, 2*second)
	mean := func(p bench.Point) *float64 { return p.Mean }
	require.Equal(t, []any{10.0, 25.0, nil, nil, 95.0, 110.0}, values(points, mean))
	require.Equal(t, []any{0.0, 20.0, nil, nil, 90.0, 100.0}, values(points, func(p bench.Point) *float64 { return p.Min }))
	require.Equal(t, []any{20.0, 30.0, nil, nil, 100.0, 120.0}, values(points, func(p bench.Point) *float64 { return p.Max }))
	require.Equal(t, []any{20.0, 45.0, nil, nil, 140.0, 360.0}, values(points, func(p bench.Point) *float64 { return p.CumulativeJ }))
	require.Equal(t, anchor().Add(second), points[0].At)
	require.Equal(t, bench.PhaseInference, points[0].Phase)

	raw := s.Points(0, 3*second, 10*second, 0)
	require.Equal(t, []any{30.0, nil, nil, nil, nil, nil, 90.0}, values(raw, mean))
	require.Empty(t, s.Points(0, 5*second, 5*second, second))
	_, end := s.Curve(0, 500*time.Millisecond, 3*second, 700*time.Millisecond, 1000)
	require.InDelta(t, 1000+45-1.25, end, 1e-9, "edges are interpolated, and the curve goes on from what was")
}

func TestCurveOfACounterGoesThroughGapsAndWraps(t *testing.T) {
	t.Parallel()
	c := bench.Channel{Name: "e", Unit: bench.UnitJoule, Counter: true, WrapAt: 100}
	at := func(i int, v float64, s bench.ReadingState) []bench.Reading {
		return []bench.Reading{{At: time.Duration(i) * second, Value: v, State: s}}
	}
	s := series(t, []bench.Channel{c}, second, [][]bench.Reading{
		at(0, 80, 0), at(1, 90, 0), at(2, 5, bench.ReadingWrapped), at(3, 0, bench.ReadingMissing), at(10, 45, 0),
		at(11, 3, bench.ReadingReset), at(12, 8, 0),
	})
	points := s.Points(0, 0, 12*second, 2*second)
	require.Equal(t, []any{25.0, 35.0, 45.0, 55.0, 65.0, 70.0}, values(points, func(p bench.Point) *float64 { return p.CumulativeJ }))
	require.Nil(t, points[0].Mean)
}

func TestPerCall(t *testing.T) {
	t.Parallel()
	s := ramp(t)
	call := func(item int, start, latency time.Duration) bench.Call {
		return bench.Call{CallKey: bench.CallKey{Cell: "c", Run: 1, Item: item}, Segment: 1, Start: start, Latency: latency}
	}
	other := call(9, 0, second)
	other.Segment = 2
	got := s.PerCall([]bench.Call{
		call(0, 500*time.Millisecond, 2*second), call(1, 1100*time.Millisecond, 300*time.Millisecond), call(2, 5*second, 2*second),
		call(3, 2*second, 8*second), call(4, -second, 4*second), call(5, 11*second, 3*second), other,
	})
	require.Len(t, got, 6)
	require.InDelta(t, 15, *got[0].Mean, 1e-9)
	require.InDelta(t, 25, *got[0].Peak, 1e-9)
	require.Equal(t, 2, got[0].Samples)
	require.Equal(t, bench.UnitWatt, got[0].Unit)
	for i, why := range map[int]string{
		1: trace.MissingNoSample, 2: "asleep", 3: trace.MissingGap, 4: trace.MissingEarly, 5: trace.MissingLate,
	} {
		require.Equal(t, why, got[i].Missing)
		require.Nil(t, got[i].Mean)
		require.Nil(t, got[i].Peak)
	}
}

// BenchmarkPerCall looks at 10,000 calls over an hour of ten channels.
func BenchmarkPerCall(b *testing.B) {
	one := tracetest.Simulated(9, 1, 72_000, 50*time.Millisecond)
	s := trace.Samples{Series: bench.TraceSeries{TraceKey: key(), Channels: one.Channels, Interval: one.Interval}, Seq: one.Seq}
	s.Readings = make([][]bench.Reading, len(one.Channels))
	for _, tick := range one.Ticks {
		for ch, r := range tick {
			s.Readings[ch] = append(s.Readings[ch], r)
		}
	}
	var calls []bench.Call
	for i := range 10_000 {
		calls = append(calls, bench.Call{
			CallKey: bench.CallKey{Run: 1, Item: i}, Segment: 1,
			Start: 2*second + time.Duration(i)*359*time.Millisecond, Latency: 350 * time.Millisecond,
		})
	}
	for b.Loop() {
		if n := len(s.PerCall(calls)); n != 90_000 {
			b.Fatal(n)
		}
	}
	b.ReportMetric(float64(len(calls))*float64(len(one.Channels)-1)*float64(b.N)/b.Elapsed().Seconds(), "figures/s")
}
