package trace_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/trace"
)

// Over a stretch in which a counter does not count the curve gains nothing, and
// does not say so as if it were known.
func TestCurveOfACounterThatDidNotCount(t *testing.T) {
	t.Parallel()
	s := trace.Samples{
		Series:   bench.TraceSeries{Interval: time.Second, Channels: []bench.Channel{{Unit: bench.UnitJoule, Counter: true, UpdatePeriod: time.Millisecond, LagBasis: "stated"}}},
		Readings: make([][]bench.Reading, 1),
	}
	for i := range 600 {
		// 200 W; from 200 s to 400 s below the floor, and then one unit more at once.
		r := bench.Reading{At: time.Duration(i) * time.Second, Value: float64(min(i, 200)*200 + max(0, i-400)*200)}
		if i > 400 {
			r.Value += 1000
		}
		if i >= 200 && i <= 400 {
			r.State = bench.ReadingOutOfRange
		}
		s.Readings[0] = append(s.Readings[0], r)
	}
	points, end := s.Curve(0, 10*time.Second, 590*time.Second, 10*time.Second, 0)
	require.InDelta(t, 189*200+189*200, end, 1)
	require.NotNil(t, points[10].CumulativeJ)
	require.Nil(t, points[30].CumulativeJ, "between 310 and 320 s nothing is known")
	require.NotNil(t, points[50].CumulativeJ)
	require.LessOrEqual(t, *points[50].CumulativeJ, end)
}

// What the sampler itself says of a reading is told in its words.
func TestReasonsOfTheSampler(t *testing.T) {
	t.Parallel()
	s := trace.Samples{Series: bench.TraceSeries{Reasons: []string{"the meter's first"}}}
	for reason := range 256 {
		for state := bench.ReadingMissing; state <= bench.ReadingOutOfRange; state++ {
			r := bench.Reading{State: state, Reason: uint8(reason)}
			require.Equal(t, meters.ReasonText(s.Series.Reasons, r), s.Reason(r))
			require.NotEmpty(t, s.Reason(r))
		}
	}
	require.Equal(t, "the meter left this channel unread", s.Reason(bench.Reading{State: bench.ReadingMissing, Reason: 255}))
	require.Equal(t, "the counter fell, and not by a wrap", s.Reason(bench.Reading{State: bench.ReadingReset, Reason: 252}))
	require.Equal(t, "the meter's first", s.Reason(bench.Reading{State: bench.ReadingMissing}))
	require.Empty(t, s.Reason(bench.Reading{Reason: 252}))
}
