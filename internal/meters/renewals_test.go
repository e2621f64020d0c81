package meters

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// polled adds what a source shows that renews its value each period.
func polled(l *RenewalLog, from, to, every, period time.Duration, value func(at time.Duration) float64) {
	for at := from; at < to; at += every {
		l.Add(bench.Reading{At: at, Value: value(at.Truncate(period))})
	}
}

func busy(seed uint64) func(time.Duration) float64 {
	return func(at time.Duration) float64 {
		return 400 + rand.New(rand.NewPCG(seed, uint64(at))).NormFloat64()
	}
}

func TestABusyStageShowsThePeriod(t *testing.T) {
	t.Parallel()
	l := newRenewalLog(2048)
	constant := func(time.Duration) float64 { return 100 }
	polled(l, 0, 10*time.Minute, time.Second, 5*time.Second, constant)
	require.False(t, l.Found().OK, "at rest nothing is renewed visibly")
	polled(l, 10*time.Minute, 14*time.Minute, time.Second, 5*time.Second, busy(1))
	found := l.Found()
	require.True(t, found.OK, found.Basis)
	require.InDelta(t, 5, found.Value.Seconds(), 0.1)
	require.Contains(t, found.Basis, "during earlier stages")
	require.GreaterOrEqual(t, found.Updates, 40)
	// What was found stays in the log until it is forgotten or pushed out.
	polled(l, 14*time.Minute, 20*time.Minute, time.Second, 5*time.Second, constant)
	require.True(t, l.Found().OK)
	l.Forget()
	require.False(t, l.Found().OK)
}

// The last digit of a load at rest moves now and then. That is no period,
// however often it was seen.
func TestNoiseAtRestIsNoPeriod(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 3))
		l := newRenewalLog(4096)
		value, next := 100.0, time.Duration(0)
		for at := time.Duration(0); at < time.Hour; at += time.Second {
			if at >= next {
				value = 201 - value
				next = at + time.Duration(r.ExpFloat64()*float64(40*time.Second))
			}
			l.Add(bench.Reading{At: at, Value: value})
		}
		require.False(t, l.Found().OK, "seed %d: %s", seed, l.Found().Basis)
	}
}

// Clocks of two users, gaps and values that are none leave no false renewal.
func TestLogIsBoundedAndMendsItsClock(t *testing.T) {
	t.Parallel()
	l := newRenewalLog(64)
	polled(l, time.Hour, time.Hour+time.Minute, time.Second, 2*time.Second, busy(2))
	polled(l, 0, 2*time.Minute, time.Second, 4*time.Second, busy(3))
	found := l.Found()
	require.True(t, found.OK, found.Basis)
	require.InDelta(t, 4, found.Value.Seconds(), 0.2, "what was told by another clock is gone")
	l.Forget()
	for at := range 200 {
		l.Add(bench.Reading{At: time.Duration(at) * time.Second, State: bench.ReadingMissing})
	}
	require.False(t, l.Found().OK)
}

func TestAddAllocatesNothing(t *testing.T) { //nolint:paralleltest // allocations are counted of the whole process
	l := newRenewalLog(64)
	require.Zero(t, testing.AllocsPerRun(100, func() { l.Add(bench.Reading{At: time.Hour, Value: 1}) }))
}

func TestAnUpperBoundSaysSo(t *testing.T) {
	t.Parallel()
	l := newRenewalLog(256)
	polled(l, 0, time.Minute, time.Second, 100*time.Millisecond, busy(4))
	require.Zero(t, newRenewalLog(4).Step())
	require.Equal(t, time.Second, l.Step())
	found := l.Found()
	require.True(t, found.OK)
	require.Equal(t, time.Second, found.Value)
	require.Contains(t, found.Basis, "at least as often as it was polled")
}
