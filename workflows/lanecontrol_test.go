package workflows_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// hour measures a cell for an hour, or until it is told to leave.
func hour(ctx workflow.Context, in contract.BenchmarkIn) (contract.BenchmarkOut, error) {
	ch := workflow.GetSignalChannel(ctx, contract.SignalStop)
	stopped, err := workflow.AwaitWithTimeout(ctx, time.Hour, func() bool { return ch.Len() > 0 })
	if err != nil || !stopped {
		return contract.BenchmarkOut{V: in.V, State: bench.StateDone}, err
	}
	var order contract.StopIn
	ch.Receive(ctx, &order)
	return contract.BenchmarkOut{V: in.V, State: order.State, Reason: order.Reason}, nil
}

// told is what an update of a lane was answered.
type told struct {
	accepted bool
	out      contract.LaneControlOut
	err      error
}

// tell sends an update to the lane.
func (s *scene) tell(name, id string, in contract.LaneControlIn) *told {
	r := &told{}
	s.UpdateWorkflow(name, id, &testsuite.TestUpdateCallback{
		OnAccept: func() { r.accepted = true },
		OnReject: func(err error) { r.err = err },
		OnComplete: func(out any, err error) {
			r.out, _ = out.(contract.LaneControlOut)
			r.err = err
		},
	}, in)
	return r
}

func (s *scene) drain(id string, now bool) *told {
	return s.tell(contract.UpdateDrain, id, contract.LaneControlIn{V: 2, By: "anna", Reason: "new GPU", Now: now})
}

func (s *scene) open(id string) *told {
	return s.tell(contract.UpdateOpen, id, contract.LaneControlIn{V: 2, By: "anna"})
}

// status asks the workflow how it stands.
func (s *scene) status(t *testing.T) contract.Status {
	t.Helper()
	value, err := s.QueryWorkflow(contract.QueryStatus)
	require.NoError(t, err)
	var status contract.Status
	require.NoError(t, value.Get(&status))
	return status
}

// states lists how cells were closed.
func (s *scene) closings() []contract.CloseIn {
	return inputs[contract.CloseIn](s.cast, contract.ActCloseCell)
}

// A lane that is drained finishes its cell and takes no more; opened, it goes
// on by itself. Asking the same again is answered the same.
func TestLaneDrainedAndOpened(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.cells = two()
	var first, again, opened *told
	s.RegisterDelayedCallback(func() { require.Equal(t, "measuring", s.status(t).State) }, 10*time.Minute)
	s.RegisterDelayedCallback(func() { first = s.drain("one", false) }, 20*time.Minute)
	s.RegisterDelayedCallback(func() {
		require.Equal(t, "draining", s.status(t).State)
		require.Contains(t, s.status(t).Text, "measuring **")
		again = s.drain("two", false)
	}, 30*time.Minute)
	s.RegisterDelayedCallback(func() {
		status := s.status(t)
		require.Equal(t, "drained", status.State)
		require.Contains(t, status.Text, "**drained**: bench1 takes no more cells (as was asked); wattsweep host resume bench1 opens it")
		require.Len(t, s.closings(), 1)
		s.SignalWorkflow(contract.SignalWake, nil) // a wake opens nothing
	}, 2*time.Hour)
	s.RegisterDelayedCallback(func() { opened = s.open("three") }, 3*time.Hour)
	s.RegisterDelayedCallback(func() { require.Equal(t, "idle", s.status(t).State) }, 5*time.Hour)
	require.True(t, temporal.IsCanceledError(s.laneToday(t, hour)))
	for _, r := range []*told{first, again} {
		require.True(t, r.accepted)
		require.NoError(t, r.err)
		require.Equal(t, bench.LaneDrained, r.out.State)
	}
	require.Equal(t, bench.LaneOpen, opened.out.State)
	closed := s.closings()
	require.Len(t, closed, 2)
	require.Equal(t, []bench.State{bench.StateDone, bench.StateDone}, []bench.State{closed[0].State, closed[1].State})
	require.Equal(t, contract.SetLaneIn{V: 2, Host: "bench1", State: bench.LaneDrained, By: "anna", Reason: "new GPU"},
		inputs[contract.SetLaneIn](s.cast, contract.ActSetLane)[0])
	require.Equal(t, "bench1: drained, asked by anna", s.summary(contract.ActSetLane, 1))
}

