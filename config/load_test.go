package config

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// at makes options for a folder with the given settings file; "" makes none.
func at(t *testing.T, file string, environ ...string) LoadOptions {
	t.Helper()
	dir := t.TempDir()
	if file != "" {
		require.NoError(t, os.WriteFile(filepath.Join(dir, settingsFile), []byte(file), 0o600))
	}
	return LoadOptions{Dir: dir, Environ: append([]string{"HOME=" + filepath.Join(dir, "home")}, environ...)}
}

func flags(t *testing.T, args ...string) *pflag.FlagSet {
	t.Helper()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	BindFlags(fs)
	require.NoError(t, fs.Parse(args))
	return fs
}

func TestLoadDefaults(t *testing.T) {
	t.Parallel()
	opts := at(t, "")
	s, warnings, err := Load(opts)
	require.NoError(t, err)
	require.Empty(t, warnings)
	require.Empty(t, s.Host)
	require.NotEmpty(t, OwnHostName())
	require.Equal(t, Settings{
		Host: s.Host, Output: "table", State: ".wattsweep", Cache: filepath.Join(opts.Dir, "home", ".cache", "wattsweep"),
		Worker: WorkerSettings{HeartbeatTimeout: 30 * time.Second, StopTimeout: 30 * time.Second, LeaseTimeout: 30 * time.Second},
		Drift:  DriftSettings{Hook: HookSettings{Timeout: 30 * time.Second}},
	}, s)
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	file := "host: from-file\nstate: file-state\ntemporal: {namespace: file, address: \"file:1\"}\nworker: {stop_timeout: 5s}\n"
	opts := at(t, file, "WATTSWEEP_HOST=from-env", "WATTSWEEP_TEMPORAL_ADDRESS=env:2", "WATTSWEEP_WORKER_HEARTBEAT_TIMEOUT=4s")
	opts.Flags = flags(t, "--host", "from-flag", "--output", "json")
	s, _, err := Load(opts)
	require.NoError(t, err)
	require.Equal(t, "from-flag", s.Host)
	require.Equal(t, "env:2", s.Temporal.Address)
	require.Equal(t, "file", s.Temporal.Namespace)
	require.Equal(t, "file-state", s.State)
	require.Equal(t, "json", s.Output)
	require.Equal(t, WorkerSettings{HeartbeatTimeout: 4 * time.Second, StopTimeout: 5 * time.Second, LeaseTimeout: 30 * time.Second}, s.Worker)
}

// Viper overlooks a variable whose key has no default and splits and lowers
// map keys; neither may happen to a user.
func TestViperTraps(t *testing.T) {
	t.Parallel()
	file := "runtimes:\n  - {name: Qwen2.5-VL, kind: ollama, url: \"http://127.0.0.1:11434\", log_path: /var/log/O.llama.log}\n"
	s, _, err := Load(at(t, file, "WATTSWEEP_DATABASE_DSN=postgres://u:Pa.ss@db/w", "WATTSWEEP_TEMPORAL_PROFILE=Prod.EU"))
	require.NoError(t, err)
	require.Equal(t, []RuntimeServer{{Name: "Qwen2.5-VL", Kind: "ollama", URL: "http://127.0.0.1:11434", LogPath: "/var/log/O.llama.log"}}, s.Runtimes)
	require.Equal(t, "postgres://u:Pa.ss@db/w", s.Database.DSN)
	require.Equal(t, "Prod.EU", s.Temporal.Profile)
}

func TestRuntimesFromEnvironment(t *testing.T) {
	t.Parallel()
	s, _, err := Load(at(t, "runtimes: [{name: a, kind: ollama, url: \"http://a\"}]\n",
		`WATTSWEEP_RUNTIMES=[{name: b.B, kind: ollama, url: "http://ollama:11434"}]`))
	require.NoError(t, err)
	require.Equal(t, []RuntimeServer{{Name: "b.B", Kind: "ollama", URL: "http://ollama:11434"}}, s.Runtimes)
}

