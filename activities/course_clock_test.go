package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// stretchOf is a window of one point a second, each with as many joules.
func stretchOf(from time.Time, seconds int) stretch {
	s := stretch{from: from, endJ: float64(seconds)}
	for i := range seconds {
		sum := float64(i)
		s.points = append(s.points, bench.Point{At: from.Add(time.Duration(i) * time.Second), CumulativeJ: &sum})
	}
	return s
}

// A clock that is set back between two windows, so that they seem to overlap,
// costs no point of the curve, and its order stays that of time.
func TestCurveSurvivesAClockSetBack(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 29, 2, 0, 0, 0, time.UTC)
	for name, second := range map[string]time.Time{
		"behind each other": at.Add(time.Minute), "set back into the window": at.Add(4 * time.Second),
	} {
		c := tracing{step: time.Second, curves: make([]bench.Curve, 1), stretches: [][]stretch{{stretchOf(at, 10), stretchOf(second, 10)}}}
		c.join()
		points := c.curves[0].Points
		require.Len(t, points, 20, name)
		for i := 1; i < len(points); i++ {
			require.True(t, points[i].At.After(points[i-1].At), "%s: point %d", name, i)
			require.GreaterOrEqual(t, *points[i].CumulativeJ, *points[i-1].CumulativeJ, "%s: point %d", name, i)
		}
	}
	// Two tries of one window overlap by a step, which is drawn once.
	c := tracing{step: time.Second, curves: make([]bench.Curve, 1), stretches: [][]stretch{{stretchOf(at, 10), stretchOf(at.Add(9*time.Second), 10)}}}
	c.join()
	require.Len(t, c.curves[0].Points, 19)
}

// A night between two windows, or a clock set ahead, takes no resolution.
func TestCurveIsAsFineAsWhatWasMeasured(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 29, 2, 0, 0, 0, time.UTC)
	c := tracing{windows: map[windowKey]window{
		{phase: bench.PhaseInference, run: 1, no: 1}: {at, at.Add(time.Minute)},
		{phase: bench.PhaseInference, run: 1, no: 2}: {at.AddDate(1, 0, 0), at.AddDate(1, 0, 0).Add(time.Minute)},
	}}
	require.Equal(t, 2*time.Minute, c.measured())
}
