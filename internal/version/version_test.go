package version

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStringNamesReleaseAndCommit(t *testing.T) {
	t.Parallel()
	release, commit, ok := strings.Cut(String(), "+")
	require.True(t, ok)
	require.Equal(t, Release, release)
	require.NotEmpty(t, commit)
}
