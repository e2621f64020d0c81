package hook

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// grace is how long a command that was told to end may take to let go of its
// output.
const grace = 2 * time.Second

// run runs a command without a shell. Only its program's name is repeated:
// arguments may be secrets.
func run(ctx context.Context, o Options, body []byte) (Outcome, error) {
	name := filepath.Base(o.Command[0])
	cmd := exec.CommandContext(ctx, o.Command[0], o.Command[1:]...) //nolint:gosec // the operator's own command
	group(cmd)
	cmd.Env = o.Env
	cmd.Stdin = bytes.NewReader(body)
	var printed bounded
	cmd.Stdout, cmd.Stderr = &printed, &printed
	cmd.WaitDelay = grace
	err := cmd.Run()
	out := Outcome{ExitCode: -1, Output: clean(printed.String(), o)}
	if cmd.ProcessState != nil {
		out.ExitCode = cmd.ProcessState.ExitCode()
	}
	exited, ended := errors.AsType[*exec.ExitError](err)
	switch {
	case tooSlow(ctx):
		return out, failed("%s did not end within %s and was stopped%s", name, o.Timeout, said(out.Output))
	case ctx.Err() != nil:
		return out, ctx.Err()
	case out.ExitCode == 0:
		// One that leaves a child behind, or does not read its input, has worked.
		out.Text = name + " ended with exit status 0" + said(out.Output)
		return out, nil
	case ended && exited.ExitCode() >= 0:
		return out, failed("%s ended with exit status %d%s", name, exited.ExitCode(), said(out.Output))
	case ended:
		return out, failed("%s was ended by a signal%s", name, said(out.Output))
	case errors.Is(err, exec.ErrNotFound):
		return out, fault.New(fault.Invalid, fault.CodeNoHook, "install it, or write its whole path", "tell hook: there is no program %s", name)
	default:
		return out, fault.New(fault.Invalid, fault.CodeNoHook, "look whether the worker may run it", "tell hook: %s cannot be run: %v", name, cause(err))
	}
}

// cause is what the system said, without the path.
func cause(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err
}

// bounded keeps the beginning of what is written and drops the rest, so that a
// command that prints for ever costs no memory and is not blocked.
type bounded struct{ buf bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if room := 2*maxOutput - b.buf.Len(); room > 0 {
		b.buf.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (b *bounded) String() string { return b.buf.String() }
