package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// workerRecord is what a running worker leaves in the state folder, so that
// `down` can stop it and a second one is not started.
type workerRecord struct {
	PID     int32  `json:"pid"`
	Started int64  `json:"start"` // as the system counts, to tell a reused pid; no clock
	Boot    string `json:"boot,omitempty"`
	Host    string `json:"host"`
	Control bool   `json:"control"`
}

func workerFile(state string) string { return filepath.Join(state, "worker.json") }

// rememberWorker leaves this process's record and gives a function that takes
// it away again.
func rememberWorker(s *session, roles app.Roles) (forget func(), err error) {
	pid := int32(os.Getpid()) //nolint:gosec // a pid fits
	started, _, err := app.ProcessStart(pid)
	if err != nil {
		return nil, fmt.Errorf("record worker: %w", err)
	}
	body, err := json.Marshal(workerRecord{PID: pid, Started: started, Boot: app.BootID(), Host: roles.Host, Control: roles.Control})
	if err != nil {
		return nil, fmt.Errorf("record worker: %w", err)
	}
	path := workerFile(s.settings.State)
	if _, other := runningWorker(s.settings.State); other {
		return func() {}, nil // two workers share the folder; the first is the one that down stops
	}
	if err := os.MkdirAll(s.settings.State, 0o755); err != nil { //nolint:gosec // Postgres' user must pass through
		return nil, fmt.Errorf("record worker: %w", err)
	}
	if err := os.WriteFile(path, body, 0o600); err != nil {
		return nil, fmt.Errorf("record worker: %w", err)
	}
	return func() {
		if rec, ok := runningWorker(s.settings.State); !ok || rec.PID == pid {
			_ = os.Remove(path) // a stale record is recognised by its start time
		}
	}, nil
}

// runningWorker reads the record and checks that it is of a living process.
func runningWorker(state string) (workerRecord, bool) {
	var rec workerRecord
	body, err := os.ReadFile(workerFile(state))
	if err != nil || json.Unmarshal(body, &rec) != nil || rec.PID <= 1 || rec.Boot != app.BootID() {
		return workerRecord{}, false
	}
	started, alive, err := app.ProcessStart(rec.PID)
	if err != nil || !alive || started != rec.Started {
		return workerRecord{}, false
	}
	return rec, true
}

// startWorker starts a worker in a session of its own, which outlives this
// command, and waits until it serves.
func startWorker(ctx context.Context, s *session, host string) (workerRecord, error) {
	if rec, ok := runningWorker(s.settings.State); ok {
		return rec, nil
	}
	self, err := os.Executable()
	if err != nil {
		return workerRecord{}, fmt.Errorf("start worker: %w", err)
	}
	logPath := workerLog(s.settings.State)
	if err := os.MkdirAll(filepath.Dir(logPath), 0o755); err != nil { //nolint:gosec // logs are not secret
		return workerRecord{}, fmt.Errorf("start worker: %w", err)
	}
	logFile, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return workerRecord{}, fmt.Errorf("start worker: %w", err)
	}
	defer func() { _ = logFile.Close() }() // the child has its own handle
	//nolint:gosec,noctx // our own binary, which must outlive ctx
	cmd := exec.Command(self, "worker", "--control", "--host", host, "--state", s.settings.State, "--cache", s.settings.Cache)
	cmd.Env = append(cmd.Environ(), s.given...)
	cmd.Stdout, cmd.Stderr = logFile, logFile
	info, err := logFile.Stat()
	if err != nil {
		return workerRecord{}, fmt.Errorf("start worker: %w", err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return workerRecord{}, fmt.Errorf("start worker: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // the log says why it ended
	}()
	rec, err := awaitWorker(ctx, s, ended, func() error { return whyEnded(logPath, info.Size()) })
	if err != nil {
		_ = cmd.Process.Kill() // it may have ended already
	}
	return rec, err
}

// awaitWorker waits until a worker is on record; why tells why ours ended.
func awaitWorker(ctx context.Context, s *session, ended <-chan struct{}, why func() error) (workerRecord, error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if rec, ok := runningWorker(s.settings.State); ok {
			return rec, nil
		}
		select {
		case <-ended:
			if rec, ok := runningWorker(s.settings.State); ok {
				return rec, nil // another one was faster
			}
			return workerRecord{}, why()
		case <-ctx.Done():
			return workerRecord{}, ctx.Err()
		case <-tick.C:
		}
	}
}

// whyEnded quotes the last error that a worker wrote to its log from a place on.
// It is the line that a command prints when it fails, which holds no data.
func whyEnded(logPath string, from int64) error {
	hint, why := "read "+logPath, ""
	if said, err := readFrom(logPath, from); err == nil {
		for line := range strings.SplitSeq(said, "\n") {
			if text, ok := strings.CutPrefix(line, "wattsweep: "); ok {
				why = ": " + text
			}
			if text, ok := strings.CutPrefix(line, "  → "); ok {
				hint = text + "; all it said is in " + logPath
			}
		}
	}
	return fault.New(fault.Unavailable, "", hint, "start worker: it ended at once%s", why)
}

// readFrom reads a file's last part, at most 64 kB.
func readFrom(path string, from int64) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	body, err := io.ReadAll(io.NewSectionReader(f, from, 64<<10))
	return string(body), err
}

// stopWorker asks the recorded worker to finish its present call and end, and
// kills it when it takes longer than it may.
func stopWorker(ctx context.Context, s *session) (stopped bool, err error) {
	rec, ok := runningWorker(s.settings.State)
	if !ok {
		err := os.Remove(workerFile(s.settings.State))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, fmt.Errorf("remove stale worker record: %w", err)
		}
		return false, nil
	}
	if err := syscall.Kill(int(rec.PID), syscall.SIGTERM); err != nil {
		return false, fmt.Errorf("stop worker %d: %w", rec.PID, err)
	}
	limit := time.After(s.settings.Worker.StopTimeout + stopMargin)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, ok := runningWorker(s.settings.State); !ok {
			return true, nil
		}
		select {
		case <-limit:
			return true, syscall.Kill(int(rec.PID), syscall.SIGKILL)
		case <-ctx.Done():
			return false, ctx.Err()
		case <-tick.C:
		}
	}
}
