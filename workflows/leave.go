package workflows

import (
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
)

// leave takes the model out of memory, and says what to add to how the cell
// ended. A cancelled cell does not wait for a host that is not there, and asks
// nothing of one that never did anything for this try.
func (b *benchmark) leave(ctx, dctx workflow.Context, state bench.State, reason string) (bench.State, string) {
	if ctx.Err() == nil {
		err := b.unload(ctx)
		switch {
		case err == nil:
			return state, reason
		case ctx.Err() == nil && state == bench.StateDone:
			return bench.StateFailed, brief(err)
		case ctx.Err() == nil:
			return state, reason
		}
	}
	if !b.onHost {
		return state, reason
	}
	b.within = unloadCancelled
	err := b.unload(dctx)
	if err == nil {
		return state, reason
	}
	if state == bench.StateDone {
		state = bench.StateFailed
	}
	if reason != "" {
		reason += "; "
	}
	return state, reason + "it could not be confirmed that the model left memory (" + brief(err) + ")"
}

// errUnfit says that no rung of the ladder could be loaded.
var errUnfit = errors.New("no rung of the load ladder fitted on this host")

// cancelled is the reason of a cell that was stopped.
const cancelled = "cancelled"

func outcome(ctx workflow.Context, err error) (bench.State, string) {
	switch {
	case err == nil:
		return bench.StateDone, ""
	case ctx.Err() != nil:
		// Whatever the stage ended with: a worker that was lost or drained
		// while it was told to stop is no failure of the cell.
		return bench.StateCancelled, cancelled
	case errors.Is(err, errUnfit):
		return bench.StateUnfit, errUnfit.Error()
	case temporal.IsCanceledError(err):
		return bench.StateCancelled, cancelled
	default:
		return bench.StateFailed, brief(err)
	}
}

// unload takes the model out and sees that memory came back. It runs even when
// nothing was loaded by us, since a crash may have left a model behind.
func (b *benchmark) unload(ctx workflow.Context) error {
	var note contract.Note
	return b.do(ctx, bench.StageUnload, contract.ActUnload, true, "take "+b.in.At.Model+" out of memory", b.ref(bench.StageUnload), &note)
}
