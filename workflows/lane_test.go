package workflows_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/workflows"
)

var laneIn = contract.LaneIn{V: 1, Host: "bench1"}

// player stands in for the benchmark of a cell.
type player func(workflow.Context, contract.BenchmarkIn) (contract.BenchmarkOut, error)

// lane runs a lane whose cells are played, and cancels it after a day of mock
// time, since a lane lives for ever.
func (s *scene) lane(t *testing.T, play player) error {
	t.Helper()
	return s.laneOf(t, laneIn, play)
}

// laneToday runs a lane in the shape of today.
func (s *scene) laneToday(t *testing.T, play player) error {
	t.Helper()
	return s.laneOf(t, contract.LaneIn{V: contract.Shape, Host: "bench1"}, play)
}

func (s *scene) laneOf(t *testing.T, in contract.LaneIn, play player) error {
	t.Helper()
	s.RegisterWorkflowWithOptions(workflows.Lane, workflow.RegisterOptions{Name: contract.WorkflowLane})
	s.RegisterWorkflowWithOptions((func(workflow.Context, contract.BenchmarkIn) (contract.BenchmarkOut, error))(play),
		workflow.RegisterOptions{Name: contract.WorkflowBenchmark})
	if s.gone != "" {
		s.OnSignalExternalWorkflow(mock.Anything, s.gone, mock.Anything, contract.SignalCellClosed, mock.Anything).
			Return(errors.New("no such workflow"))
	}
	s.OnSignalExternalWorkflow(mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(nil).Maybe()
	s.RegisterDelayedCallback(s.CancelWorkflow, 24*time.Hour)
	s.ExecuteWorkflow(contract.WorkflowLane, in)
	require.True(t, s.IsWorkflowCompleted())
	return s.GetWorkflowError()
}

// two cells of different sweeps.
func two() []contract.BenchmarkIn {
	first, second := cell(), cell()
	second.Cell, second.Sweep, second.At.Language, second.Attempt = "ce11000000000002", "5ee9000000000002", "en", 3
	return []contract.BenchmarkIn{first, second}
}

func done(workflow.Context, contract.BenchmarkIn) (contract.BenchmarkOut, error) {
	return contract.BenchmarkOut{V: 1, State: bench.StateDone}, nil
}

// A lane measures one cell after the other, closes each and tells its sweep;
// then it sleeps.
func TestLaneMeasuresCellsInTurn(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.cells = two()
	running, most := 0, 0
	err := s.lane(t, func(ctx workflow.Context, in contract.BenchmarkIn) (contract.BenchmarkOut, error) {
		running++
		most = max(most, running)
		defer func() { running-- }()
		return contract.BenchmarkOut{V: 1, State: bench.StateDone}, workflow.Sleep(ctx, time.Hour)
	})
	require.True(t, temporal.IsCanceledError(err), "a sleeping lane can be cancelled: %v", err)
	require.Equal(t, 1, most, "one measurement at a time")
	require.Equal(t, []string{
		contract.ActClaimNext, contract.ActCloseCell, contract.ActClaimNext, contract.ActCloseCell, contract.ActClaimNext,
	}, s.names())
	for i, claim := range inputs[contract.ClaimIn](s.cast, contract.ActClaimNext) {
		require.Equal(t, int64(i+1), claim.Claim)
		require.Equal(t, "bench1", claim.Host)
	}
	require.Equal(t, []contract.CellClosed{
		{V: 1, Cell: "ce11000000000001", State: bench.StateDone}, {V: 1, Cell: "ce11000000000002", State: bench.StateDone},
	}, s.told)
	require.Contains(t, s.details(t), "idle: no cell is queued for bench1")

	child := s.children[1]
	require.Equal(t, "bench/5ee9000000000002/ce11000000000002/3", child.WorkflowID)
	require.Equal(t, enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL, child.ParentClosePolicy, "a measuring child must unload")
	require.True(t, child.WaitForCancellation)
	require.Equal(t, enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY, child.WorkflowIDReusePolicy)
	want := map[string]string{
		contract.AttrSweep: "5ee9000000000002", contract.AttrHost: "bench1", contract.AttrRuntime: "ollama",
		contract.AttrModel: "deepseek-r1:1.5B", contract.AttrTask: "icd10", contract.AttrLanguage: "en", contract.AttrState: "queued",
	}
	for name, value := range want {
		got, ok := child.TypedSearchAttributes.GetKeyword(temporal.NewSearchAttributeKeyKeyword(name))
		require.True(t, ok, name)
		require.Equal(t, value, got, name)
	}
	require.Equal(t, len(contract.SearchAttributes()), child.TypedSearchAttributes.Size(), "all are set at the start")
}

// A sleeping lane claims again when it is woken, under the same claim number,
// since that one took nothing.
func TestLaneWakesOnSignal(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.RegisterDelayedCallback(func() {
		s.enqueue(cell())
		for range 3 { // lanes are woken more often than needed
			s.SignalWorkflow(contract.SignalWake, nil)
		}
	}, time.Hour)
	require.True(t, temporal.IsCanceledError(s.lane(t, done)))
	require.Equal(t, []string{contract.ActClaimNext, contract.ActClaimNext, contract.ActCloseCell, contract.ActClaimNext}, s.names())
	var claims []int64
	for _, in := range inputs[contract.ClaimIn](s.cast, contract.ActClaimNext) {
		claims = append(claims, in.Claim)
	}
	require.Equal(t, []int64{1, 1, 2}, claims)
}

// A cell is closed as it ended, whatever that was, and the lane goes on.
func TestLaneClosesCellsAsTheyEnded(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		out   contract.BenchmarkOut
		err   error
		close contract.CloseIn
	}{
		"done":   {contract.BenchmarkOut{State: bench.StateDone}, nil, contract.CloseIn{State: bench.StateDone}},
		"unfit":  {contract.BenchmarkOut{State: bench.StateUnfit, Reason: "no rung"}, nil, contract.CloseIn{State: bench.StateUnfit, Reason: "no rung"}},
		"failed": {contract.BenchmarkOut{State: bench.StateFailed, Reason: "why"}, nil, contract.CloseIn{State: bench.StateFailed, Reason: "why"}},
		"cancelled": {
			contract.BenchmarkOut{},
			temporal.NewCanceledError(),
			contract.CloseIn{State: bench.StateCancelled, Reason: "cancelled"},
		},
		"workflow failed": {
			contract.BenchmarkOut{},
			temporal.NewApplicationError("code list is gone", "invalid"),
			contract.CloseIn{State: bench.StateFailed, Reason: "invalid: code list is gone"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.cells = two()
			first := true
			require.True(t, temporal.IsCanceledError(s.lane(t, func(workflow.Context, contract.BenchmarkIn) (contract.BenchmarkOut, error) {
				if first {
					first = false
					return c.out, c.err
				}
				return contract.BenchmarkOut{V: 1, State: bench.StateDone}, nil
			})))
			closed := inputs[contract.CloseIn](s.cast, contract.ActCloseCell)
			c.close.V, c.close.Cell, c.close.Attempt = 1, "ce11000000000001", 1
			require.Len(t, closed, 2, "the lane goes on")
			require.Equal(t, c.close, closed[0])
			require.Equal(t, c.close.State, s.told[0].State)
		})
	}
}

