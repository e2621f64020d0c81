package workflows_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// recordTurn is the first of two turns.
func recordTurn(t *testing.T, r *recorder) string {
	in := today()
	in.Until = 1
	id := r.try(t, in)
	r.ended(t, id)
	require.Zero(t, r.count(contract.ActPublish))
	return id
}

func recordPrepared(t *testing.T, r *recorder) string {
	in := today()
	in.Prepare = &contract.PrepareIn{CellRef: contract.CellRef{V: contract.Shape}, ClearCaches: true, CoolDown: time.Minute}
	id := r.try(t, in)
	r.ended(t, id)
	require.Equal(t, 1, r.count(contract.ActPrepare))
	return id
}

func recordHostUnfit(t *testing.T, r *recorder) string {
	r.at(contract.ActInfer, 2, failure(fault.CodeDiskFull))
	id := r.try(t, today())
	r.ended(t, id)
	require.Zero(t, r.count(contract.ActPublish))
	return id
}

// holding has the first call wait until it is stopped; it tells when it began.
func (r *recorder) holding() <-chan struct{} {
	calling := make(chan struct{})
	var once sync.Once
	r.hold = func(ctx context.Context) error {
		first := false
		once.Do(func() { first = true; close(calling) })
		if !first {
			return nil
		}
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			activity.RecordHeartbeat(ctx)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-tick.C:
			}
		}
	}
	return calling
}

// recordPaused is a benchmark that is told to leave, and put back on the plan.
func recordPaused(t *testing.T, r *recorder) string {
	calling := r.holding()
	id := r.try(t, today())
	receive(t, r.ctx, calling)
	require.NoError(t, r.SignalWorkflow(r.ctx, id, "", contract.SignalStop,
		contract.StopIn{V: contract.Shape, State: bench.StateQueued, Reason: "paused by anna"}))
	r.ended(t, id)
	require.Equal(t, 1, r.count(contract.ActUnload))
	require.Zero(t, r.count(contract.ActPublish))
	return id
}

// update asks and waits for the answer.
func (r *recorder) update(t *testing.T, id, name, request string, in any) {
	t.Helper()
	handle, err := r.UpdateWorkflow(r.ctx, client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateID: request, UpdateName: name, WaitForStage: client.WorkflowUpdateStageCompleted, Args: []any{in},
	})
	require.NoError(t, err)
	require.NoError(t, handle.Get(r.ctx, nil))
}

// until waits until an activity was asked so often.
func (r *recorder) until(t *testing.T, activity string, times int) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for r.count(activity) < times {
		select {
		case <-tick.C:
		case <-r.ctx.Done():
			t.Fatalf("%s was asked %d times, expected %d", activity, r.count(activity), times)
		}
	}
}

// wakeToday starts the lane in today's shape, or wakes it.
func (r *recorder) wakeToday(t *testing.T) string {
	t.Helper()
	return r.wakeAs(t, contract.LaneIn{V: contract.Shape, Host: "bench1"})
}

// recordDrained drains a lane at once while it measures, opens it again, has it
// measure its second cell, whose host turns out to be unfit, and lets it rest.
func recordDrained(t *testing.T, r *recorder) string {
	calling := r.holding()
	r.cells = two()
	for i := range r.cells {
		r.cells[i].V, r.cells[i].Sweep, r.cells[i].Heartbeat = contract.Shape, bench.SweepID(bench.Hash(t.Name())[:16]), 5*time.Second
	}
	r.at(contract.ActInfer, 2, failure(fault.CodeHostUnfit))
	id := r.wakeToday(t)
	receive(t, r.ctx, calling)
	r.update(t, id, contract.UpdateDrain, "one", contract.LaneControlIn{V: contract.Shape, By: "anna", Reason: "new GPU", Now: true})
	r.until(t, contract.ActCloseCell, 1)
	r.until(t, contract.ActClaimNext, 2)
	r.update(t, id, contract.UpdateOpen, "two", contract.LaneControlIn{V: contract.Shape, By: "anna"})
	r.until(t, contract.ActCloseCell, 2)
	r.until(t, contract.ActClaimNext, 4)
	require.Equal(t, 3, r.count(contract.ActSetLane), "drained, opened, unfit")
	require.NoError(t, r.CancelWorkflow(r.ctx, id, ""))
	r.ended(t, id)
	return id
}

// recordContinued wakes a lane for nothing until it continues as new.
func recordContinued(t *testing.T, r *recorder) string {
	id := r.wakeToday(t)
	first, err := r.DescribeWorkflowExecution(r.ctx, id, "")
	require.NoError(t, err)
	r.run = first.GetWorkflowExecutionInfo().GetExecution().GetRunId()
	for n := 1; ; n++ {
		r.until(t, contract.ActClaimNext, n)
		now, err := r.DescribeWorkflowExecution(r.ctx, id, r.run)
		require.NoError(t, err)
		if now.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW {
			break
		}
		r.wakeToday(t)
	}
	require.NoError(t, r.TerminateWorkflow(r.ctx, id, "", "the scenario is over"))
	return id
}