// Drained now, the running cell goes back on the plan with its reason, also
// when a drain without now was asked before; its sweep is told.
func TestLaneDrainedNow(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.cells = two()
	s.RegisterDelayedCallback(func() { s.drain("one", false) }, 20*time.Minute)
	s.RegisterDelayedCallback(func() { s.drain("two", true) }, 30*time.Minute)
	s.RegisterDelayedCallback(func() {
		require.Equal(t, "drained", s.status(t).State)
	}, 31*time.Minute)
	require.True(t, temporal.IsCanceledError(s.laneToday(t, hour)))
	require.Equal(t, []contract.CloseIn{
		{V: 2, Cell: "ce11000000000001", State: bench.StateQueued, Reason: "host drained by anna: new GPU", Attempt: 1},
	}, s.closings())
	require.Equal(t, []contract.CellClosed{{V: 2, Cell: "ce11000000000001", State: bench.StateQueued}}, s.told)
}

// Drained now while the next cell is being claimed, that cell is stopped: no
// order falls between two cells.
func TestLaneDrainedWhileItClaims(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.cells = two()
	s.on[contract.ActClaimNext] = func(n int, _ any) error {
		if n == 1 {
			s.aside(func() { s.drain("one", true) })
		}
		return nil
	}
	require.True(t, temporal.IsCanceledError(s.laneToday(t, hour)))
	for _, c := range s.closings() {
		require.Equal(t, bench.StateQueued, c.State)
	}
	require.LessOrEqual(t, len(s.closings()), 1)
}

// Drained now while nothing runs hits no later cell.
func TestLaneForgetsOldOrders(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.RegisterDelayedCallback(func() { s.drain("one", true) }, time.Hour)
	s.RegisterDelayedCallback(func() { s.enqueue(cell()); s.open("two") }, 2*time.Hour)
	require.True(t, temporal.IsCanceledError(s.laneToday(t, hour)))
	require.Equal(t, bench.StateDone, s.closings()[0].State)
}

// Who asks is kept for the record; a request without that is refused.
func TestLaneRefusesTheNameless(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	var r *told
	s.RegisterDelayedCallback(func() { r = s.tell(contract.UpdateDrain, "one", contract.LaneControlIn{V: 2}) }, time.Hour)
	require.True(t, temporal.IsCanceledError(s.laneToday(t, hour)))
	require.False(t, r.accepted)
	require.ErrorContains(t, r.err, "say who asks")
	require.Zero(t, s.count(contract.ActSetLane))
}

// A failure of the store is told to the person; the lane goes on as it was.
func TestLaneThatCannotBeDrained(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.cells = two()
	s.always(contract.ActSetLane, failure(fault.CodeDatabaseBehind))
	var r *told
	s.RegisterDelayedCallback(func() { r = s.drain("one", true) }, 30*time.Minute)
	require.True(t, temporal.IsCanceledError(s.laneToday(t, hour)))
	require.ErrorContains(t, r.err, "DatabaseBehind")
	require.Len(t, s.closings(), 2)
	require.Equal(t, bench.StateDone, s.closings()[0].State)
}

// A host that failed is put out of use before its cell goes back on the plan,
// and measures nothing more until a person opens it.
func TestLaneOfAnUnfitHost(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.cells = two()
	first := true
	s.RegisterDelayedCallback(func() {
		status := s.status(t)
		require.Equal(t, "unfit", status.State)
		require.Contains(t, status.Text, "**unfit**: bench1 takes no more cells")
		require.Len(t, s.closings(), 1)
	}, time.Hour)
	s.RegisterDelayedCallback(func() { s.open("one") }, 2*time.Hour)
	require.True(t, temporal.IsCanceledError(s.laneToday(t, func(workflow.Context, contract.BenchmarkIn) (contract.BenchmarkOut, error) {
		if first {
			first = false
			return contract.BenchmarkOut{V: 2, State: bench.StateQueued, Reason: "DiskFull: no space", HostUnfit: true}, nil
		}
		return contract.BenchmarkOut{V: 2, State: bench.StateDone}, nil
	})))
	require.Equal(t, []string{
		contract.ActClaimNext, contract.ActSetLane, contract.ActCloseCell, contract.ActClaimNext, // asleep
		contract.ActSetLane, contract.ActClaimNext, contract.ActCloseCell, contract.ActClaimNext,
	}, s.names())
	require.Equal(t, contract.SetLaneIn{
		V: 2, Host: "bench1", State: bench.LaneUnfit, By: "cell ce11000000000001", Reason: "DiskFull: no space",
	}, inputs[contract.SetLaneIn](s.cast, contract.ActSetLane)[0])
	require.Equal(t, []bench.State{bench.StateQueued, bench.StateDone}, []bench.State{s.closings()[0].State, s.closings()[1].State})
}

