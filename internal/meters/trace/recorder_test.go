package trace_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters/trace"
	"github.com/wattsweep/wattsweep/internal/meters/trace/tracetest"
)

// replay is a sampler that has taken the ticks of a trace up to a moment.
type replay struct {
	trace tracetest.Trace
	now   time.Duration
}

func (r *replay) Meters() []trace.Meter {
	return []trace.Meter{{Name: r.trace.Meter, Channels: r.trace.Channels, Interval: r.trace.Interval, Reasons: r.trace.Reasons}}
}

func (r *replay) Ticks(_ string, after int64, visit func(int64, []bench.Reading) bool) {
	from, _ := slices.BinarySearch(r.trace.Seq, after+1)
	for i := from; i < len(r.trace.Seq); i++ {
		tick := r.trace.Ticks[i]
		if tick[len(tick)-1].At > r.now || !visit(r.trace.Seq[i], tick) {
			return
		}
	}
}

func (r *replay) Quality(meter string) bench.SamplingQuality {
	return bench.SamplingQuality{Meter: meter, Samples: int64(len(r.trace.Seq)), Dropped: 7}
}

// shelf keeps what was stored, by the rules of the store.
type shelf struct {
	series bench.TraceSeries
	full   []bench.TraceBlock
	open   int
	tail   map[int]bench.TraceBlock
}

func (s *shelf) put(b trace.Batch) {
	s.series = b.Series
	for _, one := range b.Blocks {
		if one.No == len(s.full) {
			s.full = append(s.full, one)
		}
	}
	if b.Open > s.open || s.tail == nil {
		s.open, s.tail = b.Open, map[int]bench.TraceBlock{}
	}
	for _, one := range b.Tail {
		s.tail[one.No] = one
	}
}

func (s *shelf) load(t *testing.T) trace.Samples {
	t.Helper()
	all := slices.Clone(s.full)
	for i := range len(s.tail) {
		all = append(all, s.tail[i])
	}
	out, err := trace.Load(s.series, all, nil)
	require.NoError(t, err)
	return out
}

func key() bench.TraceKey {
	return bench.TraceKey{Cell: "c", Epoch: 1, Phase: bench.PhaseInference, Run: 1, No: 1}
}

func anchor() time.Time { return time.Date(2026, 11, 21, 9, 0, 0, 123_456_789, time.UTC) }

// TestKilledRecorderLosesASecondAtMost drops the recorder at many moments, also
// with the last store lost on its way, and reads back what is left.
func TestKilledRecorderLosesASecondAtMost(t *testing.T) {
	t.Parallel()
	one := tracetest.Simulated(5, 1, 3000, 50*time.Millisecond) // 150 s: two full blocks and a part
	for _, lost := range []bool{false, true} {
		for kill := 3; kill < 150; kill += 7 {
			source := &replay{trace: one}
			r := trace.NewRecorder(source, key(), anchor(), 0)
			var stored shelf
			for second := 1; second <= kill; second++ {
				source.now = time.Second + time.Duration(second)*time.Second
				for _, b := range r.Pending(source.now) {
					stored.put(b)
					if !lost || second%2 == 0 { // else its answer never came, and it is stored again
						r.Stored(b)
						stored.put(b)
					}
				}
			}
			killedAt := source.now + 990*time.Millisecond // just before the next store
			got := stored.load(t)
			last := got.Readings[0][len(got.Seq)-1].At
			require.LessOrEqual(t, killedAt-last, 1100*time.Millisecond)
			requireTrace(t, one, got, len(got.Seq))
		}
	}
}

func requireTrace(t *testing.T, want tracetest.Trace, got trace.Samples, n int) {
	t.Helper()
	for i := range n {
		require.Equal(t, want.Seq[i], got.Seq[i])
		for ch, c := range want.Channels {
			require.Equal(t, kept(c, want.Ticks[i][ch]), got.Readings[ch][i])
		}
	}
}

