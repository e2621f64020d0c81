package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// afterBaseline drops the four stages that go before the ladder, and the four
// that follow the measuring.
func afterBaseline(names []string) []string { return names[4 : len(names)-4] }

// A rung that does not fit, or that the runtime refuses, leads to the next
// once memory has been seen to come back.
func TestLadderGoesDown(t *testing.T) {
	t.Parallel()
	cases := map[fault.Code]string{
		fault.CodeOutOfMemory:  "load deepseek-r1:1.5B, rung 2 of 2: CPU only after out of memory",
		fault.CodeRungRejected: "load deepseek-r1:1.5B, rung 2 of 2: CPU only after a refused setting",
	}
	for code, summary := range cases {
		t.Run(string(code), func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.at(contract.ActLoad, 1, failure(code))
			out, err := s.benchmark(t, cell())
			require.NoError(t, err)
			require.Equal(t, contract.BenchmarkOut{V: 1, State: bench.StateDone, Rung: 2, Calls: 6, Segments: 2}, out)
			require.Equal(t, []string{
				contract.ActLoad, contract.ActReclaim, contract.ActLoad,
				contract.ActMeasureIdle, contract.ActWarmUp, contract.ActInfer, contract.ActInfer,
			}, afterBaseline(s.names()))
			require.Equal(t, summary, s.summary(contract.ActLoad, 2))
			loads := inputs[contract.LoadIn](s.cast, contract.ActLoad)
			require.Equal(t, []int{1, 2}, []int{loads[0].Rung, loads[1].Rung})
			require.Equal(t, []int{1, 3}, []int{loads[0].No, loads[1].No}, "each try is a step of its own")
			warm := inputs[contract.ResidentIn](s.cast, contract.ActWarmUp)
			require.Equal(t, []any{2, "load-2"}, []any{warm[0].Rung, warm[0].Token})
			require.Equal(t, 0, s.count(contract.ActRestartEpoch), "nothing was measured yet")
			require.Equal(t, int64(2), s.rungs[len(s.rungs)-1])
		})
	}
}

// A host on which no rung fits is a result: the workflow does not fail.
func TestLadderWithoutAFittingRung(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.always(contract.ActLoad, failure(fault.CodeOutOfMemory))
	out, err := s.benchmark(t, cell())
	require.NoError(t, err)
	require.Equal(t, bench.StateUnfit, out.State)
	require.Equal(t, "no rung of the load ladder fitted on this host", out.Reason)
	require.Zero(t, out.Rung)
	require.Equal(t, []string{contract.ActLoad, contract.ActReclaim, contract.ActLoad, contract.ActReclaim}, afterBaseline(s.names()))
	got := inputs[contract.PublishIn](s.cast, contract.ActPublish)
	require.Equal(t, bench.StateUnfit, got[0].State)
	require.Equal(t, "unfit", s.states[len(s.states)-1])
}

// Memory that does not come back between rungs ends the cell.
func TestLadderWithMemoryStuck(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.always(contract.ActLoad, failure(fault.CodeOutOfMemory))
	s.always(contract.ActReclaim, failure(fault.CodeNotUnloaded))
	out, err := s.benchmark(t, cell())
	require.NoError(t, err)
	require.Equal(t, bench.StateFailed, out.State)
	require.Equal(t, 1, s.count(contract.ActLoad))
}

// A model that vanished comes back on the same rung, is warmed up, and the run
// goes on where it was: none starts afresh.
func TestVanishedModelIsLoadedAgain(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.at(contract.ActInfer, 2, failure(fault.CodeModelNotResident))
	out, err := s.benchmark(t, cell())
	require.NoError(t, err)
	require.Equal(t, bench.StateDone, out.State)
	require.Equal(t, 6, out.Calls)
	require.Equal(t, []string{
		contract.ActLoad, contract.ActMeasureIdle, contract.ActWarmUp, contract.ActInfer, contract.ActInfer,
		contract.ActLoad, contract.ActWarmUp, contract.ActInfer,
	}, afterBaseline(s.names()))
	infers := inputs[contract.InferIn](s.cast, contract.ActInfer)
	require.Equal(t, []int{1, 2, 2}, []int{infers[0].Run, infers[1].Run, infers[2].Run})
	require.Equal(t, []string{"load-1", "load-1", "load-2"}, []string{infers[0].Token, infers[1].Token, infers[2].Token})
	for _, in := range infers {
		require.Equal(t, []int{1, 1}, []int{in.Epoch, in.Rung})
	}
	require.Equal(t, "load deepseek-r1:1.5B, rung 1 of 2: all layers on GPU again, since it vanished from memory",
		s.summary(contract.ActLoad, 2))
	require.Equal(t, 0, s.count(contract.ActRestartEpoch))
}

// The same in the warm-up.
func TestVanishedModelInWarmUp(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.at(contract.ActWarmUp, 1, failure(fault.CodeModelNotResident))
	out, err := s.benchmark(t, cell())
	require.NoError(t, err)
	require.Equal(t, contract.BenchmarkOut{V: 1, State: bench.StateDone, Rung: 1, Calls: 6, Segments: 2}, out)
	require.Equal(t, []string{
		contract.ActLoad, contract.ActMeasureIdle, contract.ActWarmUp, contract.ActLoad, contract.ActWarmUp, contract.ActInfer, contract.ActInfer,
	}, afterBaseline(s.names()))
}

