package workflows_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/workflows"
)

var driftIn = contract.DriftIn{V: 2, Name: "ref"}

// playDrift plays the activities of drift: a plan of the sweep in sweepIn, and a
// comparison that comes to verdict.
func (c *cast) playDrift(r registry, sweep bench.SweepID, verdict string) {
	register(r, contract.ActPlanDrift, func(_ context.Context, in contract.PlanDriftIn) (contract.DriftPlan, error) {
		if err := c.enter(contract.ActPlanDrift, in); err != nil {
			return contract.DriftPlan{}, err
		}
		return contract.DriftPlan{V: 2, Sweep: sweep, Name: "ref-20261121T020000Z", Cells: 3}, nil
	})
	register(r, contract.ActCompareDrift, func(_ context.Context, in contract.CompareDriftIn) (contract.DriftOut, error) {
		if err := c.enter(contract.ActCompareDrift, in); err != nil {
			return contract.DriftOut{}, err
		}
		return contract.DriftOut{V: 2, Name: in.Name, Sweep: in.Sweep, Verdict: verdict, Text: verdict + ": figures"}, nil
	})
	register(r, contract.ActAlarmDrift, func(_ context.Context, in contract.CompareDriftIn) (contract.Note, error) {
		return c.note(contract.ActAlarmDrift, in)
	})
}

func newDrift(t *testing.T, verdict string) *scene {
	t.Helper()
	s := newScene(t)
	s.playDrift(s, sweepIn.Sweep, verdict)
	return s
}

// drift runs a drift run over a ledger.
func (s *scene) drift(t *testing.T, l *ledger) (contract.DriftOut, error) {
	t.Helper()
	s.counts = l.counts
	s.ExecuteWorkflow(contract.WorkflowDrift, driftIn)
	require.True(t, s.IsWorkflowCompleted())
	var out contract.DriftOut
	if err := s.GetWorkflowError(); err != nil {
		return out, err
	}
	require.NoError(t, s.GetWorkflowResult(&out))
	return out, nil
}

// ends makes all cells final after a time, as lanes would.
func (s *scene) ends(after time.Duration, l *ledger) {
	s.RegisterDelayedCallback(func() {
		for _, host := range []string{"bench1", "bench1", "bench2"} {
			l.end(host, bench.StateDone)
		}
		_ = s.SignalWorkflowByID(contract.SweepWorkflowID(sweepIn.Sweep), contract.SignalCellClosed, contract.CellClosed{V: 2})
	}, after)
}

// Reference cells are planned, measured by a sweep of their own and compared;
// nobody is told of a host that is steady.
func TestDriftSteady(t *testing.T) {
	t.Parallel()
	s := newDrift(t, "steady")
	l := newLedger()
	s.ends(3*time.Hour, l)
	start := s.Now()
	out, err := s.drift(t, l)
	require.NoError(t, err)
	require.Equal(t, contract.DriftOut{V: 2, Name: "ref", Sweep: sweepIn.Sweep, Verdict: "steady", Text: "steady: figures"}, out)
	plan := inputs[contract.PlanDriftIn](s.cast, contract.ActPlanDrift)
	require.Len(t, plan, 1)
	require.Equal(t, "ref", plan[0].Name)
	require.True(t, start.Equal(plan[0].At), "the time of the run names it")
	require.Equal(t, 1, s.count(contract.ActFinishSweep), "the sweep is a real one")
	require.Equal(t, []contract.CompareDriftIn{{V: 2, Name: "ref", Sweep: sweepIn.Sweep}},
		inputs[contract.CompareDriftIn](s.cast, contract.ActCompareDrift))
	require.Zero(t, s.count(contract.ActAlarmDrift))
	require.Less(t, s.Now().Sub(start), 4*time.Hour)
	require.Contains(t, s.details(t), "steady: figures")
}

