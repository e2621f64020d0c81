package activities

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/store"
)

// inActivity runs a body inside an activity and gives its error.
func inActivity(body func(context.Context) error) error {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(hush{})
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(body, activity.RegisterOptions{Name: "body"})
	_, err := env.ExecuteActivity("body")
	return err
}

// Every kind of trouble has one decision: retry or not, alarm or not, and the
// name that a researcher reads in the UI.
func TestErrorsBecomeDecisions(t *testing.T) {
	t.Parallel()
	const retry, final = false, true
	cases := []struct {
		name  string
		err   error
		typ   string
		final bool
		calm  bool // no alarm
	}{
		{"out of memory", fault.New(fault.OutOfMemory, fault.CodeOutOfMemory, "", "x"), "OutOfMemory", final, true},
		{"rung refused", fault.New(fault.Invalid, fault.CodeRungRejected, "", "x"), "RungRejected", final, true},
		{"rung refused for memory", fault.New(fault.OutOfMemory, fault.CodeRungRejected, "", "x"), "RungRejected", final, true},
		{"model gone", fault.New(fault.Unavailable, fault.CodeModelNotResident, "", "x"), "ModelNotResident", final, true},
		{"invalid", fault.New(fault.Invalid, "", "", "x"), "invalid", final, false},
		{"no such model", fault.New(fault.Invalid, fault.CodeModelNotFound, "", "x"), "ModelNotFound", final, false},
		{"unsupported", fault.New(fault.Unsupported, fault.CodeBadAnswer, "", "x"), "BadAnswer", final, false},
		{"corrupt", fault.New(fault.Corrupt, fault.CodeDatasetChanged, "", "x"), "DatasetChanged", final, false},
		{"unavailable", fault.New(fault.Unavailable, "", "", "x"), "unavailable", retry, false},
		{"unreachable", fault.New(fault.Unavailable, fault.CodeUnreachable, "", "x"), "Unreachable", retry, false},
		{"memory stuck", fault.New(fault.Unavailable, fault.CodeNotUnloaded, "", "x"), "NotUnloaded", retry, false},
		{"disk full", fault.New(fault.Unavailable, fault.CodeDiskFull, "", "x"), "DiskFull", retry, false},
		{"our own write found no space", fmt.Errorf("write: %w", &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}), "DiskFull", retry, false},
		{"database full", fault.New(fault.Unavailable, fault.CodeDatabaseFull, "", "x"), "DatabaseFull", retry, false},
		{"database refused", fault.New(fault.Invalid, fault.CodeDatabaseRefused, "", "x"), "DatabaseRefused", retry, false},
		{"no right to a model", fault.New(fault.Invalid, fault.CodeUnauthorized, "", "x"), "Unauthorized", retry, false},
		{"lease lost", fault.New(fault.Unavailable, fault.CodeLeaseLost, "", "x"), "LeaseLost", retry, true},
		{"stuck", fault.New(fault.Corrupt, fault.CodeServerStuck, "", "x"), "ServerStuck", final, false},
		{"wrapped", fmt.Errorf("pull: %w", fault.New(fault.Invalid, fault.CodeRefused, "", "x")), "Refused", final, false},
		{"a server that hangs", fmt.Errorf("store call: %w", context.DeadlineExceeded), "Timeout", retry, false},
		{"away, after a wait", fault.New(fault.Unavailable, fault.CodeUnreachable, "", "x: %w", context.DeadlineExceeded), "Unreachable", retry, false},
		{"of no kind", errors.New("x"), "internal", retry, false},
		{"not in the database", fmt.Errorf("read cell c: %w", store.ErrNotFound), "NotFound", final, false},
		{"drain", drained(), "WorkerDrain", retry, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			app := failed(t, inActivity(func(ctx context.Context) error { return typed(ctx, c.err) }))
			require.Equal(t, []any{c.typ, c.final}, []any{app.Type(), app.NonRetryable()})
			require.Equal(t, c.calm, app.Category() == temporal.ApplicationErrorCategoryBenign)
		})
	}
	require.NoError(t, inActivity(func(ctx context.Context) error { return typed(ctx, nil) }))
}

// The hint goes with the message, and the cause's own chain does not: it may
// hold anything.
func TestErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	app := failed(t, inActivity(func(ctx context.Context) error {
		return typed(ctx, fault.New(fault.Unavailable, fault.CodeUnreachable, "start it", "ask %s: %w", "ollama", errors.New("refused")))
	}))
	require.Equal(t, "ask ollama: refused — start it", app.Message())
	require.NoError(t, errors.Unwrap(app))
	require.False(t, app.HasDetails())
}

// A mistake of ours is not tried for ever: after ten tries it is final.
func TestMistakesEnd(t *testing.T) {
	t.Parallel()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(hush{})
	env := suite.NewTestWorkflowEnvironment()
	tries := 0
	env.RegisterActivityWithOptions(func(ctx context.Context) error {
		tries++
		return typed(ctx, errors.New("a mistake"))
	}, activity.RegisterOptions{Name: "body"})
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
			StartToCloseTimeout: time.Minute, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 50},
		})
		return workflow.ExecuteActivity(ctx, "body").Get(ctx, nil)
	})
	require.Error(t, env.GetWorkflowError())
	require.Equal(t, 10, tries)
}

// What was measured is held while the database is away, given up at once when
// the database refuses it, and tried once more when the activity ends.
func TestKeep(t *testing.T) {
	t.Parallel()
	passing := fault.New(fault.Unavailable, fault.CodeUnreachable, "", "away")
	final := fault.New(fault.Invalid, "", "", "no such table")

	tries := 0
	require.NoError(t, keep(t.Context(), func(context.Context) error {
		switch tries++; tries {
		case 1:
			return passing
		case 2:
			return fmt.Errorf("store call: %w", context.DeadlineExceeded) // it hangs
		default:
			return nil
		}
	}))
	require.Equal(t, 3, tries)

	tries = 0
	require.ErrorIs(t, keep(t.Context(), func(context.Context) error { tries++; return final }), final)
	require.Equal(t, 1, tries)

	ctx, cancel := context.WithCancel(t.Context())
	tries = 0
	require.NoError(t, keep(ctx, func(ctx context.Context) error {
		require.NoError(t, ctx.Err(), "a write is never cut")
		if tries++; tries == 1 {
			cancel()
			return passing
		}
		return nil
	}))
	require.Equal(t, 2, tries)
}
