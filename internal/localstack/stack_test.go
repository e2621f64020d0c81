package localstack

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStartUseStopStartAgain(t *testing.T) {
	t.Parallel()
	o := realServers(t)
	s, err := Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(context.WithoutCancel(t.Context()))) })

	require.Equal(t, "150", query(t, s, "show max_connections"))
	require.Equal(t, "on", query(t, s, "show fsync"))
	require.Equal(t, "UTF8", query(t, s, "show server_encoding"))
	query(t, s, "create table kept (n int); insert into kept values (7)")
	for _, url := range []string{s.OllamaURL + "/api/tags", s.TemporalUIURL + "/namespaces"} {
		resp, err := http.Get(url) //nolint:noctx // a test on the loopback
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode, url)
	}
	require.FileExists(t, filepath.Join(o.State, "temporal.db"))
	require.FileExists(t, filepath.Join(o.State, "temporal.db-wal"), "one write to the disk for each step, not three")
	require.Equal(t, filepath.Join(o.State, "logs", "ollama.log"), s.OllamaLog)
	records := map[Name]record{}
	for _, name := range names() {
		records[name] = s.recordOf(name)
		require.True(t, records[name].running(), name)
	}

	require.NoError(t, s.Stop(t.Context()))
	for name, r := range records {
		require.False(t, r.running(), name)
	}
	require.Empty(t, kinOf(s.site.mark.id, s.State))
	require.Empty(t, usersOf(s.PostgresData))

	again, err := Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, again.Stop(context.WithoutCancel(t.Context()))) })
	require.Equal(t, s.TemporalUIURL, again.TemporalUIURL, "links stay valid")
	require.Equal(t, s.PostgresDSN, again.PostgresDSN)
	require.Equal(t, s.OllamaURL, again.OllamaURL)
	require.Equal(t, "7", query(t, again, "select n from kept"))
	info, err := os.Stat(filepath.Join(o.State, "postgres.password"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}
