package workflows_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// sweepToday runs a sweep in the shape of today over a ledger.
func (s *scene) sweepToday(t *testing.T, l *ledger) (contract.SweepOut, error) {
	t.Helper()
	s.counts = l.counts
	in := sweepIn
	in.V = contract.Shape
	s.ExecuteWorkflow(contract.WorkflowSweep, in)
	require.True(t, s.IsWorkflowCompleted())
	var out contract.SweepOut
	if err := s.GetWorkflowError(); err != nil {
		return out, err
	}
	require.NoError(t, s.GetWorkflowResult(&out))
	return out, nil
}

// answer is what a control was answered.
type answer struct {
	accepted, done bool
	out            contract.ControlOut
	err            error
}

// request is a person's, with what every control must have.
func request(id string) contract.ControlIn {
	return contract.ControlIn{V: contract.Shape, Request: id, By: "anna", Cells: []bench.CellID{"ce11000000000001"}, Priority: 1, Extension: "e1"}
}

// requestTo is the same with cells only where a control is about cells.
func requestTo(what bench.Control, id string) contract.ControlIn {
	in := request(id)
	switch what {
	case bench.ControlSkip, bench.ControlRetry, bench.ControlRemeasure:
	default:
		in.Cells = nil
	}
	return in
}

// want sends a control to the sweep.
func (s *scene) want(what bench.Control, in contract.ControlIn) *answer {
	a := &answer{}
	s.UpdateWorkflow(string(what), fmt.Sprintf("%s/%s", what, in.Request), &testsuite.TestUpdateCallback{
		OnAccept: func() { a.accepted = true },
		OnReject: func(err error) { a.err = err },
		OnComplete: func(out any, err error) {
			a.out, _ = out.(contract.ControlOut)
			a.err, a.done = err, true
		},
	}, in)
	return a
}

// aside does what an activity may not while it is played: the test environment
// takes updates from its own loop only.
func (s *scene) aside(f func()) {
	done := make(chan struct{})
	s.RegisterDelayedCallback(func() { defer close(done); f() }, 0)
	<-done
}

// does has the store play a control over the ledger.
func (s *scene) does(l *ledger, do func(contract.ControlSweepIn) contract.ControlOut) {
	s.control = func(in contract.ControlSweepIn) contract.ControlOut {
		out := do(in)
		out.Counts = l.counts()
		return out
	}
}

// finish ends every cell that is left after a time.
func (s *scene) finish(after time.Duration, l *ledger) {
	s.RegisterDelayedCallback(func() {
		s.books.Lock()
		l.left, l.states = map[string]int{}, map[bench.State]int{bench.StateDone: 3}
		s.books.Unlock()
		s.SignalWorkflow(contract.SignalCellClosed, contract.CellClosed{V: 2, State: bench.StateDone})
	}, after)
}

// Every control is done in the store with what was asked, wakes the lanes that
// the store names and passes the order to stop on; asked again, it is answered.
func TestSweepControls(t *testing.T) {
	t.Parallel()
	stop := &contract.StopIn{V: 2, Sweep: sweepIn.Sweep, Cells: []bench.CellID{"ce11000000000001"}, State: bench.StateQueued, Reason: "why"}
	for _, what := range []bench.Control{
		bench.ControlPause, bench.ControlResume, bench.ControlCancel, bench.ControlSkip,
		bench.ControlRetry, bench.ControlRemeasure, bench.ControlExtend, bench.ControlPriority,
	} {
		t.Run(string(what), func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			l := newLedger()
			s.does(l, func(contract.ControlSweepIn) contract.ControlOut {
				return contract.ControlOut{Changed: 1, Text: "as asked", Hosts: []string{"bench2"}, Stop: stop}
			})
			var first, again *answer
			s.RegisterDelayedCallback(func() { first = s.want(what, requestTo(what, "one")) }, time.Minute)
			s.RegisterDelayedCallback(func() { again = s.want(what, requestTo(what, "two")) }, 2*time.Minute)
			s.finish(3*time.Minute, l)
			out, err := s.sweepToday(t, l)
			require.NoError(t, err)
			require.Equal(t, bench.StateDone, out.State)
			for _, a := range []*answer{first, again} {
				require.True(t, a.accepted)
				require.NoError(t, a.err)
				require.Equal(t, "as asked", a.out.Text)
				require.Equal(t, 3, a.out.Total)
			}
			asked := inputs[contract.ControlSweepIn](s.cast, contract.ActControlSweep)
			require.Equal(t, contract.ControlSweepIn{ControlIn: requestTo(what, "one"), Sweep: sweepIn.Sweep, What: what}, asked[0])
			require.Len(t, asked, 2)
			require.Equal(t, string(what)+" asked by anna", s.summary(contract.ActControlSweep, 1))
			woken := inputs[contract.WakeIn](s.cast, contract.ActWakeLanes)
			require.Equal(t, []contract.WakeIn{
				{V: 2, Hosts: []string{"bench1", "bench2"}}, {V: 2, Hosts: []string{"bench2"}, Stop: stop}, {V: 2, Hosts: []string{"bench2"}, Stop: stop},
			}, woken)
			require.Equal(t, "stop 1 running cell(s)", s.summary(contract.ActWakeLanes, 2))
		})
	}
}