// While nothing of the sweep can be measured, the run waits and says for whom.
func TestDriftWaitsForItsHosts(t *testing.T) {
	t.Parallel()
	s := newDrift(t, "steady")
	l := newLedger()
	s.RegisterDelayedCallback(func() {
		value, err := s.QueryWorkflow(contract.QueryStatus)
		require.NoError(t, err)
		var status contract.Status
		require.NoError(t, value.Get(&status))
		require.Equal(t, "measuring", status.State)
		require.Contains(t, status.Text, "0 of 3 cells are final")
		require.Contains(t, status.Text, "bench1: 2 cell(s) left")
		require.Contains(t, status.Text, "drained")
		require.Contains(t, s.details(t), "bench2: 1 cell(s) left")
	}, 30*time.Hour)
	s.ends(100*time.Hour, l)
	out, err := s.drift(t, l)
	require.NoError(t, err)
	require.Equal(t, "steady", out.Verdict)
}

// Whoever is to be told is told once; a hook that fails changes nothing of the
// verdict. The activity says when it failed often enough; all else is waited out.
func TestDriftAlarms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		verdict string
		hook    error
		failing int
		tries   int
	}{
		"told":              {"drifted", nil, 0, 1},
		"told in the end":   {"drifted", passing("HookFailed"), 2, 3},
		"waited out":        {"drifted", passing("Unavailable"), 9, 10},
		"cannot be told":    {"drifted", failure("HookFailed"), 99, 1},
		"is written wrong":  {"drifted", failure("NoHook"), 99, 1},
		"is not decided":    {"not decided", nil, 0, 1},
		"hook does not end": {"not decided", failure("HookFailed"), 99, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newDrift(t, c.verdict)
			s.on[contract.ActAlarmDrift] = func(n int, _ any) error {
				if n <= c.failing {
					return c.hook
				}
				return nil
			}
			out, err := s.drift(t, &ledger{states: map[bench.State]int{bench.StateDone: 3}})
			require.NoError(t, err)
			require.Equal(t, c.verdict, out.Verdict)
			require.Equal(t, c.tries, s.count(contract.ActAlarmDrift))
			if c.failing == 99 {
				require.Contains(t, s.details(t), "Nobody could be told")
			}
		})
	}
}

// A sweep that others have started is waited for through the store.
func TestDriftOfASweepThatRunsAlready(t *testing.T) {
	t.Parallel()
	s := newDrift(t, "steady")
	s.RegisterWorkflowWithOptions(func(ctx workflow.Context) (contract.DriftOut, error) {
		other := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
			WorkflowID: contract.SweepWorkflowID(sweepIn.Sweep), ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_ABANDON,
			StaticSummary: "sweep of others",
		}), contract.WorkflowSweep, sweepIn)
		if err := other.GetChildWorkflowExecution().Get(ctx, nil); err != nil {
			return contract.DriftOut{}, err
		}
		var out contract.DriftOut
		ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{StaticSummary: "drift"})
		err := workflow.ExecuteChildWorkflow(ctx, contract.WorkflowDrift, driftIn).Get(ctx, &out)
		return out, err
	}, workflow.RegisterOptions{Name: "Both"})
	l := newLedger()
	s.counts = l.counts
	s.ends(10*time.Hour, l)
	s.ExecuteWorkflow("Both")
	require.NoError(t, s.GetWorkflowError())
	var out contract.DriftOut
	require.NoError(t, s.GetWorkflowResult(&out))
	require.Equal(t, "steady", out.Verdict)
	require.Equal(t, 1, s.count(contract.ActFinishSweep))
}

// A sweep whose workflow is lost goes on in its lanes: the store tells when it
// is done.
func TestDriftWhoseSweepIsTerminated(t *testing.T) {
	t.Parallel()
	s := newDrift(t, "not decided")
	s.OnWorkflow(contract.WorkflowSweep, mock.Anything, mock.Anything).Return(contract.SweepOut{}, errors.New("terminated"))
	l := newLedger()
	s.ends(5*time.Hour, l)
	out, err := s.drift(t, l)
	require.NoError(t, err)
	require.Equal(t, "not decided", out.Verdict)
	require.Equal(t, 1, s.count(contract.ActCompareDrift))
}

