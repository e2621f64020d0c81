package cli

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/app"
)

// listen is a service manager's end of the protocol.
func listen(t *testing.T) (receive func() string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "sd") // a socket's path must be short
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	path := filepath.Join(dir, "n")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return func() string {
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
		buf := make([]byte, 4096)
		n, err := conn.Read(buf)
		require.NoError(t, err)
		return string(buf[:n])
	}
}

// What the manager is told, word for word.
func TestServiceManagerIsTold(t *testing.T) {
	receive := listen(t)
	sd := manager{log: slog.New(slog.DiscardHandler)}
	sd.starting("waits for its servers")
	require.Equal(t, "STATUS=waits for its servers", receive())
	sd.ready(servesWhat(app.Roles{Host: "gpu1"}))
	require.Equal(t, "READY=1\nSTATUS=measures on host gpu1", receive())
	sd.stopping(45 * time.Second)
	require.Equal(t, "STOPPING=1\nEXTEND_TIMEOUT_USEC=45000000\nSTATUS=finishes its present call", receive())
}

// The watchdog is fed while the worker lives, and starves when it hangs; a
// worker that comes back is fed again.
func TestWatchdogFollowsTheWorkersLife(t *testing.T) {
	receive := listen(t)
	t.Setenv("WATCHDOG_USEC", "60000")
	var hangs atomic.Bool
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		manager{log: slog.New(slog.DiscardHandler)}.beat(ctx, func() error {
			if hangs.Load() {
				return errors.New("Infer was to end 2m0s ago and did not")
			}
			return nil
		})
	}()
	require.Equal(t, "WATCHDOG=1", receive())
	require.Equal(t, "WATCHDOG=1", receive())
	hangs.Store(true)
	said := receive()
	for said == "WATCHDOG=1" { // one may have been under way
		said = receive()
	}
	require.Equal(t, "STATUS=hangs: Infer was to end 2m0s ago and did not", said)
	hangs.Store(false)
	require.Equal(t, "WATCHDOG=1", receive(), "nothing was said while it hung")
	stop()
	<-ended
}

// Without a manager, and without a watchdog, nothing is told and nothing runs.
func TestNoServiceManager(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "")
	sd := manager{log: slog.New(slog.DiscardHandler)}
	sd.ready("x")
	sd.beat(t.Context(), func() error { t.Error("asked in vain"); return nil })
}

// An end that hangs does not keep the process.
func TestWithin(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	defer close(release)
	within(10*time.Millisecond, func() { <-release })
	done := false
	within(time.Minute, func() { done = true })
	require.True(t, done)
}

// The units are sound, where the program that knows is there.
func TestUnitsAreSound(t *testing.T) {
	t.Parallel()
	units, err := filepath.Glob("../../deploy/systemd/*.service")
	require.NoError(t, err)
	require.Len(t, units, 2)
	dir := t.TempDir()
	program := filepath.Join(dir, "wattsweep-worker")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755)) //nolint:gosec // a program
	for _, unit := range units {
		body, err := os.ReadFile(unit)
		require.NoError(t, err)
		text := string(body)
		for _, line := range []string{"Type=notify", "WatchdogSec=", "Restart=always", "KillMode=mixed", "TimeoutStopSec=", "NotifyAccess=main"} {
			require.Contains(t, text, "\n"+line, unit)
		}
		if strings.Contains(unit, "worker") {
			require.Contains(t, text, "--host %H")
		}
		tool, err := exec.LookPath("systemd-analyze")
		if err != nil {
			t.Skip("systemd-analyze is not on this machine: the units' text alone was checked")
		}
		copied := filepath.Join(dir, filepath.Base(unit))
		text = strings.ReplaceAll(text, "/usr/local/bin/wattsweep-worker", program)
		require.NoError(t, os.WriteFile(copied, []byte(text), 0o600))
		out, err := exec.CommandContext(t.Context(), tool, "verify", "--man=no", copied).CombinedOutput()
		require.NoError(t, err, string(out))
		require.NotContains(t, string(out), filepath.Base(unit), "a warning about the unit")
	}
}
