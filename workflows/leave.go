package workflows

import (
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// leave takes the model out of memory, and says what to add to how the cell
// ended. A stopped cell does not wait for a host that is not there, and asks
// nothing of one that never did anything for this try.
func (b *benchmark) leave(ctx, dctx workflow.Context, state bench.State, reason string) (bench.State, string) {
	if ctx.Err() == nil {
		err := b.unload(ctx)
		switch {
		case err == nil:
			return state, reason
		case ctx.Err() == nil:
			return b.notUnloaded(state, reason, err)
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
	b.out.HostUnfit = b.out.HostUnfit || b.action(err) == fault.FailHost
	if state == bench.StateDone {
		state = bench.StateFailed
	}
	if reason != "" {
		reason += "; "
	}
	return state, reason + "it could not be confirmed that the model left memory (" + brief(err) + ")"
}

// notUnloaded is how a cell ends whose model could not be taken out of memory:
// one that ended in another way stays so, one with all its calls is not whole.
func (b *benchmark) notUnloaded(state bench.State, reason string, err error) (bench.State, string) {
	unfit := b.action(err) == fault.FailHost
	b.out.HostUnfit = b.out.HostUnfit || unfit
	switch {
	case !b.finished:
		return state, reason
	case unfit:
		return bench.StateQueued, brief(err)
	default:
		return bench.StateFailed, brief(err)
	}
}

// errUnfit says that no rung of the ladder could be loaded.
var errUnfit = errors.New("no rung of the load ladder fitted on this host")

// cancelled is the reason of a cell that was stopped.
const cancelled = "cancelled"

// outcome is how the cell ended, by what its measuring ended with.
func (b *benchmark) outcome(ctx workflow.Context, err error) (bench.State, string) {
	b.finished = err == nil
	switch {
	case err == nil && b.until() < b.in.Runs:
		return bench.StateQueued, "" // the next turn goes on
	case err == nil:
		return bench.StateDone, ""
	case b.stop != nil:
		// Whatever the stage ended with, as below.
		return b.stop.State, b.whyStopped()
	case ctx.Err() != nil:
		// Whatever the stage ended with: a worker that was lost or drained
		// while it was told to stop is no failure of the cell.
		return bench.StateCancelled, cancelled
	case errors.Is(err, errUnfit):
		return bench.StateUnfit, errUnfit.Error()
	case temporal.IsCanceledError(err):
		return bench.StateCancelled, cancelled
	case b.action(err) == fault.FailHost:
		b.out.HostUnfit = true
		return bench.StateQueued, brief(err)
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
