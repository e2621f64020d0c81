package localstack

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// signals gives a server's signals for ending: polite lets it finish in order,
// hard makes it drop everything but still by itself (0 where there is none).
// Postgres knows SIGINT as fast shutdown (SIGTERM would wait for its clients)
// and SIGQUIT as immediate.
func signals(name Name) (polite, hard syscall.Signal) {
	if name == Postgres {
		return syscall.SIGINT, syscall.SIGQUIT
	}
	return syscall.SIGTERM, 0
}

// end takes a server down: politely, then hard, then by SIGKILL, and ends what
// it left behind. It is done when the process is gone.
func end(ctx context.Context, name Name, r record, mark folderMark, limit time.Duration) error {
	polite, hard := signals(name)
	steps := []struct {
		sig  syscall.Signal
		wait time.Duration
	}{{polite, limit}, {hard, 5 * time.Second}, {syscall.SIGKILL, 10 * time.Second}}
	defer killKin(mark.id, mark.folder, name)
	for _, step := range steps {
		if step.sig == 0 {
			continue
		}
		if err := r.signal(step.sig); gone(err) {
			return nil
		} else if err != nil {
			return fault.New(fault.Unavailable, "", fmt.Sprintf("end process %d as the user who started it", r.Pid),
				"stop %s (process %d): %w", name, r.Pid, err)
		}
		if waitGone(ctx, r, step.wait) {
			return nil
		}
	}
	return fault.New(fault.Unavailable, "", fmt.Sprintf("end process %d by hand", r.Pid),
		"%s (process %d) does not end", name, r.Pid)
}

// waitGone waits until the process is gone. A context that ends shortens the
// wait, so that a second Ctrl-C goes straight to the harder signal.
func waitGone(ctx context.Context, r record, limit time.Duration) bool {
	deadline := time.Now().Add(limit)
	for r.running() {
		if time.Now().After(deadline) {
			return false
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			// Without a context to wait on, give the signal a moment to work.
			time.Sleep(20 * time.Millisecond)
			deadline = minTime(deadline, time.Now().Add(time.Second))
			ctx = context.WithoutCancel(ctx)
		}
	}
	return true
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// folderMark is what our children carry: the folder and its random id.
type folderMark struct{ id, folder string }

// String is the part of the mark after the server's name.
func (m folderMark) String() string { return ":" + m.id + ":" + m.folder }
