package meters_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
)

// watch polls f every step for so long, with a jitter of the stamps of a fifth
// of a step.
func watch(seed uint64, length, step time.Duration, f func(t time.Duration) float64) []bench.Reading {
	r := rand.New(rand.NewPCG(seed, 7))
	var out []bench.Reading
	for at := step; at < length; at += step {
		t := at + time.Duration(r.Int64N(int64(step/5)+1))
		out = append(out, bench.Reading{At: t, Value: f(t)})
	}
	return out
}

// held renews f every period, beginning at phase.
func held(period, phase time.Duration, f func(t time.Duration) float64) func(time.Duration) float64 {
	return func(t time.Duration) float64 { return f((t - phase).Truncate(period) + phase) }
}

// trembling adds half a watt of noise, as every real sensor has: without it an
// equal value cannot be told from one that was not renewed.
func trembling(f func(time.Duration) float64) func(time.Duration) float64 {
	return func(t time.Duration) float64 {
		return f(t) + rand.New(rand.NewPCG(77, uint64(t))).NormFloat64()/2
	}
}

func boxcarOf(p metertest.Power, window time.Duration) func(time.Duration) float64 {
	return func(t time.Duration) float64 {
		return (p.Energy(t) - p.Energy(max(0, t-window))) / min(t, window).Seconds()
	}
}

func TestUpdatePeriodIsFound(t *testing.T) {
	t.Parallel()
	noisy := func(seed uint64) func(time.Duration) float64 {
		return func(t time.Duration) float64 {
			return 100 + float64(rand.New(rand.NewPCG(seed, uint64(t))).IntN(1000))/1000
		}
	}
	// A source that shows whole watts: two renewals in three leave it equal.
	coarse := func(t time.Duration) float64 {
		return float64(rand.New(rand.NewPCG(3, uint64(t))).IntN(3) / 2)
	}
	for name, c := range map[string]struct {
		period, step time.Duration
		f            func(time.Duration) float64
		within       float64
	}{
		"100 ms polled every 10":     {100 * time.Millisecond, 10 * time.Millisecond, noisy(1), 0.03},
		"20 ms polled every 2":       {20 * time.Millisecond, 2 * time.Millisecond, noisy(2), 0.03},
		"33 ms polled every 10":      {33 * time.Millisecond, 10 * time.Millisecond, noisy(2), 0.1},
		"1 s polled every 200 ms":    {time.Second, 200 * time.Millisecond, noisy(4), 0.03},
		"equal values between":       {100 * time.Millisecond, 5 * time.Millisecond, coarse, 0.03},
		"as fast as it is polled":    {time.Millisecond, 10 * time.Millisecond, noisy(5), 10},
		"hardly slower than polling": {16 * time.Millisecond, 10 * time.Millisecond, noisy(6), 0.2},
	} {
		length := 60 * c.period
		if length < time.Second {
			length = 10 * time.Second
		}
		found := meters.UpdatePeriod(watch(9, length, c.step, held(c.period, 3*time.Millisecond, c.f)))
		require.True(t, found.OK, "%s: %s", name, found.Basis)
		require.NotEmpty(t, found.Basis)
		require.GreaterOrEqual(t, found.Updates, 8)
		require.InEpsilon(t, float64(c.period), float64(found.Value), c.within, "%s: %s", name, found.Basis)
	}
	fast := meters.UpdatePeriod(watch(9, time.Second, 10*time.Millisecond, noisy(5)))
	require.InDelta(t, float64(10*time.Millisecond), float64(fast.Value), float64(time.Millisecond)/2)
	require.Contains(t, fast.Basis, "at least as often as it was polled, every")
}

