package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// scenarios are the histories that must be stored, named by what happens and
// the shape of the payload that begins them, each with how it is played; each
// gives the id of the workflow whose history is kept.
func scenarios() map[string]func(*testing.T, *recorder) string {
	return map[string]func(*testing.T, *recorder) string{
		"normal.1":    func(t *testing.T, r *recorder) string { return r.benchmark(t) },
		"retried.1":   recordRetried,
		"ladder.1":    recordLadder,
		"unfit.1":     recordUnfit,
		"failed.1":    recordFailed,
		"vanished.1":  recordVanished,
		"step-down.1": recordStepDown,
		"cancelled.1": recordCancelled,
		"resumed.1":   recordResumed,
		"unserved.1":  recordUnserved,
		"away.1":      recordAway,
		"lane.1":      recordLane,
		"sweep.1":     recordSweep,
		"stopped.1":   recordStopped,

		"turn.2":       recordTurn,
		"prepared.2":   recordPrepared,
		"host-unfit.2": recordHostUnfit,
		"paused.2":     recordPaused,
		"drained.2":    recordDrained,
		"continued.2":  recordContinued,
		"asked.1":      recordAsked,

		"continued-benchmark.2": recordContinuedBenchmark,
		"resumed-benchmark.2":   recordResumedBenchmark,

		"controlled.2": recordControlled,
		"extended.2":   recordExtended,
	}
}

func (r *recorder) benchmark(t *testing.T) string {
	t.Helper()
	id := r.start(t)
	r.ended(t, id)
	return id
}

func (r *recorder) start(t *testing.T) string {
	t.Helper()
	return r.try(t, cell())
}

func (r *recorder) try(t *testing.T, in contract.BenchmarkIn) string {
	t.Helper()
	in.Cell, in.Heartbeat = bench.CellID(bench.Hash(t.Name())[:16]), 5*time.Second
	id := contract.BenchmarkWorkflowID(in.Sweep, in.Cell, in.Attempt)
	_, err := r.ExecuteWorkflow(r.ctx, client.StartWorkflowOptions{ID: id, TaskQueue: contract.QueueControl}, contract.WorkflowBenchmark, in)
	require.NoError(t, err)
	return id
}

func recordRetried(t *testing.T, r *recorder) string {
	r.at(contract.ActPull, 1, passing(fault.CodeUnreachable))
	r.at(contract.ActInfer, 2, passing("WorkerDrain"))
	return r.benchmark(t)
}

func recordLadder(t *testing.T, r *recorder) string {
	r.at(contract.ActLoad, 1, failure(fault.CodeOutOfMemory))
	return r.benchmark(t)
}

func recordUnfit(t *testing.T, r *recorder) string {
	r.at(contract.ActLoad, 1, failure(fault.CodeRungRejected))
	r.at(contract.ActLoad, 2, failure(fault.CodeOutOfMemory))
	return r.benchmark(t)
}

func recordFailed(t *testing.T, r *recorder) string {
	r.at(contract.ActLoad, 1, failure(fault.CodeServerError))
	return r.benchmark(t)
}

func recordVanished(t *testing.T, r *recorder) string {
	r.at(contract.ActWarmUp, 1, failure(fault.CodeModelNotResident))
	r.at(contract.ActInfer, 2, failure(fault.CodeModelNotResident))
	return r.benchmark(t)
}

func recordStepDown(t *testing.T, r *recorder) string {
	r.at(contract.ActInfer, 2, failure(fault.CodeOutOfMemory))
	return r.benchmark(t)
}

func recordCancelled(t *testing.T, r *recorder) string {
	calling := make(chan struct{})
	r.hold = func(ctx context.Context) error {
		close(calling)
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
	id := r.start(t)
	receive(t, r.ctx, calling)
	require.NoError(t, r.CancelWorkflow(r.ctx, id, ""))
	r.ended(t, id)
	return id
}

// recordResumed is a later try that no longer fits on the rung of its calls.
func recordResumed(t *testing.T, r *recorder) string {
	r.at(contract.ActLoad, 1, failure(fault.CodeOutOfMemory))
	id := r.try(t, again(1, 1))
	r.ended(t, id)
	require.Equal(t, 1, r.count(contract.ActRestartEpoch))
	return id
}

// recordUnserved is stopped while nobody serves the host's queue: it ends at
// once.
func recordUnserved(t *testing.T, r *recorder) string {
	in := cell()
	in.At.Host = "nobody"
	id := r.try(t, in)
	r.waiting(t, id)
	require.NoError(t, r.CancelWorkflow(r.ctx, id, ""))
	r.ended(t, id)
	require.Zero(t, r.count(contract.ActUnload))
	require.Equal(t, 1, r.count(contract.ActPublish))
	return id
}

// recordAway is stopped while an activity waits for its next attempt, since
// what it needs is away.
func recordAway(t *testing.T, r *recorder) string {
	tried := make(chan struct{})
	r.on[contract.ActPull] = func(n int, _ any) error {
		if n == 3 {
			close(tried)
		}
		return passing(fault.CodeUnreachable)
	}
	id := r.start(t)
	receive(t, r.ctx, tried)
	require.NoError(t, r.CancelWorkflow(r.ctx, id, ""))
	r.ended(t, id)
	require.Equal(t, 1, r.count(contract.ActUnload))
	return id
}

// waiting waits until an activity of a run waits for a worker.
func (r *recorder) waiting(t *testing.T, id string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		d, err := r.DescribeWorkflowExecution(r.ctx, id, "")
		require.NoError(t, err)
		if len(d.GetPendingActivities()) > 0 {
			return
		}
	}
}

