package workflows

import (
	"cmp"
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
// without cost while there is none, or while it is drained.
func Lane(ctx workflow.Context, in contract.LaneIn) error {
	known(in.V)
	l := &lane{
		in:     in,
		wake:   workflow.GetSignalChannel(ctx, contract.SignalWake),
		cancel: workflow.GetSignalChannel(ctx, contract.SignalCancel),
		state:  bench.LaneOpen,
		one:    workflow.NewMutex(ctx),
	}
	if err := l.handle(ctx); err != nil {
		return err
	}
	for range cellsPerLane {
		if err := l.next(ctx); err != nil {
			return err
		}
		if l.full(ctx) {
			break
		}
	}
	// An update that came meanwhile is answered by this run.
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return fmt.Errorf("wait for updates: %w", err)
	}
	// Wakes that came meanwhile are answered by the next run's first claim.
	drain(l.wake)
	l.in.V = contract.Shape
	return workflow.NewContinueAsNewError(ctx, contract.WorkflowLane, l.in)
}

type lane struct {
	in     contract.LaneIn
	wake   workflow.ReceiveChannel
	cancel workflow.ReceiveChannel
	// state and why are the lane's, as last heard of.
	state bench.LaneState
	why   string
	// cell is the one that is being measured, nil between cells.
	cell *contract.BenchmarkIn
	// orders to stop came by updates; they are for the cell that is claimed or
	// measured while they come.
	orders []contract.StopIn
	// told: an update has changed what a claim may give.
	told bool
	// asked: a lane of shape 1 was asked for what only a later one does.
	asked bool
	// one update at a time.
	one workflow.Mutex
}

// full reports whether the lane is to continue as new.
func (l *lane) full(ctx workflow.Context) bool {
	if l.in.V < 2 {
		return l.asked || workflow.GetInfo(ctx).GetContinueAsNewSuggested()
	}
	return grown(ctx)
}

// next claims one cell and sees it through, or sleeps until woken.
func (l *lane) next(ctx workflow.Context) error {
	drain(l.wake)
	// A stop is in the store before it is signalled, so the claim below heeds
	// those that came so far; the sweep may have been launched again since.
	drain(l.cancel)
	l.orders, l.told = nil, false
	var claim contract.ClaimOut
	err := control(ctx, contract.ActClaimNext, "claim the next cell of "+l.in.Host, contract.ClaimIn{
		V: l.in.V, Host: l.in.Host, Claim: l.in.Claim + 1,
		// The first run's id outlives continue-as-new, and a lane started
		// anew after a lost Temporal database never repeats it.
		Lane: workflow.GetInfo(ctx).FirstRunID,
	}, &claim)
	if err != nil {
		return err
	}
	if claim.Lane != "" && !l.told { // an update that came meanwhile knows better
		l.state, l.why = claim.Lane, claim.Why
	}
	if !claim.Found {
		workflow.SetCurrentDetails(ctx, l.details())
		// Awaited, not received: a sleeping lane must hear that it is cancelled.
		if err := workflow.Await(ctx, func() bool { return l.wake.Len() > 0 || l.told }); err != nil {
			return fmt.Errorf("sleep until woken: %w", err)
		}
		return nil
	}
	l.in.Claim++
	l.cell = claim.Cell
	workflow.SetCurrentDetails(ctx, l.details())
	out := l.measure(ctx, *l.cell)
	cell := *l.cell
	l.cell = nil
	return l.close(ctx, cell, out)
}

// measure runs the benchmark and stops it when that is asked for.
func (l *lane) measure(ctx workflow.Context, cell contract.BenchmarkIn) contract.BenchmarkOut {
	childCtx, giveUp := workflow.WithCancel(workflow.WithChildOptions(ctx, childOptions(cell)))
	child := workflow.ExecuteChildWorkflow(childCtx, contract.WorkflowBenchmark, cell)
	// Disconnected: a lane that is cancelled waits for its child all the same.
	dctx, done := workflow.NewDisconnectedContext(ctx)
	defer done()
	for {
		// Nothing makes this wait fail: its context is never cancelled.
		_ = workflow.Await(dctx, func() bool { return child.IsReady() || len(l.orders) > 0 || l.cancel.Len() > 0 })
		if child.IsReady() {
			return ending(dctx, child)
		}
		for _, order := range l.heard(cell, giveUp) {
			// One that ended meanwhile needs no stop.
			_ = child.SignalChildWorkflow(dctx, contract.SignalStop, order).Get(dctx, nil)
		}
	}
}

// ending reads how a benchmark ended.
func ending(ctx workflow.Context, child workflow.Future) contract.BenchmarkOut {
	var out contract.BenchmarkOut
	err := child.Get(ctx, &out)
	switch {
	case err == nil:
		return out
	case temporal.IsCanceledError(err):
		return contract.BenchmarkOut{State: bench.StateCancelled, Reason: whyCancelled(err)}
	default:
		return contract.BenchmarkOut{State: bench.StateFailed, Reason: brief(err)}
	}
}

// heard takes the orders that came and gives those that mean the running cell.
// What a release before shape 2 sends cancels the child, as its lanes did.
func (l *lane) heard(cell contract.BenchmarkIn, giveUp func()) []contract.StopIn {
	orders := l.orders
	l.orders = nil
	var in contract.WakeIn
	// A signal that cannot be read is dropped, and nothing is waited for.
	for ; l.cancel.ReceiveAsync(&in); in = (contract.WakeIn{}) {
		switch {
		case in.Stop != nil && stops(*in.Stop, cell):
			orders = append(orders, *in.Stop)
		case in.CancelSweep == cell.Sweep && l.in.V < 2:
			giveUp()
		case in.CancelSweep == cell.Sweep:
			orders = append(orders, contract.StopIn{V: contract.Shape, Sweep: cell.Sweep, State: bench.StateCancelled})
		}
	}
	return orders
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
func (l *lane) close(ctx workflow.Context, cell contract.BenchmarkIn, out contract.BenchmarkOut) error {
	dctx, done := workflow.NewDisconnectedContext(ctx)
	defer done()
	if out.HostUnfit {
		if err := l.unfit(dctx, cell, out); err != nil {
			return err
		}
	}
	in := contract.CloseIn{V: l.in.V, Cell: cell.Cell, State: out.State, Reason: out.Reason, Attempt: cell.Attempt}
	var closed contract.CloseOut
	if err := control(dctx, contract.ActCloseCell, fmt.Sprintf("%s: %s", cell.At, out.State), in, &closed); err != nil {
		return err
	}
	closed.State = cmp.Or(closed.State, out.State) // earlier releases tell nothing
	if closed.State == bench.StateQueued && out.Reason == "" && !closed.Held {
		return ctx.Err() // a turn is no news to the sweep
	}
	err := workflow.SignalExternalWorkflow(dctx, contract.SweepWorkflowID(cell.Sweep), "", contract.SignalCellClosed,
		contract.CellClosed{V: l.in.V, Cell: cell.Cell, State: closed.State}).Get(dctx, nil)
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
