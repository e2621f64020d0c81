package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// today is a cell in the shape of today.
func today() contract.BenchmarkIn {
	in := cell()
	in.V = contract.Shape
	return in
}

// stop asks the running benchmark to leave.
func (s *scene) stop(state bench.State, reason string) {
	s.SignalWorkflow(contract.SignalStop, contract.StopIn{V: contract.Shape, State: state, Reason: reason})
}

var publishing = []string{contract.ActScore, contract.ActCost, contract.ActPublish}

// At every stage that needs the host a stop ends the cell in the state that it
// names: it leaves memory, and what is taken off the plan is published as far
// as it was measured.
func TestStoppedAtEveryStage(t *testing.T) {
	t.Parallel()
	stages := []string{
		contract.ActInspect, contract.ActPinDataset, contract.ActPull, contract.ActPrepare, contract.ActMeasureIdle,
		contract.ActLoad, contract.ActWarmUp, contract.ActInfer,
	}
	for _, stage := range stages {
		for _, state := range []bench.State{bench.StateQueued, bench.StateSkipped, bench.StateCancelled} {
			t.Run(stage+"/"+string(state), func(t *testing.T) {
				t.Parallel()
				s := newScene(t)
				in := today()
				in.Prepare = &contract.PrepareIn{ClearCaches: true}
				s.on[stage] = func(int, any) error { s.stop(state, "asked by anna"); return temporal.NewCanceledError() }
				out, err := s.benchmark(t, in)
				require.NoError(t, err, "a stop is no failure of the workflow")
				require.Equal(t, state, out.State)
				require.Equal(t, "asked by anna", out.Reason)
				require.False(t, out.HostUnfit)
				names := s.names()
				if stage == contract.ActInspect {
					require.NotContains(t, names, contract.ActUnload, "the host did nothing for this try")
				} else {
					require.Equal(t, 1, s.count(contract.ActUnload))
				}
				if state == bench.StateQueued {
					require.NotContains(t, names, contract.ActPublish, "what is given back has no row")
				} else {
					require.Equal(t, publishing, names[len(names)-3:])
					row := inputs[contract.PublishIn](s.cast, contract.ActPublish)[0]
					require.Equal(t, state, row.State)
					require.Equal(t, "asked by anna", row.Reason)
				}
			})
		}
	}
}

// A stop that means another cell, or names a state that nobody can be left in,
// or cannot be read, changes nothing.
func TestStopsForOthersAreDropped(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.on[contract.ActLoad] = func(int, any) error {
		s.SignalWorkflow(contract.SignalStop, []string{"not", "a", "stop"})
		s.SignalWorkflow(contract.SignalStop, contract.StopIn{V: 2, Cells: []bench.CellID{"another"}, State: bench.StateQueued})
		s.SignalWorkflow(contract.SignalStop, contract.StopIn{V: 2, Sweep: "another", State: bench.StateQueued})
		s.stop(bench.StateDone, "")
		s.stop(bench.StateFailed, "")
		return nil
	}
	out, err := s.benchmark(t, today())
	require.NoError(t, err)
	require.Equal(t, bench.StateDone, out.State)
}

// The newest order counts: a cell that leaves for a pause is cancelled when the
// sweep is, meanwhile.
func TestNewestStopCounts(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.on[contract.ActInfer] = func(int, any) error { s.stop(bench.StateQueued, "paused"); return temporal.NewCanceledError() }
	s.on[contract.ActUnload] = func(int, any) error { s.stop(bench.StateCancelled, "sweep cancelled"); return nil }
	out, err := s.benchmark(t, today())
	require.NoError(t, err)
	require.Equal(t, bench.StateCancelled, out.State)
	require.Equal(t, bench.StateCancelled, inputs[contract.PublishIn](s.cast, contract.ActPublish)[0].State)
}

