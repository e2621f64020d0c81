package localstack

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// maxRestarts is how often the supervisor starts one server again. A server
// that dies more often has a reason that starting does not mend.
const maxRestarts = 10

// PID is the process id of a server of ours, 0 when it is external or down. It
// changes with a restart.
func (s *Stack) PID(name Name) int { return s.recordOf(name).Pid }

// Log is the path of a server's log file; empty when it is external.
func (s *Stack) Log(name Name) string { return s.recordOf(name).Log }

// Version is what a server's program says of itself; empty when it is external.
func (s *Stack) Version(name Name) string { return s.recordOf(name).Version }

// Kill sends a signal to a server's process, for tests of what its loss does.
// With Supervise it comes up again by itself, else Restart brings it back.
func (s *Stack) Kill(name Name, sig syscall.Signal) error {
	r := s.recordOf(name)
	if err := r.signal(sig); err != nil {
		return fault.New(fault.Unavailable, "", "", "send %s to %s (process %d): %w", sig, name, r.Pid, err)
	}
	return nil
}

// Done is closed when the server's present process ends; nil when the server is
// not one that this stack started.
func (s *Stack) Done(name Name) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if srv := s.servers[name]; srv != nil && srv.child != nil {
		return srv.child.done
	}
	return nil
}

// Restart ends a server, if it still runs, and starts it on the same ports with
// the same data. A server that ran before this stack is restarted as it was.
func (s *Stack) Restart(ctx context.Context, name Name) error {
	k, ok := s.kinds[name]
	if !ok {
		return fault.New(fault.Invalid, "", "use temporal, postgres or ollama", "no server is called %q", string(name))
	}
	s.mu.Lock()
	srv := s.servers[name]
	s.mu.Unlock()
	if srv == nil {
		return fault.New(fault.Unsupported, "", "start the stack here, or restart that server where it was started",
			"%s was not started by this program", name)
	}
	done, err := s.hold()
	if err != nil {
		return err
	}
	defer done()
	srv.mu.Lock()
	defer srv.mu.Unlock()
	return s.again(ctx, k, srv)
}

// again ends what is left of a server and starts it. The caller holds srv.mu.
func (s *Stack) again(ctx context.Context, k kind, srv *server) error {
	if srv.child != nil {
		if err := end(ctx, k.name(), srv.child.record, s.site.mark, s.site.StopLimit); err != nil {
			return err
		}
		<-srv.child.done
	}
	if p, ok := k.(*postgresKind); ok {
		if err := p.clearData(ctx, srv.launch.data); err != nil {
			return err
		}
	}
	if err := s.bringUp(ctx, k, srv); err != nil {
		return fmt.Errorf("restart %s: %w", k.name(), err)
	}
	return nil
}

// supervise starts an owned server again when it ends unasked.
func (s *Stack) supervise(k kind, srv *server, c *child) {
	if !s.site.Supervise || s.site.Detach {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return
	}
	s.tasks.Go(func() {
		<-c.done
		srv.mu.Lock()
		defer srv.mu.Unlock()
		s.revive(k, srv, c)
	})
}

// revive is done under srv.mu; c is the process that ended.
func (s *Stack) revive(k kind, srv *server, c *child) {
	s.mu.Lock()
	asked := s.closing || srv.child != c
	s.mu.Unlock()
	if asked {
		return
	}
	if srv.restarts >= maxRestarts {
		s.site.Progress(Event{Server: k.name(), Step: StepNotice, Text: fmt.Sprintf(
			"ended again (%s) after %d restarts; it stays down, its log is %s", c.exit, srv.restarts, c.record.Log)})
		return
	}
	srv.restarts++
	s.site.Progress(Event{Server: k.name(), Step: StepNotice, Text: fmt.Sprintf("ended unasked (%s); starting it again", c.exit)})
	ctx, cancel := context.WithTimeout(s.life, s.site.ReadyLimit+time.Minute)
	defer cancel()
	if err := s.again(ctx, k, srv); err != nil {
		s.site.Progress(Event{Server: k.name(), Step: StepNotice, Text: "it does not come up again: " + err.Error()})
		return
	}
	s.site.Progress(Event{Server: k.name(), Step: StepReady, Text: fmt.Sprintf("answers again (process %d)", srv.child.record.Pid)})
}
