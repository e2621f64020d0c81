package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/localstack"
)

func newUp() *cobra.Command {
	return &cobra.Command{
		Use:   "up",
		Short: "Start Postgres, Temporal, Ollama and a worker here, and leave them up",
		Args:  args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := open(cmd)
			if err != nil {
				return err
			}
			a, rec, err := bringUp(cmd.Context(), s)
			if err != nil {
				return err
			}
			defer a.Close()
			say(s.out, "up. Temporal UI: %s\n", a.UIURL)
			say(s.out, "    worker %d measures on host %q; its log is %s\n", rec.PID, rec.Host, workerLog(s.settings.State))
			say(s.out, "next: wattsweep run SPEC, wattsweep list; wattsweep down ends all\n")
			return nil
		},
	}
}

// bringUp starts what is not up yet and leaves it running.
func bringUp(ctx context.Context, s *session) (*app.App, workerRecord, error) {
	opts, err := app.StackOptions(s.settings)
	if err != nil {
		return nil, workerRecord{}, err
	}
	opts.Detach, opts.Owner, opts.Progress = true, "wattsweep up", localstack.PrintTo(s.err)
	stack, err := localstack.Start(ctx, opts)
	if err != nil {
		return nil, workerRecord{}, err
	}
	a, err := app.Connect(ctx, app.Options{Settings: s.settings, Log: s.log, Stack: stack})
	if err != nil {
		return nil, workerRecord{}, err
	}
	rec, err := startWorker(ctx, s, s.localHost())
	if err != nil {
		a.Close()
		return nil, workerRecord{}, err
	}
	return a, rec, nil
}

func newDown() *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Stop the worker and the servers of the state folder; data stays",
		Args:  args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := open(cmd)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), 5*time.Minute)
			defer cancel()
			stopped, err := stopWorker(ctx, s)
			if err != nil {
				return err
			}
			if stopped {
				say(s.err, "worker    ended\n")
			}
			if err := localstack.Down(ctx, s.settings.State, localstack.PrintTo(s.err)); err != nil {
				return fmt.Errorf("take servers down: %w", err)
			}
			say(s.out, "down; data stays in %s\n", s.settings.State)
			return nil
		},
	}
}