// The same between the load and the look that proves it.
func TestVanishedModelInLoad(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.at(contract.ActLoad, 1, failure(fault.CodeOutOfMemory))
	s.at(contract.ActLoad, 2, failure(fault.CodeModelNotResident))
	out, err := s.benchmark(t, cell())
	require.NoError(t, err)
	require.Equal(t, contract.BenchmarkOut{V: 1, State: bench.StateDone, Rung: 2, Calls: 6, Segments: 2}, out)
	loads := inputs[contract.LoadIn](s.cast, contract.ActLoad)
	require.Equal(t, []int{1, 2, 2}, []int{loads[0].Rung, loads[1].Rung, loads[2].Rung})
	require.Equal(t, 1, s.count(contract.ActReclaim))
}

// A model that vanishes again and again is given up after ten reloads.
func TestModelThatKeepsVanishing(t *testing.T) {
	t.Parallel()
	for _, name := range []string{contract.ActInfer, contract.ActWarmUp, contract.ActLoad} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.always(name, failure(fault.CodeModelNotResident))
			out, err := s.benchmark(t, cell())
			require.NoError(t, err)
			require.Equal(t, bench.StateFailed, out.State)
			require.Contains(t, out.Reason, "Unstable: the model vanished from memory 11 times")
			require.Equal(t, 11, s.count(contract.ActLoad), "the first load and ten more")
			require.Equal(t, 1, s.count(contract.ActUnload))
		})
	}
}

// Out of memory while calls are made starts all runs afresh one rung down:
// two configurations are never mixed.
func TestOutOfMemoryDuringInference(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.at(contract.ActInfer, 2, failure(fault.CodeOutOfMemory))
	out, err := s.benchmark(t, cell())
	require.NoError(t, err)
	require.Equal(t, contract.BenchmarkOut{V: 1, State: bench.StateDone, Rung: 2, Calls: 6, Segments: 2}, out)
	require.Equal(t, []string{
		contract.ActLoad, contract.ActMeasureIdle, contract.ActWarmUp, contract.ActInfer, contract.ActInfer,
		contract.ActReclaim, contract.ActRestartEpoch,
		contract.ActLoad, contract.ActMeasureIdle, contract.ActWarmUp, contract.ActInfer, contract.ActInfer,
	}, afterBaseline(s.names()))
	infers := inputs[contract.InferIn](s.cast, contract.ActInfer)
	for i, want := range []struct{ run, epoch, rung int }{{1, 1, 1}, {2, 1, 1}, {1, 2, 2}, {2, 2, 2}} {
		got := infers[i]
		require.Equal(t, []int{want.run, want.epoch, want.rung}, []int{got.Run, got.Epoch, got.Rung}, "call %d", i+1)
	}
	require.Equal(t, 2, inputs[contract.CellRef](s.cast, contract.ActUnload)[0].Epoch)
	require.Equal(t, 2, inputs[contract.PublishIn](s.cast, contract.ActPublish)[0].Epoch)
}

// A model whose memory suffices until it is first asked is no reason to give
// the cell up: the next rung is tried.
func TestOutOfMemoryInWarmUp(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.at(contract.ActWarmUp, 1, failure(fault.CodeOutOfMemory))
	out, err := s.benchmark(t, cell())
	require.NoError(t, err)
	require.Equal(t, contract.BenchmarkOut{V: 1, State: bench.StateDone, Rung: 2, Calls: 6, Segments: 2}, out)
	require.Equal(t, []string{
		contract.ActLoad, contract.ActMeasureIdle, contract.ActWarmUp,
		contract.ActReclaim, contract.ActRestartEpoch,
		contract.ActLoad, contract.ActMeasureIdle, contract.ActWarmUp, contract.ActInfer, contract.ActInfer,
	}, afterBaseline(s.names()))
}

// Nor is a model that vanished and does not fit any more.
func TestOutOfMemoryWhenLoadedAgain(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.at(contract.ActInfer, 2, failure(fault.CodeModelNotResident))
	s.at(contract.ActLoad, 2, failure(fault.CodeOutOfMemory))
	out, err := s.benchmark(t, cell())
	require.NoError(t, err)
	require.Equal(t, contract.BenchmarkOut{V: 1, State: bench.StateDone, Rung: 2, Calls: 6, Segments: 2}, out)
	infers := inputs[contract.InferIn](s.cast, contract.ActInfer)
	require.Equal(t, []int{1, 2, 1, 2}, []int{infers[0].Run, infers[1].Run, infers[2].Run, infers[3].Run})
	require.Equal(t, 2, infers[2].Epoch)
}

// With no rung left a cell that ran out of memory is unfit.
func TestOutOfMemoryOnTheLastRung(t *testing.T) {
	t.Parallel()
	for _, name := range []string{contract.ActInfer, contract.ActWarmUp} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.always(name, failure(fault.CodeOutOfMemory))
			out, err := s.benchmark(t, cell())
			require.NoError(t, err)
			require.Equal(t, bench.StateUnfit, out.State)
			require.Equal(t, 2, s.count(contract.ActLoad))
			require.Zero(t, out.Calls)
			require.Equal(t, 1, s.count(contract.ActPublish))
		})
	}
}
