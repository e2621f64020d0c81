package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/units"
)

// exportFlags are the flags of wattsweep export.
type exportFlags struct {
	format, dir, channels string
	cells                 []string
}

func newExport() *cobra.Command {
	var f exportFlags
	cmd := sweepCommand("export", "Write a sweep's results, calls, phases and traces (every sample) to files", app.TemporalUnused,
		func(ctx context.Context, s *session, a *app.App, sw store.Sweep) error {
			if err := f.check(); err != nil {
				return err
			}
			opts := app.ExportOptions{Dir: cmp.Or(f.dir, filepath.Join("out", sw.Name, "export")), Format: f.format}
			for _, id := range f.cells {
				opts.Cells = append(opts.Cells, bench.CellID(id))
			}
			if f.channels != "*" {
				opts.Channel = func(name string) bool { return matches(f.channels, name) }
			}
			files, err := a.Export(ctx, sw.ID, opts)
			if err != nil {
				return err
			}
			return listing(s.out, s.settings.Output, []string{"file", "what", "cell", "samples", "size"}, exportRows(files), files)
		})
	cmd.Long = "Write results.json and the tables (calls, phases, metrics, curves) as CSV, and for each cell the traces of its meters, one row per reading with\n" +
		"its state: a reading without a value has none, and says why. Figures without provenance are refused, as by report."
	cmd.Flags().StringVar(&f.format, "format", "parquet", "of traces: parquet, csv or json (one object per line)")
	cmd.Flags().StringVar(&f.dir, "out", "", "folder to write to (default out/NAME/export)")
	cmd.Flags().StringSliceVar(&f.cells, "cell", nil, "only this cell, by its id; may be given several times")
	cmd.Flags().StringVar(&f.channels, "channels", "*", "only traces of channels whose names match, such as 'gpu*' or 'rapl.*,pdu.*'")
	return cmd
}

func (f exportFlags) check() error {
	if !slices.Contains(app.ExportFormats(), f.format) {
		return errUsage{fmt.Errorf("--format %q: expected one of %s", f.format, strings.Join(app.ExportFormats(), ", "))}
	}
	for pattern := range strings.SplitSeq(f.channels, ",") {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return errUsage{fmt.Errorf("--channels %q: expected patterns such as gpu* with commas between them", f.channels)}
		}
	}
	if slices.Contains(f.cells, "") {
		return errUsage{errors.New("--cell: expected the id of a cell")}
	}
	return nil
}

func exportRows(files []app.Exported) [][]string {
	rows := make([][]string, len(files))
	for i, f := range files {
		samples := ""
		if f.What == "traces" {
			samples = strconv.FormatInt(f.Samples, 10)
		}
		rows[i] = []string{f.Path, f.What, string(f.Cell), samples, units.Bytes(f.Bytes).String()}
	}
	return rows
}
