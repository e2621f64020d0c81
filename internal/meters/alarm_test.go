package meters

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// alarms gives both kinds, where there are both.
func alarms(t *testing.T, now func() time.Duration) map[string]alarm {
	t.Helper()
	all := map[string]alarm{"go": newAlarm(now, false)}
	if k := newKernelAlarm(now); k != nil {
		all["kernel"] = k
	}
	return all
}

func TestAlarmWaitsUntilItsMoment(t *testing.T) {
	t.Parallel()
	clock := NewClock()
	for name, a := range alarms(t, clock.Now) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := range 20 {
				at := clock.Now() + time.Duration(i)*200*time.Microsecond
				require.True(t, a.wait(at))
				require.GreaterOrEqual(t, clock.Now(), at, "never before")
			}
			require.True(t, a.wait(0), "what has passed is not waited for")
			a.end()
			require.False(t, a.wait(clock.Now()+time.Hour))
			require.False(t, a.wait(0), "nor is anything after its end")
			a.close()
			a.end() // closed: nothing to wake
		})
	}
}

func TestAlarmIsEndedFromOutside(t *testing.T) {
	t.Parallel()
	clock := NewClock()
	for name, a := range alarms(t, clock.Now) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var waiting sync.WaitGroup
			var more bool
			waiting.Go(func() {
				for at := clock.Now(); ; at += 50 * time.Microsecond {
					if more = a.wait(at); !more {
						return
					}
				}
			})
			require.True(t, newAlarm(clock.Now, false).wait(clock.Now()+5*time.Millisecond))
			a.end() // it meets a wait at any moment of its course
			waiting.Wait()
			require.False(t, more)
			a.close()
		})
	}
}

func TestWaitingAllocatesNothing(t *testing.T) {
	clock := NewClock()
	for name, a := range alarms(t, clock.Now) {
		t.Run(name, func(t *testing.T) {
			defer a.close()
			least := 1.0
			for tries := 0; least > 0 && tries < 20; tries++ { // others of this process allocate too
				least = min(least, testing.AllocsPerRun(20, func() { a.wait(clock.Now() + 100*time.Microsecond) }))
			}
			require.Zero(t, least)
		})
	}
}

// hanging is a meter whose every read after the first waits to be let go.
type hanging struct {
	name  string
	reads int
	free  <-chan struct{}
}

var errGone = errors.New("it is gone")

func (h *hanging) Name() string      { return h.name }
func (h *hanging) Reasons() []string { return nil }
func (h *hanging) Close() error      { return nil }
func (h *hanging) Channels() []bench.Channel {
	return []bench.Channel{{Name: h.name + ".power", Unit: bench.UnitWatt}}
}

func (h *hanging) Read(_ context.Context, now func() time.Duration, dst []bench.Reading) error {
	if h.reads++; h.reads > 1 && h.free != nil {
		<-h.free
		return errGone
	}
	dst[0] = bench.Reading{At: now(), Value: 1}
	return nil
}

// A meter that hangs holds up none of those that are woken with it, and one
// that is alone at its pace is read too.
func TestMetersOfOnePaceAreWokenTogether(t *testing.T) {
	t.Parallel()
	for _, precise := range []bool{false, true} {
		free := make(chan struct{})
		ms := []Meter{&hanging{name: "a"}, &hanging{name: "b", free: free}, &hanging{name: "c"}, &hanging{name: "slow"}}
		s, err := NewSampler(NewClock(), 2*time.Millisecond, ms,
			SamplerOptions{KernelTimers: precise, Intervals: map[string]time.Duration{"slow": 4 * time.Millisecond}})
		require.NoError(t, err)
		require.NoError(t, s.Start(t.Context()))
		require.Len(t, s.cadences, 2)
		for _, i := range []int{0, 2, 3} {
			s.series[i].waitFor(t.Context(), 20*time.Millisecond)
		}
		infos := s.Meters()
		for i, one := range s.Stats() {
			require.Equal(t, infos[0].Start, infos[i].Start, "all tick on one grid")
			if i == 1 {
				require.Equal(t, int64(1), one.Ticks)
				continue
			}
			require.Greater(t, one.Ticks, int64(1), one.Meter)
			require.NoError(t, one.Err)
		}
		close(free)
		s.Stop()
		for i, one := range s.Stats() {
			newest := s.series[i].chunks[len(s.series[i].chunks)-1]
			require.Equal(t, newest.seq[newest.n-1]+1, one.Ticks+one.Missed, "a tick is taken or missed")
			require.LessOrEqual(t, one.LateP50, one.LateMax)
		}
		require.ErrorIs(t, s.Stats()[1].Err, errGone)
	}
}
