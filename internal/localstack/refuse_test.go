package localstack

import (
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/fault"
)

func TestAPortThatIsTakenIsNamed(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	port := l.Addr().(*net.TCPAddr).Port
	_, err = choosePorts([]portWant{{use: "sql", fixed: port}})
	require.ErrorContains(t, err, fmt.Sprintf("port %d on 127.0.0.1, for sql, is taken", port))
	require.Contains(t, fault.HintOf(err), "another port")

	got, err := choosePorts([]portWant{{use: "a", last: port}, {use: "b"}, {use: "c"}})
	require.NoError(t, err, "a port of last time is only a wish")
	require.NotEqual(t, port, got["a"])
	require.NotEqual(t, got["a"], got["b"])
	require.NotEqual(t, got["b"], got["c"])
	for _, p := range got {
		require.True(t, p >= firstPort && p <= lastPort, p)
	}
	again, err := choosePorts([]portWant{{use: "a", last: got["a"]}})
	require.NoError(t, err)
	require.Equal(t, got["a"], again["a"])
}

func TestStateFolderInUseNamesTheProgram(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	l, err := lockState(folder, "wattsweep demo")
	require.NoError(t, err)
	_, err = Start(t.Context(), Options{State: folder})
	require.ErrorContains(t, err, fmt.Sprintf("in use by process %d (wattsweep demo", os.Getpid()))
	require.Contains(t, fault.HintOf(err), "another state folder")
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	l.release()
	l, err = lockState(folder, "next")
	require.NoError(t, err)
	l.release()
}

func TestStateFoldersThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for name, o := range map[string]Options{
		"file in the way": {State: file},
		"below a file":    {State: filepath.Join(file, "x")},
		"no space":        {State: t.TempDir(), MinFree: math.MaxUint64},
		"not writable":    {State: "/proc/wattsweep"},
	} {
		_, err := Start(t.Context(), o)
		require.Error(t, err, name)
		require.NotEmpty(t, fault.HintOf(err), name)
		require.Equal(t, 1, strings.Count(err.Error(), "\n")+1, "one line: %v", err)
	}
	_, err := Start(t.Context(), Options{State: t.TempDir(), MinFree: math.MaxUint64})
	require.Equal(t, fault.CodeDiskFull, fault.CodeOf(err))
}

func TestOptionsAreCheckedTogether(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Options{
		State:    t.TempDir(),
		Temporal: TemporalOptions{Port: -1, SearchAttributes: []SearchAttribute{{Name: "a=b", Type: "Keyword"}, {Name: "B", Type: "Blob"}}},
		Postgres: PostgresOptions{Port: 70000},
		Ollama:   OllamaOptions{Env: map[string]string{"OLLAMA_DEBUG": "1", "OLLAMA_HOST": "0.0.0.0"}},
	})
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	for _, part := range []string{"6 problem(s)", "temporal.port", "postgres.port", "bad name", "unknown type", "OLLAMA_DEBUG", "OLLAMA_HOST"} {
		require.ErrorContains(t, err, part)
	}
}

func TestGivenProgramsThatDoNotWorkAreRefused(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"temporal": {Temporal: TemporalOptions{Path: "/bin/false"}},
		"ollama":   {Ollama: OllamaOptions{Path: "/bin/true"}},
		"postgres": {Postgres: PostgresOptions{BinDir: t.TempDir()}},
	} {
		o.State = stateDir(t)
		// The others must not be built or started for this.
		if name != "temporal" {
			o.Temporal.Address = "127.0.0.1:1"
		}
		if name != "ollama" {
			o.Ollama.URL = "http://127.0.0.1:1"
		}
		if name != "postgres" {
			o.Postgres.DSN = "postgres://u@127.0.0.1:1/d"
		}
		_, err := Start(t.Context(), o)
		require.Equal(t, fault.Invalid, fault.KindOf(err), "%s: %v", name, err)
		require.NotEmpty(t, fault.HintOf(err))
	}
}

func TestExternalServersAreTakenAsTheyAre(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), Options{
		State:    stateDir(t),
		Temporal: TemporalOptions{Address: "temporal.lab:7233", UIURL: "http://temporal.lab:8080", Namespace: "bench"},
		Postgres: PostgresOptions{DSN: "postgres://u:p@db/bench"},
		Ollama:   OllamaOptions{URL: "http://gpu1:11434/"},
	})
	require.NoError(t, err)
	require.Equal(t, "temporal.lab:7233", s.TemporalAddress)
	require.Equal(t, "bench", s.TemporalNamespace)
	require.Equal(t, "http://temporal.lab:8080", s.TemporalUIURL)
	require.Equal(t, "postgres://u:p@db/bench", s.PostgresDSN)
	require.Equal(t, "http://gpu1:11434", s.OllamaURL)
	require.Zero(t, s.PID(Ollama))
	require.NoError(t, s.Stop(t.Context()))
}
