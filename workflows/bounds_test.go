package workflows_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
)

// What a newer build began is not decided by this one.
func TestNewerBuildIsAwaited(t *testing.T) {
	t.Parallel()
	newer := contract.Shape + 1
	cell := cell()
	cell.V = newer
	for name, in := range map[string]any{
		contract.WorkflowSweep:     contract.SweepIn{V: newer, Sweep: sweepIn.Sweep},
		contract.WorkflowLane:      contract.LaneIn{V: newer, Host: "bench1"},
		contract.WorkflowBenchmark: cell,
		contract.WorkflowDrift:     contract.DriftIn{V: newer, Name: "ref"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.ExecuteWorkflow(name, in)
			var stopped *temporal.PanicError // a failed workflow task, on a server
			require.ErrorAs(t, s.GetWorkflowError(), &stopped)
			require.Contains(t, stopped.Error(), "begun by a newer build of wattsweep (shape 3, this one knows up to 2); start its control worker")
			require.Empty(t, s.names(), "nothing is done")
		})
	}
}

// fortnight is for how long a host is away.
const fortnight = 14 * 24 * time.Hour

// While a host measures, or is away with its cell, its lane hears nothing of
// sweeps that wait: a lane's history stays as it is. The sweep's own is bounded
// by continuing as new.
func TestBusyLanesAreLeftAlone(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.SetTestTimeout(2 * time.Minute)
	l := newLedger()
	s.RegisterDelayedCallback(func() { l.busy = []string{"bench1"} }, time.Minute)
	s.RegisterDelayedCallback(func() { l.left, l.states = map[string]int{}, map[bench.State]int{bench.StateDone: 3} }, fortnight)
	_, err := s.sweepToday(t, l)
	require.NoError(t, err)
	wakes := inputs[contract.WakeIn](s.cast, contract.ActWakeLanes)
	require.GreaterOrEqual(t, len(wakes), 14*96)
	require.Equal(t, contract.WakeIn{V: 2, Hosts: []string{"bench1", "bench2"}}, wakes[0])
	for _, wake := range wakes[1:] {
		require.Equal(t, contract.WakeIn{V: 2, Hosts: []string{"bench2"}, Busy: []string{"bench1"}}, wake)
	}
	require.Equal(t, "wake 1 lane(s), look after 1 that measure(s)", s.summary(contract.ActWakeLanes, 2))
}

// A lane that sleeps is woken by every sweep that waits for it, and continues as
// new.
func TestSleepingLaneStaysShort(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	wakes := 0
	var wake func()
	wake = func() {
		if wakes++; wakes == 50 {
			s.SetCurrentHistoryLength(3001)
		}
		s.SignalWorkflow(contract.SignalWake, nil)
		s.RegisterDelayedCallback(wake, time.Minute)
	}
	s.RegisterDelayedCallback(wake, time.Minute)
	require.True(t, workflow.IsContinueAsNewError(s.laneToday(t, done)))
	require.Equal(t, 50, wakes)
}

// A drift run whose host is away for half a year is far from its limit.
func TestDriftStaysShort(t *testing.T) {
	t.Parallel()
	s := newDrift(t, "steady")
	l := newLedger()
	l.paused = true // so that the sweep itself asks for little
	const away = 180 * 24 * time.Hour
	began := s.Now()
	s.counts = func() contract.Counts {
		c := l.counts()
		if s.Now().Sub(began) > away {
			c.Final = c.Total
		}
		return c
	}
	s.OnWorkflow(contract.WorkflowSweep, mock.Anything, mock.Anything).Return(contract.SweepOut{}, errors.New("terminated"))
	s.ExecuteWorkflow(contract.WorkflowDrift, driftIn)
	require.NoError(t, s.GetWorkflowError())
	const perLook = 11 // timer 2, tasks 2 × 3, activity 3
	require.Less(t, s.count(contract.ActSweepCounts)*perLook, 9_000)
	require.Greater(t, s.count(contract.ActSweepCounts), 4*175)
}

// A sweep ends when the rows of its cells are settled, part by part.
func TestSweepSettlesBeforeItsEnd(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.unsettled = 3
	_, err := s.sweepToday(t, &ledger{states: map[bench.State]int{bench.StateDone: 4}})
	require.NoError(t, err)
	var after []int
	for _, in := range inputs[contract.FinishIn](s.cast, contract.ActFinishSweep) {
		after = append(after, in.After)
	}
	require.Equal(t, []int{0, 1, 2, 3}, after)
}

