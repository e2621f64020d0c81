package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/wattsweep/wattsweep/internal/localstack"
	"github.com/wattsweep/wattsweep/test/chaos/clock"
	"github.com/wattsweep/wattsweep/test/chaos/cut"
)

// WorkerPID is the process id of the worker on record, 0 when none lives.
func (l *Lab) WorkerPID() int {
	body, err := os.ReadFile(filepath.Join(l.State, "worker.json"))
	if err != nil {
		return 0
	}
	var rec struct {
		PID int `json:"pid"`
	}
	if json.Unmarshal(body, &rec) != nil || rec.PID <= 1 || !living(rec.PID) {
		return 0
	}
	return rec.PID
}

// EndWorker ends the worker politely and waits.
func (l *Lab) EndWorker(ctx context.Context) error {
	pid := l.WorkerPID()
	if pid == 0 {
		return nil
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop worker %d: %w", pid, err)
	}
	return wait(ctx, time.Minute, "the worker's end", func() bool { return !living(pid) })
}

// link puts a link between the worker and Ollama, and in a lab with cuts between
// the worker and the other servers, too.
func (l *Lab) link(ctx context.Context) (err error) {
	ollama, err := url.Parse(l.stack.OllamaURL)
	if err != nil {
		return fmt.Errorf("read the lab's Ollama address: %w", err)
	}
	if l.Ollama, err = cut.New(ctx, ollama.Host); err != nil {
		return err
	}
	l.Ollama.Tap = l.Witness.Tap
	runtimes, err := json.Marshal([]map[string]string{{
		"name": "ollama", "kind": "ollama", "url": "http://" + l.Ollama.Address, "log_path": l.stack.OllamaLog,
	}})
	if err != nil {
		return fmt.Errorf("encode runtimes: %w", err)
	}
	l.env = append(l.env, "WATTSWEEP_RUNTIMES="+string(runtimes))
	if !l.Cut {
		return nil
	}
	dsn, err := url.Parse(l.dsn)
	if err != nil {
		return errors.New("read the lab's database address: it is no URL")
	}
	if l.Temporal, err = cut.New(ctx, l.stack.TemporalAddress); err != nil {
		return err
	}
	l.Postgres, err = cut.New(ctx, dsn.Host)
	return err
}

// linkedEnv tells a worker to reach its servers through the links.
func (l *Lab) linkedEnv() ([]string, error) {
	dsn, err := url.Parse(l.dsn)
	if err != nil {
		return nil, errors.New("read the lab's database address: it is no URL")
	}
	dsn.Host = l.Postgres.Address
	return []string{
		"WATTSWEEP_TEMPORAL_ADDRESS=" + l.Temporal.Address, "WATTSWEEP_TEMPORAL_NAMESPACE=" + l.stack.TemporalNamespace,
		"WATTSWEEP_DATABASE_DSN=" + dsn.String(),
	}, nil
}

// startOwnWorker starts a worker behind the links, or with a clock of its own,
// unless one lives.
func (l *Lab) startOwnWorker(ctx context.Context) (err error) {
	if l.WorkerPID() != 0 {
		return nil
	}
	var env []string
	if l.Cut {
		if env, err = l.linkedEnv(); err != nil {
			return err
		}
	}
	start := (*exec.Cmd).Start
	if l.Clocked {
		start = func(cmd *exec.Cmd) (err error) { l.Clock, err = clock.Start(cmd); return err }
	}
	if _, err := l.spawn("worker", start, env...); err != nil {
		return err
	}
	return wait(ctx, time.Minute, "the worker's start", func() bool { return l.WorkerPID() != 0 })
}

// Worker is a worker process that this program started itself.
type Worker struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error
	log   string
}

// SpawnWorker starts a worker of the lab's host, with a log of the given name,
// and does not wait for it to serve.
func (l *Lab) SpawnWorker(name string, env ...string) (*Worker, error) {
	return l.spawn(name, (*exec.Cmd).Start, env...)
}

func (l *Lab) spawn(name string, start func(*exec.Cmd) error, env ...string) (*Worker, error) {
	path := filepath.Join(l.State, "logs", name+".log")
	log, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open worker log: %w", err)
	}
	defer func() { _ = log.Close() }() // the child has its own handle
	cmd := exec.CommandContext(context.Background(), l.Program, "worker", "--control", "--host", l.Host, "--state", l.State)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = l.Dir, append(l.env, env...), log, log //nolint:gocritic // a copy is meant
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := start(cmd); err != nil {
		return nil, fmt.Errorf("start worker: %w", err)
	}
	w := &Worker{cmd: cmd, ended: make(chan struct{}), log: path}
	go func() { w.err = cmd.Wait(); close(w.ended) }()
	return w, nil
}

// PID of the worker.
func (w *Worker) PID() int { return w.cmd.Process.Pid }

// Serves tells whether the worker said that it serves.
func (w *Worker) Serves() bool {
	raw, err := os.ReadFile(w.log)
	return err == nil && strings.Contains(string(raw), "worker serves")
}

// Ended tells within a limit whether the worker ended, and with which error.
func (w *Worker) Ended(ctx context.Context, limit time.Duration) (bool, error) {
	select {
	case <-w.ended:
		return true, w.err
	case <-ctx.Done():
		return false, ctx.Err()
	case <-time.After(limit):
		return false, nil
	}
}

// Stop ends the worker, politely first.
func (w *Worker) Stop(ctx context.Context) error {
	_ = w.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	if ended, _ := w.Ended(ctx, 45*time.Second); ended {
		return nil
	}
	return w.cmd.Process.Kill()
}

// serverPID is the process id of a server, 0 when it does not run.
func (l *Lab) serverPID(name localstack.Name) int {
	list, err := localstack.Status(context.Background(), l.State)
	if err != nil {
		return 0
	}
	for _, s := range list {
		if s.Server == name {
			return s.PID
		}
	}
	return 0
}

// wait polls until a condition holds.
func wait(ctx context.Context, limit time.Duration, what string, holds func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited %s in vain for %s", limit, what)
		case <-tick.C:
		}
	}
	return nil
}
