package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/store"
)

// How many failures of its own a step may have before it is given up.
const (
	// maxLoads is for a load: a model that fails to load does so for long.
	maxLoads = 3
	// maxUnloads is for memory that does not come back.
	maxUnloads = 5
	// maxInternal is for an error of no known kind, which is then taken to be a
	// mistake of ours and not of the moment, and for a runtime that is there and
	// fails.
	maxInternal = 10
)

// patience is how many failures of this sort a step may have, 0 for any
// number: a database, a runtime or a network that is away comes back.
func patience(ctx context.Context, err error) int {
	name := activity.GetInfo(ctx).ActivityType.Name
	kind, code := fault.KindOf(err), fault.CodeOf(err)
	switch {
	case isDrain(err), ctx.Err() != nil:
		return 0
	case code == fault.CodeNotUnloaded:
		return maxUnloads
	case kind == fault.Internal && errors.Is(err, context.DeadlineExceeded):
		return 0 // it hangs, which is as good as away
	case kind == fault.Internal:
		return maxInternal
	case kind != fault.Unavailable || name == contract.ActPull:
		return 0 // typed decides at once, or a registry fails for a while
	case code == fault.CodeServerError, code == fault.CodeBadAnswer, code == fault.CodeTimeout:
		if name == contract.ActLoad {
			return maxLoads
		}
		return maxInternal
	default:
		return 0
	}
}

// drainDelay is how long a drained activity waits for another worker.
const drainDelay = 5 * time.Second

// typed types the error of an activity that is no stage: each attempt counts as
// a failure.
func typed(ctx context.Context, err error) error {
	return decide(ctx, err, int(activity.GetInfo(ctx).Attempt))
}

// decide is the only place where an error becomes a retry decision. Invalid,
// unsupported and corrupt things stay so: no retry. Out of memory and a model
// that vanished are for the workflow to decide: no retry, and no alarm.
// Unavailable things come back: they are tried for ever. What else fails is
// tried until patience ends; failures is how often it failed so far.
func decide(ctx context.Context, err error, failures int) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		if draining(ctx) {
			return drained() // the cell is not cancelled: the worker goes down
		}
		return ctx.Err()
	}
	if _, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return err
	}
	kind, code := fault.KindOf(err), fault.CodeOf(err)
	opts := temporal.ApplicationErrorOptions{Cause: nil}
	name := string(code)
	if name == "" {
		name = string(kind)
	}
	most := patience(ctx, err)
	switch {
	case code == fault.CodeOutOfMemory, code == fault.CodeRungRejected, code == fault.CodeModelNotResident:
		opts.NonRetryable = true
		opts.Category = temporal.ApplicationErrorCategoryBenign
	case kind == fault.Invalid, kind == fault.Unsupported, kind == fault.Corrupt:
		opts.NonRetryable = true
	case kind == fault.Internal && errors.Is(err, store.ErrNotFound):
		// What the database lacks does not come by waiting.
		name, opts.NonRetryable = "NotFound", true
	case kind == fault.Internal && late(ctx, err):
		name = string(fault.CodeTimeout)
	default:
		opts.NonRetryable = most > 0 && failures >= most
	}
	msg := err.Error()
	if hint := fault.HintOf(err); hint != "" {
		msg += " — " + hint
	}
	return temporal.NewApplicationErrorWithOptions(msg, name, opts)
}

// late reports whether something else's time was up, not ctx's: a server that
// hangs is as good as away.
func late(ctx context.Context, err error) bool {
	return ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded)
}

// typeDrain is the error type of work that a worker hands on.
const typeDrain = "WorkerDrain"

func isDrain(err error) bool {
	app, ok := errors.AsType[*temporal.ApplicationError](err)
	return ok && app.Type() == typeDrain
}

// drained says that the worker is going down and the work goes on elsewhere.
func drained() error {
	return temporal.NewApplicationErrorWithOptions("the worker is shutting down; the work goes on when it is back", typeDrain,
		temporal.ApplicationErrorOptions{NextRetryDelay: drainDelay, Category: temporal.ApplicationErrorCategoryBenign})
}

// draining reports whether the worker is going down.
func draining(ctx context.Context) bool {
	select {
	case <-activity.GetWorkerStopChannel(ctx):
		return true
	default:
		return false
	}
}