// What is asked while rows are settled is done first.
func TestSweepHearsControlsWhileItSettles(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.unsettled = 3
	l := &ledger{left: map[string]int{"bench1": 0}, states: map[bench.State]int{bench.StateDone: 4}}
	s.does(l, func(contract.ControlSweepIn) contract.ControlOut {
		l.left, l.states = map[string]int{"bench1": 1}, map[bench.State]int{bench.StateDone: 3, bench.StateQueued: 1}
		return contract.ControlOut{Hosts: []string{"bench1"}}
	})
	s.on[contract.ActFinishSweep] = func(n int, _ any) error {
		if n == 2 {
			s.aside(func() { s.want(bench.ControlRetry, requestTo(bench.ControlRetry, "one")) })
		}
		return nil
	}
	s.RegisterDelayedCallback(func() { require.Less(t, s.count(contract.ActFinishSweep), 4) }, 30*time.Minute)
	s.finish(time.Hour, l)
	start := s.Now()
	out, err := s.sweepToday(t, l)
	require.NoError(t, err)
	require.Equal(t, bench.StateDone, out.State)
	require.GreaterOrEqual(t, s.Now().Sub(start), time.Hour)
}

// A turn that was stored as something else, or behind which nothing comes, is
// news to the sweep.
func TestLaneTellsWhatATurnBecame(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stored contract.CloseOut
		told   []contract.CellClosed
	}{
		"a turn":          {contract.CloseOut{V: 2, State: bench.StateQueued}, nil},
		"as release 0.1":  {contract.CloseOut{}, nil},
		"cancelled":       {contract.CloseOut{V: 2, State: bench.StateCancelled, Held: true}, []contract.CellClosed{{V: 2, Cell: "ce11000000000001", State: bench.StateCancelled}}},
		"skipped":         {contract.CloseOut{V: 2, State: bench.StateSkipped}, []contract.CellClosed{{V: 2, Cell: "ce11000000000001", State: bench.StateSkipped}}},
		"its sweep rests": {contract.CloseOut{V: 2, State: bench.StateQueued, Held: true}, []contract.CellClosed{{V: 2, Cell: "ce11000000000001", State: bench.StateQueued}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.cells = two()[:1]
			s.stores = func(contract.CloseIn) contract.CloseOut { return c.stored }
			require.True(t, temporal.IsCanceledError(s.laneToday(t, func(workflow.Context, contract.BenchmarkIn) (contract.BenchmarkOut, error) {
				return contract.BenchmarkOut{V: 2, State: bench.StateQueued}, nil
			})))
			require.Equal(t, c.told, s.told)
		})
	}
}

// A host that is opened while it is put out of use is open afterwards, in the
// store as in the lane.
func TestLaneOpenedWhileItIsPutOutOfUse(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.cells = two()
	first := true
	var opened *told
	s.on[contract.ActSetLane] = func(n int, _ any) error {
		if n == 1 {
			s.aside(func() { opened = s.open("one") })
			return passing("Unreachable") // so that it takes two seconds
		}
		return nil
	}
	s.RegisterDelayedCallback(func() { require.Equal(t, "idle", s.status(t).State) }, time.Hour)
	require.True(t, temporal.IsCanceledError(s.laneToday(t, func(workflow.Context, contract.BenchmarkIn) (contract.BenchmarkOut, error) {
		if first {
			first = false
			return contract.BenchmarkOut{V: 2, State: bench.StateQueued, Reason: "DiskFull: no space", HostUnfit: true}, nil
		}
		return contract.BenchmarkOut{V: 2, State: bench.StateDone}, nil
	})))
	require.Equal(t, bench.LaneOpen, opened.out.State)
	var states []bench.LaneState
	for _, in := range inputs[contract.SetLaneIn](s.cast, contract.ActSetLane) {
		states = append(states, in.State)
	}
	require.Equal(t, []bench.LaneState{bench.LaneUnfit, bench.LaneUnfit, bench.LaneOpen}, states, "one after the other")
	require.Len(t, s.closings(), 2, "it goes on")
}

// An order that names a try stops no other.
func TestLaneStopsTheTryThatIsMeant(t *testing.T) {
	t.Parallel()
	for try, want := range map[int]bench.State{1: bench.StateSkipped, 2: bench.StateDone} {
		s := newStage(t)
		s.cells = two()[:1]
		s.RegisterDelayedCallback(func() {
			s.SignalWorkflow(contract.SignalCancel, contract.WakeIn{V: 2, Stop: &contract.StopIn{
				Sweep: "5ee9000000000001", Cells: []bench.CellID{"x", "ce11000000000001"}, Tries: []int{7, try}, State: bench.StateSkipped,
			}})
		}, 30*time.Minute)
		require.True(t, temporal.IsCanceledError(s.laneToday(t, hour)))
		require.Equal(t, want, s.closings()[0].State)
		require.Equal(t, 1, s.closings()[0].Attempt)
	}
}
