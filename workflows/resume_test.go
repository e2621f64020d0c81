package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// again is a later try of a cell, with what the store knows of the epoch.
func again(rung, first int) contract.BenchmarkIn {
	in := cell()
	in.Attempt, in.Epoch, in.Rung, in.First = 2, 2, rung, first
	return in
}

// A later try goes on where the epoch's calls were measured, or where an
// earlier try had come to.
func TestLaterTryBeginsOnItsRung(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ measured, first, want int }{
		"calls on rung 2":         {2, 2, 2},
		"loaded only":             {0, 2, 2},
		"calls on rung 1":         {1, 1, 1},
		"nothing":                 {0, 0, 1},
		"beyond a shorter ladder": {0, 7, 2},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			out, err := s.benchmark(t, again(c.measured, c.first))
			require.NoError(t, err)
			require.Equal(t, contract.BenchmarkOut{V: 1, State: bench.StateDone, Rung: c.want, Calls: 6, Segments: 2}, out)
			require.Equal(t, c.want, inputs[contract.LoadIn](s.cast, contract.ActLoad)[0].Rung)
			require.Zero(t, s.count(contract.ActRestartEpoch))
			require.Equal(t, 2, inputs[contract.InferIn](s.cast, contract.ActInfer)[0].Epoch)
		})
	}
}

// Where the epoch has calls of another rung than the one that can be loaded
// now, its runs start afresh before that one is loaded.
func TestLaterTryOnAnotherRungStartsAfresh(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.at(contract.ActLoad, 1, failure(fault.CodeOutOfMemory))
	out, err := s.benchmark(t, again(1, 1))
	require.NoError(t, err)
	require.Equal(t, contract.BenchmarkOut{V: 1, State: bench.StateDone, Rung: 2, Calls: 6, Segments: 2}, out)
	require.Equal(t, []string{
		contract.ActLoad, contract.ActReclaim, contract.ActRestartEpoch, contract.ActLoad,
		contract.ActMeasureIdle, contract.ActWarmUp, contract.ActInfer, contract.ActInfer,
	}, afterBaseline(s.names()))
	loads := inputs[contract.LoadIn](s.cast, contract.ActLoad)
	require.Equal(t, []int{2, 3}, []int{loads[0].Epoch, loads[1].Epoch})
	for _, in := range inputs[contract.InferIn](s.cast, contract.ActInfer) {
		require.Equal(t, []int{2, 3}, []int{in.Rung, in.Epoch})
	}
	require.Equal(t, "start the runs afresh: they were measured on rung 1", s.summary(contract.ActRestartEpoch, 1))
}

// Nothing fits any more: the cell is unfit, and the calls of the rung that once
// fitted do not count as those of another.
func TestLaterTryThatFitsNoMore(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.always(contract.ActLoad, failure(fault.CodeOutOfMemory))
	out, err := s.benchmark(t, again(1, 1))
	require.NoError(t, err)
	require.Equal(t, bench.StateUnfit, out.State)
	require.Equal(t, 1, s.count(contract.ActRestartEpoch))
}

// A later try that steps down starts afresh once, not twice.
func TestLaterTryThatStepsDown(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.at(contract.ActInfer, 1, failure(fault.CodeOutOfMemory))
	out, err := s.benchmark(t, again(1, 1))
	require.NoError(t, err)
	require.Equal(t, contract.BenchmarkOut{V: 1, State: bench.StateDone, Rung: 2, Calls: 6, Segments: 2}, out)
	require.Equal(t, 1, s.count(contract.ActRestartEpoch))
}
