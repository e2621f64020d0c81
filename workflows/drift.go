package workflows

import (
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
)

const (
	// firstLook and lastLook are how soon and how seldom a drift run looks how
	// far its sweep is, doubling in between: 11 events each, 44 a day, so that a
	// host may be away for more than half a year. The sweep itself tells of its
	// end at once; a look is for one that is lost.
	firstLook = time.Minute
	lastLook  = 6 * time.Hour
	// compareLimit is how long a comparison of many calls may take.
	compareLimit = 15 * time.Minute
	// alarmLimit is for a hook, whose own limit is 10 minutes.
	alarmLimit = 12 * time.Minute
)

// Drift measures the reference cells of a pinned baseline again, as a sweep of
// its own, compares them, and tells who is to be told. It waits as long as the
// cells' hosts keep it waiting.
func Drift(ctx workflow.Context, in contract.DriftIn) (contract.DriftOut, error) {
	known(in.V)
	d := &driftRun{in: in}
	err := workflow.SetQueryHandler(ctx, contract.QueryStatus, func() (contract.Status, error) {
		return contract.Status{V: contract.Shape, State: d.state, Text: d.text}, nil
	})
	if err != nil {
		return contract.DriftOut{}, fmt.Errorf("set status query: %w", err)
	}
	if err := d.measure(ctx); err != nil {
		return contract.DriftOut{}, err
	}
	return d.judge(ctx)
}

type driftRun struct {
	in          contract.DriftIn
	plan        contract.DriftPlan
	state, text string
}

// measure plans the sweep and waits until all of its cells are final.
func (d *driftRun) measure(ctx workflow.Context) error {
	d.show(ctx, "planning", "")
	at := workflow.GetInfo(ctx).WorkflowStartTime
	err := control(ctx, contract.ActPlanDrift, "plan the cells of "+d.in.Name,
		contract.PlanDriftIn{V: contract.Shape, Name: d.in.Name, At: at}, &d.plan)
	if err != nil {
		return err
	}
	err = workflow.UpsertTypedSearchAttributes(ctx, attrSweep.ValueSet(string(d.plan.Sweep)), attrState.ValueSet(string(bench.StateRunning)))
	if err != nil {
		return fmt.Errorf("upsert search attributes: %w", err)
	}
	child, err := d.sweep(ctx)
	if err != nil {
		return err
	}
	return d.wait(ctx, child)
}

// sweep starts the sweep; nil where it runs already, as after a reset or a
// retry. It is abandoned rather than cancelled with us: cancelling a sweep's
// workflow would leave its cells on the plan with nobody to end it, and
// wattsweep cancel stops it properly. So it is also kept from our cancellation.
func (d *driftRun) sweep(ctx workflow.Context) (workflow.ChildWorkflowFuture, error) {
	dctx, _ := workflow.NewDisconnectedContext(ctx)
	child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(dctx, workflow.ChildWorkflowOptions{
		WorkflowID: contract.SweepWorkflowID(d.plan.Sweep), TaskQueue: contract.QueueControl,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:         oneLine("sweep " + d.plan.Name),
		TypedSearchAttributes: temporal.NewSearchAttributes(
			attrSweep.ValueSet(string(d.plan.Sweep)), attrState.ValueSet(string(bench.StateQueued))),
	}), contract.WorkflowSweep, contract.SweepIn{V: contract.Shape, Sweep: d.plan.Sweep, Name: d.plan.Name})
	// A child that is abandoned before it has started never starts.
	err := child.GetChildWorkflowExecution().Get(dctx, nil)
	if temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return nil, nil //nolint:nilnil // another has started it: the store tells when it is done
	}
	if err != nil {
		return nil, fmt.Errorf("start sweep %s: %w", d.plan.Sweep, err)
	}
	return child, nil
}

// wait lasts until the sweep has ended, or the store says that all of its cells
// are final: a sweep may have been started by others, or stopped by hand.
func (d *driftRun) wait(ctx workflow.Context, child workflow.ChildWorkflowFuture) error {
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		if err := d.sleep(ctx, pause, child); err != nil {
			return err
		}
		if child != nil && child.IsReady() {
			if err := child.Get(ctx, nil); err == nil {
				return nil
			}
			child = nil // it was terminated or cancelled; lanes go on with its cells
		}
		var counts contract.Counts
		if err := control(ctx, contract.ActSweepCounts, "count cells", d.plan.Sweep, &counts); err != nil {
			return err
		}
		if counts.Final == counts.Total {
			return nil
		}
		d.show(ctx, "measuring", waitsFor(counts))
	}
}

