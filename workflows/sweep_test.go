package workflows_test

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
)

var sweepIn = contract.SweepIn{V: 1, Sweep: "5ee9000000000001", Name: "demo"}

// ledger plays the rows of a sweep on two hosts.
type ledger struct {
	left   map[string]int // unfinished cells by host
	states map[bench.State]int
	cancel bool
	paused bool
	busy   []string
}

func newLedger() *ledger {
	return &ledger{left: map[string]int{"bench1": 2, "bench2": 1, "idle": 0}, states: map[bench.State]int{bench.StateQueued: 3}}
}

// end moves a cell from queued to a final state.
func (l *ledger) end(host string, state bench.State) {
	l.left[host]--
	l.states[bench.StateQueued]--
	l.states[state]++
}

func (l *ledger) counts() contract.Counts {
	c := contract.Counts{V: 1, ByState: map[bench.State]int{}, ByHost: map[string]int{}, Cancel: l.cancel, Paused: l.paused, Busy: l.busy}
	for state, n := range l.states {
		c.ByState[state] = n
		c.Total += n
		if state.Final() {
			c.Final += n
		}
	}
	maps.Copy(c.ByHost, l.left)
	return c
}

// sweep runs a sweep over a ledger.
func (s *scene) sweep(t *testing.T, l *ledger) (contract.SweepOut, error) {
	t.Helper()
	s.counts = l.counts
	s.ExecuteWorkflow(contract.WorkflowSweep, sweepIn)
	require.True(t, s.IsWorkflowCompleted())
	var out contract.SweepOut
	if err := s.GetWorkflowError(); err != nil {
		return out, err
	}
	require.NoError(t, s.GetWorkflowResult(&out))
	return out, nil
}

// closes has a lane report a cell after a time.
func (s *scene) closes(after time.Duration, l *ledger, host string, state bench.State) {
	s.RegisterDelayedCallback(func() {
		l.end(host, state)
		s.SignalWorkflow(contract.SignalCellClosed, contract.CellClosed{V: 1, State: state})
	}, after)
}

// reply is what an update was answered.
type reply struct {
	accepted bool
	counts   contract.Counts
	err      error
}

// ask sends the update that stops the sweep.
func (s *scene) ask(id string) *reply {
	r := &reply{}
	s.UpdateWorkflow(contract.UpdateCancel, id, &testsuite.TestUpdateCallback{
		OnAccept: func() { r.accepted = true },
		OnReject: func(err error) { r.err = err },
		OnComplete: func(out any, err error) {
			answer, _ := out.(contract.ControlOut)
			r.counts, r.err = answer.Counts, err
		},
	}, contract.CancelIn{V: 1, By: "anna\nof ward 3"})
	return r
}

// A sweep wakes the lanes that have cells left, counts what they report, and
// ends when every cell is final. Cells that failed do not fail it.
func TestSweepEndsWhenAllCellsAreFinal(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := newLedger()
	s.closes(time.Minute, l, "bench1", bench.StateDone)
	s.closes(2*time.Minute, l, "bench2", bench.StateFailed)
	s.closes(3*time.Minute, l, "bench1", bench.StateUnfit)
	start := s.Now()
	out, err := s.sweep(t, l)
	require.NoError(t, err)
	require.Less(t, s.Now().Sub(start), 4*time.Minute)
	require.Equal(t, bench.StateDone, out.State)
	require.Equal(t, map[bench.State]int{bench.StateDone: 1, bench.StateFailed: 1, bench.StateUnfit: 1, bench.StateQueued: 0}, out.Counts)
	woken := inputs[contract.WakeIn](s.cast, contract.ActWakeLanes)
	require.Equal(t, []contract.WakeIn{
		{V: 1, Hosts: []string{"bench1", "bench2"}}, {V: 1, Hosts: []string{"bench1", "bench2"}}, {V: 1, Hosts: []string{"bench1"}},
	}, woken)
	require.Equal(t, []contract.FinishIn{{V: 1, Sweep: "5ee9000000000001", State: bench.StateDone}},
		inputs[contract.FinishIn](s.cast, contract.ActFinishSweep))
	require.Equal(t, []string{"running", "running", "running", "running", "done"}, s.states)
	text := s.details(t)
	require.Contains(t, text, "**demo**, done: 3 of 3 cells final")
	require.Contains(t, text, "| failed | 1 |")
	require.Contains(t, text, "bench1: 0 cell(s) left")
}