// What makes no sense is refused before it leaves a trace.
func TestSweepRefusesControls(t *testing.T) {
	t.Parallel()
	many := make([]bench.CellID, contract.MaxCellsPerUpdate+1)
	cases := map[string]struct {
		what   bench.Control
		change func(*contract.ControlIn)
		says   string
	}{
		"no id":             {bench.ControlPause, func(in *contract.ControlIn) { in.Request = "" }, "has no id"},
		"no name":           {bench.ControlPause, func(in *contract.ControlIn) { in.By = "" }, "say who asks"},
		"too many cells":    {bench.ControlRetry, func(in *contract.ControlIn) { in.Cells = many }, "501 cells are named, at most 500"},
		"skip nothing":      {bench.ControlSkip, func(in *contract.ControlIn) { in.Cells = nil }, "name the cells to skip"},
		"remeasure nothing": {bench.ControlRemeasure, func(in *contract.ControlIn) { in.Cells = nil }, "name the cells to remeasure"},
		"extend by nothing": {bench.ControlExtend, func(in *contract.ControlIn) { in.Extension = "" }, "name the stored extension"},
		"priority 0":        {bench.ControlPriority, func(in *contract.ControlIn) { in.Priority = 0 }, "priority 0, expected 1 (first) to 5 (last)"},
		"priority 6":        {bench.ControlPriority, func(in *contract.ControlIn) { in.Priority = 6 }, "priority 6"},
		"pause of a cell":   {bench.ControlPause, func(in *contract.ControlIn) { in.Cells = many[:1] }, "pause takes no cells"},
		"skip now":          {bench.ControlSkip, func(in *contract.ControlIn) { in.Now = true }, "skip takes no now"},
		"long reason":       {bench.ControlCancel, func(in *contract.ControlIn) { in.Reason = strings.Repeat("x", 501) }, "more than 500 bytes"},
		"long name":         {bench.ControlCancel, func(in *contract.ControlIn) { in.By = strings.Repeat("x", 201) }, "make it shorter"},
		"pause as 0.1":      {bench.ControlPause, func(in *contract.ControlIn) { *in = contract.ControlIn{V: 1, By: "anna"} }, "has no id"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			l := newLedger()
			in := requestTo(c.what, "one")
			c.change(&in)
			var a *answer
			s.RegisterDelayedCallback(func() { a = s.want(c.what, in) }, time.Minute)
			s.finish(2*time.Minute, l)
			_, err := s.sweepToday(t, l)
			require.NoError(t, err)
			require.False(t, a.accepted)
			require.ErrorContains(t, a.err, c.says)
			require.Zero(t, s.count(contract.ActControlSweep))
		})
	}
}

// Largest request that is taken still is a small payload; newScene's witness
// looks at that.
func TestSweepTakesManyCells(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := newLedger()
	s.does(l, func(contract.ControlSweepIn) contract.ControlOut { return contract.ControlOut{} })
	in := request("one")
	in.Cells = nil
	for i := range contract.MaxCellsPerUpdate {
		in.Cells = append(in.Cells, bench.CellID(fmt.Sprintf("ce11%012d", i)))
	}
	var a *answer
	s.RegisterDelayedCallback(func() { a = s.want(bench.ControlSkip, in) }, time.Minute)
	s.finish(2*time.Minute, l)
	_, err := s.sweepToday(t, l)
	require.NoError(t, err)
	require.NoError(t, a.err)
	require.True(t, a.done)
}

