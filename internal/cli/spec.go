package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/wattsweep/wattsweep/config"
	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/bench"
)

func newValidate() *cobra.Command {
	return &cobra.Command{
		Use:   "validate SPEC",
		Short: "Check a sweep spec; says all that is wrong at once",
		Args:  args(1),
		RunE: func(cmd *cobra.Command, in []string) error {
			plan, err := planOf(in[0])
			if err != nil {
				return err
			}
			say(cmd.OutOrStdout(), "%s: valid; sweep %s (%s), %d cells\n", in[0], plan.Sweep, plan.Name, len(plan.Cells))
			return nil
		},
	}
}

func newPlan() *cobra.Command {
	return &cobra.Command{
		Use:   "plan SPEC",
		Short: "List the cells that a spec would measure, in order",
		Args:  args(1),
		RunE: func(cmd *cobra.Command, in []string) error {
			s, err := open(cmd)
			if err != nil {
				return err
			}
			plan, err := planOf(in[0])
			if err != nil {
				return err
			}
			rows := make([][]string, len(plan.Cells))
			for i, c := range plan.Cells {
				rows[i] = []string{
					strconv.Itoa(c.Seq), string(c.ID), c.At.Host, c.At.Runtime, c.At.Model, c.At.Task, c.At.Dataset,
					c.At.Language, c.At.Load, strconv.Itoa(c.Config.Runs), strconv.Itoa(len(c.Config.Model.Ladder)),
				}
			}
			return listing(s.out, s.settings.Output,
				[]string{"#", "cell", "host", "runtime", "model", "task", "dataset", "lang", "load", "runs", "rungs"}, rows, plan)
		},
	}
}

func planOf(path string) (bench.Plan, error) {
	spec, err := loadSpec(path)
	if err != nil {
		return bench.Plan{}, err
	}
	return spec.Plan()
}

// loadSpec reads a spec file; "demo" is the built-in one.
func loadSpec(path string) (*config.Spec, error) {
	if path == "demo" {
		return config.ParseSpec("demo", config.DemoSpec(), app.SpecOptions())
	}
	return config.LoadSpec(path, app.SpecOptions())
}

func newRun() *cobra.Command {
	var wait bool
	var priority int
	cmd := &cobra.Command{
		Use:   "run SPEC",
		Short: "Launch a sweep; the same spec again is the same sweep",
		Args:  args(1),
		RunE: func(cmd *cobra.Command, in []string) error {
			if err := checkPriority(cmd, priority); err != nil {
				return err
			}
			spec, err := loadSpec(in[0])
			if err != nil {
				return err
			}
			return connected(cmd, app.TemporalNeeded, func(ctx context.Context, s *session, a *app.App) error {
				launched, err := a.Launch(ctx, spec, app.LaunchOptions{Owner: userName(), Priority: priority})
				if err != nil {
					return err
				}
				announce(s, a, launched)
				noteStored(s, launched, priority)
				if wait {
					if err := watch(ctx, s, a, launched.Plan.Sweep, goesOn(launched.Plan.Sweep)); err != nil {
						return err
					}
					return judgeEnded(ctx, s, a, launched.Plan.Sweep)
				}
				p, err := a.Progress(ctx, launched.Plan.Sweep)
				if err != nil {
					return err
				}
				warnUnserved(ctx, s, a, p.Hosts, p.Closed)
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "follow the sweep to its end and judge it by its targets; Ctrl-C leaves it running")
	cmd.Flags().IntVar(&priority, "priority", 0, "place among other sweeps on a host, 1 first to 5 last (default the spec's, else 3)")
	return cmd
}

// announce says what a launch did and how to go on.
func announce(s *session, a *app.App, l app.Launched) {
	say(s.out, "%s\n", launchText(l))
	if a.UIURL != "" {
		say(s.out, "Temporal UI: %s\n", sweepURL(a, l.Plan.Sweep))
	}
	if !l.Already {
		say(s.out, "follow it:   wattsweep watch %s\n", l.Plan.Sweep)
	}
	say(s.out, "report:      wattsweep report %s\n", l.Plan.Sweep)
}

// launchText says what a launch did, in a line that begins with "sweep ID".
func launchText(l app.Launched) string {
	id, what := l.Plan.Sweep, fmt.Sprintf("%s, %d cells", l.Plan.Name, len(l.Plan.Cells))
	switch {
	case l.Already && l.Undone > 0:
		return fmt.Sprintf("sweep %s ended as %s: %s, %d of them not done; wattsweep retry %s measures what is left", id, l.State, what, l.Undone, id)
	case l.Already:
		return fmt.Sprintf("sweep %s is done already; nothing is measured again: %s", id, what)
	case !l.Created:
		return fmt.Sprintf("sweep %s is the same as before and goes on: %s", id, what)
	}
	return fmt.Sprintf("sweep %s launched: %s", id, what)
}

// sweepURL is where the Temporal UI shows a sweep's benchmarks.
func sweepURL(a *app.App, id bench.SweepID) string {
	return fmt.Sprintf("%s/namespaces/%s/workflows?query=BenchSweep%%3D%%22%s%%22", a.UIURL, a.Namespace, id)
}

// args demands exactly n arguments, as wrong use.
func args(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, in []string) error {
		if err := cobra.ExactArgs(n)(cmd, in); err != nil {
			return errUsage{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
		}
		return nil
	}
}
