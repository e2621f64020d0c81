package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/wattsweep/wattsweep/config"
	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/telemetry"
	"github.com/wattsweep/wattsweep/internal/version"
)

func newWorker() *cobra.Command {
	var control, measure bool
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Measure on this host, and serve sweeps; runs until it is stopped",
		Long: "The program on a GPU host (wattsweep-worker --host NAME) and on the control node\n" +
			"(wattsweep-worker --control --measure=false). On SIGTERM it finishes the present call.",
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

// serve runs a worker until ctx ends or the worker fails for good. A service
// manager is expected to start it again.
func serve(ctx context.Context, s *session, roles app.Roles) error {
	s.log = telemetry.Logger(s.err, false)
	a, err := connectPatiently(ctx, s)
	if err != nil {
		return err
	}
	defer a.Close()
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
	select {
	case <-ctx.Done():
		s.log.Info("worker stops after its present call")
		w.Stop()
		return nil
	case err := <-w.Failed():
		w.Stop()
		return fmt.Errorf("worker can serve no more: %w", err)
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
