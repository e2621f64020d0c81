package workflows_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// chain runs a benchmark over all of its runs on a history that is always too
// long, so that each ends with its first calls; it gives those runs.
func chain(t *testing.T, in contract.BenchmarkIn, script func(run int, s *scene)) (contract.BenchmarkOut, []*scene) {
	t.Helper()
	var scenes []*scene
	for {
		s := newScene(t)
		scenes = append(scenes, s)
		s.SetCurrentHistoryLength(3001)
		if script != nil {
			script(len(scenes), s)
		}
		out, err := s.benchmark(t, in)
		next, ok := errors.AsType[*workflow.ContinueAsNewError](err)
		if !ok {
			require.NoError(t, err)
			return out, scenes
		}
		require.Equal(t, contract.WorkflowBenchmark, next.WorkflowType.Name)
		in = decode[contract.BenchmarkIn](t, next.Input)
		require.LessOrEqual(t, len(next.Input.GetPayloads()[0].GetData()), 4<<10)
		require.Less(t, len(scenes), 100)
	}
}

// However often it continues as new, a benchmark loads once, asks each call once
// and in order, numbers its stages through, and ends as if it had not.
func TestBenchmarkContinuesAsNew(t *testing.T) {
	t.Parallel()
	in := today()
	in.Items, in.Runs = 1201, 3
	whole := newScene(t)
	want, err := whole.benchmark(t, in)
	require.NoError(t, err)
	out, scenes := chain(t, in, nil)
	require.Equal(t, want, out)
	require.Len(t, scenes, 9, "one for each chunk of calls")
	var names, ids []string
	var calls []contract.InferIn
	for _, s := range scenes {
		names, ids = append(names, s.names()...), append(ids, s.ids()...)
		calls = append(calls, inputs[contract.InferIn](s.cast, contract.ActInfer)...)
	}
	require.Equal(t, whole.names(), names)
	require.Equal(t, whole.ids(), ids)
	require.Equal(t, inputs[contract.InferIn](whole.cast, contract.ActInfer), calls)
	last := scenes[8]
	require.Contains(t, last.details(t), "3603 of 3603 calls")
	require.Contains(t, last.details(t), "**load** rung 1: loaded", "what came before is shown")
}

// A cell of a thousand runs stays small from run to run.
func TestBenchmarkOfManyRunsContinuesSmall(t *testing.T) {
	t.Parallel()
	in := today()
	in.Runs = 90
	out, scenes := chain(t, in, nil)
	require.Equal(t, contract.BenchmarkOut{V: 2, State: bench.StateDone, Rung: 1, Calls: 270, Segments: 90}, out)
	require.Len(t, scenes, 90)
}

// Shape 1 goes on as it did; so does whoever has asked for the last calls.
func TestBenchmarkThatDoesNotContinue(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]contract.BenchmarkIn{"shape 1": cell(), "last calls": today()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if in.V >= 2 {
				in.Runs = 1
			}
			_, scenes := chain(t, in, nil)
			require.Len(t, scenes, 1)
			require.Equal(t, in.Runs, scenes[0].count(contract.ActInfer))
		})
	}
}

// A turn that ends after its run continues as little as a cell that does.
func TestTurnContinuesToItsEnd(t *testing.T) {
	t.Parallel()
	in := today()
	in.Runs, in.Until = 4, 2
	out, scenes := chain(t, in, nil)
	require.Equal(t, bench.StateQueued, out.State)
	require.Len(t, scenes, 2)
	require.Zero(t, scenes[1].count(contract.ActPublish))
}

// An order to stop that comes with the calls before a new run is obeyed at once;
// one that comes in a later run unloads what an earlier one loaded.
func TestStopOverContinueAsNew(t *testing.T) {
	t.Parallel()
	for _, at := range []int{1, 2} {
		for _, state := range []bench.State{bench.StateQueued, bench.StateSkipped, bench.StateCancelled} {
			t.Run(fmt.Sprintf("run %d/%s", at, state), func(t *testing.T) {
				t.Parallel()
				in := today()
				in.Runs = 5
				out, scenes := chain(t, in, func(run int, s *scene) {
					if run == at {
						s.on[contract.ActInfer] = func(int, any) error { s.stop(state, "asked by anna"); return nil }
					}
				})
				require.Equal(t, state, out.State)
				require.Equal(t, "asked by anna", out.Reason)
				require.Len(t, scenes, at)
				require.Equal(t, 1, scenes[at-1].count(contract.ActUnload))
				require.Equal(t, 3*(at-1), out.Calls)
			})
		}
	}
}

// So is the cancellation of the workflow.
func TestCancelledBeforeContinueAsNew(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.SetCurrentHistoryLength(3001)
	s.on[contract.ActInfer] = func(int, any) error { s.CancelWorkflow(); return nil }
	_, err := s.benchmark(t, today())
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Equal(t, 1, s.count(contract.ActPublish))
}

// A later run that moves to another rung starts all runs of the cell afresh, and
// counts nothing of before.
func TestStepDownAfterContinueAsNew(t *testing.T) {
	t.Parallel()
	in := today()
	in.Runs = 3
	out, scenes := chain(t, in, func(run int, s *scene) {
		switch run {
		case 2:
			s.at(contract.ActInfer, 1, failure(fault.CodeModelNotResident))
		case 3:
			s.at(contract.ActInfer, 1, failure(fault.CodeOutOfMemory))
		}
	})
	require.Equal(t, contract.BenchmarkOut{V: 2, State: bench.StateDone, Rung: 2, Calls: 9, Segments: 3}, out)
	var got []string
	for _, s := range scenes {
		for _, i := range inputs[contract.InferIn](s.cast, contract.ActInfer) {
			got = append(got, fmt.Sprintf("epoch %d rung %d run %d", i.Epoch, i.Rung, i.Run))
		}
	}
	require.Equal(t, []string{
		"epoch 1 rung 1 run 1",
		"epoch 1 rung 1 run 2", "epoch 1 rung 1 run 2", // loaded again
		"epoch 1 rung 1 run 3", "epoch 2 rung 2 run 1", "epoch 2 rung 2 run 2", "epoch 2 rung 2 run 3",
	}, got)
}

// However long the names of a ladder, the log that is taken along stays short.
func TestLogTakenAlongStaysShort(t *testing.T) {
	t.Parallel()
	in := today()
	in.Items, in.Runs = 1501, 12
	_, scenes := chain(t, in, nil)
	require.Len(t, scenes, 48)
}
