package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/store"
)

// extendOptions say by what a sweep grows: a spec, or hosts.
type extendOptions struct {
	spec  string
	hosts []string
	like  string
	dry   bool
}

func newExtend() *cobra.Command {
	var q asked
	var o extendOptions
	cmd := &cobra.Command{
		Use:   "extend SWEEP [SPEC]",
		Short: "Add cells or hosts to a sweep, also while it runs or after its end",
		Long: "Add cells or hosts to a sweep, also while it runs or after its end.\n\n" +
			"With a spec, the cells of its matrix that the sweep has not are added; cells that are the same are left,\n" +
			"and so are those that the spec lacks. With --on-host, hosts are added to what the sweep was launched and\n" +
			"extended with.",
		Args: func(cmd *cobra.Command, in []string) error {
			if len(in) != 1 && len(in) != 2 {
				return errUsage{fmt.Errorf("name a sweep, and a spec or --on-host; see %s --help", cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, arg []string) error {
			if len(arg) == 2 {
				o.spec = arg[1]
			}
			if (o.spec == "") == (len(o.hosts) == 0) {
				return errUsage{errors.New("give either a spec that holds the new cells, or --on-host with the hosts to add")}
			}
			if o.like != "" && len(o.hosts) == 0 {
				return errUsage{errors.New("--like goes with --on-host: it says whose cells the new hosts get")}
			}
			return onSweep(cmd, app.TemporalNeeded, arg[0], func(ctx context.Context, s *session, a *app.App, sw store.Sweep) error {
				return extend(ctx, s, a, sw, o, q)
			})
		},
	}
	cmd.Flags().StringSliceVar(&o.hosts, "on-host", nil, "hosts to add")
	cmd.Flags().StringVar(&o.like, "like", "", "give the new hosts the cells that this host of the sweep has, as they are stored")
	cmd.Flags().BoolVar(&o.dry, "dry-run", false, "show what would be added, and add nothing")
	q.flags(cmd)
	return cmd
}

func extend(ctx context.Context, s *session, a *app.App, sw store.Sweep, o extendOptions, q asked) error {
	in, err := q.in()
	if err != nil {
		return err
	}
	plan, err := extension(ctx, a, sw, o)
	if err != nil {
		return err
	}
	if o.dry {
		return showExtension(s, sw, plan)
	}
	got, err := a.Extend(ctx, sw, plan, in)
	if err != nil {
		return err
	}
	got.Text += beside(plan)
	if err := answered(s, sw, in, got); err != nil {
		return err
	}
	return warnSweep(ctx, s, a, sw.ID)
}

// extension works out what is to be added.
func extension(ctx context.Context, a *app.App, sw store.Sweep, o extendOptions) (app.Extension, error) {
	switch {
	case o.like != "":
		return a.PlanLike(ctx, sw, o.hosts, o.like)
	case len(o.hosts) > 0:
		return a.PlanHosts(ctx, sw, o.hosts)
	}
	spec, err := loadSpec(o.spec)
	if err != nil {
		return app.Extension{}, err
	}
	return a.PlanExtension(ctx, sw, spec)
}

// beside tells which cells an extension leaves as they are.
func beside(e app.Extension) string {
	var text string
	if e.Same > 0 {
		text += fmt.Sprintf("; %d were there already", e.Same)
	}
	if n := len(e.Lacking); n > 0 {
		var names []string
		for _, c := range e.Lacking[:min(5, n)] {
			names = append(names, string(c.ID)+" ("+c.At.String()+")")
		}
		if n > 5 {
			names = append(names, fmt.Sprintf("and %d more", n-5))
		}
		text += fmt.Sprintf("; %d that the spec lacks stay: %s", n, strings.Join(names, ", "))
	}
	return text
}

// showExtension prints what would be added.
func showExtension(s *session, sw store.Sweep, e app.Extension) error {
	rows := make([][]string, len(e.New))
	for i, c := range e.New {
		rows[i] = []string{string(c.ID), c.At.Host, c.At.Runtime, c.At.Model, c.At.Dataset, c.At.Language}
	}
	value := struct {
		Sweep   bench.SweepID `json:"sweep"`
		New     []bench.Cell  `json:"new"`
		Same    int           `json:"same"`
		Lacking []bench.Cell  `json:"lacking"`
	}{sw.ID, append([]bench.Cell{}, e.New...), e.Same, append([]bench.Cell{}, e.Lacking...)}
	if err := listing(s.out, s.settings.Output, []string{"cell", "host", "runtime", "model", "dataset", "lang"}, rows, value); err != nil {
		return err
	}
	if s.settings.Output == "table" {
		say(s.out, "%d cell(s) would be added to sweep %s%s\n", len(e.New), sw.ID, beside(e))
	}
	return nil
}
