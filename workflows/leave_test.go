package workflows_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// A database, runtime or worker that is away for long, at any stage, fails
// nothing. The test environment itself gives up after ten attempts; that no
// number ends a cell is looked at in TestBenchmarkQueuesAndPolicies.
func TestBenchmarkRidesOutWhatIsAway(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.at(contract.ActLoad, 10, failure(fault.CodeOutOfMemory))
	for _, name := range []string{
		contract.ActInspect, contract.ActPinDataset, contract.ActPull, contract.ActMeasureIdle, contract.ActLoad, contract.ActReclaim,
		contract.ActWarmUp, contract.ActInfer, contract.ActUnload, contract.ActScore, contract.ActCost, contract.ActPublish,
	} {
		then := s.on[name]
		s.on[name] = func(n int, in any) error {
			switch {
			case n%2 == 1 && n <= 9:
				return passing("WorkerDrain")
			case n <= 9:
				return passing(fault.CodeUnreachable)
			case then != nil:
				return then(n, in)
			}
			return nil
		}
	}
	out, err := s.benchmark(t, cell())
	require.NoError(t, err)
	require.Equal(t, contract.BenchmarkOut{V: 1, State: bench.StateDone, Rung: 2, Calls: 6, Segments: 2}, out)
	require.Equal(t, 10, s.count(contract.ActUnload))
}

// A cell whose host never did anything for it is cancelled at once: there is
// nothing to unload, and nobody who would.
func TestCancelledBeforeTheHostDidAnything(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.on[contract.ActInspect] = func(int, any) error { s.CancelWorkflow(); return temporal.NewCanceledError() }
	_, err := s.benchmark(t, cell())
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Equal(t, []string{contract.ActInspect, contract.ActScore, contract.ActCost, contract.ActPublish}, s.names())
	require.Equal(t, "cancelled", inputs[contract.PublishIn](s.cast, contract.ActPublish)[0].Reason)
}

// A host that went away meanwhile holds a cancelled cell up for ten minutes,
// and what could not be confirmed is told.
func TestCancelledWhileTheHostIsAway(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.on[contract.ActInfer] = func(int, any) error { s.CancelWorkflow(); return temporal.NewCanceledError() }
	s.always(contract.ActUnload, passing(fault.CodeUnreachable))
	start := s.Now()
	_, err := s.benchmark(t, cell())
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.LessOrEqual(t, s.Now().Sub(start), 11*time.Minute)
	got := inputs[contract.PublishIn](s.cast, contract.ActPublish)[0]
	require.Equal(t, bench.StateCancelled, got.State)
	require.Contains(t, got.Reason, "cancelled; it could not be confirmed that the model left memory (")
	for _, one := range s.sent {
		want := time.Duration(0)
		if one.name == contract.ActUnload {
			want = 10 * time.Minute
		}
		require.Equal(t, want, one.opts.ScheduleToCloseTimeout, one.name)
	}
	c, ok := errors.AsType[*temporal.CanceledError](err)
	require.True(t, ok)
	var reason string
	require.NoError(t, c.Details(&reason), "the lane is told why")
	require.Equal(t, got.Reason, reason)
}

// A worker that was lost or drained while it was told to stop does not make a
// cancelled cell a failed one.
func TestCancelledThroughAnotherError(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.on[contract.ActInfer] = func(int, any) error { s.CancelWorkflow(); return failure("WorkerDrain") }
	_, err := s.benchmark(t, cell())
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Equal(t, "cancelled", inputs[contract.PublishIn](s.cast, contract.ActPublish)[0].Reason)
}

// A stop that comes when all is measured and the host does not unload is heard;
// the calls count.
func TestCancelledWhileUnloading(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.on[contract.ActUnload] = func(n int, _ any) error {
		if n == 1 {
			s.CancelWorkflow()
			return temporal.NewCanceledError()
		}
		return nil
	}
	out, err := s.benchmark(t, cell())
	require.NoError(t, err)
	require.Equal(t, bench.StateDone, out.State)
	require.Equal(t, 2, s.count(contract.ActUnload))
}

// The lane closes a cancelled cell with the reason the benchmark gives.
func TestLaneTellsWhyCancelled(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.cells = two()
	err := s.lane(t, func(_ workflow.Context, in contract.BenchmarkIn) (contract.BenchmarkOut, error) {
		if in.Cell == two()[0].Cell {
			return contract.BenchmarkOut{}, temporal.NewCanceledError("cancelled; and more")
		}
		return contract.BenchmarkOut{}, temporal.NewCanceledError()
	})
	require.True(t, temporal.IsCanceledError(err))
	got := inputs[contract.CloseIn](s.cast, contract.ActCloseCell)
	require.Equal(t, []string{"cancelled; and more", "cancelled"}, []string{got[0].Reason, got[1].Reason})
}
