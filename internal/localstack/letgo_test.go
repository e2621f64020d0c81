package localstack

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A lock that its owner has let go may live on for moments in a program that
// was being started just then: it is waited for.
func TestLockThatWasLetGoIsWaitedFor(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	held, err := tryLock(filepath.Join(folder, "lock"), "first")
	require.NoError(t, err)
	_, err = lockState(folder, "second")
	require.ErrorContains(t, err, "is in use by process", "an owner that lives is told at once")
	require.NoError(t, os.Truncate(filepath.Join(folder, "lock"), 0)) // as release does before it closes
	time.AfterFunc(100*time.Millisecond, held.release)
	got, err := lockState(folder, "second")
	require.NoError(t, err)
	got.release()
}