func TestEveryKeyHasAVariable(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, key := range settingKeys() {
		names[key.env()] = true
	}
	require.Len(t, names, len(settingKeys()))
	require.Contains(t, names, "WATTSWEEP_DATABASE_DSN")
	require.Contains(t, names, "WATTSWEEP_WORKER_STOP_TIMEOUT")
}

func TestFilePlaces(t *testing.T) {
	t.Parallel()
	opts := at(t, "")
	user := filepath.Join(opts.Dir, "home", ".config", "wattsweep")
	require.NoError(t, os.MkdirAll(user, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(user, settingsFile), []byte("host: user"), 0o600))
	named := filepath.Join(opts.Dir, "named.yaml")
	require.NoError(t, os.WriteFile(named, []byte("host: named"), 0o600))

	host := func(opts LoadOptions) string {
		s, _, err := Load(opts)
		require.NoError(t, err)
		return s.Host
	}
	require.Equal(t, "user", host(opts))
	withFlag := opts
	withFlag.Flags = flags(t, "--config", named)
	require.Equal(t, "named", host(withFlag))
	withEnv := opts
	withEnv.Environ = append(withEnv.Environ, "WATTSWEEP_CONFIG=named.yaml")
	require.Equal(t, "named", host(withEnv))
	require.NoError(t, os.WriteFile(filepath.Join(opts.Dir, settingsFile), []byte("host: here"), 0o600))
	require.Equal(t, "here", host(opts))

	opts.File = "absent.yaml"
	_, _, err := Load(opts)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.Equal(t, fault.Invalid, fault.KindOf(err))
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file    string
		environ []string
		args    []string
		want    []string
	}{
		"unknown keys":    {file: "hots: a\ndatabase:\n  dns: x\n", want: []string{"line 1: hots: is not a known key; did you mean host?", "line 3: database.dns: is not a known key; did you mean dsn?"}},
		"capital key":     {file: "Host: a\n", want: []string{"line 1: Host: is not a known key; did you mean host?"}},
		"dotted key":      {file: "database.dsn: a\n", want: []string{"line 1: database.dsn: is not a known key"}},
		"twice":           {file: "host: a\nhost: b\n", want: []string{"line 2: host: is given twice, first on line 1"}},
		"wrong type":      {file: "worker: {stop_timeout: 30}\n", want: []string{"line 1: worker.stop_timeout: is the number 30, expected a time with its unit", "write the unit, e.g. 30s"}},
		"runtimes as map": {file: "runtimes:\n  ollama: {url: x}\n", want: []string{"runtimes: is a section of keys, expected a list"}},
		"two documents":   {file: "host: a\n---\nhost: b\n", want: []string{"line 2: file: holds a second document"}},
		"bad values": {
			file: "host: Big Host\noutput: xml\nruntimes: [{name: a, kind: nim, url: there}]\n",
			want: []string{"line 1: host:", "line 2: output: is \"xml\", expected one of table, json, csv", "runtimes[0].kind", "runtimes[0].url"},
		},
		"from variable": {environ: []string{"WATTSWEEP_OUTPUT=xml", "WATTSWEEP_WORKER_STOP_TIMEOUT=5"}, want: []string{"WATTSWEEP_WORKER_STOP_TIMEOUT: is \"5\""}},
		"from flag":     {file: "output: csv\n", args: []string{"--output=xml", "--temporal-address=7233"}, want: []string{"--output: is \"xml\"", "--temporal-address: is \"7233\", expected host:port"}},
		"list variable": {environ: []string{"WATTSWEEP_RUNTIMES=[{nam: a}]"}, want: []string{"WATTSWEEP_RUNTIMES: runtimes[0].nam: is not a known key; did you mean name?"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := at(t, c.file, c.environ...)
			opts.Flags = flags(t, c.args...)
			_, _, err := Load(opts)
			require.Equal(t, fault.Invalid, fault.KindOf(err))
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

func TestUnknownVariablesWarn(t *testing.T) {
	t.Parallel()
	_, warnings, err := Load(at(t, "", "WATTSWEEP_DATABSE_DSN=x", "WATTSWEEP_ZZZ=1", "OTHER=1"))
	require.NoError(t, err)
	require.Len(t, warnings, 2)
	require.Equal(t, "WATTSWEEP_DATABSE_DSN: is not a known variable and is ignored; did you mean WATTSWEEP_DATABASE_DSN?", warnings[0].String())
	require.Equal(t, "WATTSWEEP_ZZZ", warnings[1].Where)
}

func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{
		"postgres://user:hunter2@db:5432/w?sslmode=disable", "postgres://db/w?user=u&password=hunter2", "host=db password=hunter2 user=u",
		"host=db password = 'hunter2 \\' more hunter2' user=u", "hunter2", "postgres://user:hunter2%zz@db", "postgresql:hunter2", "PASSWORD=hunter2",
	} {
		shown := Settings{Database: DatabaseSettings{DSN: dsn}}.Redacted().Database.DSN
		require.NotContains(t, shown, "hunter2", dsn)
		require.Contains(t, shown, redacted)
		// Nor does a refusal repeat it.
		opts := at(t, "", "WATTSWEEP_DATABASE_DSN="+dsn, "WATTSWEEP_OUTPUT=xml")
		_, _, err := Load(opts)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "hunter2")
	}
	_, _, err := Load(at(t, "postgres://user:hunter2@db/w: 1\n"))
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
	require.Equal(t, "host=db user=u", redactDSN("host=db user=u"))
	s := Settings{Runtimes: []RuntimeServer{{URL: "http://u:hunter2@h"}}}
	require.NotContains(t, s.Redacted().Runtimes[0].URL, "hunter2")
	require.Equal(t, "http://u:hunter2@h", s.Runtimes[0].URL, "the original stays")
}

// Any settings file is refused with a report or gives settings that check out.
func FuzzLoad(f *testing.F) {
	f.Add([]byte("host: a\ndatabase: {dsn: \"postgres://u:p@h/d\"}\nworker: {stop_timeout: 1s}\n"))
	f.Add([]byte("runtimes: [{name: A.b, kind: ollama, url: \"http://h:1\"}]\n"))
	f.Add([]byte("host: 2024-01-01\nstate: &a x\ncache: *a\n"))
	f.Add([]byte("a: &a [*a]\n<<: {}\n"))
	f.Add([]byte("worker: {versioning: true, lease_timeout: 1m}\ndrift: {hook: {command: [a, b], url: \"http://h/x\", timeout: 2s}}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		opts := at(t, string(data))
		s, _, err := Load(opts)
		if err != nil {
			if len(data) > 0 {
				requireRefusal(t, err)
			}
			return
		}
		if s.Host != "" {
			require.Regexp(t, hostPattern, s.Host)
		}
		require.Contains(t, knownOutputs(), s.Output)
		require.NotEmpty(t, s.State)
		again, _, err := Load(opts)
		require.NoError(t, err)
		require.Equal(t, s, again)
	})
}

func TestDateStaysText(t *testing.T) {
	t.Parallel()
	s, _, err := Load(at(t, "host: 2024-01-01\n"))
	require.NoError(t, err)
	require.Equal(t, "2024-01-01", s.Host)
}

func TestCleanHostName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Big-GPU.example.org": "big-gpu", "måns_dator": "m--ns-dator", "": "local", "---": "local", strings.Repeat("a", 90): strings.Repeat("a", 63),
	} {
		got := cleanHostName(in)
		require.Regexp(t, hostPattern, got)
		if in != "måns_dator" {
			require.Equal(t, want, got)
		}
	}
}

func TestOnlyLoadImportsViper(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var users []string
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, i := range file.Imports {
			if strings.Contains(i.Path.Value, "spf13/viper") {
				users = append(users, name)
			}
		}
	}
	require.Equal(t, []string{"load.go"}, users)
}
