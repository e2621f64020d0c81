package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/wattsweep/wattsweep/activities"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// Cancelled says how a sweep was stopped.
type Cancelled struct {
	// Final and Total count the sweep's cells.
	Final, Total int
	// StoreOnly: the sweep's workflow was gone, so the sweep was ended in the
	// database. A cell that still says it is running is closed by its host's
	// lane, at its next claim.
	StoreOnly bool
}

// Cancel stops a sweep: queued cells are taken off the plan, the running one
// ends after its present call, and what was measured is kept.
func (a *App) Cancel(ctx context.Context, id bench.SweepID, by string) (Cancelled, error) {
	var counts contract.Counts
	handle, err := a.Temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: contract.SweepWorkflowID(id), UpdateName: contract.UpdateCancel,
		// Of this very request: a sweep may be cancelled, put back and
		// cancelled again within one run of its workflow.
		UpdateID: fmt.Sprintf("cancel/%d", time.Now().UnixNano()), WaitForStage: client.WorkflowUpdateStageCompleted,
		Args: []any{contract.CancelIn{V: 1, By: by}},
	})
	if err == nil {
		err = handle.Get(ctx, &counts) // a refused update shows only here
	}
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return a.cancelStored(ctx, id)
	}
	if err != nil {
		return Cancelled{}, fmt.Errorf("cancel sweep %s: %w", id, err)
	}
	return Cancelled{Final: counts.Final, Total: counts.Total}, nil
}

// cancelStored ends a sweep that has no workflow any more, as after the loss
// of Temporal's database or a termination by hand.
func (a *App) cancelStored(ctx context.Context, id bench.SweepID) (Cancelled, error) {
	sw, err := a.Store.GetSweep(ctx, id)
	if err != nil {
		return Cancelled{}, err
	}
	if sw.State.Final() {
		return Cancelled{}, fault.New(fault.Invalid, "", "wattsweep status "+string(id)+" shows its cells", "cancel sweep %s: it ended as %s", id, sw.State)
	}
	if err := a.Store.RequestCancel(ctx, id); err != nil {
		return Cancelled{}, err
	}
	// Nobody else would end it.
	if err := a.Store.SetSweepState(ctx, id, bench.StateCancelled); err != nil {
		return Cancelled{}, err
	}
	hosts, err := a.Store.SweepHosts(ctx, id)
	if err != nil {
		return Cancelled{}, err
	}
	in := contract.WakeIn{V: 1, CancelSweep: id}
	for host, unfinished := range hosts {
		if unfinished > 0 {
			in.Hosts = append(in.Hosts, host)
		}
	}
	if err := activities.WakeLanes(ctx, a.Temporal, in); err != nil {
		return Cancelled{}, err
	}
	if sw, err = a.Store.GetSweep(ctx, id); err != nil {
		return Cancelled{}, err
	}
	return Cancelled{Final: sw.Finished(), Total: sw.Total(), StoreOnly: true}, nil
}
