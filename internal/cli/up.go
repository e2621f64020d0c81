package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/localstack"
)

func newUp() *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start Postgres, Temporal, Ollama and a worker here, and leave them up",
		Args:  args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := open(cmd)
			if err != nil {
				return err
			}
			if err := useOllama(cmd.Context(), s, address); err != nil {
				return err
			}
			host := s.localHost()
			if rec, up := runningWorker(s.settings.State); up && s.settings.Host == "" {
				host = rec.Host // whatever it measures, it is up
			}
			a, rec, err := bringUp(cmd.Context(), s, host)
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
	addOllama(cmd, &address)
	return cmd
}

// bringUp starts what is not up yet and leaves it running, with a worker for
// host. What it started it takes down again when it fails.
func bringUp(ctx context.Context, s *session, host string) (_ *app.App, _ workerRecord, err error) {
	opts, err := app.StackOptions(s.settings)
	if err != nil {
		return nil, workerRecord{}, err
	}
	if err := hostIsFree(s, host); err != nil {
		return nil, workerRecord{}, err
	}
	opts.Detach, opts.Owner, opts.Progress = true, "wattsweep up", localstack.PrintTo(s.err)
	stack, err := localstack.Start(ctx, opts)
	if err != nil {
		return nil, workerRecord{}, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, takeDown(ctx, stack))
		}
	}()
	a, err := app.Connect(ctx, app.Options{Settings: s.settings, Log: s.log, Stack: stack})
	if err != nil {
		return nil, workerRecord{}, err
	}
	rec, err := startWorker(ctx, s, host)
	if err != nil {
		a.Close()
		return nil, workerRecord{}, err
	}
	return a, rec, nil
}

// hostIsFree refuses, before anything is started, what would fail in the end: a
// worker of this state folder that measures on another host, or a worker of
// another folder that measures on this one.
func hostIsFree(s *session, host string) error {
	rec, up := runningWorker(s.settings.State)
	switch {
	case !up:
		return app.CheckHost(host, s.settings.Worker.ShareMachine)
	case rec.Host != host:
		return fault.New(fault.Invalid, "", "wattsweep down ends that worker",
			"the worker of %s (process %d) serves host %q, host %q is wanted", s.settings.State, rec.PID, rec.Host, host)
	}
	return nil
}

// takeDown ends the servers that this command started, also after an interrupt.
func takeDown(ctx context.Context, stack *localstack.Stack) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
	defer cancel()
	return stack.Stop(ctx)
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