// A plan that is already measured ends at once and wakes nobody.
func TestSweepThatIsDoneAlready(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	out, err := s.sweep(t, &ledger{states: map[bench.State]int{bench.StateDone: 4}})
	require.NoError(t, err)
	require.Equal(t, bench.StateDone, out.State)
	require.Equal(t, []string{contract.ActSweepCounts, contract.ActFinishSweep}, s.names())
}

// People edit rows and lanes die: the store is read again every 15 minutes,
// and the lanes are woken again.
func TestSweepRecounts(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := newLedger()
	s.RegisterDelayedCallback(func() { l.left, l.states = map[string]int{}, map[bench.State]int{bench.StateDone: 3} }, 20*time.Minute)
	start := s.Now()
	out, err := s.sweep(t, l)
	require.NoError(t, err)
	require.Equal(t, bench.StateDone, out.State)
	require.Equal(t, 30*time.Minute, s.Now().Sub(start).Round(time.Minute))
	require.Equal(t, 2, s.count(contract.ActWakeLanes))
}

// A signal that nobody should have sent is dropped.
func TestSweepDropsMalformedSignals(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := newLedger()
	s.RegisterDelayedCallback(func() {
		for range 3 {
			s.SignalWorkflow(contract.SignalCellClosed, []string{"not", "a", "cell"})
		}
	}, time.Minute)
	s.RegisterDelayedCallback(func() { l.left, l.states = map[string]int{}, map[bench.State]int{bench.StateDone: 3} }, 2*time.Minute)
	out, err := s.sweep(t, l)
	require.NoError(t, err)
	require.Equal(t, bench.StateDone, out.State)
}

// Stopping a sweep takes its queued cells off the plan, tells the lanes to
// stop the running ones, and answers with the counts.
func TestSweepCancelled(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := newLedger()
	s.on[contract.ActCancelSweep] = func(n int, _ any) error {
		if n == 1 { // bench1 still measures its other cell
			l.cancel = true
			l.end("bench1", bench.StateCancelled)
			l.end("bench2", bench.StateCancelled)
		}
		return nil
	}
	var first, again *reply
	s.RegisterDelayedCallback(func() { first = s.ask("one") }, time.Minute)
	s.RegisterDelayedCallback(func() { again = s.ask("two") }, 2*time.Minute)
	s.RegisterDelayedCallback(func() {
		value, err := s.QueryWorkflow(contract.QueryStatus)
		require.NoError(t, err)
		var status contract.Status
		require.NoError(t, value.Get(&status))
		require.Equal(t, "cancelling", status.State)
	}, 3*time.Minute)
	s.closes(4*time.Minute, l, "bench1", bench.StateCancelled)
	out, err := s.sweep(t, l)
	require.NoError(t, err)
	require.Equal(t, bench.StateCancelled, out.State)
	for _, r := range []*reply{first, again} {
		require.True(t, r.accepted)
		require.NoError(t, r.err)
		require.Equal(t, 2, r.counts.Final)
	}
	stop := inputs[contract.WakeIn](s.cast, contract.ActWakeLanes)[1]
	require.Equal(t, contract.WakeIn{V: 1, Hosts: []string{"bench1", "bench2"}, CancelSweep: "5ee9000000000001"}, stop)
	require.Equal(t, "cancel asked by anna of ward 3", s.summary(contract.ActCancelSweep, 1))
	require.Equal(t, "stop the running cells", s.summary(contract.ActWakeLanes, 2))
	require.Equal(t, []contract.FinishIn{{V: 1, Sweep: "5ee9000000000001", State: bench.StateCancelled}},
		inputs[contract.FinishIn](s.cast, contract.ActFinishSweep))
}

