package cli

import (
	"cmp"
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/report"
	"github.com/wattsweep/wattsweep/internal/store"
)

func newReport() *cobra.Command {
	var dir string
	cmd := sweepCommand("report", "Print a sweep's results and write the report, its figures and tables", app.TemporalUnused,
		func(ctx context.Context, s *session, a *app.App, sw store.Sweep) error {
			return writeReport(ctx, s, a, sw.ID, cmp.Or(dir, filepath.Join("out", sw.Name)))
		})
	cmd.Flags().StringVar(&dir, "dir", "", "folder to write to (default out/NAME)")
	return cmd
}

// writeReport writes the files and prints the table and where they are.
func writeReport(ctx context.Context, s *session, a *app.App, id bench.SweepID, dir string) error {
	results, err := a.WriteReport(ctx, id, dir)
	if err != nil {
		return err
	}
	if err := report.Table(s.out, results, report.Format(s.settings.Output)); err != nil {
		return err
	}
	to := s.out
	if s.settings.Output != "table" {
		to = s.err // standard output holds the listing alone
	}
	for _, name := range report.Files() {
		say(to, "%s\n", filepath.Join(dir, name))
	}
	return nil
}
