package activities

import (
	"context"
	"errors"
	"syscall"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/store"
)

// ruleOf is the row of the table of failures for an error in this activity.
func ruleOf(ctx context.Context, err error) fault.Rule {
	code, kind := fault.CodeOf(err), fault.KindOf(err)
	switch {
	case isDrain(err):
		code = fault.CodeDrain
	case kind != fault.Internal:
	case errors.Is(err, store.ErrNotFound):
		code = fault.CodeNotFound
	case late(ctx, err):
		code = fault.CodeTimeout
	case errors.Is(err, syscall.ENOSPC):
		code = fault.CodeDiskFull // of what we write ourselves
	}
	return fault.RuleOf(code, kind, activity.GetInfo(ctx).ActivityType.Name)
}

// ownFailure tells whether an error is one of the step's own failures, of which it
// may have so many.
func ownFailure(ctx context.Context, err error) bool {
	return err != nil && ctx.Err() == nil && ruleOf(ctx, err).Tries > 0
}

// typed types the error of an activity that is no stage: each attempt counts as
// a failure.
func typed(ctx context.Context, err error) error {
	return decide(ctx, err, int(activity.GetInfo(ctx).Attempt))
}

// decide makes an error what the table of failures says about it: tried again,
// at once or slowly, or given to the workflow. failures is how often the step
// failed of its own so far.
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
	rule := ruleOf(ctx, err)
	msg := err.Error()
	if hint := fault.HintOf(err); hint != "" {
		msg += " — " + hint
	}
	code, opts := rule.Code, temporal.ApplicationErrorOptions{}
	if rule.Calm {
		opts.Category = temporal.ApplicationErrorCategoryBenign
	}
	switch {
	case ctx.Err() != nil && rule.Tries > 0: // cut, which is not the step's own failure
	case rule.Passes(failures):
		opts.NextRetryDelay = rule.Pace
	default:
		opts.NonRetryable = true
		if rule.Last() == fault.FailHost && fault.ActionOf(code) != fault.FailHost {
			// The workflow knows codes, not steps.
			msg, code = string(code)+": "+msg, fault.CodeHostUnfit
		}
	}
	return temporal.NewApplicationErrorWithOptions(msg, string(code), opts)
}

// late reports whether something else's time was up, not ctx's: a server that
// hangs is as good as away.
func late(ctx context.Context, err error) bool {
	return ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded)
}

func isDrain(err error) bool {
	app, ok := errors.AsType[*temporal.ApplicationError](err)
	return ok && app.Type() == string(fault.CodeDrain)
}

// drained says that the worker is going down and the work goes on elsewhere.
func drained() error {
	rule := fault.RuleOf(fault.CodeDrain, fault.Unavailable, "")
	return temporal.NewApplicationErrorWithOptions("the worker is shutting down; the work goes on when it is back",
		string(fault.CodeDrain), temporal.ApplicationErrorOptions{
			NextRetryDelay: rule.Pace, Category: temporal.ApplicationErrorCategoryBenign,
		})
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