// What the store refuses is told to the person, and the sweep goes on.
func TestSweepControlRefusedByTheStore(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := newLedger()
	s.at(contract.ActControlSweep, 1, failure(fault.Code(fault.Invalid)))
	s.does(l, func(contract.ControlSweepIn) contract.ControlOut { return contract.ControlOut{Text: "fine"} })
	var first, second *answer
	s.RegisterDelayedCallback(func() { first = s.want(bench.ControlRemeasure, requestTo(bench.ControlRemeasure, "one")) }, time.Minute)
	s.RegisterDelayedCallback(func() { second = s.want(bench.ControlPause, requestTo(bench.ControlPause, "two")) }, 2*time.Minute)
	s.finish(3*time.Minute, l)
	_, err := s.sweepToday(t, l)
	require.NoError(t, err)
	require.ErrorContains(t, first.err, "scripted invalid")
	require.NoError(t, second.err, "the next control is not held up")
	require.Equal(t, "fine", second.out.Text)
}

// A pause takes hold once nothing runs any more; while it lasts no lane is
// woken, and a resume goes on.
func TestSweepPausedAndResumed(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := newLedger()
	l.states = map[bench.State]int{bench.StateQueued: 2, bench.StateRunning: 1}
	s.does(l, func(in contract.ControlSweepIn) contract.ControlOut {
		l.paused = in.What == bench.ControlPause
		if !l.paused {
			return contract.ControlOut{Hosts: []string{"bench1", "bench2"}}
		}
		return contract.ControlOut{}
	})
	seen := map[string]string{}
	see := func(at time.Duration, name string) {
		s.RegisterDelayedCallback(func() { seen[name] = s.status(t).State }, at)
	}
	see(time.Minute, "before")
	s.RegisterDelayedCallback(func() { s.want(bench.ControlPause, requestTo(bench.ControlPause, "one")) }, 2*time.Minute)
	see(3*time.Minute, "asked")
	s.RegisterDelayedCallback(func() {
		l.states = map[bench.State]int{bench.StateQueued: 2, bench.StateDone: 1}
		s.SignalWorkflow(contract.SignalCellClosed, contract.CellClosed{V: 2, State: bench.StateDone})
	}, 4*time.Minute)
	see(4*time.Minute+time.Second, "stopped")
	var again *answer
	s.RegisterDelayedCallback(func() {
		require.Equal(t, 1, s.count(contract.ActWakeLanes), "a paused sweep wakes nobody")
		again = s.want(bench.ControlPause, requestTo(bench.ControlPause, "two"))
	}, 2*time.Hour)
	s.RegisterDelayedCallback(func() { s.want(bench.ControlResume, requestTo(bench.ControlResume, "three")) }, 3*time.Hour)
	see(3*time.Hour+time.Minute, "resumed")
	s.finish(4*time.Hour, l)
	out, err := s.sweepToday(t, l)
	require.NoError(t, err)
	require.Equal(t, bench.StateDone, out.State)
	require.NoError(t, again.err)
	require.Equal(t, map[string]string{"before": "running", "asked": "pausing", "stopped": "paused", "resumed": "running"}, seen)
	require.Equal(t, []string{"running", "pausing", "paused", "running", "done"}, changes(s.states))
}

// changes drops repetitions.
func changes(list []string) []string {
	var out []string
	for _, one := range list {
		if len(out) == 0 || out[len(out)-1] != one {
			out = append(out, one)
		}
	}
	return out
}