func TestFinishedSeriesIsInFullBlocks(t *testing.T) {
	t.Parallel()
	one := tracetest.Simulated(6, 1, 3000, 50*time.Millisecond)
	source := &replay{trace: one}
	from, until := one.Ticks[100][0].At, one.Ticks[2600][0].At-time.Millisecond
	r := trace.NewRecorder(source, key(), anchor(), from)
	var stored shelf
	for source.now = 0; source.now < until; source.now += time.Second {
		for _, b := range r.Pending(source.now) {
			require.False(t, b.Last)
			stored.put(b)
			r.Stored(b)
		}
	}
	source.now = time.Hour
	last := r.Finish(until)
	require.Len(t, last, 1)
	require.True(t, last[0].Last)
	require.Empty(t, last[0].Tail)
	stored.put(last[0])
	require.Len(t, stored.full, 3)
	require.EqualValues(t, 7, stored.series.Quality.Dropped)
	require.Equal(t, "nvml", stored.series.Meter)
	got := stored.load(t)
	require.Equal(t, one.Seq[99], got.Seq[0], "the window's first edge lies between two ticks that are stored")
	require.Equal(t, one.Seq[2600], got.Seq[len(got.Seq)-1], "so does its last")
	require.GreaterOrEqual(t, r.Taken(), until)
	require.Len(t, r.Finish(time.Hour), 1, "nothing more is taken")
	for _, b := range stored.full {
		var d trace.Decoder
		decoded, err := d.Decode(b.Data, nil)
		require.NoError(t, err)
		require.Len(t, decoded.Seq, b.Ticks)
	}
}

func TestSecondsAreThoseOfTheWallClock(t *testing.T) {
	t.Parallel()
	e := trace.NewEncoder([]bench.Channel{{}, {}}, 300*time.Millisecond)
	base := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 10 {
		at := 500*time.Millisecond + time.Duration(i)*300*time.Millisecond
		second := bench.Reading{At: at, State: bench.ReadingStale}
		if i == 4 {
			second = bench.Reading{At: at, Value: -3}
		}
		e.Add(int64(i), []bench.Reading{{At: at, Value: float64(i)}, second})
	}
	require.Equal(t, []bench.TraceSecond{
		{Channel: 0, Second: base, N: 2, Mean: 0.5, Min: 0, Max: 1},
		{Channel: 0, Second: base.Add(time.Second), N: 3, Mean: 3, Min: 2, Max: 4},
		{Channel: 0, Second: base.Add(2 * time.Second), N: 4, Mean: 6.5, Min: 5, Max: 8},
		{Channel: 0, Second: base.Add(3 * time.Second), N: 1, Mean: 9, Min: 9, Max: 9},
		{Channel: 1, Second: base.Add(time.Second), N: 1, Mean: -3, Min: -3, Max: -3},
	}, e.Seconds(base, 0, 10))
}

// BenchmarkRecordSecond is what a second of 30 channels at 50 ms costs beside
// the measuring loop, full blocks included.
func BenchmarkRecordSecond(b *testing.B) {
	one := tracetest.Simulated(7, 3, 72_000, 50*time.Millisecond)
	source := &replay{trace: one}
	r := trace.NewRecorder(source, key(), anchor(), 0)
	b.ReportAllocs()
	for b.Loop() {
		source.now += time.Second
		if source.now > time.Hour {
			source.now = time.Second
			r = trace.NewRecorder(source, key(), anchor(), 0)
		}
		for _, batch := range r.Pending(source.now) {
			r.Stored(batch)
		}
	}
}

// BenchmarkEncode and BenchmarkDecode take blocks of a minute of 30 channels.
func BenchmarkEncode(b *testing.B) {
	one := tracetest.Simulated(8, 3, 1200, 50*time.Millisecond)
	e := trace.NewEncoder(one.Channels, one.Interval)
	bytes := 0
	for b.Loop() {
		for i, tick := range one.Ticks {
			e.Add(one.Seq[i], tick)
		}
		bytes = len(e.Encode(0, e.Len()))
		e.Reset()
	}
	b.ReportMetric(float64(one.Samples())*float64(b.N)/b.Elapsed().Seconds(), "samples/s")
	b.ReportMetric(float64(bytes)/float64(one.Samples()), "B/sample")
}

func BenchmarkDecode(b *testing.B) {
	one := tracetest.Simulated(8, 3, 1200, 50*time.Millisecond)
	data := blocks(one, 1200)[0]
	var d trace.Decoder
	for b.Loop() {
		if _, err := d.Decode(data, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(one.Samples())*float64(b.N)/b.Elapsed().Seconds(), "samples/s")
}
