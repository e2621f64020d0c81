package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/report"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/targets"
)

func newReport() *cobra.Command {
	var dir string
	var texts []string
	cmd := &cobra.Command{
		Use:   "report SWEEP",
		Short: "Print a sweep's results and write the report, its figures and tables",
		Long: "Prints a sweep's results and writes the report: a page, and all figures as results.json and CSV.\n" +
			"Where targets are set, it ends with 3 if one failed and with 4 if one is not decided.",
		Args: args(1),
		RunE: func(cmd *cobra.Command, in []string) error {
			rules, err := targets.ParseAll(texts)
			if err != nil {
				return err
			}
			return onSweep(cmd, app.TemporalUnused, in[0], func(ctx context.Context, s *session, a *app.App, sw store.Sweep) error {
				return writeReport(ctx, s, a, sw.ID, cmp.Or(dir, filepath.Join("out", sw.Name)), rules...)
			})
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "folder to write to (default out/NAME)")
	addTargets(cmd, &texts)
	return cmd
}

// writeReport writes the files and prints the table and where they are. It is
// an error with an exit code of its own if a target is not met.
func writeReport(ctx context.Context, s *session, a *app.App, id bench.SweepID, dir string, rules ...targets.Rule) error {
	results, err := a.WriteReport(ctx, id, dir, rules)
	if err != nil {
		return err
	}
	to := s.err // standard output holds the listing alone
	switch s.settings.Output {
	case "json":
		err = show(s.out, filepath.Join(dir, report.JSONFile))
	case "csv":
		err = show(s.out, filepath.Join(dir, report.CellsFile))
	default:
		to = s.out
		err = report.Table(s.out, results, report.Format(s.settings.Output))
	}
	if err != nil {
		return err
	}
	for _, name := range report.Files() {
		say(to, "%s\n", filepath.Join(dir, name))
	}
	return judged(id, results.Targets)
}

// show prints a file that was just written.
func show(w io.Writer, path string) error {
	f, err := os.Open(path) //nolint:gosec // the report's own file
	if err != nil {
		return fmt.Errorf("print the report: %w", err)
	}
	_, err = io.Copy(w, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("print %s: %w", path, err)
	}
	return nil
}