// A sweep that is being cancelled hands what is asked on to the store, which
// refuses it or answers it again, and ends as cancelled once its running cell
// has left.
func TestSweepCancelledToday(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := newLedger()
	s.does(l, func(contract.ControlSweepIn) contract.ControlOut {
		l.cancel = true
		l.states = map[bench.State]int{bench.StateCancelled: 2, bench.StateRunning: 1}
		return contract.ControlOut{}
	})
	var pause, resume, again *answer
	s.RegisterDelayedCallback(func() { s.want(bench.ControlCancel, requestTo(bench.ControlCancel, "one")) }, time.Minute)
	s.RegisterDelayedCallback(func() {
		require.Equal(t, "cancelling", s.status(t).State)
		pause, resume = s.want(bench.ControlPause, requestTo(bench.ControlPause, "two")), s.want(bench.ControlResume, requestTo(bench.ControlResume, "three"))
		again = s.want(bench.ControlCancel, requestTo(bench.ControlCancel, "four"))
	}, 2*time.Minute)
	s.RegisterDelayedCallback(func() {
		l.states = map[bench.State]int{bench.StateCancelled: 3}
		s.SignalWorkflow(contract.SignalCellClosed, contract.CellClosed{V: 2, State: bench.StateCancelled})
	}, 3*time.Minute)
	start := s.Now()
	out, err := s.sweepToday(t, l)
	require.NoError(t, err)
	require.Equal(t, bench.StateCancelled, out.State)
	require.Equal(t, 3*time.Minute, s.Now().Sub(start).Round(time.Minute), "its end is news at once")
	for _, a := range []*answer{pause, resume, again} {
		require.True(t, a.accepted, "the store knows whether it was answered before, and refuses it otherwise")
	}
	require.Equal(t, []contract.FinishIn{{V: 2, Sweep: sweepIn.Sweep, State: bench.StateCancelled}},
		inputs[contract.FinishIn](s.cast, contract.ActFinishSweep))
}

// A control that makes every cell final ends the sweep at once, not at the next
// recount; who asked is answered first.
func TestSweepSkippedToItsEnd(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := newLedger()
	s.does(l, func(contract.ControlSweepIn) contract.ControlOut {
		l.left, l.states = map[string]int{}, map[bench.State]int{bench.StateSkipped: 3}
		return contract.ControlOut{Changed: 3}
	})
	var a *answer
	s.RegisterDelayedCallback(func() { a = s.want(bench.ControlSkip, requestTo(bench.ControlSkip, "one")) }, time.Minute)
	start := s.Now()
	out, err := s.sweepToday(t, l)
	require.NoError(t, err)
	require.Equal(t, bench.StateDone, out.State)
	require.Equal(t, time.Minute, s.Now().Sub(start).Round(time.Minute))
	require.True(t, a.done)
	require.Equal(t, 3, a.out.Final)
}

// A sweep that ends hears what is asked of it meanwhile: cells that are put back
// put it on, whatever of its end was already done; a stop is refused.
func TestSweepHearsControlsWhileItEnds(t *testing.T) {
	t.Parallel()
	for _, at := range []string{contract.ActSweepCounts, contract.ActFinishSweep} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			l := &ledger{left: map[string]int{}, states: map[bench.State]int{bench.StateDone: 2, bench.StateFailed: 1}}
			s.does(l, func(contract.ControlSweepIn) contract.ControlOut {
				l.left, l.states = map[string]int{"bench1": 1}, map[bench.State]int{bench.StateDone: 2, bench.StateQueued: 1}
				return contract.ControlOut{Changed: 1, Hosts: []string{"bench1"}}
			})
			var back, pause, cancel *answer
			s.on[at] = func(n int, _ any) error {
				if at == contract.ActSweepCounts && n != 2 || n > 2 {
					return nil
				}
				if back == nil {
					s.aside(func() {
						back = s.want(bench.ControlRetry, requestTo(bench.ControlRetry, "one"))
						pause, cancel = s.want(bench.ControlPause, requestTo(bench.ControlPause, "two")), s.want(bench.ControlCancel, requestTo(bench.ControlCancel, "three"))
					})
				}
				return nil
			}
			s.finish(time.Hour, l)
			start := s.Now()
			out, err := s.sweepToday(t, l)
			require.NoError(t, err)
			require.Equal(t, bench.StateDone, out.State)
			require.Equal(t, map[bench.State]int{bench.StateDone: 3}, out.Counts)
			require.Equal(t, time.Hour, s.Now().Sub(start).Round(time.Minute))
			require.NoError(t, back.err)
			require.True(t, back.done)
			for _, a := range []*answer{pause, cancel} {
				require.False(t, a.accepted)
				require.ErrorContains(t, a.err, "the sweep has already ended")
			}
			require.Equal(t, []string{contract.ActFinishSweep}, s.names()[len(s.names())-1:])
		})
	}
}

