package app

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/fault"
)

func TestOneWorkerPerHost(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "locks")
	release, err := lockHost(folder, "gpu/1", 0)
	require.NoError(t, err)
	_, err = lockHost(folder, "gpu/1", 0)
	require.ErrorContains(t, err, fmt.Sprintf("host gpu/1 is already measured by another worker on this machine, process %d", os.Getpid()))
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	other, err := lockHost(folder, "gpu2", 0)
	require.NoError(t, err)
	other()
	release()
	release, err = lockHost(folder, "gpu/1", 0)
	require.NoError(t, err)
	release()
}

// Whatever the umask says, every user can lock, and nobody can take away the
// file of another.
func TestLocksAreSharedBetweenUsers(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "locks")
	before := syscall.Umask(0o077)
	t.Cleanup(func() { syscall.Umask(before) })
	release, err := lockHost(folder, "a", 0)
	require.NoError(t, err)
	defer release()
	info, err := os.Stat(filepath.Join(folder, "a.lock"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o666), info.Mode().Perm())
	info, err = os.Stat(folder)
	require.NoError(t, err)
	require.Equal(t, 0o777|os.ModeSticky, info.Mode()&(os.ModePerm|os.ModeSticky))
}

// A file made by another user without the right to write it still locks.
func TestALockThatMayOnlyBeReadStillLocks(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Log("root may write every file; what is tried is that the mode is no hindrance")
	}
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "a.lock"), []byte("77\n"), 0o444)) //nolint:gosec // readable on purpose
	release, err := lockHost(folder, "a", 0)
	require.NoError(t, err)
	_, err = lockHost(folder, "a", 0)
	require.ErrorContains(t, err, "already measured")
	release()
}

func TestWhatIsNoLockFileIsRefused(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	target := filepath.Join(folder, "precious")
	require.NoError(t, os.WriteFile(target, []byte("kept"), 0o600))
	require.NoError(t, os.Symlink(target, filepath.Join(folder, "link.lock")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(folder, "pipe.lock"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(folder, "dir.lock"), 0o700))
	for _, host := range []string{"link", "pipe", "dir"} {
		_, err := lockHost(folder, host, 0)
		require.ErrorContains(t, err, "lock host "+host)
		require.NotEmpty(t, fault.HintOf(err))
	}
	kept, err := os.ReadFile(target)
	require.NoError(t, err)
	require.Equal(t, "kept", string(kept))
}

// A worker that was just killed lets go of its lock within moments.
func TestLockIsWaitedFor(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	release, err := lockHost(folder, "dying", 0)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() {
		next, err := lockHost(folder, "dying", time.Minute)
		if err == nil {
			next()
		}
		done <- err
	}()
	release()
	require.NoError(t, <-done)
}
