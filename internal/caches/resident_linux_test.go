package caches

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// resident counts the pages of a file that are in the page cache, as mincore(2)
// tells.
func resident(t *testing.T, path string, size int) int {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	mapped, err := syscall.Mmap(int(file.Fd()), 0, size, syscall.PROT_READ, syscall.MAP_SHARED)
	require.NoError(t, err)
	defer func() { require.NoError(t, syscall.Munmap(mapped)) }()
	pages := make([]byte, (size+os.Getpagesize()-1)/os.Getpagesize())
	_, _, errno := syscall.Syscall(syscall.SYS_MINCORE, uintptr(unsafe.Pointer(&mapped[0])), uintptr(size), uintptr(unsafe.Pointer(&pages[0])))
	require.Zero(t, errno)
	count := 0
	for _, p := range pages {
		count += int(p & 1)
	}
	return count
}

// The machine's own caches are dropped only where the caller says so, since all
// who work on it pay for it.
func TestClearDropsPages(t *testing.T) { //nolint:paralleltest // it empties the caches of all other tests
	if os.Getenv("WATTSWEEP_TEST_DROP_CACHES") == "" {
		t.Skip("set WATTSWEEP_TEST_DROP_CACHES=1 to drop this machine's caches of files; needs root")
	}
	const size = 64 << 20
	path := filepath.Join(t.TempDir(), "model")
	require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte("x"), size), 0o600))
	before := resident(t, path, size)
	require.Equal(t, size/os.Getpagesize(), before, "what was just written is in memory")
	require.NoError(t, Clear(t.Context(), Options{}))
	after := resident(t, path, size)
	t.Logf("%d of %d pages before, %d after", before, size/os.Getpagesize(), after)
	require.Less(t, after, before/100)
}
