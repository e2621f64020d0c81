package caches

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// kernel is a file that stands for the kernel's.
func kernel(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "drop_caches")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// What is not on the disk yet is written out before the caches are dropped.
func TestClearSyncsFirst(t *testing.T) {
	t.Parallel()
	path, synced := kernel(t), 0
	require.NoError(t, Clear(t.Context(), Options{DropFile: path, Sync: func() {
		synced++
		require.Empty(t, read(t, path))
	}}))
	require.Equal(t, 1, synced)
	require.Equal(t, "3\n", read(t, path))
}

func TestClearWithTheSystemsSync(t *testing.T) {
	t.Parallel()
	path := kernel(t)
	require.NoError(t, Clear(t.Context(), Options{DropFile: path, Limit: time.Hour}))
	require.Equal(t, "3\n", read(t, path))
}

// A system that cannot drop caches is told so, and its disk is left alone.
func TestClearSaysWhyNot(t *testing.T) {
	t.Parallel()
	untouched := func() { t.Error("synced without a right to drop anything") }
	none := filepath.Join(t.TempDir(), "none")
	err := Clear(t.Context(), Options{DropFile: none, Sync: untouched})
	require.Equal(t, fault.Unsupported, fault.KindOf(err))
	require.EqualError(t, err, "this system has no "+none)
	require.NotEmpty(t, fault.HintOf(err))

	err = refused(dropFile, &os.PathError{Op: "open", Path: "x", Err: os.ErrPermission})
	require.Equal(t, fault.Unsupported, fault.KindOf(err))
	require.EqualError(t, err, "no right to write to /proc/sys/vm/drop_caches")
	require.Contains(t, fault.HintOf(err), "root")

	folder := t.TempDir()
	err = Clear(t.Context(), Options{DropFile: folder, Sync: untouched})
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	require.EqualError(t, err, "write to "+folder+": is a directory")
}

func TestClearWithoutPermission(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may write to every file")
	}
	path := kernel(t)
	require.NoError(t, os.Chmod(path, 0o400))
	err := Clear(t.Context(), Options{DropFile: path})
	require.Equal(t, fault.Unsupported, fault.KindOf(err))
}

// A disk that does not come back is not waited for, and nothing is dropped
// later, in the middle of a measurement.
func TestClearDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	path, stuck := kernel(t), make(chan struct{})
	defer close(stuck)
	hang := func() { <-stuck }
	err := Clear(t.Context(), Options{DropFile: path, Sync: hang, Limit: time.Millisecond})
	require.Equal(t, fault.CodeTimeout, fault.CodeOf(err))
	require.Equal(t, fault.Unavailable, fault.KindOf(err))

	ctx, cancel := context.WithCancel(t.Context())
	err = Clear(ctx, Options{DropFile: path, Sync: func() { cancel(); <-stuck }})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, Clear(ctx, Options{DropFile: path, Sync: hang}), context.Canceled)
	require.Empty(t, read(t, path))
}
