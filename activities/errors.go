package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/store"
)

// maxInternal is after how many tries an error of no known kind is taken to be
// a mistake of ours and not of the moment.
const maxInternal = 10

// drainDelay is how long a drained activity waits for another worker.
const drainDelay = 5 * time.Second

// typed is the only place where an error becomes a retry decision. Invalid,
// unsupported and corrupt things stay so: no retry. Out of memory and a model
// that vanished are for the workflow to decide: no retry, and no alarm.
// Unavailable things come back: retry for as long as the policy says.
func typed(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
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
	case kind == fault.Internal:
		opts.NonRetryable = activity.GetInfo(ctx).Attempt >= maxInternal
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