func TestDriftOfABaselineThatIsGone(t *testing.T) {
	t.Parallel()
	s := newDrift(t, "steady")
	s.always(contract.ActPlanDrift, failure("NotFound"))
	_, err := s.drift(t, newLedger())
	require.ErrorContains(t, err, "scripted NotFound")
	require.Zero(t, s.count(contract.ActSweepCounts))
}

// A run that is cancelled leaves its sweep alone, which wattsweep cancel stops.
func TestDriftCancelled(t *testing.T) {
	t.Parallel()
	s := newDrift(t, "steady")
	l := newLedger()
	s.RegisterDelayedCallback(s.CancelWorkflow, time.Hour)
	s.ends(2*time.Hour, l)
	_, err := s.drift(t, l)
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Zero(t, s.count(contract.ActCompareDrift))
}

// driftHistory is a run that found drift over a real sweep and a real lane, and
// was heard at the second try.
var driftHistory = filepath.Join(historyDir, "drift.2.json")

// TestRecordDrift stores it, as TestRecordHistories does the others; its worker
// plays the activities of drift, too.
func TestRecordDrift(t *testing.T) {
	if os.Getenv("WATTSWEEP_RECORD_HISTORIES") == "" {
		t.Skip("set WATTSWEEP_RECORD_HISTORIES=1 to record what is not stored yet")
	}
	if _, err := os.Stat(driftHistory); err == nil {
		t.Skip("is stored; histories of a released shape are never recorded again")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	r := &recorder{Client: dial(t), cast: newCast(), ctx: ctx}
	sweep := bench.SweepID(bench.Hash(t.Name())[:16])
	control := worker.New(r.Client, contract.QueueControl, worker.Options{DeadlockDetectionTimeout: 20 * time.Second})
	workflows.Register(control)
	r.playControl(control)
	r.playDrift(control, sweep, "drifted")
	require.NoError(t, control.Start())
	defer control.Stop()
	host := worker.New(r.Client, contract.HostQueue("bench1"), worker.Options{DisableWorkflowWorker: true, MaxConcurrentActivityExecutionSize: 1})
	r.playHost(host)
	require.NoError(t, host.Start())
	defer host.Stop()

	l := &ledger{left: map[string]int{"bench1": 2}, states: map[bench.State]int{bench.StateQueued: 2}}
	r.cells = two()
	for i := range r.cells {
		r.cells[i].Sweep, r.cells[i].Heartbeat = sweep, 5*time.Second
	}
	r.counts = func() contract.Counts { r.mu.Lock(); defer r.mu.Unlock(); return l.counts() }
	r.on[contract.ActCloseCell] = func(_ int, in any) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		l.end("bench1", in.(contract.CloseIn).State)
		return nil
	}
	r.on[contract.ActWakeLanes] = func(int, any) error { r.wake(t); return nil }
	r.at(contract.ActAlarmDrift, 1, passing("HookFailed"))
	id := "drift/ref"
	run, err := r.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: contract.QueueControl}, contract.WorkflowDrift, driftIn)
	require.NoError(t, err)
	var out contract.DriftOut
	require.NoError(t, run.Get(ctx, &out))
	require.Equal(t, "drifted", out.Verdict)
	require.Equal(t, 2, r.count(contract.ActAlarmDrift))
	require.NoError(t, r.TerminateWorkflow(ctx, contract.LaneWorkflowID("bench1"), "", "the scenario is over"))
	require.NoError(t, os.WriteFile(driftHistory, history(t, ctx, r.Client, id, ""), 0o644)) //nolint:gosec // a file of the repository
}

// Drift runs that were open before an upgrade go on after it.
func TestStoredDriftReplays(t *testing.T) {
	t.Parallel()
	replayer := worker.NewWorkflowReplayer()
	workflows.RegisterDrift(replayer)
	require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(quiet{}, driftHistory))
}
