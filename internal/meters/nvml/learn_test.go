package nvml

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
)

// described is a fast meter of power, its one-second average and energy, as the
// table tells them.
func described() *Fast {
	m := &Fast{gpu: &gpu{}, power: 0, average: 1, energy: 2, utilisation: -1, memory: -1}
	base := bench.Channel{Unit: bench.UnitWatt, Scope: bench.ScopeGPU, Sensor: bench.SensorInstant, PeriodBasis: "not known: no table", WindowBasis: "not known: no table"}
	power, average, energy := base, base, base
	power.Name, average.Name, energy.Name = "gpu0.power", "gpu0.power_average", "gpu0.energy"
	average.Sensor, average.Window, average.WindowBasis = bench.SensorAveraged, 500*time.Millisecond, "NVML's documentation"
	energy.Unit, energy.Sensor, energy.Counter, energy.WindowBasis = bench.UnitJoule, bench.SensorCounter, true, ""
	m.channels = []bench.Channel{power, average, energy}
	m.remember()
	return m
}

// varied is a power that no window of it repeats; at rest it is constant.
func varied(rest bool) metertest.Power {
	if rest {
		return metertest.Constant(70)
	}
	slow, fast := metertest.Sine(300, 150, 2700*time.Millisecond), metertest.Sine(0, 80, 810*time.Millisecond)
	return metertest.Power{
		At:     func(t time.Duration) float64 { return slow.At(t) + fast.At(t) },
		Energy: func(t time.Duration) float64 { return slow.Energy(t) + fast.Energy(t) },
	}
}

// shown is what the three sensors show of a power: renewed every 20 ms, the
// average over a second and lag late.
func shown(p metertest.Power, lag, every, length time.Duration) [][]bench.Reading {
	const renewed = 20 * time.Millisecond
	seen := make([][]bench.Reading, 3)
	for at := 2 * time.Second; at < length; at += every {
		t := at.Truncate(renewed)
		average := p.Energy(t-lag) - p.Energy(t-lag-time.Second)
		for i, v := range []float64{p.At(t), average, p.Energy(t)} {
			seen[i] = append(seen[i], bench.Reading{At: at, Value: math.Round(1000*v) / 1000})
		}
	}
	return seen
}

// How late the average is published is told with its window.
func TestFoundLagIsTold(t *testing.T) {
	t.Parallel()
	for _, lag := range []time.Duration{0, 100 * time.Millisecond} {
		m := described()
		m.judge(shown(varied(false), lag, time.Millisecond, 8*time.Second), "measured over 6s")
		c := m.channels[m.average]
		require.Equal(t, time.Second, c.Window, c.WindowBasis)
		require.InDelta(t, lag.Seconds(), c.Lag.Seconds(), 0.02)
		require.Contains(t, c.LagBasis, "beside gpu0.power")
		require.Contains(t, c.WindowBasis, "measured over 6s")
		require.Empty(t, m.channels[m.energy].LagBasis, "what all others are held against is late by nobody knows what")
	}
}

// At rest nothing is found, and nothing is made up. A varied stage shows it, and
// watching at rest again takes nothing away and piles up no words.
func TestAVariedStageShowsWhatRestHides(t *testing.T) {
	t.Parallel()
	m := described()
	rest := shown(varied(true), 0, time.Millisecond, 4*time.Second)
	m.judge(rest, "measured over 2s")
	require.Zero(t, m.channels[m.power].UpdatePeriod)
	require.Equal(t, 500*time.Millisecond, m.channels[m.average].Window)
	require.Contains(t, m.channels[m.average].WindowBasis, "not identifiable")
	require.Empty(t, m.channels[m.average].LagBasis)

	stage := shown(varied(false), 100*time.Millisecond, 50*time.Millisecond, 60*time.Second)
	for i := range stage[0] {
		m.note([]bench.Reading{stage[0][i], stage[1][i], stage[2][i]})
	}
	m.Learn()
	learnt := m.Channels()
	average := learnt[m.average]
	require.Equal(t, time.Second, average.Window, average.WindowBasis)
	require.Contains(t, average.WindowBasis, "earlier stages")
	require.InDelta(t, 0.1, average.Lag.Seconds(), 0.05)
	require.Equal(t, 50*time.Millisecond, learnt[m.power].UpdatePeriod, "an upper bound is better than nothing")
	for range 3 {
		m.judge(rest, "measured over 2s")
		m.Learn()
	}
	require.Equal(t, learnt, m.Channels())
	// A closer look tells a shorter period.
	m.judge(shown(varied(false), 100*time.Millisecond, time.Millisecond, 8*time.Second), "measured over 6s")
	require.InDelta(t, 20, float64(m.channels[m.power].UpdatePeriod.Milliseconds()), 2)
}

// What the table says of the period is not replaced by how often a stage polled.
func TestAStageDoesNotCoarsenThePeriod(t *testing.T) {
	t.Parallel()
	m := described()
	m.channels[m.power].UpdatePeriod, m.channels[m.power].PeriodBasis = 20*time.Millisecond, "table"
	stage := shown(varied(false), 0, 50*time.Millisecond, 60*time.Second)
	for i := range stage[0] {
		m.note([]bench.Reading{stage[0][i], stage[1][i], stage[2][i]})
	}
	m.Learn()
	require.Equal(t, 20*time.Millisecond, m.channels[m.power].UpdatePeriod)
	require.Equal(t, "table", m.channels[m.power].PeriodBasis)
}