// sleep waits for a time, or less when the sweep ends.
func (d *driftRun) sleep(ctx workflow.Context, pause time.Duration, child workflow.ChildWorkflowFuture) error {
	d.show(ctx, "measuring", d.text)
	tctx, stop := workflow.WithCancel(ctx)
	defer stop()
	timer := workflow.NewTimerWithOptions(tctx, pause, workflow.TimerOptions{Summary: "look how far the sweep is"})
	err := workflow.Await(ctx, func() bool { return timer.IsReady() || (child != nil && child.IsReady()) })
	if err != nil {
		return fmt.Errorf("wait for the sweep: %w", err)
	}
	return nil
}

// waitsFor says what is left, and for whom that waits.
func waitsFor(c contract.Counts) string {
	text := fmt.Sprintf("%d of %d cells are final", c.Final, c.Total)
	if c.Paused {
		text += "; the sweep is paused"
	}
	running := c.ByState[bench.StateRunning]
	named := 0
	for _, host := range workflow.DeterministicKeys(c.ByHost) {
		if c.ByHost[host] == 0 {
			continue
		}
		if named++; named > mostHosts {
			text += "\n- and other hosts"
			break
		}
		text += fmt.Sprintf("\n- %s: %d cell(s) left", host, c.ByHost[host])
	}
	if running == 0 && named > 0 {
		text += "\n\nNothing of it is being measured: a host that is drained, unfit, not served or busy with another sweep is waited for" +
			" (`wattsweep host list` shows them)."
	}
	return text
}

// judge compares, and tells who is to be told. A hook that fails is recorded and
// changes no verdict.
func (d *driftRun) judge(ctx workflow.Context) (contract.DriftOut, error) {
	d.show(ctx, "comparing", "")
	in := contract.CompareDriftIn{V: contract.Shape, Name: d.in.Name, Sweep: d.plan.Sweep}
	var out contract.DriftOut
	cctx := withPolicy(ctx, contract.ActCompareDrift, contract.QueueControl, "", "compare with baseline "+d.in.Name, 0)
	cctx = workflow.WithStartToCloseTimeout(cctx, compareLimit)
	if err := workflow.ExecuteActivity(cctx, contract.ActCompareDrift, in).Get(cctx, &out); err != nil {
		return out, err
	}
	told := ""
	if out.Verdict != steady {
		told = d.alarm(ctx, in)
	}
	d.show(ctx, out.Verdict, out.Text+"\n\n"+told)
	return out, workflow.UpsertTypedSearchAttributes(ctx, attrState.ValueSet(out.Verdict), attrProgress.ValueSet(1))
}

// steady is the verdict that nobody is told of.
const steady = "steady"

// alarm tells the hook and says how that went. The activity counts how often the
// hook itself failed and then gives up; whatever else goes wrong, such as a
// database that is away, is waited out, so that no alarm is lost.
func (d *driftRun) alarm(ctx workflow.Context, in contract.CompareDriftIn) string {
	ctx = withPolicy(ctx, contract.ActAlarmDrift, contract.QueueControl, "", "tell of drift of "+d.in.Name, 0)
	ctx = workflow.WithStartToCloseTimeout(ctx, alarmLimit)
	ctx = workflow.WithRetryPolicy(ctx, temporal.RetryPolicy{
		InitialInterval: 10 * time.Second, BackoffCoefficient: 6, MaximumInterval: 10 * time.Minute,
	})
	var note contract.Note
	if err := workflow.ExecuteActivity(ctx, contract.ActAlarmDrift, in).Get(ctx, &note); err != nil {
		workflow.GetLogger(ctx).Warn("nobody could be told of drift", "baseline", d.in.Name, "sweep", string(in.Sweep), "error", err.Error())
		return "Nobody could be told; `wattsweep drift show " + d.in.Name + "` says why."
	}
	return note.Text
}

// show renews what the UI shows.
func (d *driftRun) show(ctx workflow.Context, state, text string) {
	d.state, d.text = state, text
	details := fmt.Sprintf("**%s**: %s", d.in.Name, state)
	if d.plan.Sweep != "" {
		details += fmt.Sprintf(", sweep %s (%s), %d cell(s)", d.plan.Name, d.plan.Sweep, d.plan.Cells)
	}
	if text != "" {
		details += "\n\n" + text
	}
	workflow.SetCurrentDetails(ctx, details)
}

// RegisterDrift tells a worker, a replayer or a test environment of Drift.
func RegisterDrift(r interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
},
) {
	r.RegisterWorkflowWithOptions(Drift, workflow.RegisterOptions{Name: contract.WorkflowDrift})
}
