package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Groups that are run apart share a file: a row takes the place of the earlier
// one of its name.
func TestRowsOfSeveralRuns(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "bench.json")
	rows, err := among(path, []Row{{Name: "a", Value: 1}, {Name: "b", Value: 2}})
	require.NoError(t, err)
	require.NoError(t, write(path, rows))
	rows, err = among(path, []Row{{Name: "b", Value: 3}, {Name: "c", Value: 4}})
	require.NoError(t, err)
	require.Equal(t, []Row{{Name: "a", Value: 1}, {Name: "b", Value: 3}, {Name: "c", Value: 4}}, rows)
	require.NoError(t, os.WriteFile(path, []byte("{"), 0o600))
	_, err = among(path, nil)
	require.ErrorContains(t, err, "can be deleted")
}
