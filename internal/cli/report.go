package cli

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/report"
)

func newReport() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "report SWEEP",
		Short: "Print a sweep's results and write report.html, results.json and calls.csv",
		Args:  args(1),
		RunE: func(cmd *cobra.Command, in []string) error {
			return connected(cmd, func(ctx context.Context, s *session, a *app.App) error {
				sw, err := findSweep(ctx, a, in[0])
				if err != nil {
					return err
				}
				if dir == "" {
					dir = filepath.Join("out", sw.Name)
				}
				return writeReport(ctx, s, a, sw.ID, dir)
			})
		},
	}
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
	for _, name := range []string{report.HTMLFile, report.JSONFile, report.CallsFile} {
		say(to, "%s\n", filepath.Join(dir, name))
	}
	return nil
}
