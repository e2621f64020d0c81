package localstack

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// launch is all that is needed to start a server, once or again.
type launch struct {
	name Name
	path string
	args []string
	env  []string
	dir  string
	user *syscall.Credential
	// polite ends the server cleanly, hard quickly but in order (0: there is no
	// such signal); SIGKILL is the last resort of both.
	polite, hard syscall.Signal
	ports        map[string]int
	version      string
	data         string
}

// child is a process we started and wait for.
type child struct {
	record record
	// done is closed when it ended; exit then says how.
	done chan struct{}
	exit string
	// logStart is where in the log file this process began to write.
	logStart int64
}

// spawn starts a server with its output in the log file.
func spawn(l launch, folder, mark string, detached bool) (*child, error) {
	log, err := logFile(folder, l.name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	c := &child{done: make(chan struct{})}
	if info, err := log.Stat(); err == nil {
		c.logStart = info.Size()
	}
	cmd := exec.Command(l.path, l.args...) //nolint:gosec,noctx // it outlives the context; the program was found or built by us
	cmd.Args[0] = l.path
	cmd.Env = append(slices.Clone(l.env), markVariable+"="+string(l.name)+mark)
	cmd.Dir, cmd.Stdout, cmd.Stderr = l.dir, log, log
	cmd.SysProcAttr = childAttributes(detached, l.polite, l.user)
	if err := c.run(cmd); err != nil {
		return nil, fault.New(fault.Unavailable, "", "check that the program runs on this machine",
			"start %s (%s): %w", l.name, l.path, err)
	}
	c.record = record{
		Pid: cmd.Process.Pid, Path: l.path, Version: l.version, Ports: l.ports,
		Detached: detached, Data: l.data, Log: log.Name(), Started: time.Now().UTC().Truncate(time.Millisecond),
	}
	if who, ok := identify(c.record.Pid); ok {
		c.record.Start, c.record.Boot, c.record.Exe = who.start, who.boot, who.exe
	}
	return c, nil
}

// run starts the command and waits for its end on a thread of its own: the
// kernel sends the parent-death signal when the starting *thread* ends, and Go
// ends idle threads as it likes.
func (c *child) run(cmd *exec.Cmd) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = cmd.Wait() // how it ended is in ProcessState
		c.exit = cmd.ProcessState.String()
		close(c.done)
	}()
	return <-started
}

func (c *child) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// waitReady asks probe until it agrees, the process ends, or time is up.
func (c *child) waitReady(ctx context.Context, name Name, limit time.Duration, probe func(context.Context) error) error {
	deadline := time.Now().Add(limit)
	wait := 20 * time.Millisecond
	for {
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := probe(attempt)
		cancel()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("wait for %s: %w", name, ctx.Err())
		case c.ended():
			return fault.New(fault.Unavailable, "", "its log says more: "+c.record.Log,
				"%s ended before it answered (%s)%s", name, c.exit, c.lastLines())
		case time.Now().After(deadline):
			return fault.New(fault.Unavailable, fault.CodeTimeout, "its log says more: "+c.record.Log,
				"%s did not answer within %s: %w%s", name, limit, err, c.lastLines())
		}
		select {
		case <-c.done:
		case <-time.After(wait):
		case <-ctx.Done():
		}
		wait = min(2*wait, 250*time.Millisecond)
	}
}

// lastLines is the end of what this process wrote, for an error message. It is
// called only before the server ever answered, so no prompt can be in it.
func (c *child) lastLines() string {
	f, err := os.Open(c.record.Log)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	from := max(c.logStart, info.Size()-2048)
	raw := make([]byte, max(0, info.Size()-from))
	n, _ := f.ReadAt(raw, from) // a short read shows what there is
	lines := strings.Split(strings.TrimSpace(string(raw[:n])), "\n")
	text := strings.Join(lines[max(0, len(lines)-5):], "\n  ")
	if text == "" {
		return ""
	}
	return "; its last words:\n  " + text
}

// inherited is our environment without what would bend a server: other
// programs' settings for the same servers, and proxies, which must not see
// loopback traffic.
func inherited(extra ...string) []string {
	var env []string
	for _, one := range os.Environ() {
		name, _, _ := strings.Cut(one, "=")
		upper := strings.ToUpper(name)
		dropped := strings.HasSuffix(upper, "_PROXY") || upper == markVariable
		for _, p := range []string{"TEMPORAL_", "OLLAMA_", "WATTSWEEP_", "PG", "POSTGRES_", "XDG_"} {
			dropped = dropped || strings.HasPrefix(upper, p)
		}
		if name != "HOME" && !dropped {
			env = append(env, one)
		}
	}
	return append(env, extra...)
}