// A sweep that has ended cannot be told; its lane goes on.
func TestLaneWhoseSweepIsGone(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.cells = two()
	s.gone = "sweep/5ee9000000000001"
	require.True(t, temporal.IsCanceledError(s.lane(t, done)))
	require.Equal(t, 2, s.count(contract.ActCloseCell))
	require.Len(t, s.told, 2)
}

// Only the running cell of the named sweep is stopped.
func TestLaneStopsTheCellOfItsSweep(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.cells = two()
	hour := func(ctx workflow.Context, in contract.BenchmarkIn) (contract.BenchmarkOut, error) {
		return contract.BenchmarkOut{V: 1, State: bench.StateDone}, workflow.Sleep(ctx, time.Hour)
	}
	s.RegisterDelayedCallback(func() {
		s.SignalWorkflow(contract.SignalCancel, "not what a lane expects")
		s.SignalWorkflow(contract.SignalCancel, contract.WakeIn{V: 1, CancelSweep: "another"})
		s.SignalWorkflow(contract.SignalCancel, contract.WakeIn{V: 1, CancelSweep: "5ee9000000000002"})
	}, 30*time.Minute)
	s.RegisterDelayedCallback(func() {
		s.SignalWorkflow(contract.SignalCancel, contract.WakeIn{V: 1, CancelSweep: "5ee9000000000002"})
	}, 90*time.Minute)
	require.True(t, temporal.IsCanceledError(s.lane(t, hour)))
	closed := inputs[contract.CloseIn](s.cast, contract.ActCloseCell)
	require.Equal(t, []bench.State{bench.StateDone, bench.StateCancelled}, []bench.State{closed[0].State, closed[1].State})
}

