package config

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/fault"
)

func TestHookAndWorkerSettings(t *testing.T) {
	t.Parallel()
	s, warnings, err := Load(at(t, "worker: {versioning: true, lease_timeout: 45s}\ndrift: {hook: {command: [notify, --host, \"a b\"], timeout: 1m}}\n"))
	require.NoError(t, err)
	require.Empty(t, warnings)
	require.True(t, s.Worker.Versioning)
	require.Equal(t, 45*time.Second, s.Worker.LeaseTimeout)
	require.Equal(t, HookSettings{Command: []string{"notify", "--host", "a b"}, Timeout: time.Minute}, s.Drift.Hook)

	s, warnings, err = Load(at(t, "worker: {versioning: true}\n", "WATTSWEEP_WORKER_VERSIONING=false", "WATTSWEEP_WORKER_LEASE_TIMEOUT=9s",
		`WATTSWEEP_DRIFT_HOOK_COMMAND=[mail, "-s", drift]`, "WATTSWEEP_DRIFT_HOOK_TIMEOUT=2s"))
	require.NoError(t, err)
	require.Empty(t, warnings)
	require.False(t, s.Worker.Versioning, "a variable goes over the file")
	require.Equal(t, 9*time.Second, s.Worker.LeaseTimeout)
	require.Equal(t, HookSettings{Command: []string{"mail", "-s", "drift"}, Timeout: 2 * time.Second}, s.Drift.Hook)

	s, _, err = Load(at(t, "drift: {hook: {url: \"https://example.org/a\"}}\n"))
	require.NoError(t, err)
	require.Equal(t, HookSettings{URL: "https://example.org/a", Timeout: 30 * time.Second}, s.Drift.Hook)
}

func TestHookRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file    string
		environ []string
		want    string
	}{
		"both":               {file: "drift:\n  hook:\n    command: [a]\n    url: \"http://h/x\"\n", want: "line 4: drift.hook.url: is given beside drift.hook.command, expected one of them; take one of the two out"},
		"another scheme":     {file: "drift: {hook: {url: \"ftp://h/hunter2\"}}\n", want: "line 1: drift.hook.url: is no address of a web server"},
		"no server":          {file: "drift: {hook: {url: \"https:///hunter2\"}}\n", want: "line 1: drift.hook.url: is no address of a web server"},
		"not an address":     {file: "drift: {hook: {url: \"http://h/%zzhunter2\"}}\n", want: "line 1: drift.hook.url: is no address of a web server"},
		"empty program":      {file: "drift: {hook: {command: [\" \", a]}}\n", want: "line 1: drift.hook.command: begins with an empty entry, expected a program; name a program first"},
		"control characters": {file: "drift: {hook: {command: [a, \"b\\0c\"]}}\n", want: "line 1: drift.hook.command: holds control characters in entry 2"},
		"many arguments":     {file: "drift: {hook: {command: [" + strings.Repeat("a, ", maxArguments) + "a]}}\n", want: "has 65 entries, expected at most 64"},
		"a text":             {file: "drift: {hook: {command: run it}}\n", want: "drift.hook.command: is the text \"run it\", expected a list; write a list"},
		"timeout":            {file: "drift: {hook: {timeout: 0s}}\n", want: "drift.hook.timeout: is 0s, expected 1s to 10m"},
		"lease":              {file: "worker: {lease_timeout: 1s}\n", want: "worker.lease_timeout: is 1s, expected 5s to 10m"},
		"versioning":         {file: "worker: {versioning: 1}\n", want: "worker.versioning: is the number 1, expected true or false; write true or false"},
		"unknown":            {file: "drift: {hok: {}}\n", want: "line 1: drift.hok: is not a known key; did you mean hook?"},
		"variable":           {environ: []string{"WATTSWEEP_WORKER_VERSIONING=maybe"}, want: "WATTSWEEP_WORKER_VERSIONING: is \"maybe\", expected true or false; write true or false"},
		"url of a variable":  {environ: []string{"WATTSWEEP_DRIFT_HOOK_URL=gopher://h/hunter2"}, want: "WATTSWEEP_DRIFT_HOOK_URL: is no address of a web server"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := Load(at(t, c.file, c.environ...))
			require.Equal(t, fault.Invalid, fault.KindOf(err))
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

// The path of a webhook is as good as a password.
func TestHookSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://hooks.example.org/services/T1/hunter2": "https://hooks.example.org/" + redacted,
		"https://u:hunter2@example.org":                 "https://example.org/" + redacted,
		"https://example.org/?sig=hunter2":              "https://example.org/" + redacted,
		"https://example.org:8443":                      "https://example.org:8443",
		"http://hunter2%zz":                             redacted,
		"mailto:hunter2":                                redacted,
		"":                                              "",
	} {
		s := Settings{Drift: DriftSettings{Hook: HookSettings{URL: in}}}
		printed, err := json.Marshal(s.Redacted())
		require.NoError(t, err)
		require.NotContains(t, string(printed), "hunter2", in)
		require.Equal(t, want, s.Redacted().Drift.Hook.URL)
		require.Equal(t, in, s.Drift.Hook.URL, "the original stays")
	}
}