// A stop that comes once all calls are made takes nothing away.
func TestStopAfterTheLastCall(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.on[contract.ActUnload] = func(n int, _ any) error {
		if n == 1 {
			s.stop(bench.StateQueued, "paused")
			return temporal.NewCanceledError()
		}
		return nil
	}
	out, err := s.benchmark(t, today())
	require.NoError(t, err)
	require.Equal(t, bench.StateDone, out.State)
	require.Equal(t, 2, s.count(contract.ActUnload), "and the model leaves memory all the same")
	require.Equal(t, bench.StateDone, inputs[contract.PublishIn](s.cast, contract.ActPublish)[0].State)
}

// A stop ends soon where the host went away: the unload is bounded from when it
// is asked, and shorter where nobody serves the host.
func TestStoppedWhileTheHostIsAway(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.on[contract.ActInfer] = func(int, any) error { s.stop(bench.StateQueued, "drained"); return temporal.NewCanceledError() }
	s.always(contract.ActUnload, passing(fault.CodeUnreachable))
	start := s.Now()
	out, err := s.benchmark(t, today())
	require.NoError(t, err)
	require.LessOrEqual(t, s.Now().Sub(start), 11*time.Minute)
	require.Equal(t, bench.StateQueued, out.State)
	require.Contains(t, out.Reason, "drained; it could not be confirmed that the model left memory (")
	require.False(t, out.HostUnfit, "that it is away does not make it unfit")
	last := s.sent[len(s.sent)-1]
	require.Equal(t, contract.ActUnload, last.name)
	require.Equal(t, 10*time.Minute, last.opts.ScheduleToCloseTimeout)
	require.Equal(t, 2*time.Minute, last.opts.ScheduleToStartTimeout)
}

// A turn that is not the cell's last makes its runs, leaves memory and gives
// the cell back without a row; the last one ends it.
func TestTurns(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		until, infers int
		state         bench.State
		rows          int
	}{
		"first of two": {1, 1, bench.StateQueued, 0},
		"last":         {2, 2, bench.StateDone, 1},
		"all at once":  {0, 2, bench.StateDone, 1},
		"beyond":       {7, 2, bench.StateDone, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			in := today()
			in.Until = c.until
			out, err := s.benchmark(t, in)
			require.NoError(t, err)
			require.Equal(t, c.state, out.State)
			require.Empty(t, out.Reason, "by which the store knows a turn")
			require.Equal(t, c.infers, s.count(contract.ActInfer))
			require.Equal(t, 1, s.count(contract.ActUnload))
			require.Equal(t, c.rows, s.count(contract.ActPublish))
			require.Equal(t, c.rows, s.count(contract.ActScore))
		})
	}
}

// A turn whose model stays in memory is told, not counted.
func TestTurnThatDoesNotLeave(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	in := today()
	in.Until = 1
	s.always(contract.ActUnload, failure(fault.CodeServerError))
	out, err := s.benchmark(t, in)
	require.NoError(t, err)
	require.Equal(t, bench.StateFailed, out.State)
	require.Contains(t, out.Reason, "ServerError")
	require.Equal(t, 1, s.count(contract.ActPublish))
}

// A skip that comes while a turn leaves memory takes the cell off the plan.
func TestTurnSkippedAtItsEnd(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	in := today()
	in.Until = 1
	s.on[contract.ActUnload] = func(n int, _ any) error {
		if n == 1 {
			s.stop(bench.StateSkipped, "skipped by anna")
		}
		return nil
	}
	out, err := s.benchmark(t, in)
	require.NoError(t, err)
	require.Equal(t, bench.StateSkipped, out.State)
	require.Equal(t, "skipped by anna", out.Reason)
	require.Equal(t, 1, s.count(contract.ActPublish))
}