// A stop that came while nothing of the sweep ran does not hit the sweep's
// cells when it is launched again later.
func TestLaneForgetsOldStops(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.RegisterDelayedCallback(func() {
		s.SignalWorkflow(contract.SignalCancel, contract.WakeIn{V: 1, CancelSweep: cell().Sweep})
	}, time.Hour)
	s.RegisterDelayedCallback(func() {
		s.enqueue(cell())
		s.SignalWorkflow(contract.SignalWake, nil)
	}, 2*time.Hour)
	hour := func(ctx workflow.Context, in contract.BenchmarkIn) (contract.BenchmarkOut, error) {
		return contract.BenchmarkOut{V: 1, State: bench.StateDone}, workflow.Sleep(ctx, time.Hour)
	}
	require.True(t, temporal.IsCanceledError(s.lane(t, hour)))
	require.Equal(t, bench.StateDone, inputs[contract.CloseIn](s.cast, contract.ActCloseCell)[0].State)
}

// A lane that is cancelled while it measures stops the cell and closes it.
func TestLaneCancelledWhileMeasuring(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.cells = two()
	days := func(ctx workflow.Context, in contract.BenchmarkIn) (contract.BenchmarkOut, error) {
		return contract.BenchmarkOut{}, workflow.Sleep(ctx, 72*time.Hour)
	}
	require.True(t, temporal.IsCanceledError(s.lane(t, days)))
	closed := inputs[contract.CloseIn](s.cast, contract.ActCloseCell)
	require.Equal(t, []contract.CloseIn{{V: 1, Cell: "ce11000000000001", State: bench.StateCancelled, Reason: "cancelled", Attempt: 1}}, closed)
	require.Equal(t, 1, s.count(contract.ActClaimNext))
}

// History stays bounded: after a hundred cells the lane continues as new and
// goes on counting its claims.
func TestLaneContinuesAsNew(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for range 130 {
		s.cells = append(s.cells, cell())
	}
	err := s.lane(t, done)
	next, ok := errors.AsType[*workflow.ContinueAsNewError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, contract.WorkflowLane, next.WorkflowType.Name)
	require.Equal(t, 100, s.count(contract.ActCloseCell))
	in := decode[contract.LaneIn](t, next.Input)
	require.Equal(t, contract.LaneIn{V: contract.Shape, Host: "bench1", Claim: 100}, in, "and makes the decisions of today")
}

// The server's own suggestion is followed, between cells.
func TestLaneFollowsTheServersSuggestion(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.cells = two()
	s.SetContinueAsNewSuggested(true)
	err := s.lane(t, done)
	require.True(t, workflow.IsContinueAsNewError(err), "%v", err)
	require.Equal(t, 1, s.count(contract.ActCloseCell))
}
