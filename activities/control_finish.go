package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/store"
)

const (
	// settleMost is how many cells one attempt settles, and settleFor for how long
	// it begins another.
	settleMost = 500
	settleFor  = 5 * time.Minute
	// settledNo tells the stages of settling from those of the try itself, which
	// number from (attempt-1)*100+1.
	settledNo = 100
)

// FinishSweep makes a sweep's end durable. Before, cells that have calls but no
// try of their own that ended as they did are scored, priced and published. It
// does a part of them and says where to go on, until none is left.
func (c *Control) FinishSweep(ctx context.Context, in contract.FinishIn) (contract.FinishOut, error) {
	out := contract.FinishOut{V: contract.Shape}
	cells, err := c.Store.UnsettledCells(ctx, in.Sweep, in.After, settleMost)
	if err != nil {
		return out, typed(ctx, err)
	}
	began := time.Now()
	for _, cell := range cells {
		if out.Next != 0 && time.Since(began) > settleFor {
			break
		}
		if err := c.settle(ctx, cell); err != nil {
			return out, typed(ctx, err)
		}
		out.Next = cell.Seq
	}
	if out.Next != 0 {
		return out, nil
	}
	return out, typed(ctx, c.Store.SetSweepState(ctx, in.Sweep, in.State))
}

// settle publishes what a cell measured, as it stands. One that cannot be scored
// keeps what it has: a cell never fails its sweep.
func (c *Control) settle(ctx context.Context, cell store.Unsettled) error {
	in := contract.PublishIn{
		CellRef: contract.CellRef{V: contract.Shape, Cell: cell.ID, Attempt: cell.Attempt, Epoch: cell.Epoch, No: cell.Attempt * settledNo},
		State:   cell.State, Reason: cell.Reason,
	}
	results := &Results{Store: c.Store}
	for _, step := range []func(context.Context, contract.PublishIn) (contract.Note, error){results.Score, results.Cost, results.Publish} {
		_, err := step(ctx, in)
		if app, ok := errors.AsType[*temporal.ApplicationError](err); ok && app.NonRetryable() {
			activity.GetLogger(ctx).Warn("a cell that was taken off the plan could not be published", "cell", string(cell.ID), "code", app.Type())
			break
		}
		if err != nil {
			return err
		}
	}
	return c.Store.LeaveStage(ctx, cell.ID)
}
