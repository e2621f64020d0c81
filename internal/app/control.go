package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/wattsweep/wattsweep/activities"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/store"
)

// Controlled says what came of a request.
type Controlled struct {
	Changed int    `json:"changed"` // cells that it changed
	Text    string `json:"text"`    // for people
	// StoreOnly: the sweep's workflow was gone, so the request was done in the
	// database. A cell that still says it is running is closed by its host's
	// lane, at its next claim.
	StoreOnly bool `json:"store_only,omitempty"`
}

// Control asks something of a sweep while it runs, or after its end where that
// makes sense. in.Request names the very request: made again it changes
// nothing. More cells than fit one update go in several.
func (a *App) Control(ctx context.Context, sw store.Sweep, what bench.Control, in contract.ControlIn) (Controlled, error) {
	in.V = contract.Shape
	parts := inParts(in)
	if len(parts) == 1 {
		return a.ask(ctx, sw, what, in)
	}
	var out Controlled
	var last string
	for i, one := range parts {
		got, err := a.ask(ctx, sw, what, one)
		if err != nil {
			return out, fmt.Errorf("after %d of %d cells: %w", i*contract.MaxCellsPerUpdate, len(in.Cells), err)
		}
		out.Changed += got.Changed
		out.StoreOnly = out.StoreOnly || got.StoreOnly
		last = got.Text
	}
	out.Text = fmt.Sprintf("%s of %d cells in %d requests changed %d; the last: %s", what, len(in.Cells), len(parts), out.Changed, last)
	return out, nil
}

// inParts splits a request into those that fit one update each. A part is named
// by its cells, not by its place: cells that a filter chose are others when the
// request is made again after it was cut, and none of them may pass for done.
func inParts(in contract.ControlIn) []contract.ControlIn {
	if len(in.Cells) <= contract.MaxCellsPerUpdate {
		return []contract.ControlIn{in}
	}
	const hashed = 16
	begins := strings.ToValidUTF8(in.Request[:min(len(in.Request), store.MaxNameBytes-hashed-1)], "")
	var parts []contract.ControlIn
	for cells := range slices.Chunk(in.Cells, contract.MaxCellsPerUpdate) {
		one := in
		one.Cells = cells
		one.Request = begins + "/" + bench.Hash(in.Request + namesOf(cells))[:hashed]
		parts = append(parts, one)
	}
	return parts
}

func namesOf(cells []bench.CellID) string {
	var all strings.Builder
	for _, id := range cells {
		all.WriteString("\x00" + string(id))
	}
	return all.String()
}

// ask makes one request. A sweep whose workflow is not there, though work is
// left or comes back, is started with it.
func (a *App) ask(ctx context.Context, sw store.Sweep, what bench.Control, in contract.ControlIn) (Controlled, error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	got, err := a.update(ctx, sw, what, updateID(what, in), in)
	if _, no := errors.AsType[*temporal.ApplicationError](err); no {
		// Temporal keeps a refusal under the update's id. This may be one of
		// earlier, whose reason is gone; the store knows what was done.
		got, err = a.update(ctx, sw, what, updateID(what, in)+"/"+NewRequest()[:8], in)
	}
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return a.controlStored(ctx, sw.ID, what, in)
	}
	if err != nil {
		return Controlled{}, refused(string(what)+" sweep "+string(sw.ID), err)
	}
	return Controlled{Changed: got.Changed, Text: got.Text}, nil
}

// update asks the sweep's workflow.
func (a *App) update(ctx context.Context, sw store.Sweep, what bench.Control, id string, in contract.ControlIn) (contract.ControlOut, error) {
	update := client.UpdateWorkflowOptions{
		WorkflowID: contract.SweepWorkflowID(sw.ID), UpdateName: string(what), UpdateID: id,
		WaitForStage: client.WorkflowUpdateStageCompleted, Args: []any{in},
	}
	var handle client.WorkflowUpdateHandle
	var err error
	if startsAgain(sw, what) {
		handle, err = a.Temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
			StartWorkflowOperation: a.Temporal.NewWithStartWorkflowOperation(sweepOptions(sw.ID, sw.Name), contract.WorkflowSweep,
				contract.SweepIn{V: contract.Shape, Sweep: sw.ID, Name: sw.Name}),
			UpdateOptions: update,
		})
	} else {
		handle, err = a.Temporal.UpdateWorkflow(ctx, update)
	}
	var got contract.ControlOut
	if err == nil {
		err = handle.Get(ctx, &got) // a refused update shows only here
	}
	return got, err //nolint:wrapcheck // ask says what was asked
}

