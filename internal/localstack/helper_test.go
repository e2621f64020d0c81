package localstack

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// stateDir makes a folder that every user can enter: t.TempDir is for its owner
// alone, and Postgres, started by root, would have to keep its data elsewhere.
func stateDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "wattsweep-test-*")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	dir, err = filepath.EvalSymlinks(dir)
	require.NoError(t, err)
	state := filepath.Join(dir, "state")
	t.Cleanup(func() {
		require.NoError(t, Wipe(context.WithoutCancel(t.Context()), state))
		require.NoError(t, os.RemoveAll(dir))
	})
	return state
}

// realServers gives options for real servers. Where one is not at hand the test is
// skipped with the reason, except in CI, where Start gets it.
func realServers(t *testing.T) Options {
	t.Helper()
	o := Options{
		State: stateDir(t), Owner: t.Name(), Progress: func(e Event) { t.Log(e) },
		Temporal: TemporalOptions{SearchAttributes: []SearchAttribute{
			{Name: "BenchSweep", Type: "Keyword"}, {Name: "BenchProgress", Type: "Double"},
		}},
	}
	if os.Getenv("CI") == "true" {
		return o
	}
	findings, err := Detect(t.Context(), o)
	require.NoError(t, err)
	for _, f := range findings {
		if !f.OK || f.Source == SourceBuilt || f.Source == SourceInstalled || f.Source == SourceFetched {
			t.Skipf("%s is not at hand (%s); set CI=true to have the test get it", f.Server, f.Mend)
		}
	}
	return o
}

// query asks Postgres by its own client, which the packages bring.
func query(t *testing.T, s *Stack, sql string) string {
	t.Helper()
	psql := filepath.Join(filepath.Dir(s.recordOf(Postgres).Path), "psql")
	if _, err := os.Stat(psql); err != nil {
		t.Skipf("this Postgres has no psql: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), psql, s.PostgresDSN, "-XAtqc", sql)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return strings.TrimSpace(string(out))
}
