package app

import (
	"context"
	"crypto/rand"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
)

// Cancelled says how a sweep was stopped.
type Cancelled struct {
	Controlled
	// Final and Total count the sweep's cells.
	Final int `json:"cells_final"`
	Total int `json:"cells"`
}

// NewRequest gives a request an id of its own.
func NewRequest() string { return rand.Text()[:16] }

// Cancel stops a sweep: queued cells are taken off the plan, the running one
// ends, and what was measured is kept. in.Now ends it after its present call;
// without it the cell is finished.
func (a *App) Cancel(ctx context.Context, id bench.SweepID, in contract.ControlIn) (Cancelled, error) {
	sw, err := a.Store.GetSweep(ctx, id)
	if err != nil {
		return Cancelled{}, err
	}
	got, err := a.Control(ctx, sw, bench.ControlCancel, in)
	if err != nil {
		return Cancelled{}, err
	}
	if sw, err = a.Store.GetSweep(ctx, id); err != nil {
		return Cancelled{}, err
	}
	return Cancelled{Controlled: got, Final: sw.Finished(), Total: sw.Total()}, nil
}
