package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/store/storetest"
)

func TestCommandsExitCodeIsPassedThrough(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		want int
	}{
		"done":         {[]string{"true"}, 0},
		"its own code": {[]string{"sh", "-c", "exit 7"}, 7},
		"by a signal":  {[]string{"sh", "-c", "kill -KILL $$"}, 128 + 9},
		"no such file": {[]string{filepath.Join(t.TempDir(), "nothing")}, exitNoStart},
		"environment":  {[]string{"sh", "-c", `test "$WATTSWEEP_TEST_OLLAMA" = here`}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, runCommand(c.args, []string{envOllama + "=here"}, nil))
		})
	}
}

// The command decides what a signal means; the servers must outlive it.
func TestSignalsReachTheCommand(t *testing.T) {
	t.Parallel()
	ready := filepath.Join(t.TempDir(), "ready")
	require.NoError(t, syscall.Mkfifo(ready, 0o600))
	signals := make(chan os.Signal, 1)
	code := make(chan int, 1)
	go func() {
		code <- runCommand([]string{"sh", "-c", `trap 'exit 9' TERM; echo up > "$0"; while :; do sleep 0.05; done`, ready}, nil, signals)
	}()
	_, err := os.ReadFile(ready) // waits until the command has set its trap and opened the pipe
	require.NoError(t, err)
	signals <- syscall.SIGTERM
	require.Equal(t, 9, <-code)
}

func TestWrongUse(t *testing.T) {
	t.Parallel()
	require.Equal(t, exitWrongUse, run(nil))
	require.Equal(t, exitWrongUse, run([]string{"--"}))
	require.Equal(t, exitWrongUse, run([]string{"-nonsense", "true"}))
}

func TestServersOfTheCallerAreUsed(t *testing.T) {
	t.Setenv(storetest.EnvDSN, "postgres://somewhere/else")
	t.Setenv(envTemporal, "127.0.0.1:1")
	t.Setenv(envOllama, "http://127.0.0.1:2")
	o := options(t.TempDir(), false)
	require.Equal(t, "postgres://somewhere/else", o.Postgres.DSN)
	require.Equal(t, "127.0.0.1:1", o.Temporal.Address)
	require.Equal(t, "http://127.0.0.1:2", o.Ollama.URL)
	require.NotEmpty(t, o.Temporal.SearchAttributes)
}