// A stop by signal reaches the cell that it means, in the state that it names;
// what an earlier release sends cancels it.
func TestLanePassesStopsOn(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		signal contract.WakeIn
		want   bench.State
	}{
		"its cell":         {contract.WakeIn{V: 2, Stop: &contract.StopIn{Sweep: "5ee9000000000001", Cells: []bench.CellID{"ce11000000000001"}, State: bench.StateSkipped}}, bench.StateSkipped},
		"its sweep":        {contract.WakeIn{V: 2, Stop: &contract.StopIn{Sweep: "5ee9000000000001", State: bench.StateQueued, Reason: "paused"}}, bench.StateQueued},
		"another cell":     {contract.WakeIn{V: 2, Stop: &contract.StopIn{Sweep: "5ee9000000000001", Cells: []bench.CellID{"x"}, State: bench.StateSkipped}}, bench.StateDone},
		"another sweep":    {contract.WakeIn{V: 2, Stop: &contract.StopIn{Sweep: "x", State: bench.StateQueued}}, bench.StateDone},
		"no state to be":   {contract.WakeIn{V: 2, Stop: &contract.StopIn{State: bench.StateDone}}, bench.StateDone},
		"as release 0.1":   {contract.WakeIn{V: 1, CancelSweep: "5ee9000000000001"}, bench.StateCancelled},
		"0.1, other sweep": {contract.WakeIn{V: 1, CancelSweep: "x"}, bench.StateDone},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.cells = two()[:1]
			s.RegisterDelayedCallback(func() {
				s.SignalWorkflow(contract.SignalCancel, "not what a lane expects")
				s.SignalWorkflow(contract.SignalCancel, c.signal)
			}, 30*time.Minute)
			require.True(t, temporal.IsCanceledError(s.laneToday(t, hour)))
			require.Equal(t, c.want, s.closings()[0].State)
		})
	}
}

// A turn is closed as such and no news to the sweep; what was stopped is.
func TestLaneTellsWhatIsNews(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.cells = two()
	outs := []contract.BenchmarkOut{{V: 2, State: bench.StateQueued}, {V: 2, State: bench.StateQueued, Reason: "paused"}}
	require.True(t, temporal.IsCanceledError(s.laneToday(t, func(workflow.Context, contract.BenchmarkIn) (contract.BenchmarkOut, error) {
		out := outs[0]
		outs = outs[1:]
		return out, nil
	})))
	require.Len(t, s.closings(), 2)
	require.Equal(t, []contract.CellClosed{{V: 2, Cell: "ce11000000000002", State: bench.StateQueued}}, s.told)
}

// A lane of an earlier shape does what is asked of it, and then continues as
// new in today's shape.
func TestLaneOfShape1IsAsked(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.cells = two()
	var r *told
	s.RegisterDelayedCallback(func() { r = s.drain("one", true) }, 30*time.Minute)
	err := s.lane(t, hour)
	next, ok := errors.AsType[*workflow.ContinueAsNewError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, contract.LaneIn{V: contract.Shape, Host: "bench1", Claim: 1}, decode[contract.LaneIn](t, next.Input))
	require.Equal(t, bench.LaneDrained, r.out.State)
	require.Equal(t, bench.StateQueued, s.closings()[0].State)
	require.Equal(t, []contract.ClaimIn{{V: 1, Host: "bench1", Lane: inputs[contract.ClaimIn](s.cast, contract.ActClaimNext)[0].Lane, Claim: 1}},
		inputs[contract.ClaimIn](s.cast, contract.ActClaimNext), "it claims what shape 1 knows of")
}

// History stays bounded by events and by bytes, well below the server's own
// suggestion, and an update that is being done is answered first.
func TestLaneContinuesAsNewByItself(t *testing.T) {
	t.Parallel()
	for name, grow := range map[string]func(*scene){
		"events": func(s *scene) { s.SetCurrentHistoryLength(3001) },
		"bytes":  func(s *scene) { s.SetCurrentHistorySize(1<<20 + 1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.cells = two()
			var r *told
			s.RegisterDelayedCallback(func() { grow(s) }, 10*time.Minute)
			s.on[contract.ActCloseCell] = func(int, any) error { s.aside(func() { r = s.drain("one", false) }); return nil }
			err := s.laneToday(t, hour)
			require.True(t, workflow.IsContinueAsNewError(err), "%v", err)
			require.Equal(t, 1, s.count(contract.ActCloseCell))
			require.True(t, r.accepted)
			require.NoError(t, r.err)
			require.Equal(t, bench.LaneDrained, r.out.State)
		})
	}
}
