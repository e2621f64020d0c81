package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// Exit codes of every command. The last two end a command whose work was done:
// they tell what it found.
const (
	ExitDone      = 0
	ExitFailed    = 1
	ExitWrongUse  = 2
	ExitTarget    = 3 // a target failed, or drift was found
	ExitUndecided = 4 // not decided
)

// coded is an error that ends a command whose work was done with the exit
// code of what it found, which was printed.
type coded interface {
	error
	ExitCode() int
}

// errUsage marks mistakes in how a command was called.
type errUsage struct{ error }

func (e errUsage) Unwrap() error { return e.error }

// Main runs the command line and returns its exit code. SIGINT and SIGTERM end
// it in order.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, newRoot(), args, os.Stdout, os.Stderr)
}

// WorkerMain runs the worker program and returns its exit code.
func WorkerMain(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cmd := newWorker()
	cmd.Use = "wattsweep-worker"
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	addSettings(cmd)
	return run(ctx, cmd, args, os.Stdout, os.Stderr)
}

func run(ctx context.Context, cmd *cobra.Command, args []string, out, errOut io.Writer) int {
	cmd.SetArgs(args)
	cmd.SetOut(out)
	cmd.SetErr(errOut)
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return errUsage{err} })
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return ExitDone
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		say(errOut, "interrupted\n")
		return ExitFailed
	}
	say(errOut, "wattsweep: %v\n", err)
	if hint := fault.HintOf(err); hint != "" {
		say(errOut, "  → %s\n", hint)
	}
	return codeOf(err)
}

// codeOf tells wrong use, which the user can mend in what was typed or
// written, from failure.
func codeOf(err error) int {
	if found, ok := errors.AsType[coded](err); ok {
		return found.ExitCode()
	}
	_, usage := errors.AsType[errUsage](err)
	_, problems := errors.AsType[*fault.Problems](err)
	unknown := strings.HasPrefix(err.Error(), "unknown command")
	if usage || problems || unknown || (fault.KindOf(err) == fault.Invalid && isTyped(err)) {
		return ExitWrongUse
	}
	return ExitFailed
}

func isTyped(err error) bool {
	_, ok := errors.AsType[*fault.Error](err)
	return ok
}

// say prints for people. A terminal that is gone must not fail a command.
func say(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format, args...)
}
