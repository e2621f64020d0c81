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

// endStageFor is how long the end of a stage is tried to be made durable, so
// that a database that is away for a moment does not cost the whole stage.
const endStageFor = 2 * time.Minute

// waitsFor begins the detail of a stage that a person is to mend.
const waitsFor = "waiting for a person: "

// staged runs the body of a stage between its two rows in the store and types
// its error. The end is recorded even when ctx is over.
func staged[T texter](ctx context.Context, st *store.Store, ref contract.CellRef, stage bench.Stage, body func() (T, error)) (T, error) {
	var zero T
	if err := st.BeginStage(ctx, ref.Cell, ref.Attempt, stage, ref.No); err != nil {
		// Nothing is lost yet: the next attempt begins anew.
		return zero, typed(ctx, err)
	}
	out, err := body()
	row := store.StageRow{Cell: ref.Cell, Attempt: ref.Attempt, Stage: stage, No: ref.No, State: "done"}
	if err == nil {
		row.Detail = out.Sentence()
	} else {
		row.State, row.Detail = "failed", explain(err)
		if ctx.Err() == nil && ruleOf(ctx, err).Action == fault.WaitForPerson {
			row.Detail = waitsFor + row.Detail
		}
	}
	counts := ownFailure(ctx, err)
	failures, endErr := endStage(ctx, st, row, counts)
	switch {
	case err != nil:
		return zero, decide(ctx, err, failures)
	case endErr != nil:
		return zero, typed(ctx, endErr)
	default:
		return out, nil
	}
}

// endStage makes the end of a stage durable. While the database is away after
// something was done, the worker goes on showing that it lives.
func endStage(ctx context.Context, st *store.Store, row store.StageRow, counts bool) (failures int, err error) {
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	failures, err = st.EndStage(end, row, counts)
	if err == nil || row.State != "done" || !held(end, err) {
		return failures, err
	}
	defer beating(ctx, func() any { return contract.Note{V: 1, Text: "waiting for the database"} })()
	wait, stop := context.WithTimeout(ctx, endStageFor)
	defer stop()
	return 0, keep(wait, func(ctx context.Context) error {
		_, err := st.EndStage(ctx, row, counts)
		return err
	})
}

func explain(err error) string {
	if code := fault.CodeOf(err); code != "" {
		text := fmt.Sprintf("%s: %v", code, err)
		if hint := fault.HintOf(err); hint != "" && fault.RuleOf(code, fault.KindOf(err), "").Action == fault.WaitForPerson {
			text += " — " + hint
		}
		return text
	}
	if errors.Is(err, context.Canceled) {
		return "cancelled"
	}
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return app.Message()
	}
	return err.Error()
}