// recordLane has two cells; their sweeps do not exist, which is tolerated.
func recordLane(t *testing.T, r *recorder) string {
	r.cells = two()
	idle := make(chan struct{})
	r.on[contract.ActClaimNext] = func(n int, _ any) error {
		if n == 3 {
			close(idle)
		}
		return nil
	}
	id := r.wake(t)
	receive(t, r.ctx, idle)
	r.wake(t)
	require.NoError(t, r.CancelWorkflow(r.ctx, id, ""))
	r.ended(t, id)
	return id
}

// wake starts the lane or wakes it.
func (r *recorder) wake(t *testing.T) string {
	t.Helper()
	return r.wakeAs(t, laneIn)
}

func (r *recorder) wakeAs(t *testing.T, in contract.LaneIn) string {
	t.Helper()
	id := contract.LaneWorkflowID("bench1")
	_, err := r.SignalWithStartWorkflow(r.ctx, id, contract.SignalWake, nil,
		client.StartWorkflowOptions{ID: id, TaskQueue: contract.QueueControl}, contract.WorkflowLane, in)
	require.NoError(t, err)
	return id
}

// recordSweep has two cells on one host, over a real lane.
func recordSweep(t *testing.T, r *recorder) string {
	id := r.sweep(t, nil)
	r.ended(t, id)
	return id
}

// recordStopped stops a sweep while its first cell is measured.
func recordStopped(t *testing.T, r *recorder) string {
	calling := make(chan struct{})
	id := r.sweep(t, calling)
	receive(t, r.ctx, calling)
	handle, err := r.UpdateWorkflow(r.ctx, client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateID: "stop", UpdateName: contract.UpdateCancel, WaitForStage: client.WorkflowUpdateStageAccepted,
		Args: []any{contract.CancelIn{V: 1, By: "anna"}},
	})
	require.NoError(t, err)
	require.NoError(t, handle.Get(r.ctx, nil))
	r.ended(t, id)
	return id
}

// sweep starts a sweep of two cells with a lane; with calling, the first cell
// is measured until it is stopped.
func (r *recorder) sweep(t *testing.T, calling chan struct{}) string {
	t.Helper()
	l := &ledger{left: map[string]int{"bench1": 2}, states: map[bench.State]int{bench.StateQueued: 2}}
	sweep := bench.SweepID(bench.Hash(t.Name())[:16])
	r.cells = two()
	for i := range r.cells {
		r.cells[i].Sweep, r.cells[i].Heartbeat = sweep, 5*time.Second
	}
	if calling != nil {
		r.hold = func(ctx context.Context) error {
			close(calling)
			for ctx.Err() == nil {
				activity.RecordHeartbeat(ctx)
				<-time.After(100 * time.Millisecond)
			}
			return ctx.Err()
		}
	}
	r.counts = func() contract.Counts { r.mu.Lock(); defer r.mu.Unlock(); return l.counts() }
	r.on[contract.ActCancelSweep] = func(int, any) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		l.cancel, r.cells = true, nil
		l.end("bench1", bench.StateCancelled)
		return nil
	}
	r.on[contract.ActCloseCell] = func(_ int, in any) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		l.end("bench1", in.(contract.CloseIn).State)
		return nil
	}
	r.on[contract.ActWakeLanes] = func(_ int, in any) error {
		if in.(contract.WakeIn).CancelSweep != "" {
			return r.SignalWorkflow(r.ctx, contract.LaneWorkflowID("bench1"), "", contract.SignalCancel, in)
		}
		r.wake(t)
		return nil
	}
	id := contract.SweepWorkflowID(sweep)
	_, err := r.ExecuteWorkflow(r.ctx, client.StartWorkflowOptions{ID: id, TaskQueue: contract.QueueControl},
		contract.WorkflowSweep, contract.SweepIn{V: 1, Sweep: sweep, Name: "demo"})
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = r.TerminateWorkflow(context.WithoutCancel(r.ctx), contract.LaneWorkflowID("bench1"), "", "the scenario is over")
	})
	return id
}

func receive(t *testing.T, ctx context.Context, from <-chan struct{}) {
	t.Helper()
	select {
	case <-from:
	case <-ctx.Done():
		t.Fatal("the scenario did not come so far in time")
	}
}
