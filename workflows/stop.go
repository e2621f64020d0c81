package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
)

// heed has an order to stop end the measuring, after its present call. The
// newest order counts: a cell that leaves for a pause may be cancelled yet.
func (b *benchmark) heed(ctx workflow.Context, halt func()) {
	orders := workflow.GetSignalChannel(ctx, contract.SignalStop)
	b.orders = orders
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			// Awaited, not received: one that cannot be read is dropped.
			if err := workflow.Await(ctx, func() bool { return orders.Len() > 0 }); err != nil {
				return
			}
			var in contract.StopIn
			if orders.ReceiveAsync(&in) && stops(in, b.in) {
				b.stop = &in
				halt()
			}
		}
	})
}

// stops reports whether an order to stop is meant for a cell and names a state
// that it may be left in.
func stops(order contract.StopIn, cell contract.BenchmarkIn) bool {
	switch order.State {
	case bench.StateQueued, bench.StateSkipped, bench.StateCancelled:
	default:
		return false
	}
	if order.Sweep != "" && order.Sweep != cell.Sweep {
		return false
	}
	at := slices.Index(order.Cells, cell.Cell)
	switch {
	case len(order.Cells) == 0:
		return true
	case at < 0:
		return false
	default: // an order that was under way for long does not stop a later try
		return at >= len(order.Tries) || order.Tries[at] == cell.Attempt
	}
}

// whyStopped is the reason of a stopped cell.
func (b *benchmark) whyStopped() string {
	switch {
	case b.stop.Reason != "":
		return b.stop.Reason
	case b.stop.State == bench.StateCancelled:
		return cancelled
	default:
		return "stopped"
	}
}

// renamed puts the newest order in the place of an earlier one: of a cell that
// would go back on the plan. What is measured to its end stays done.
func (b *benchmark) renamed(state bench.State, reason string) (bench.State, string) {
	if b.stop == nil || state != bench.StateQueued || b.stop.State == bench.StateQueued {
		return state, reason
	}
	if reason == "" {
		reason = b.whyStopped()
	}
	return b.stop.State, reason
}

// until is the last run of this turn.
func (b *benchmark) until() int {
	if b.in.Until > 0 {
		return min(b.in.Until, b.in.Runs)
	}
	return b.in.Runs
}
