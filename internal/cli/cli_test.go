package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/config"
	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// What stands on the command line reaches a worker that we start, with the
// same meaning; the settings' own reader is asked.
func TestFlagsReachTheDetachedWorker(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "other.yaml")
	require.NoError(t, os.WriteFile(file, []byte("worker:\n  stop_timeout: 7s\n"), 0o600))
	cmd := &cobra.Command{Use: "x"}
	addSettings(cmd)
	require.NoError(t, cmd.ParseFlags([]string{
		"--config", file, "--database", "postgres://u:p@db/x", "--temporal-address", "t:7233", "--temporal-namespace", "n",
		"--temporal-profile", "p", "--state", "s", "--cache", "c", "--host", "h", "--verbose",
	}))
	env := variables(cmd.Flags())
	got, warnings, err := config.Load(config.LoadOptions{Environ: env, Dir: dir})
	require.NoError(t, err)
	require.Empty(t, warnings, "every variable is one that the settings know")
	want, _, err := config.Load(config.LoadOptions{Environ: []string{"HOME="}, Flags: cmd.Flags(), Dir: dir})
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Equal(t, "postgres://u:p@db/x", got.Database.DSN)
	require.Equal(t, 7*time.Second, got.Worker.StopTimeout)
}

func TestLaunchTextSaysHowASweepEnded(t *testing.T) {
	t.Parallel()
	plan := bench.Plan{Sweep: "sw1", Name: "mine", Cells: make([]bench.Cell, 6)}
	for want, l := range map[string]app.Launched{
		"sweep sw1 launched: mine, 6 cells":                                                                          {Plan: plan, Created: true},
		"sweep sw1 is the same as before and goes on: mine, 6 cells":                                                 {Plan: plan},
		"sweep sw1 is done already; nothing is measured again: mine, 6 cells":                                        {Plan: plan, Already: true, State: bench.StateDone},
		"sweep sw1 ended as cancelled: mine, 6 cells, 4 of them not done; wattsweep retry sw1 measures what is left": {Plan: plan, Already: true, State: bench.StateCancelled, Undone: 4},
		"sweep sw1 ended as done: mine, 6 cells, 1 of them not done; wattsweep retry sw1 measures what is left":      {Plan: plan, Already: true, State: bench.StateDone, Undone: 1},
	} {
		require.Equal(t, want, launchText(l))
	}
}

// An unserved host is told after a second look, and then once a minute.
func TestGuardWarnsOfUnservedHosts(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		ask  func(second int) (app.Unserved, error)
		want []int // seconds at which it warns, in three minutes
	}{
		"served":             {func(int) (app.Unserved, error) { return app.Unserved{}, nil }, nil},
		"Temporal is away":   {func(int) (app.Unserved, error) { return app.Unserved{}, errors.New("away") }, nil},
		"never served":       {func(int) (app.Unserved, error) { return app.Unserved{Hosts: []string{"gpu9"}}, nil }, []int{2, 62, 122}},
		"served in a moment": {func(s int) (app.Unserved, error) { return app.Unserved{Control: s < 1}, nil }, nil},
		"lost on the way":    {func(s int) (app.Unserved, error) { return app.Unserved{Control: s > 70}, nil }, []int{82, 142}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			second := 0
			g := &guard{ask: func(context.Context, []string) (app.Unserved, error) { return c.ask(second) }}
			var warned []int
			for ; second < 180; second++ {
				if lines := g.look(t.Context(), nil, nil, begin.Add(time.Duration(second)*time.Second)); len(lines) > 0 {
					warned = append(warned, second)
				}
			}
			require.Equal(t, c.want, warned)
		})
	}
}

func TestStatusNamesUnservedHosts(t *testing.T) {
	t.Parallel()
	known := statusOf(app.Progress{}, servedBy{}, nil)
	require.NotNil(t, known.Unserved, "an empty list: all are served")
	require.Empty(t, known.Unserved)
	found := statusOf(app.Progress{}, servedBy{Unserved: app.Unserved{Hosts: []string{"gpu9"}}}, nil)
	require.Equal(t, []string{"gpu9"}, found.Unserved)
	unknown := statusOf(app.Progress{}, servedBy{unknown: "Temporal does not answer"}, nil)
	require.Nil(t, unknown.Unserved)
	require.NotEmpty(t, unknown.UnservedNote)
}

func TestAWorkerThatEndsAtOnceIsQuoted(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "worker.log")
	before := "wattsweep: an older trouble\n"
	require.NoError(t, os.WriteFile(log, []byte(before+"level=INFO msg=x\nwattsweep: host a is taken\n  → stop it\n"), 0o600))
	err := whyEnded(log, int64(len(before)))
	require.EqualError(t, err, "start worker: it ended at once: host a is taken")
	require.Contains(t, fault.HintOf(err), "stop it")
	err = whyEnded(log+"x", 0)
	require.EqualError(t, err, "start worker: it ended at once")
	require.Equal(t, "read "+log+"x", fault.HintOf(err))
}

func demoSpec(t *testing.T, hosts string) *config.Spec {
	t.Helper()
	text := strings.Replace(string(config.DemoSpec()), "hosts: [local]", "hosts: "+hosts, 1)
	spec, err := config.ParseSpec("test", []byte(text), app.SpecOptions())
	require.NoError(t, err)
	return spec
}

// The demo's worker answers to the name in the spec, whatever the settings say.
func TestDemoServesTheHostOfTheSpec(t *testing.T) {
	t.Parallel()
	host := "cli-test-demo"
	s := &session{settings: config.Settings{Host: "x", State: t.TempDir()}, out: io.Discard, err: io.Discard}
	s.settings.Worker.ShareMachine = true // other tests may measure here at this moment
	got, err := demoHost(s, demoSpec(t, "["+host+"]"))
	require.NoError(t, err)
	require.Equal(t, host, got)

	_, err = demoHost(s, demoSpec(t, "[a, b]"))
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	require.ErrorContains(t, err, "2 hosts: a, b")
	require.Equal(t, ExitWrongUse, codeOf(err))

	// This process plays the worker that is up already.
	forget, err := rememberWorker(s, app.Roles{Control: true, Host: "other"})
	require.NoError(t, err)
	defer forget()
	_, err = demoHost(s, demoSpec(t, "["+host+"]"))
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	require.ErrorContains(t, err, `serves host "other", host "`+host+`" is wanted`)
	require.NotEmpty(t, fault.HintOf(err))
}
