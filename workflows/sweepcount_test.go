package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// large is a ledger of so many cells on one host.
func large(cells int) *ledger {
	return &ledger{left: map[string]int{"bench1": cells}, states: map[bench.State]int{bench.StateQueued: cells}}
}

// Closed cells of a large sweep are counted in bursts: after 25, or 30 seconds.
func TestSweepCountsInBursts(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := large(100)
	counts := func(at time.Duration, want int, why string) {
		s.RegisterDelayedCallback(func() { require.Equal(t, want, s.count(contract.ActSweepCounts), why) }, at)
	}
	for i := range 25 {
		s.closes(time.Minute+time.Duration(i)*time.Second, l, "bench1", bench.StateDone)
	}
	counts(time.Minute+23*time.Second, 1, "the start")
	counts(time.Minute+26*time.Second, 2, "25 cells")
	s.closes(3*time.Minute, l, "bench1", bench.StateDone)
	s.closes(3*time.Minute+10*time.Second, l, "bench1", bench.StateDone)
	counts(3*time.Minute+29*time.Second, 2, "two cells, not yet")
	counts(3*time.Minute+31*time.Second, 3, "after 30 seconds")
	for i := range 73 {
		s.closes(5*time.Minute+time.Duration(i)*100*time.Millisecond, l, "bench1", bench.StateDone)
	}
	start := s.Now()
	out, err := s.sweepToday(t, l)
	require.NoError(t, err)
	require.Equal(t, bench.StateDone, out.State)
	require.Less(t, s.Now().Sub(start), 6*time.Minute, "the last cells are counted one by one")
	require.LessOrEqual(t, s.count(contract.ActSweepCounts), 20)
	require.Equal(t, 1, s.count(contract.ActWakeLanes), "lanes go on by themselves")
}

// Where few cells are left, or none that a lane could take, each end is news.
func TestSweepCountsAtOnceNearItsEnd(t *testing.T) {
	t.Parallel()
	for name, l := range map[string]*ledger{
		"few left":       large(11),
		"nothing queued": {left: map[string]int{"bench1": 40}, states: map[bench.State]int{bench.StateRunning: 40, bench.StateQueued: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.closes(time.Minute, l, "bench1", bench.StateDone)
			s.RegisterDelayedCallback(func() {
				require.Equal(t, 2, s.count(contract.ActSweepCounts))
				l.left, l.states = map[string]int{}, map[bench.State]int{bench.StateDone: 1}
				s.SignalWorkflow(contract.SignalCellClosed, contract.CellClosed{V: 2, State: bench.StateDone})
			}, time.Minute+time.Second)
			start := s.Now()
			_, err := s.sweepToday(t, l)
			require.NoError(t, err)
			require.Less(t, s.Now().Sub(start), 2*time.Minute)
		})
	}
}

// Lanes are looked after every quarter of an hour, also while cells end.
func TestSweepLooksAfterItsLanes(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := large(100)
	for i := range 60 {
		s.closes(time.Duration(i+1)*time.Minute, l, "bench1", bench.StateDone)
	}
	s.RegisterDelayedCallback(func() {
		require.Equal(t, 5, s.count(contract.ActWakeLanes), "at the start and at 15, 30, 45 and 60 minutes")
		l.left, l.states = map[string]int{}, map[bench.State]int{bench.StateDone: 100}
	}, 61*time.Minute)
	out, err := s.sweepToday(t, l)
	require.NoError(t, err)
	require.Equal(t, bench.StateDone, out.State)
}

// The progress that the UI lists changes by whole per cents.
func TestSweepShowsPerCents(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := large(1000)
	for i := range 20 {
		s.closes(time.Duration(i+1)*time.Minute, l, "bench1", bench.StateDone)
	}
	s.RegisterDelayedCallback(func() {
		l.left, l.states = map[string]int{}, map[bench.State]int{bench.StateDone: 1000}
	}, 25*time.Minute)
	_, err := s.sweepToday(t, l)
	require.NoError(t, err)
	require.GreaterOrEqual(t, s.count(contract.ActSweepCounts), 20)
	require.LessOrEqual(t, len(s.states), 5)
}

// History stays bounded by events and by bytes; what is being asked is done
// first, and the next run counts by itself.
func TestSweepContinuesAsNewByItself(t *testing.T) {
	t.Parallel()
	for name, grow := range map[string]func(*scene){
		"events":     func(s *scene) { s.SetCurrentHistoryLength(3001) },
		"bytes":      func(s *scene) { s.SetCurrentHistorySize(1<<20 + 1) },
		"suggestion": func(s *scene) { s.SetContinueAsNewSuggested(true) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			l := large(100)
			s.does(l, func(contract.ControlSweepIn) contract.ControlOut { return contract.ControlOut{Text: "done"} })
			var a *answer
			s.at(contract.ActControlSweep, 1, passing(fault.CodeUnreachable)) // so that it takes two seconds
			s.RegisterDelayedCallback(func() { a = s.want(bench.ControlPriority, requestTo(bench.ControlPriority, "one")) }, time.Minute)
			s.RegisterDelayedCallback(func() {
				grow(s)
				s.SignalWorkflow(contract.SignalCellClosed, contract.CellClosed{V: 2, State: bench.StateDone})
			}, time.Minute+time.Second)
			_, err := s.sweepToday(t, l)
			require.True(t, workflow.IsContinueAsNewError(err), "%v", err)
			require.True(t, a.done)
			require.NoError(t, a.err)
			require.Equal(t, "done", a.out.Text)
		})
	}
}
