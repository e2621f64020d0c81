package workflows_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
)

// manyRuns gives a lane one cell of so many runs that its benchmark continues as
// new; it tells the benchmark's id and its first run.
func (r *recorder) manyRuns(t *testing.T, runs int) (id, first string) {
	t.Helper()
	one := today()
	one.Sweep, one.Heartbeat, one.Runs = bench.SweepID(bench.Hash(t.Name())[:16]), 5*time.Second, runs
	r.cells = []contract.BenchmarkIn{one}
	lane := r.wakeToday(t)
	t.Cleanup(func() { _ = r.TerminateWorkflow(context.WithoutCancel(r.ctx), lane, "", "the scenario is over") })
	r.until(t, contract.ActInspect, 1)
	id = contract.BenchmarkWorkflowID(one.Sweep, one.Cell, one.Attempt)
	now, err := r.DescribeWorkflowExecution(r.ctx, id, "")
	require.NoError(t, err)
	return id, now.GetWorkflowExecutionInfo().GetExecution().GetRunId()
}

// asksOnce requires each run's calls to be asked about once and in order, of the
// model as it was loaded first.
func (r *recorder) asksOnce(t *testing.T, runs int) {
	t.Helper()
	asked := inputs[contract.InferIn](r.cast, contract.ActInfer)
	require.Len(t, asked, runs)
	for i, in := range asked {
		require.Equal(t, fmt.Sprintf("run %d of load-1, no %d", i+1, i+1), fmt.Sprintf("run %d of %s, no %d", in.Run, in.Token, in.No))
	}
	require.Equal(t, 1, r.count(contract.ActLoad))
	require.Equal(t, 1, r.count(contract.ActUnload))
}

// recordContinuedBenchmark keeps the first run of a benchmark that continues as
// new. Its lane waits for the last one.
func recordContinuedBenchmark(t *testing.T, r *recorder) string {
	const runs = 40
	id, first := r.manyRuns(t, runs)
	r.until(t, contract.ActCloseCell, 1)
	r.run = first
	was, err := r.DescribeWorkflowExecution(r.ctx, id, first)
	require.NoError(t, err)
	require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW, was.GetWorkflowExecutionInfo().GetStatus())
	closed := inputs[contract.CloseIn](r.cast, contract.ActCloseCell)
	require.Equal(t, []bench.State{bench.StateDone, ""}, []bench.State{closed[0].State, bench.State(closed[0].Reason)})
	r.asksOnce(t, runs)

	last, err := r.DescribeWorkflowExecution(r.ctx, id, "")
	require.NoError(t, err)
	have := last.GetWorkflowExecutionInfo().GetSearchAttributes().GetIndexedFields()
	for _, a := range contract.SearchAttributes() {
		require.Contains(t, have, a.Name, "what lists find a cell by is there in every run")
	}
	return id
}

// recordResumedBenchmark keeps a later run of a benchmark, which its lane stops.
func recordResumedBenchmark(t *testing.T, r *recorder) string {
	calling := make(chan struct{})
	r.hold = func(ctx context.Context) error {
		if r.count(contract.ActInfer) != 30 {
			return nil
		}
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
	id, first := r.manyRuns(t, 40)
	receive(t, r.ctx, calling)
	now, err := r.DescribeWorkflowExecution(r.ctx, id, "")
	require.NoError(t, err)
	require.NotEqual(t, first, now.GetWorkflowExecutionInfo().GetExecution().GetRunId())
	require.NoError(t, r.SignalWorkflow(r.ctx, contract.LaneWorkflowID("bench1"), "", contract.SignalCancel, contract.WakeIn{
		V: contract.Shape, Stop: &contract.StopIn{V: contract.Shape, State: bench.StateSkipped, Reason: "skipped by anna"},
	}))
	r.until(t, contract.ActCloseCell, 1)
	closed := inputs[contract.CloseIn](r.cast, contract.ActCloseCell)
	require.Equal(t, bench.StateSkipped, closed[0].State)
	require.Equal(t, "skipped by anna", closed[0].Reason)
	r.asksOnce(t, 30)
	return id
}
