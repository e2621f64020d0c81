package trace_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
	"github.com/wattsweep/wattsweep/internal/meters/trace"
)

// played gives what a script shows when it is read at each tick up to until.
func played(t *testing.T, script metertest.Script, interval, until time.Duration) trace.Samples {
	t.Helper()
	m := metertest.NewScripted(script)
	s := trace.Samples{
		Series:   bench.TraceSeries{TraceKey: key(), Interval: interval, Channels: m.Channels(), Anchor: anchor()},
		Readings: make([][]bench.Reading, 2),
	}
	dst := make([]bench.Reading, 2)
	for at := time.Duration(0); ; at += interval {
		require.NoError(t, m.Read(t.Context(), func() time.Duration { return at }, dst))
		for ch, r := range dst {
			s.Readings[ch] = append(s.Readings[ch], r)
		}
		if at >= until {
			return s
		}
	}
}

// A curve and the power of a call look for a source that tells late where a
// window does: the load from 60 s to 120 s is drawn there, though samples end
// with it.
func TestCurvesAreDrawnWhenPowerWasUsed(t *testing.T) {
	t.Parallel()
	const from, to = 60 * second, 120 * second
	load := metertest.Power{
		At: func(t time.Duration) float64 {
			if t >= from && t < to {
				return 500
			}
			return 100
		},
		Energy: func(t time.Duration) float64 { return 100*t.Seconds() + 400*max(0, min(t, to)-from).Seconds() },
	}
	for name, script := range map[string]metertest.Script{
		"averages over 10 s": {Window: 10 * second}, "5 s late": {Lag: 5 * second}, "every 10 s": {UpdatePeriod: 10 * second},
		"every 4 s, of 6 s, 3 s late": {UpdatePeriod: 4 * second, Window: 6 * second, Lag: 3 * second},
	} {
		var power, counter, mean, unshifted float64
		const phases = 20
		for i := range phases {
			script.Power = load
			if script.UpdatePeriod > 0 {
				script.Phase = script.UpdatePeriod * time.Duration(2*i+1) / (2 * phases)
			}
			s := played(t, script, second, to)
			_, end := s.Curve(0, from, to, second, 0)
			power += end / phases
			_, end = s.Curve(1, from, to, second, 0)
			counter += end / phases
			calls := s.PerCall([]bench.Call{
				{CallKey: bench.CallKey{Cell: "c", Run: 1}, Segment: 1, Start: 90 * second, Latency: 10 * second},
				{CallKey: bench.CallKey{Cell: "c", Run: 1, Item: 1}, Segment: 1, Start: 112 * second, Latency: 8 * second},
			})
			require.Len(t, calls, 2)
			for _, c := range calls {
				require.NotNil(t, c.Mean, "%s: %s", name, c.Missing)
				require.InDelta(t, 500, *c.Peak, 1e-9)
			}
			mean += *calls[1].Mean / phases
			for _, r := range s.Readings[0] {
				if r.At >= from && r.At < to {
					unshifted += r.Value / phases
				}
			}
		}
		t.Logf("%s: truth 30000 J, curve of power %.0f, of counter %.0f; by stamps %.0f; the last call's mean %.0f W", name, power, counter, unshifted, mean)
		require.InDelta(t, 30000, power, 600, "%s: the load's beginning is smeared by W/8 + period/8", name)
		require.Greater(t, power, unshifted+500, name)
		if script.Window == 0 {
			require.InDelta(t, 30000, counter, 600, name)
		}
		require.InDelta(t, 500, mean, 1, name)
	}
}

// A trace goes on behind its last reading only by what its source tells late.
func TestACurveEndsWithItsReadings(t *testing.T) {
	t.Parallel()
	s := played(t, metertest.Script{Power: metertest.Constant(100), Lag: 5 * second}, second, 60*second)
	for ch := range 2 {
		points, end := s.Curve(ch, 30*second, 80*second, second, 0)
		require.InDelta(t, 3000, end, 1e-6)
		require.NotNil(t, points[29].CumulativeJ)
		require.Nil(t, points[30].CumulativeJ)
	}
}
