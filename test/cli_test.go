package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/config"
	"github.com/wattsweep/wattsweep/test/harness"
)

// Commands as a person types them, without servers: exit codes and what is
// said.
func TestCommandsWithoutServers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bad.yaml"), []byte("name: x\nmodles: [a]\nruns: 0\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "huge.yaml"), make([]byte, 3<<20), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "settings.yaml"), []byte("tempral: {}\n"), 0o600))
	demo := strings.Replace(string(config.DemoSpec()), "hosts: [local]", "hosts: [a, b]", 1)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "hosts.yaml"), []byte(demo), 0o600))
	env := []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "WATTSWEEP_STATE=" + filepath.Join(dir, "state")}
	for _, c := range []struct {
		name string
		args []string
		code int
		out  []string // parts of standard output
		err  []string // parts of standard error
	}{
		{"help", nil, 0, []string{"wattsweep demo", "Exit codes"}, nil},
		{"version", []string{"version"}, 0, []string{"wattsweep 0."}, nil},
		{"unknown command", []string{"swep"}, 2, nil, []string{"unknown command"}},
		{"unknown flag", []string{"list", "--nope"}, 2, nil, []string{"unknown flag"}},
		{"missing argument", []string{"validate"}, 2, nil, []string{"accepts 1 arg"}},
		{"validate the demo", []string{"validate", "demo"}, 0, []string{"valid", "6 cells"}, nil},
		{"plan the demo as csv", []string{"plan", "demo", "--output", "csv"}, 0, []string{"wattsweep-icd10-0.2m", ",sv,"}, nil},
		{"plan the demo as json", []string{"plan", "demo", "--output", "json"}, 0, []string{`"language": "en"`}, nil},
		{"a bad spec says all at once", []string{"validate", "bad.yaml"}, 2, nil, []string{"modles", "models", "runs", "line 2"}},
		{"a huge spec", []string{"validate", "huge.yaml"}, 2, nil, []string{"huge.yaml"}},
		{"no such spec", []string{"validate", "none.yaml"}, 2, nil, []string{"none.yaml"}},
		{"bad settings", []string{"list", "--config", "settings.yaml"}, 2, nil, []string{"tempral", "temporal"}},
		{"bad output", []string{"list", "--output", "xml"}, 2, nil, []string{"output", "table"}},
		{"nothing is up", []string{"list"}, 1, nil, []string{"nothing is up in", "wattsweep up starts it"}},
		{"nothing to cancel", []string{"cancel", "x"}, 1, nil, []string{"nothing is up in", "wattsweep up starts it"}},
		{"nothing to watch", []string{"watch", "x"}, 1, nil, []string{"nothing is up in", "wattsweep up starts it"}},
		{"a demo on several hosts", []string{"demo", "--spec", "hosts.yaml"}, 2, nil, []string{"2 hosts: a, b", "wattsweep run"}},
		{"an Ollama that is not there", []string{"up", "--ollama", "http://127.0.0.1:1"}, 1, nil, []string{"use the Ollama at http://127.0.0.1:1"}},
		{"an Ollama that is no address", []string{"demo", "--ollama", "nonsense"}, 2, nil, []string{"http"}},
		{"down when nothing is up", []string{"down"}, 0, []string{"down"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out, errOut, code := harness.Run(t, dir, env, c.args...)
			require.Equal(t, c.code, code, "%s\n%s", out, errOut)
			for _, part := range c.out {
				require.Contains(t, out, part)
			}
			for _, part := range c.err {
				require.Contains(t, errOut, part)
			}
			require.NoDirExists(t, filepath.Join(dir, "state"), "nothing of this starts a server")
			require.NotContains(t, errOut, "panic")
			require.NotContains(t, errOut, "goroutine ")
		})
	}
}

// A database that is down is said plainly, with what to do, and exits 1.
func TestDatabaseThatIsDown(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	env := []string{
		"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "WATTSWEEP_STATE=" + filepath.Join(dir, "state"),
		"WATTSWEEP_DATABASE_DSN=postgres://u:hunter2@127.0.0.1:1/x", "WATTSWEEP_TEMPORAL_ADDRESS=127.0.0.1:1",
	}
	out, errOut, code := harness.Run(t, dir, env, "list")
	require.Equal(t, 1, code, out)
	require.Contains(t, errOut, "Postgres")
	require.Contains(t, errOut, "→")
	require.NotContains(t, errOut, "hunter2")
}
