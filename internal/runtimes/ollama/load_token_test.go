package ollama

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Where processes cannot be seen, a load of before a reboot is another's all the
// same: who loaded the model since is not known.
func TestWeakTokenIsOfOneBoot(t *testing.T) {
	t.Parallel()
	entry := psModel{Digest: "d", Size: 5 << 30, SizeVRAM: 4 << 30, ContextLength: 2048}
	one := weakToken("m:latest", entry, "boot-1")
	require.Equal(t, one, weakToken("m:latest", entry, "boot-1"))
	require.NotEqual(t, one, weakToken("m:latest", entry, "boot-2"))
	require.Regexp(t, `^ps:[0-9a-f]{32}$`, one)
}
