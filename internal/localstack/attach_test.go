package localstack

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// A command that only reads leaves no folder behind and says what to do.
func TestAttachWithoutServersWritesNothing(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "state")
	empty := t.TempDir()
	for _, state := range []string{missing, empty} {
		_, err := Attach(t.Context(), Options{State: state})
		require.EqualError(t, err, "nothing is up in "+state)
		require.Equal(t, fault.Unavailable, fault.KindOf(err))
		require.Equal(t, "wattsweep up starts it", fault.HintOf(err))
	}
	require.NoDirExists(t, missing)
	left, err := os.ReadDir(empty)
	require.NoError(t, err)
	require.Empty(t, left)
}
