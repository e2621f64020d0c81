package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wattsweep/wattsweep/config"
	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/localstack"
	"github.com/wattsweep/wattsweep/internal/telemetry"
)

func newDemo() *cobra.Command {
	var keep bool
	var address, dir, spec string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Measure three tiny models over Swedish journals on real servers, and report",
		Long: "Starts a real Temporal, Postgres and Ollama on this machine, measures three tiny models\n" +
			"in two languages, prints the results and writes report.html, its figures as results.json, and tables as CSV.\n" +
			"Run it again: the same sweep is recognised and nothing is measured twice.",
		Args: args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := open(cmd)
			if err != nil {
				return err
			}
			if err := useOllama(cmd.Context(), s, address); err != nil {
				return err
			}
			return demo(cmd.Context(), s, demoOptions{keep: keep, dir: dir, spec: spec})
		},
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "leave the servers and a worker up afterwards, as wattsweep up does")
	cmd.Flags().StringVar(&dir, "dir", filepath.Join("out", "demo"), "folder of the report")
	cmd.Flags().StringVar(&spec, "spec", "demo", "spec to measure; demo is built in")
	addOllama(cmd, &address)
	return cmd
}

type demoOptions struct {
	keep      bool
	dir, spec string
}

// demo runs a spec from nothing to its report. What was up before stays up.
func demo(ctx context.Context, s *session, o demoOptions) (err error) {
	spec, err := loadSpec(o.spec)
	if err != nil {
		return err
	}
	host, err := demoHost(s, spec)
	if err != nil {
		return err
	}
	a, end, err := demoServers(ctx, s, host, o.keep)
	if err != nil {
		return err
	}
	parting := ""
	if end == nil {
		defer a.Close()
	} else {
		parting = "stopped; make demo or wattsweep demo goes on where it was"
		// An interrupt must still take the servers down in order.
		defer func() { err = errors.Join(err, end(context.WithoutCancel(ctx))) }()
	}
	launched, err := a.Launch(ctx, spec, app.LaunchOptions{Owner: userName()})
	if err != nil {
		return err
	}
	announce(s, a, launched)
	say(s.out, "\n")
	if err := watch(ctx, s, a, launched.Plan.Sweep, cmp.Or(parting, goesOn(launched.Plan.Sweep))); err != nil {
		return err
	}
	if err := writeReport(ctx, s, a, launched.Plan.Sweep, o.dir); err != nil {
		return err
	}
	if a.UIURL != "" {
		say(s.out, "Temporal UI: %s\n", sweepURL(a, launched.Plan.Sweep))
		if !o.keep {
			say(s.out, "(the servers are taken down now; wattsweep up shows the UI again, demo --keep leaves it up)\n")
		}
	}
	return failedCells(ctx, a, launched)
}

// failedCells makes a demo whose cells failed a failed demo.
func failedCells(ctx context.Context, a *app.App, l app.Launched) error {
	cells, err := a.Store.Cells(ctx, l.Plan.Sweep)
	if err != nil {
		return err
	}
	for _, c := range cells {
		if c.State != "done" {
			return fmt.Errorf("cell %s ended as %s: %s; wattsweep retry %s measures it again", c.At, c.State, c.Reason, c.Sweep)
		}
	}
	return nil
}

// demoHost is the one host that a demo can serve: the spec's.
func demoHost(s *session, spec *config.Spec) (string, error) {
	plan, err := spec.Plan()
	if err != nil {
		return "", err
	}
	var hosts []string
	for _, c := range plan.Cells {
		if !slices.Contains(hosts, c.At.Host) {
			hosts = append(hosts, c.At.Host)
		}
	}
	if len(hosts) != 1 {
		return "", fault.New(fault.Invalid, "", "start a worker on each host and use wattsweep run, or leave one host in the spec",
			"the demo measures on this machine alone, and spec %s names %d hosts: %s", plan.Name, len(hosts), strings.Join(hosts, ", "))
	}
	if s.settings.Host != "" && s.settings.Host != hosts[0] {
		say(s.err, "the spec names this machine %s; the setting host: %s is not used\n", hosts[0], s.settings.Host)
	}
	return hosts[0], hostIsFree(s, hosts[0])
}

// demoServers gives connected servers and a worker for host: those that are
// up, which stay so and have no end, else our own for the length of the demo.
func demoServers(ctx context.Context, s *session, host string, keep bool) (a *app.App, end func(context.Context) error, err error) {
	if _, up := runningWorker(s.settings.State); up || keep {
		a, _, err := bringUp(ctx, s, host)
		return a, nil, err
	}
	opts, err := app.StackOptions(s.settings)
	if err != nil {
		return nil, nil, err
	}
	opts.Supervise, opts.Owner, opts.Progress = true, "wattsweep demo", localstack.PrintTo(s.err)
	stack, err := localstack.Start(ctx, opts)
	if err != nil {
		return nil, nil, err
	}
	a, stop, err := demoWorker(ctx, s, stack, host)
	if err != nil {
		return nil, nil, errors.Join(err, takeDown(ctx, stack))
	}
	return a, func(ctx context.Context) error { stop(); return takeDown(ctx, stack) }, nil
}

// demoWorker runs a worker inside this process, logging to the state folder.
func demoWorker(ctx context.Context, s *session, stack *localstack.Stack, host string) (*app.App, func(), error) {
	logFile, err := os.OpenFile(workerLog(s.settings.State), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("open worker log: %w", err)
	}
	s.log = telemetry.Logger(logFile, false)
	a, err := app.Connect(ctx, app.Options{Settings: s.settings, Log: s.log, Stack: stack})
	if err != nil {
		return nil, nil, errors.Join(err, logFile.Close())
	}
	w, err := a.StartWorker(ctx, app.Roles{Control: true, Host: host})
	if err != nil {
		a.Close()
		return nil, nil, errors.Join(err, logFile.Close())
	}
	return a, func() { w.Stop(); a.Close(); _ = logFile.Close() }, nil
}