// A host is prepared between pull and the first window, where that is asked.
func TestPrepared(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	in := today()
	in.Prepare = &contract.PrepareIn{CellRef: contract.CellRef{V: 2}, ClearCaches: true, CoolDown: 90 * time.Second}
	out, err := s.benchmark(t, in)
	require.NoError(t, err)
	require.Equal(t, bench.StateDone, out.State)
	require.Equal(t, []string{contract.ActInspect, contract.ActPinDataset, contract.ActPull, contract.ActPrepare, contract.ActMeasureIdle}, s.names()[:5])
	require.Equal(t, []contract.PrepareIn{{
		CellRef: contract.CellRef{V: 1, Cell: in.Cell, Attempt: 1, Epoch: 1, No: 1}, ClearCaches: true, CoolDown: 90 * time.Second,
	}}, inputs[contract.PrepareIn](s.cast, contract.ActPrepare))
	require.Equal(t, "prepare", s.states[3])
	require.Contains(t, s.ids(), "prepare/01")
	require.Equal(t, "bring the host into its state to begin: drop the kernel's caches of files, rest for 1m30s", s.summary(contract.ActPrepare, 1))
}

// What any cell on the host would suffer gives the cell back and says so of the
// host; a release before this one failed the cell.
func TestHostUnfit(t *testing.T) {
	t.Parallel()
	for _, code := range []fault.Code{fault.CodeHostUnfit, fault.CodeDiskFull, fault.CodeServerStuck} {
		t.Run(string(code), func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.at(contract.ActInfer, 2, failure(code))
			out, err := s.benchmark(t, today())
			require.NoError(t, err)
			require.Equal(t, bench.StateQueued, out.State)
			require.True(t, out.HostUnfit)
			require.Contains(t, out.Reason, string(code))
			require.Equal(t, 3, out.Calls, "what was measured is kept")
			require.Equal(t, 1, s.count(contract.ActUnload))
			require.Zero(t, s.count(contract.ActPublish))

			old := newScene(t)
			old.at(contract.ActInfer, 2, failure(code))
			out, err = old.benchmark(t, cell())
			require.NoError(t, err)
			require.Equal(t, bench.StateFailed, out.State)
			require.False(t, out.HostUnfit)
		})
	}
}

// A model that stays in memory is the host's trouble: a cell with all its calls
// goes back on the plan, one that ended in another way stays so.
func TestHostUnfitSinceTheModelStays(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.always(contract.ActUnload, failure(fault.CodeNotUnloaded))
	out, err := s.benchmark(t, today())
	require.NoError(t, err)
	require.Equal(t, bench.StateQueued, out.State)
	require.True(t, out.HostUnfit)
	require.Zero(t, s.count(contract.ActPublish))

	s = newScene(t)
	s.always(contract.ActWarmUp, failure(fault.CodeBadAnswer))
	s.always(contract.ActUnload, failure(fault.CodeNotUnloaded))
	out, err = s.benchmark(t, today())
	require.NoError(t, err)
	require.Equal(t, bench.StateFailed, out.State)
	require.Contains(t, out.Reason, "BadAnswer")
	require.True(t, out.HostUnfit)
	require.Equal(t, 1, s.count(contract.ActPublish))
}

// A cell that is stopped and whose host cannot be cleared tells both.
func TestStoppedOnAHostThatCannotBeCleared(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.on[contract.ActInfer] = func(int, any) error { s.stop(bench.StateQueued, "paused"); return temporal.NewCanceledError() }
	s.always(contract.ActUnload, failure(fault.CodeNotUnloaded))
	out, err := s.benchmark(t, today())
	require.NoError(t, err)
	require.Equal(t, bench.StateQueued, out.State)
	require.True(t, out.HostUnfit)
	require.Contains(t, out.Reason, "paused; it could not be confirmed")
}

// A setting that is refused during calls leads to the next rung, as one that is
// refused at the load does.
func TestRungRejectedDuringCalls(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.at(contract.ActInfer, 2, failure(fault.CodeRungRejected))
	out, err := s.benchmark(t, today())
	require.NoError(t, err)
	require.Equal(t, bench.StateDone, out.State)
	require.Equal(t, 2, out.Rung)

	s = newScene(t)
	s.at(contract.ActInfer, 2, failure(fault.CodeRungRejected))
	out, err = s.benchmark(t, cell())
	require.NoError(t, err)
	require.Equal(t, bench.StateFailed, out.State, "as shape 1 did")
}