// A request to a sweep that has ended starts it again, as update with start
// does: the request comes before the first count, and nothing ends before it is
// answered.
func TestSweepStartedByARequest(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := &ledger{left: map[string]int{}, states: map[bench.State]int{bench.StateDone: 3}}
	s.does(l, func(contract.ControlSweepIn) contract.ControlOut {
		l.left, l.states = map[string]int{"bench1": 1}, map[bench.State]int{bench.StateDone: 3, bench.StateQueued: 1}
		return contract.ControlOut{Changed: 1, Hosts: []string{"bench1"}}
	})
	var a *answer
	s.on[contract.ActControlSweep] = func(n int, _ any) error {
		if n < 4 {
			return passing(fault.CodeUnreachable) // the database is away for a while
		}
		return nil
	}
	s.RegisterDelayedCallback(func() { a = s.want(bench.ControlExtend, requestTo(bench.ControlExtend, "one")) }, 0)
	s.RegisterDelayedCallback(func() {
		l.left, l.states = map[string]int{}, map[bench.State]int{bench.StateDone: 4}
		s.SignalWorkflow(contract.SignalCellClosed, contract.CellClosed{V: 2, State: bench.StateDone})
	}, time.Hour)
	out, err := s.sweepToday(t, l)
	require.NoError(t, err)
	require.Equal(t, map[bench.State]int{bench.StateDone: 4}, out.Counts)
	require.True(t, a.done)
	require.NoError(t, a.err)
}

// A read of the counts that a control has overtaken changes nothing.
func TestSweepDropsCountsThatWereOvertaken(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := newLedger()
	s.does(l, func(contract.ControlSweepIn) contract.ControlOut { l.paused = true; return contract.ControlOut{} })
	var a *answer
	s.on[contract.ActSweepCounts] = func(n int, _ any) error {
		if n == 1 {
			a = s.want(bench.ControlPause, requestTo(bench.ControlPause, "one"))
		}
		return nil
	}
	s.RegisterDelayedCallback(func() { require.Equal(t, "paused", s.status(t).State) }, time.Minute)
	s.finish(2*time.Minute, l)
	_, err := s.sweepToday(t, l)
	require.NoError(t, err)
	require.NoError(t, a.err)
}

// What a release before shape 2 asks of a sweep of today is done as it was.
func TestSweepOfTodayCancelledByRelease01(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := newLedger()
	s.on[contract.ActCancelSweep] = func(int, any) error {
		l.cancel, l.left, l.states = true, map[string]int{}, map[bench.State]int{bench.StateCancelled: 3}
		return nil
	}
	var r *reply
	s.RegisterDelayedCallback(func() { r = s.ask("one") }, time.Minute)
	out, err := s.sweepToday(t, l)
	require.NoError(t, err)
	require.Equal(t, bench.StateCancelled, out.State)
	require.NoError(t, r.err)
	require.Equal(t, 3, r.counts.Final)
}

// A sweep of an earlier shape does what is asked of it, and continues as new in
// today's shape.
func TestSweepOfShape1IsAsked(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := newLedger()
	s.does(l, func(contract.ControlSweepIn) contract.ControlOut {
		l.paused = true
		return contract.ControlOut{Changed: 1, Text: "paused"}
	})
	var a *answer
	s.RegisterDelayedCallback(func() { a = s.want(bench.ControlPause, requestTo(bench.ControlPause, "one")) }, time.Minute)
	_, err := s.sweep(t, l)
	next, ok := errors.AsType[*workflow.ContinueAsNewError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, contract.SweepIn{V: contract.Shape, Sweep: sweepIn.Sweep, Name: "demo"}, decode[contract.SweepIn](t, next.Input))
	require.NoError(t, a.err)
	require.Equal(t, "paused", a.out.Text)
}
