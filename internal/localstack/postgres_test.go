package localstack

import (
	"archive/zip"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// openDir is a folder that every user can enter.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "wattsweep-test-*")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// archive serves what the repository of binaries serves: a zip file with a
// .txz inside, here of two scripts.
func archive(t *testing.T) *httptest.Server {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "bin"), 0o755))
	for name, text := range map[string]string{
		"postgres": "#!/bin/sh\necho 'postgres (PostgreSQL) 16.9'\n", "initdb": "#!/bin/sh\n", "pg_ctl": "#!/bin/sh\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "bin", name), []byte(text), 0o755))
	}
	packed, err := exec.CommandContext(t.Context(), "tar", "-C", dir, "-cJf", "-", "bin").Output()
	if err != nil {
		t.Skipf("tar with xz is not at hand: %v", err)
	}
	var jar strings.Builder
	z := zip.NewWriter(&jar)
	w, err := z.Create("postgres.txz")
	require.NoError(t, err)
	_, err = w.Write(packed)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".sha256") || !strings.Contains(r.URL.Path, "16.") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte(jar.String()))
	}))
	t.Cleanup(server.Close)
	return server
}

func TestBinariesAreFetchedOnce(t *testing.T) {
	t.Parallel()
	server := archive(t)
	cache := openDir(t)
	o, err := Options{State: t.TempDir(), CacheDir: cache, Postgres: PostgresOptions{DownloadURL: server.URL}}.withDefaults()
	require.NoError(t, err)
	k := &postgresKind{site: &site{Options: o, folder: o.State}}
	found, err := k.fetch(t.Context(), postgresAccount(), 0)
	require.NoError(t, err)
	require.Equal(t, pgBinaries{dir: found.dir, major: 16, version: "16.9", source: SourceFetched}, found)
	require.True(t, strings.HasPrefix(found.dir, cache))
	server.Close()
	again, err := k.fetch(t.Context(), postgresAccount(), 16)
	require.NoError(t, err)
	require.Equal(t, SourceCache, again.source)
	_, err = k.fetch(t.Context(), postgresAccount(), 15)
	require.ErrorContains(t, err, "fetch Postgres 15")
	require.NotContains(t, err.Error(), server.URL)
	_, err = k.fetch(t.Context(), postgresAccount(), 9)
	require.ErrorContains(t, err, "cannot be fetched")
}

func TestPackageDoesNotStartAServerOfItsOwn(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "postgresql-common")
	undo, err := noMainCluster(dir)
	require.NoError(t, err)
	raw, err := os.ReadFile(filepath.Join(dir, "createcluster.conf"))
	require.NoError(t, err)
	require.Contains(t, string(raw), "create_main_cluster = false")
	keep, err := noMainCluster(dir)
	require.NoError(t, err)
	keep()
	require.FileExists(t, filepath.Join(dir, "createcluster.conf"), "one that was there stays")
	undo()
	require.NoFileExists(t, filepath.Join(dir, "createcluster.conf"))
}

func TestDataOfAnotherVersionIsRefused(t *testing.T) {
	t.Parallel()
	o := realServers(t)
	o.Temporal.Address, o.Ollama.URL = "127.0.0.1:1", "http://127.0.0.1:1"
	o.Postgres.NoSystemInstall, o.Postgres.NoDownload = true, true
	data := filepath.Join(o.State, "postgres", "data")
	require.NoError(t, os.MkdirAll(data, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("11\n"), 0o644))
	require.Equal(t, 11, dataVersion(data))
	_, err := folderID(o.State) // as if a Start had made the folder
	require.NoError(t, err)
	_, err = Start(t.Context(), o)
	require.ErrorContains(t, err, "no Postgres 11, which made the data")
}

func TestDataLiesElsewhereWhenItsUserCannotEnterTheState(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root drops privileges")
	}
	o := realServers(t)
	o.Temporal.Address, o.Ollama.URL = "127.0.0.1:1", "http://127.0.0.1:1"
	require.NoError(t, os.Chmod(filepath.Dir(o.State), 0o700))
	s, err := Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(context.WithoutCancel(t.Context()))) })
	require.False(t, strings.HasPrefix(s.PostgresData, s.State), s.PostgresData)
	query(t, s, "create table kept (n int); insert into kept values (7)")
	require.NoError(t, s.Stop(t.Context()))

	// The same place is found again, also without the record.
	require.NoError(t, os.Remove(filepath.Join(o.State, stateName)))
	again, err := Start(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, s.PostgresData, again.PostgresData)
	require.Equal(t, "7", query(t, again, "select n from kept"))
	require.NoError(t, again.Stop(t.Context()))
	require.NoError(t, Wipe(t.Context(), o.State))
	require.NoDirExists(t, filepath.Dir(s.PostgresData))
}

func TestPingDecidesWhetherPostgresAnswers(t *testing.T) {
	t.Parallel()
	o := realServers(t)
	o.Temporal.Address, o.Ollama.URL = "127.0.0.1:1", "http://127.0.0.1:1"
	asked := 0
	o.Postgres.Ping = func(_ context.Context, dsn string) error {
		asked++
		if !strings.HasPrefix(dsn, "postgres://wattsweep:") || asked < 3 {
			return errors.New("not yet")
		}
		return nil
	}
	s, err := Start(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, 3, asked)
	require.NoError(t, s.Stop(t.Context()))

	o.ReadyLimit = 200 * time.Millisecond
	o.Postgres.Ping = func(context.Context, string) error { return errors.New("never") }
	_, err = Start(t.Context(), o)
	require.ErrorContains(t, err, "did not answer within 200ms")
	require.Empty(t, usersOf(s.PostgresData), "a start that failed leaves nothing")
}

func TestStalePidFileOfAKilledServer(t *testing.T) {
	t.Parallel()
	o := realServers(t)
	o.Temporal.Address, o.Ollama.URL = "127.0.0.1:1", "http://127.0.0.1:1"
	s, err := Start(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, s.Stop(t.Context()))
	// The number belongs to another program by now: to this test.
	stale := strconv.Itoa(os.Getpid()) + "\n" + s.PostgresData + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(s.PostgresData, "postmaster.pid"), []byte(stale), 0o600))
	again, err := Start(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, again.Stop(t.Context()))
}

func TestHandshakeTellsAServerThatIsNotReady(t *testing.T) {
	t.Parallel()
	for answer, ready := range map[string]bool{"R": true, "E": false, "": false, "H": false} {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		require.NoError(t, err)
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 256))
			_, _ = conn.Write([]byte(answer))
			_ = conn.Close()
		}()
		err = shakeHands(t.Context(), l.Addr().String())
		require.Equal(t, ready, err == nil, "%q: %v", answer, err)
		require.NoError(t, l.Close())
	}
}
