package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/version"
)

func newRollout() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rollout",
		Short: "Show which builds of the control worker serve, and what still runs on each",
		Long: "With the setting worker.versioning several builds of the control worker can serve at once:\n" +
			"a cell that runs stays with the build that began it, new cells go to the current build.\n" +
			"Start the new build's worker, make it current with `wattsweep rollout set`, and stop the\n" +
			"old one when it is drained. docs/operations.md tells the whole of it.",
		Args: args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return connected(cmd, app.TemporalNeeded, func(ctx context.Context, s *session, a *app.App) error {
				builds, err := a.Rollout(ctx)
				if err != nil {
					return err
				}
				return showBuilds(s, builds)
			})
		},
	}
	cmd.AddCommand(newRolloutSet(), newRolloutMove())
	return cmd
}

func newRolloutSet() *cobra.Command {
	var this bool
	cmd := &cobra.Command{
		Use:   "set [BUILD]",
		Short: "Make a build current: new cells, sweeps and lanes go to it",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, in []string) error {
			if this == (len(in) == 1) {
				return fault.New(fault.Invalid, "", "name one, as wattsweep rollout lists them, or give --this", "make a build current: which one?")
			}
			build := version.String()
			if !this {
				build = in[0]
			}
			return connected(cmd, app.TemporalNeeded, func(ctx context.Context, s *session, a *app.App) error {
				changed, err := a.SetBuild(ctx, build)
				if err != nil {
					return err
				}
				if !changed {
					say(s.out, "build %s is current already\n", build)
					return nil
				}
				say(s.out, "build %s is current; wattsweep rollout tells when the others can be stopped\n", build)
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&this, "this", false, "the build of this program")
	return cmd
}

func newRolloutMove() *cobra.Command {
	return &cobra.Command{
		Use:   "move BUILD",
		Short: "Hand the cells of a build that is gone for good over to the current one",
		Args:  args(1),
		RunE: func(cmd *cobra.Command, in []string) error {
			return connected(cmd, app.TemporalNeeded, func(ctx context.Context, s *session, a *app.App) error {
				n, err := a.MoveBuild(ctx, in[0])
				if err != nil {
					return err
				}
				say(s.out, "%d cell(s) of build %s go on with the current one\n", n, in[0])
				return nil
			})
		},
	}
}

func showBuilds(s *session, builds []app.Build) error {
	if len(builds) == 0 && s.settings.Output == "table" {
		say(s.out, "no control worker serves as one build of several: the setting worker.versioning is off everywhere\n")
		return nil
	}
	rows := make([][]string, len(builds))
	for i, b := range builds {
		rows[i] = buildRow(b)
	}
	headings := []string{"build", "state", "since", "workers", "holds", "note"}
	return listing(s.out, s.settings.Output, headings, rows, append([]app.Build{}, builds...))
}

func buildRow(b app.Build) []string {
	var runs []string
	for _, name := range slices.Sorted(maps.Keys(b.Running)) {
		runs = append(runs, fmt.Sprintf("%d %s", b.Running[name], name))
	}
	var notes []string
	if b.This {
		notes = append(notes, "this program's")
	}
	switch {
	case b.Stranded():
		notes = append(notes, "its cells wait for a worker of it: start one, or wattsweep rollout move "+b.Build)
	case b.State == app.BuildCurrent && len(b.Workers) == 0:
		notes = append(notes, "nothing goes on until a worker of it is started")
	case b.State == app.BuildDrained && len(b.Workers) > 0:
		notes = append(notes, "its workers can be stopped")
	}
	since := ""
	if b.Since.Year() > 1 {
		since = ago(b.Since)
	}
	return []string{b.Build, string(b.State), since, strconv.Itoa(len(b.Workers)), strings.Join(runs, ", "), strings.Join(notes, "; ")}
}