// updateID names an update for Temporal, which answers one that it knows
// without asking the workflow. So all that the request says is part of it, and
// an id that is used again for something else comes to the store, which refuses
// it.
func updateID(what bench.Control, in contract.ControlIn) string {
	return fmt.Sprintf("%s/%s/%s", what, in.Request,
		bench.Hash(fmt.Sprintf("%t\x00%d\x00%s%s", in.Now, in.Priority, in.Extension, namesOf(in.Cells)))[:16])
}

// startsAgain tells which requests start a sweep whose workflow is not there:
// those that put work on its plan, and any that a sweep with work left is
// asked. A cancellation ends such a sweep in the database.
func startsAgain(sw store.Sweep, what bench.Control) bool {
	switch what { //nolint:exhaustive // the others take the default
	case bench.ControlRetry, bench.ControlRemeasure, bench.ControlExtend:
		return true
	case bench.ControlCancel:
		return false
	}
	return !sw.State.Final()
}

// sweepOptions start a sweep's workflow, or join the one that runs.
func sweepOptions(id bench.SweepID, name string) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID: contract.SweepWorkflowID(id), TaskQueue: contract.QueueControl,
		// The store knows what is left, so a sweep may start again after its
		// end when cells were put back on the plan.
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            "sweep " + name,
		TypedSearchAttributes: temporal.NewSearchAttributes(
			temporal.NewSearchAttributeKeyKeyword(contract.AttrSweep).ValueSet(string(id)),
			temporal.NewSearchAttributeKeyKeyword(contract.AttrState).ValueSet(string(bench.StateQueued))),
	}
}

// controlStored does in the database what a sweep without a workflow is asked,
// as after its end, the loss of Temporal's database or a termination by hand.
func (a *App) controlStored(ctx context.Context, id bench.SweepID, what bench.Control, in contract.ControlIn) (Controlled, error) {
	got, err := a.Store.ControlSweep(ctx, store.ControlRequest{
		Sweep: id, What: what, Request: in.Request, By: in.By, Reason: in.Reason, Now: in.Now,
		Cells: in.Cells, Priority: in.Priority, Extension: in.Extension,
	})
	if err != nil {
		return Controlled{}, err
	}
	if what == bench.ControlCancel {
		// Nobody else would end it.
		if err := a.Store.EndCancelled(ctx, id); err != nil {
			return Controlled{}, err
		}
	}
	if len(got.Hosts) > 0 {
		wake := contract.WakeIn{V: contract.Shape, Hosts: got.Hosts}
		if len(got.StopCells) > 0 {
			wake.Stop = &contract.StopIn{V: contract.Shape, Sweep: id, Cells: got.StopCells, Tries: got.Tries, State: got.StopState, Reason: got.StopReason}
		}
		if err := activities.WakeLanes(ctx, a.Temporal, wake); err != nil {
			return Controlled{}, err
		}
	}
	return Controlled{Changed: got.Changed, Text: got.Text, StoreOnly: true}, nil
}

// askLimit is how long an answer may take. A request waits for transactions
// only, never for a cell.
const askLimit = time.Minute

// refused makes what a workflow answered readable: the sentence that says why,
// without the layers that it came through.
func refused(doing string, err error) error {
	var innermost *temporal.ApplicationError
	for next := err; next != nil; {
		app, ok := errors.AsType[*temporal.ApplicationError](next)
		if !ok {
			break
		}
		innermost, next = app, errors.Unwrap(app)
	}
	_, late := errors.AsType[*client.WorkflowUpdateServiceTimeoutOrCanceledError](err)
	switch {
	case innermost != nil:
	case late || errors.Is(err, context.DeadlineExceeded):
		return fault.New(fault.Unavailable, fault.CodeTimeout,
			"start wattsweep-worker --control, or wattsweep up, and ask again, with the same --request-id where one was given",
			"%s: no worker answered within %s", doing, askLimit)
	default:
		return fmt.Errorf("%s: %w", doing, err)
	}
	msg, hint, _ := strings.Cut(innermost.Message(), " — ")
	msg = strings.TrimPrefix(msg, doing+": ")
	return fault.New(fault.Invalid, "", hint, "%s: %s", doing, strings.TrimPrefix(msg, doing+": "))
}
