package workflows

import (
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
)

// cellsPerLane is after how many cells a lane continues as new.
const cellsPerLane = 100

// Lane is the exclusive right to measure on one host. It lives for ever: it
// claims the host's cells one after the other, over all sweeps, and sleeps
// without cost while there is none.
func Lane(ctx workflow.Context, in contract.LaneIn) error {
	l := &lane{
		in:     in,
		wake:   workflow.GetSignalChannel(ctx, contract.SignalWake),
		cancel: workflow.GetSignalChannel(ctx, contract.SignalCancel),
	}
	for range cellsPerLane {
		if err := l.next(ctx); err != nil {
			return err
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			break
		}
	}
	// Wakes that came meanwhile are answered by the next run's first claim.
	drain(l.wake)
	return workflow.NewContinueAsNewError(ctx, contract.WorkflowLane, l.in)
}

type lane struct {
	in     contract.LaneIn
	wake   workflow.ReceiveChannel
	cancel workflow.ReceiveChannel
}

// next claims one cell and sees it through, or sleeps until woken.
func (l *lane) next(ctx workflow.Context) error {
	drain(l.wake)
	// A stop is in the store before it is signalled, so the claim below heeds
	// those that came so far; the sweep may have been launched again since.
	drain(l.cancel)
	var claim contract.ClaimOut
	err := control(ctx, contract.ActClaimNext, "claim the next cell of "+l.in.Host, contract.ClaimIn{
		V: 1, Host: l.in.Host, Claim: l.in.Claim + 1,
		// The first run's id outlives continue-as-new, and a lane started
		// anew after a lost Temporal database never repeats it.
		Lane: workflow.GetInfo(ctx).FirstRunID,
	}, &claim)
	if err != nil {
		return err
	}
	if !claim.Found {
		workflow.SetCurrentDetails(ctx, "idle: no cell is queued for "+l.in.Host)
		// Awaited, not received: a sleeping lane must hear that it is cancelled.
		if err := workflow.Await(ctx, func() bool { return l.wake.Len() > 0 }); err != nil {
			return fmt.Errorf("sleep until woken: %w", err)
		}
		return nil
	}
	l.in.Claim++
	cell := *claim.Cell
	workflow.SetCurrentDetails(ctx, "measuring **"+cell.At.String()+"** of sweep "+cell.Name)
	state, reason := l.measure(ctx, cell)
	return l.close(ctx, cell, state, reason)
}

// measure runs the benchmark and stops it when its sweep is cancelled.
func (l *lane) measure(ctx workflow.Context, cell contract.BenchmarkIn) (bench.State, string) {
	childCtx, stop := workflow.WithCancel(workflow.WithChildOptions(ctx, childOptions(cell)))
	child := workflow.ExecuteChildWorkflow(childCtx, contract.WorkflowBenchmark, cell)
	var out contract.BenchmarkOut
	var err error
	finished := false
	sel := workflow.NewSelector(ctx)
	sel.AddFuture(child, func(f workflow.Future) { err, finished = f.Get(ctx, &out), true })
	sel.AddReceive(l.cancel, func(ch workflow.ReceiveChannel, _ bool) {
		var in contract.WakeIn
		// A signal that cannot be read is dropped, and nothing is waited for.
		if ch.ReceiveAsync(&in) && in.CancelSweep == cell.Sweep {
			stop()
		}
	})
	for !finished {
		sel.Select(ctx)
	}
	switch {
	case err == nil:
		return out.State, out.Reason
	case temporal.IsCanceledError(err):
		return bench.StateCancelled, whyCancelled(err)
	default:
		return bench.StateFailed, brief(err)
	}
}

// whyCancelled reads the reason that a cancelled benchmark ended with.
func whyCancelled(err error) string {
	if c, ok := errors.AsType[*temporal.CanceledError](err); ok && c.HasDetails() {
		reason := ""
		if err := c.Details(&reason); err == nil && reason != "" {
			return reason
		}
	}
	return cancelled
}

func childOptions(cell contract.BenchmarkIn) workflow.ChildWorkflowOptions {
	return workflow.ChildWorkflowOptions{
		WorkflowID: contract.BenchmarkWorkflowID(cell.Sweep, cell.Cell, cell.Attempt),
		// A measuring child must be able to unload and publish.
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WaitForCancellation:   true,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		StaticSummary:         oneLine(cell.At.String()),
		StaticDetails: fmt.Sprintf("Sweep **%s** (%s), cell %s, try %d: %d run(s) of %d journals, %d rung(s).",
			cell.Name, cell.Sweep, cell.Cell, cell.Attempt, cell.Runs, cell.Items, len(cell.Rungs)),
		TypedSearchAttributes: temporal.NewSearchAttributes(
			attrSweep.ValueSet(string(cell.Sweep)), attrHost.ValueSet(cell.At.Host), attrRuntime.ValueSet(cell.At.Runtime),
			attrModel.ValueSet(cell.At.Model), attrTask.ValueSet(cell.At.Task), attrLanguage.ValueSet(cell.At.Language),
			attrState.ValueSet(string(bench.StateQueued)), attrProgress.ValueSet(0), attrRung.ValueSet(0)),
	}
}

// close makes the cell's end durable and tells its sweep. It is done even when
// the lane itself is being cancelled.
func (l *lane) close(ctx workflow.Context, cell contract.BenchmarkIn, state bench.State, reason string) error {
	dctx, done := workflow.NewDisconnectedContext(ctx)
	defer done()
	err := control(dctx, contract.ActCloseCell, fmt.Sprintf("%s: %s", cell.At, state),
		contract.CloseIn{V: 1, Cell: cell.Cell, State: state, Reason: reason}, nil)
	if err != nil {
		return err
	}
	err = workflow.SignalExternalWorkflow(dctx, contract.SweepWorkflowID(cell.Sweep), "", contract.SignalCellClosed,
		contract.CellClosed{V: 1, Cell: cell.Cell, State: state}).Get(dctx, nil)
	if err != nil {
		// The sweep may have ended or been terminated; the store has the truth.
		workflow.GetLogger(ctx).Info("sweep not told of its cell", "sweep", cell.Sweep, "cell", cell.Cell)
	}
	return ctx.Err()
}

// brief gives a person the innermost reason, which holds no journal text: our
// activities see to that.
func brief(err error) string {
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return app.Type() + ": " + app.Message()
	}
	if timeout, ok := errors.AsType[*temporal.TimeoutError](err); ok {
		return "timeout: " + timeout.TimeoutType().String()
	}
	return err.Error()
}
