package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/store"
)

// texter is a stage's result that says in one sentence what happened.
type texter interface{ Sentence() string }

// staged runs the body of a stage between its two rows in the store and types
// its error. The end is recorded even when ctx is over.
func staged[T texter](ctx context.Context, st *store.Store, ref contract.CellRef, stage bench.Stage, body func() (T, error)) (T, error) {
	var zero T
	if err := st.BeginStage(ctx, ref.Cell, ref.Attempt, stage, ref.No); err != nil {
		return zero, typed(ctx, err)
	}
	out, err := body()
	state, detail := "done", ""
	if err == nil {
		detail = out.Sentence()
	} else {
		state, detail = "failed", explain(err)
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if endErr := st.EndStage(end, ref.Cell, ref.Attempt, stage, ref.No, state, detail); endErr != nil && err == nil {
		return zero, typed(ctx, endErr)
	}
	if err != nil {
		return zero, typed(ctx, err)
	}
	return out, nil
}

func explain(err error) string {
	if code := fault.CodeOf(err); code != "" {
		return fmt.Sprintf("%s: %v", code, err)
	}
	if errors.Is(err, context.Canceled) {
		return "cancelled"
	}
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return app.Message()
	}
	return err.Error()
}