// With no cell running there is no lane that reports: the sweep ends at once
// all the same, and not at the next recount.
func TestSweepCancelledWithNothingRunning(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := newLedger()
	s.on[contract.ActCancelSweep] = func(int, any) error {
		l.cancel, l.left, l.states = true, map[string]int{"bench1": 0}, map[bench.State]int{bench.StateCancelled: 3}
		return nil
	}
	var r *reply
	s.RegisterDelayedCallback(func() { r = s.ask("one") }, time.Minute)
	start := s.Now()
	out, err := s.sweep(t, l)
	require.NoError(t, err)
	require.Equal(t, bench.StateCancelled, out.State)
	require.True(t, r.accepted)
	require.Equal(t, 3, r.counts.Final, "the answer is given before the workflow ends")
	require.Equal(t, time.Minute, s.Now().Sub(start).Round(time.Minute))
}

// A sweep that has ended refuses to be stopped.
func TestSweepRefusesToStopAfterItsEnd(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := &ledger{states: map[bench.State]int{bench.StateDone: 1}}
	var r *reply
	s.on[contract.ActFinishSweep] = func(n int, _ any) error {
		if n == 1 {
			return passing("Unreachable") // so that the end takes a while
		}
		return nil
	}
	s.RegisterDelayedCallback(func() { r = s.ask("late") }, time.Second)
	out, err := s.sweep(t, l)
	require.NoError(t, err)
	require.Equal(t, bench.StateDone, out.State)
	require.False(t, r.accepted)
	require.ErrorContains(t, r.err, "the sweep has already ended")
	require.Zero(t, s.count(contract.ActCancelSweep))
}

// A sweep that was marked as cancelled in the store is seen to be so.
func TestSweepCancelledInTheStore(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	out, err := s.sweep(t, &ledger{states: map[bench.State]int{bench.StateCancelled: 1}, cancel: true})
	require.NoError(t, err)
	require.Equal(t, bench.StateCancelled, out.State)
}

// A retry lifts a cancellation in the store: the sweep stops nothing any more.
func TestSweepCancelLifted(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := newLedger()
	s.on[contract.ActCancelSweep] = func(int, any) error { l.cancel = true; return nil }
	s.RegisterDelayedCallback(func() { s.ask("one") }, time.Minute)
	s.RegisterDelayedCallback(func() { l.cancel = false }, 90*time.Second)
	for i, host := range []string{"bench1", "bench2", "bench1"} {
		s.closes(time.Duration(i+2)*time.Minute, l, host, bench.StateDone)
	}
	out, err := s.sweep(t, l)
	require.NoError(t, err)
	require.Equal(t, bench.StateDone, out.State)
	var stops []bool
	for _, in := range inputs[contract.WakeIn](s.cast, contract.ActWakeLanes) {
		stops = append(stops, in.CancelSweep != "")
	}
	require.Equal(t, []bool{false, true, false, false}, stops)
}

// A sweep whose workflow is cancelled ends so; its rows stay as they are.
func TestSweepWorkflowCancelled(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.RegisterDelayedCallback(s.CancelWorkflow, time.Minute)
	_, err := s.sweep(t, newLedger())
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Zero(t, s.count(contract.ActFinishSweep))
}

// History stays bounded: the server's suggestion is followed.
func TestSweepContinuesAsNew(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.SetContinueAsNewSuggested(true)
	_, err := s.sweep(t, newLedger())
	next, ok := errors.AsType[*workflow.ContinueAsNewError](err)
	require.True(t, ok, "%v", err)
	want := sweepIn
	want.V = contract.Shape
	require.Equal(t, want, decode[contract.SweepIn](t, next.Input), "and makes the decisions of today")
}

// Names and numbers of hosts stay within a payload.
func TestSweepOnManyHosts(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := &ledger{left: map[string]int{}, states: map[bench.State]int{bench.StateQueued: 100}}
	for i := range 100 {
		l.left[strings.Repeat("h", 60)+string(rune('a'+i/10))+string(rune('a'+i%10))] = 1
	}
	s.RegisterDelayedCallback(func() { l.states = map[bench.State]int{bench.StateDone: 100} }, time.Minute)
	_, err := s.sweep(t, l)
	require.NoError(t, err)
	require.Len(t, inputs[contract.WakeIn](s.cast, contract.ActWakeLanes)[0].Hosts, 100)
}
