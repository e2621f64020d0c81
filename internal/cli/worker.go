package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/wattsweep/wattsweep/config"
	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/telemetry"
	"github.com/wattsweep/wattsweep/internal/version"
)

func newWorker() *cobra.Command {
	var control, measure bool
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Measure on this host, and serve sweeps; runs until it is stopped",
		Long: "The program on a GPU host (wattsweep-worker --host NAME) and on the control node\n" +
			"(wattsweep-worker --control --measure=false). On SIGTERM it finishes the present call; a second\n" +
			"one cuts it. After a crash it finds what it had in hand and goes on; see deploy/systemd.",
		Args: args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := open(cmd)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), s, workerRoles(s, control, measure))
		},
	}
	cmd.Flags().BoolVar(&control, "control", false, "serve workflows and database work too; at least one worker must")
	cmd.Flags().BoolVar(&measure, "measure", true, "measure on this host")
	return cmd
}

func workerRoles(s *session, control, measure bool) app.Roles {
	roles := app.Roles{Control: control}
	if measure {
		roles.Host = s.settings.Host
		if roles.Host == "" {
			roles.Host = config.OwnHostName()
		}
	}
	return roles
}

// errStopped ends a worker that was told a second time to stop, or that took
// longer than it may.
var errStopped = errors.New("the worker was stopped in the middle of a call, which is measured again when a worker is back")

// stopMargin is what a stopping worker may take beyond its present call, for the
// end of a segment and for giving back what it holds.
const stopMargin = 15 * time.Second

// serve runs a worker until ctx ends or the worker fails for good. A service
// manager is expected to start it again.
func serve(ctx context.Context, s *session, roles app.Roles) error {
	s.log = telemetry.Logger(s.err, false)
	sd := manager{log: s.log}
	sd.starting("waits for its servers")
	a, err := connectPatiently(ctx, s)
	if err != nil {
		return err
	}
	defer within(stopMargin/3, a.Close)
	sd.starting("takes its host's name")
	w, err := a.StartWorker(ctx, roles)
	if err != nil {
		return err
	}
	forget, err := rememberWorker(s, roles)
	if err != nil {
		w.Stop()
		return err
	}
	defer forget()
	s.log.Info("worker serves", "host", roles.Host, "control", roles.Control, "build", version.String(), "pid", os.Getpid())
	sd.ready(servesWhat(roles))
	beating, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	go sd.beat(beating, w.Alive)
	select {
	case <-ctx.Done():
		sd.stopping(s.settings.Worker.StopTimeout + stopMargin)
		return drain(s, w)
	case err := <-w.Failed():
		if fault.CodeOf(err) != fault.CodeLeaseLost {
			w.Stop()
		} // else nothing that it still measures can be stored: it ends at once
		return fmt.Errorf("worker can serve no more: %w", err)
	}
}

func servesWhat(roles app.Roles) string {
	switch {
	case roles.Host == "":
		return "serves sweeps"
	case roles.Control:
		return "serves sweeps and measures on host " + roles.Host
	default:
		return "measures on host " + roles.Host
	}
}

// drain lets the worker finish its present call. A second signal, or a call that
// takes longer than settings allow, cuts it.
func drain(s *session, w *app.Worker) error {
	again := make(chan os.Signal, 1)
	signal.Notify(again, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(again)
	began := time.Now()
	s.log.Info("worker stops after its present call", "at_most", s.settings.Worker.StopTimeout.String())
	stopped := make(chan struct{})
	go func() { defer close(stopped); w.Stop() }()
	limit := time.NewTimer(s.settings.Worker.StopTimeout + stopMargin/2)
	defer limit.Stop()
	select {
	case <-stopped:
		s.log.Info("worker stopped", "after", time.Since(began).Round(time.Millisecond).String())
		return nil
	case <-again:
	case <-limit.C:
	}
	return errStopped
}

// within runs an end that may hang on a server, and leaves it when time is up:
// the process ends, and that frees everything.
func within(limit time.Duration, end func()) {
	done := make(chan struct{})
	go func() { defer close(done); end() }()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// connectPatiently waits for servers that start after the worker does, as
// after a power cut, and gives up after five minutes.
func connectPatiently(ctx context.Context, s *session) (*app.App, error) {
	const patience = 5 * time.Minute
	began := time.Now()
	for {
		a, err := app.Connect(ctx, app.Options{Settings: s.settings, Log: s.log})
		if err == nil || time.Since(began) > patience || codeOf(err) == ExitWrongUse {
			return a, err
		}
		s.log.Warn("servers do not answer yet", "error", err.Error())
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(3 * time.Second):
		}
	}
}

func workerLog(state string) string { return filepath.Join(state, "logs", "worker.log") }
