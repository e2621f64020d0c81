package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/store"
)

const (
	// lookFor is how long a starting worker looks at a runtime or at Temporal.
	lookFor = 5 * time.Second
	// muchSkew is from when on a clock that is off is told.
	muchSkew = 2 * time.Second
)

// recover finds what the host's last worker had in hand, proves what of it the
// runtime still holds, tells it, and has Temporal hand on at once what a dead
// worker would else be waited for. It changes nothing in memory: a load of
// somebody else's is taken out by the cell's own next step.
func (a *App) recover(ctx context.Context, l *lease) {
	a.tellSkew(ctx, l.host)
	owned, err := a.Store.OwnedBy(ctx, l.host)
	if err != nil {
		a.Log.Warn("not known what the host had in hand", "host", l.host, "error", err.Error())
		return
	}
	if len(owned) == 0 {
		a.Log.Info("the host had no cell in hand", "host", l.host)
	}
	for _, o := range owned {
		a.Log.Info("found a cell in hand", "host", l.host, "found", inHand(o), "runtime", a.prove(ctx, o))
		a.handOn(ctx, l, o)
	}
}

// inHand says in words how far a cell was measured.
func inHand(o store.Owned) string {
	text := fmt.Sprintf("cell %s of sweep %s (%s), try %d", o.Cell, o.Name, o.Model, o.Attempt)
	if o.Stage != "" {
		text += ", stage " + o.Stage
	}
	if o.Run == 0 {
		return text + ": no call was made yet"
	}
	return text + fmt.Sprintf(": run %d, %d of %d calls are stored, %d was cut; it goes on as segment %d",
		o.Run, o.Done, o.Items, o.Cut, o.Segments+1)
}

// prove asks the runtime whether it still holds the model as it was loaded, and
// says what follows.
func (a *App) prove(ctx context.Context, o store.Owned) string {
	if o.Token == "" {
		return "no model was loaded yet"
	}
	cell, err := a.Store.GetCell(ctx, bench.CellID(o.Cell))
	if err != nil {
		return "not asked: the cell cannot be read"
	}
	rt, err := a.runtimeFor(cell.Config.Runtime)
	if err != nil {
		return "not asked: " + err.Error()
	}
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	held, err := rt.Resident(ctx, o.Model, o.Token)
	switch {
	case err != nil:
		return "it does not answer yet; it is waited for, and the model is loaded again where it is gone"
	case held:
		return fmt.Sprintf("it still holds the model as rung %d was loaded: no load is needed", o.Rung)
	}
	if pids, err := rt.Processes(ctx); err == nil && len(pids) > 0 {
		return fmt.Sprintf("it holds another load (%d process(es)): that is taken out, the model is loaded again on rung %d and warmed up",
			len(pids), o.Rung)
	}
	return fmt.Sprintf("it holds no model: it is loaded again on rung %d and warmed up", o.Rung)
}

// handOn ends the tries of activities that the last worker had begun. It is
// dead or its writes are refused, so nobody need wait until its heartbeat is
// missed. Where that fails, Temporal misses it by itself.
func (a *App) handOn(ctx context.Context, l *lease, o store.Owned) {
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	id := contract.BenchmarkWorkflowID(bench.SweepID(o.Sweep), bench.CellID(o.Cell), o.Attempt)
	desc, err := a.Temporal.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		a.Log.Info("Temporal was not asked what waits for the last worker", "host", l.host, "error", err.Error())
		return
	}
	run := desc.GetWorkflowExecutionInfo().GetExecution().GetRunId()
	rule := fault.RuleOf(fault.CodeWorkerLost, fault.Unavailable, "")
	for _, p := range desc.GetPendingActivities() {
		if p.GetState() != enumspb.PENDING_ACTIVITY_STATE_STARTED || !strings.HasPrefix(p.GetLastWorkerIdentity(), l.host+"/") {
			continue
		}
		silent := "never heard of"
		if at := p.GetLastHeartbeatTime(); at != nil {
			silent = "last heard of at " + at.AsTime().UTC().Format(time.RFC3339)
		}
		err := a.Temporal.CompleteActivityByID(ctx, a.Namespace, id, run, p.GetActivityId(), nil,
			temporal.NewApplicationErrorWithOptions("the worker ended in the middle of it, and another holds the host now",
				string(fault.CodeWorkerLost), temporal.ApplicationErrorOptions{
					NextRetryDelay: rule.Pace, Category: temporal.ApplicationErrorCategoryBenign,
				}))
		if err != nil {
			a.Log.Info("a step of the last worker is left to its heartbeat", "step", p.GetActivityId(), "error", err.Error())
			continue
		}
		a.Log.Info("a step of the last worker goes on at once", "step", p.GetActivityId(), "try", p.GetAttempt(), "worker", silent)
	}
}

// tellSkew warns of a host's clock that is off: all times of its readings would
// be. Nothing that is measured rests on it.
func (a *App) tellSkew(ctx context.Context, host string) {
	skew, doubt, err := a.Store.Skew(ctx, time.Now)
	if err != nil || skew.Abs()-doubt < muchSkew {
		return
	}
	side := "ahead of"
	if skew < 0 {
		side = "behind"
	}
	a.Log.Warn(fmt.Sprintf("this host's clock is %s %s the database's; durations and energies are not touched, times of day are: set it by NTP",
		skew.Abs().Round(time.Second), side), "host", host)
}