func TestUpdatePeriodSurvivesGaps(t *testing.T) {
	t.Parallel()
	all := watch(1, 20*time.Second, 10*time.Millisecond, held(100*time.Millisecond, 0, metertest.Ramp(5, 1).At))
	r := rand.New(rand.NewPCG(5, 5))
	var thinned []bench.Reading
	for i := 0; i < len(all); i++ {
		if r.IntN(20) == 0 {
			i += r.IntN(30) // a stall
			continue
		}
		if r.IntN(20) == 0 {
			all[i].State = bench.ReadingMissing
		}
		thinned = append(thinned, all[i])
	}
	found := meters.UpdatePeriod(thinned)
	require.True(t, found.OK, found.Basis)
	require.InEpsilon(t, float64(100*time.Millisecond), float64(found.Value), 0.05, found.Basis)
}

func TestUpdatePeriodNeedsUpdates(t *testing.T) {
	t.Parallel()
	for name, readings := range map[string][]bench.Reading{
		"none":     nil,
		"constant": watch(1, 10*time.Second, 10*time.Millisecond, metertest.Constant(5).At),
		"few":      watch(1, 3*time.Second, 10*time.Millisecond, held(time.Second, 0, metertest.Ramp(5, 1).At)),
		"missing":  {{At: 1, State: bench.ReadingMissing}, {At: 2, State: bench.ReadingMissing}, {At: 3, State: bench.ReadingMissing}},
	} {
		found := meters.UpdatePeriod(readings)
		require.False(t, found.OK, name)
		require.Zero(t, found.Value, name)
		require.NotEmpty(t, found.Basis, name)
	}
}

func TestAveragingWindowIsFound(t *testing.T) {
	t.Parallel()
	load := metertest.Square(60, 480, 1730*time.Millisecond)
	for _, ms := range []int{0, 25, 50, 100, 340, 1000} {
		window := time.Duration(ms) * time.Millisecond
		for name, reference := range map[string]struct {
			f       func(time.Duration) float64
			counter bool
		}{
			"instant": {held(20*time.Millisecond, 0, trembling(load.At)), false},
			"counter": {held(20*time.Millisecond, 0, load.Energy), true},
		} {
			f := load.At
			if window > 0 {
				f = boxcarOf(load, window)
			}
			shown := func(t time.Duration) float64 { return 3 + 1.05*f(t) }
			averaged := watch(2, 12*time.Second, 5*time.Millisecond, held(20*time.Millisecond, 7*time.Millisecond, trembling(shown)))
			found := meters.AveragingWindow(averaged, watch(3, 12*time.Second, 5*time.Millisecond, reference.f), reference.counter)
			require.True(t, found.OK, "%s %s: %s", window, name, found.Basis)
			require.InDelta(t, float64(window), float64(found.Value), float64(32*time.Millisecond)+0.05*float64(window),
				"%s %s: %s", window, name, found.Basis)
		}
	}
}

func TestAveragingWindowRefusesToGuess(t *testing.T) {
	t.Parallel()
	const step, length = 5 * time.Millisecond, 12 * time.Second
	load, other := metertest.Square(60, 480, 1730*time.Millisecond), metertest.Sine(300, 100, 610*time.Millisecond)
	flat := metertest.Sine(300, 1, time.Second)
	for name, c := range map[string]struct{ averaged, reference []bench.Reading }{
		"nothing":     {nil, nil},
		"no variance": {watch(1, length, step, boxcarOf(flat, time.Second)), watch(2, length, step, flat.At)},
		"not related": {watch(1, length, step, boxcarOf(other, 100*time.Millisecond)), watch(2, length, step, load.At)},
		"slow drift":  {watch(1, length, step, boxcarOf(metertest.Ramp(100, 50), 100*time.Millisecond)), watch(2, length, step, metertest.Ramp(100, 50).At)},
		"too short":   {watch(1, time.Second/2, step, boxcarOf(load, 100*time.Millisecond)), watch(2, time.Second/2, step, load.At)},
	} {
		found := meters.AveragingWindow(c.averaged, c.reference, false)
		require.False(t, found.OK, "%s: %s", name, found.Basis)
		require.Zero(t, found.Value, name)
		require.NotEmpty(t, found.Basis, name)
	}
	fallen := watch(2, length, step, func(t time.Duration) float64 { return -t.Seconds() })
	require.Contains(t, meters.AveragingWindow(watch(1, length, step, load.At), fallen, true).Basis, "counter fell")
}