// recordAsked drains a lane of shape 1, which then continues as new in today's.
func recordAsked(t *testing.T, r *recorder) string {
	id := r.wakeAs(t, laneIn)
	first, err := r.DescribeWorkflowExecution(r.ctx, id, "")
	require.NoError(t, err)
	r.run = first.GetWorkflowExecutionInfo().GetExecution().GetRunId()
	r.until(t, contract.ActClaimNext, 1)
	r.update(t, id, contract.UpdateDrain, "one", contract.LaneControlIn{V: contract.Shape, By: "anna"})
	r.until(t, contract.ActClaimNext, 2)
	require.Equal(t, contract.Shape, inputs[contract.ClaimIn](r.cast, contract.ActClaimNext)[1].V)
	require.NoError(t, r.TerminateWorkflow(r.ctx, id, "", "the scenario is over"))
	return id
}

// books plays the store for a sweep of two cells on one host.
func (r *recorder) books(t *testing.T) (*ledger, bench.SweepID) {
	t.Helper()
	l := &ledger{left: map[string]int{"bench1": 2}, states: map[bench.State]int{bench.StateQueued: 2}}
	sweep := bench.SweepID(bench.Hash(t.Name())[:16])
	r.cells = two()
	for i := range r.cells {
		r.cells[i].V, r.cells[i].Sweep, r.cells[i].Heartbeat = contract.Shape, sweep, 5*time.Second
	}
	given := append([]contract.BenchmarkIn(nil), r.cells...)
	r.counts = func() contract.Counts { r.mu.Lock(); defer r.mu.Unlock(); return l.counts() }
	r.on[contract.ActCloseCell] = func(_ int, in any) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		closed := in.(contract.CloseIn)
		if closed.State != bench.StateQueued {
			l.end("bench1", closed.State)
			return nil
		}
		for i := range given {
			if given[i].Cell == closed.Cell {
				given[i].Attempt++
				r.cells = append(r.cells, given[i])
			}
		}
		return nil
	}
	r.on[contract.ActWakeLanes] = func(_ int, in any) error {
		if wake := in.(contract.WakeIn); wake.Stop != nil {
			return r.SignalWorkflow(r.ctx, contract.LaneWorkflowID("bench1"), "", contract.SignalCancel, wake)
		}
		r.wakeToday(t)
		return nil
	}
	t.Cleanup(func() {
		_ = r.TerminateWorkflow(context.WithoutCancel(r.ctx), contract.LaneWorkflowID("bench1"), "", "the scenario is over")
	})
	return l, sweep
}

// recordControlled pauses a sweep at once while its first cell is measured,
// asks the same again, changes its priority, resumes it and lets it end.
func recordControlled(t *testing.T, r *recorder) string {
	calling := r.holding()
	l, sweep := r.books(t)
	r.control = func(in contract.ControlSweepIn) contract.ControlOut {
		r.mu.Lock()
		defer r.mu.Unlock()
		var out contract.ControlOut
		switch in.What {
		case bench.ControlPause:
			if !l.paused {
				out.Stop = &contract.StopIn{V: contract.Shape, Sweep: sweep, State: bench.StateQueued, Reason: "paused by anna"}
				out.Hosts = []string{"bench1"}
			}
			l.paused, r.closed = true, bench.LaneDrained // so that nothing is claimed
		case bench.ControlResume:
			l.paused, r.closed = false, ""
			out.Hosts = []string{"bench1"}
		default:
		}
		out.Counts = l.counts()
		return out
	}
	id := contract.SweepWorkflowID(sweep)
	_, err := r.ExecuteWorkflow(r.ctx, client.StartWorkflowOptions{ID: id, TaskQueue: contract.QueueControl},
		contract.WorkflowSweep, contract.SweepIn{V: contract.Shape, Sweep: sweep, Name: "demo"})
	require.NoError(t, err)
	receive(t, r.ctx, calling)
	ask := func(what bench.Control, request string) {
		r.update(t, id, string(what), request, contract.ControlIn{V: contract.Shape, Request: request, By: "anna", Now: true, Priority: 1})
	}
	ask(bench.ControlPause, "one")
	r.until(t, contract.ActCloseCell, 1)
	ask(bench.ControlPause, "two")
	ask(bench.ControlPriority, "three")
	ask(bench.ControlResume, "four")
	r.ended(t, id)
	return id
}

// recordExtended starts a sweep that had ended by the request that extends it.
func recordExtended(t *testing.T, r *recorder) string {
	l, sweep := r.books(t)
	more := r.cells[:1]
	r.cells, l.left, l.states = nil, map[string]int{"bench1": 0}, map[bench.State]int{bench.StateDone: 2}
	r.control = func(contract.ControlSweepIn) contract.ControlOut {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.cells, l.left["bench1"], l.states[bench.StateQueued] = more, 1, 1
		return contract.ControlOut{Counts: l.counts(), Changed: 1, Hosts: []string{"bench1"}}
	}
	id := contract.SweepWorkflowID(sweep)
	start := r.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
		ID: id, TaskQueue: contract.QueueControl, WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
	}, contract.WorkflowSweep, contract.SweepIn{V: contract.Shape, Sweep: sweep, Name: "demo"})
	handle, err := r.UpdateWithStartWorkflow(r.ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: start,
		UpdateOptions: client.UpdateWorkflowOptions{
			UpdateID: "one", UpdateName: contract.UpdateExtend, WaitForStage: client.WorkflowUpdateStageCompleted,
			Args: []any{contract.ControlIn{V: contract.Shape, Request: "one", By: "anna", Extension: "e1"}},
		},
	})
	require.NoError(t, err)
	require.NoError(t, handle.Get(r.ctx, nil))
	r.ended(t, id)
	require.Equal(t, 1, r.count(contract.ActCloseCell))
	return id
}
