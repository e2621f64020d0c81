package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/report"
	"github.com/wattsweep/wattsweep/internal/store"
)

// ExportOptions say what leaves the database, and as what.
type ExportOptions struct {
	Dir    string
	Format string // of traces: parquet, csv or json (one object per line)
	// Cells to export; empty: all.
	Cells []bench.CellID
	// Channel tells which channels of traces are wanted; nil: all.
	Channel func(name string) bool
}

// Exported is a file that an export wrote.
type Exported struct {
	Path    string       `json:"path"`
	What    string       `json:"what"` // traces, calls, results, phases
	Cell    bench.CellID `json:"cell,omitempty"`
	Samples int64        `json:"samples"` // readings, of traces
	Bytes   int64        `json:"bytes"`
}

// ExportFormats lists what traces can be written as.
func ExportFormats() []string { return []string{"parquet", "csv", "json"} }

// Export writes a sweep's results, calls and phases, and the traces of its
// cells, a file for each. Figures without provenance write nothing.
func (a *App) Export(ctx context.Context, id bench.SweepID, opts ExportOptions) ([]Exported, error) {
	results, err := a.Results(ctx, id)
	if err != nil {
		return nil, err
	}
	cells, err := a.Store.Cells(ctx, id)
	if err != nil {
		return nil, err
	}
	if cells, err = chosenCells(cells, opts.Cells); err != nil {
		return nil, err
	}
	e := exporter{
		opts: opts, traces: a.Store, results: narrowed(results, cells),
		calls: func(w io.Writer) error { return report.CallsCSV(w, ofCells(a.CallRows(ctx, id), cells)) },
	}
	return e.run(ctx, cells)
}

// traceReader is what an export needs of the store.
type traceReader interface {
	Traces(ctx context.Context, q store.TraceQuery, visit func(store.Trace) error) error
}

// exporter writes one export.
type exporter struct {
	opts    ExportOptions
	traces  traceReader
	results bench.Results
	calls   func(io.Writer) error
	done    []Exported
}

func (e *exporter) run(ctx context.Context, cells []store.Cell) ([]Exported, error) {
	if err := report.Verify(e.results); err != nil {
		return nil, fault.New(fault.Invalid, "", "measure again with this version, or report what it names",
			"export sweep %s: figures without provenance are not exported: %w", e.results.Sweep.ID, err)
	}
	if err := os.MkdirAll(e.opts.Dir, 0o755); err != nil { //nolint:gosec // an export is made to be read by others
		return nil, fault.New(fault.Invalid, "", "choose a folder that can be written to", "make folder %s: %w", e.opts.Dir, err)
	}
	for _, one := range []struct {
		name, what string
		write      func(io.Writer) error
	}{
		{report.JSONFile, "results", func(w io.Writer) error { return report.JSON(w, e.results) }},
		{report.CallsFile, "calls", e.calls},
		{report.PhasesFile, "phases", func(w io.Writer) error { return report.PhasesCSV(w, e.results) }},
		{report.MetricsFile, "metrics", func(w io.Writer) error { return report.MetricsCSV(w, e.results) }},
		{report.CurvesFile, "curves", func(w io.Writer) error { return report.CurvesCSV(w, e.results) }},
	} {
		if err := e.file(one.name, Exported{What: one.what}, func(w io.Writer, _ *Exported) error { return one.write(w) }); err != nil {
			return e.done, err
		}
	}
	for _, c := range cells {
		if err := e.cellTraces(ctx, c); err != nil {
			return e.done, err
		}
	}
	return e.done, nil
}

// file writes one file in full beside its place and then puts it there, so
// that a full disk leaves what was there before.
func (e *exporter) file(name string, about Exported, write func(io.Writer, *Exported) error) error {
	place := filepath.Join(e.opts.Dir, name)
	part, err := os.CreateTemp(e.opts.Dir, "."+name+".*")
	if err != nil {
		return fault.New(fault.Invalid, "", "choose a folder that can be written to", "export to %s: %w", place, err)
	}
	defer func() { _ = os.Remove(part.Name()) }() // gone already when it was put in place
	buffer := bufio.NewWriterSize(part, 1<<18)
	err = write(buffer, &about)
	for _, end := range []func() error{buffer.Flush, part.Sync, func() error { return part.Chmod(0o644) }} {
		if failed := end(); err == nil {
			err = failed
		}
	}
	info, statErr := part.Stat()
	if closed := part.Close(); err == nil {
		err = errors.Join(statErr, closed)
	}
	if err != nil {
		return fmt.Errorf("export to %s: %w", place, err)
	}
	if e.skips(about) {
		return nil
	}
	if err := os.Rename(part.Name(), place); err != nil {
		return fault.New(fault.Invalid, "", "choose another folder", "put %s in place: %w", place, err)
	}
	about.Path, about.Bytes = place, info.Size()
	e.done = append(e.done, about)
	return nil
}

// skips tells whether a file is left out: traces that hold nothing.
func (e *exporter) skips(about Exported) bool { return about.What == "traces" && about.Samples == 0 }

// cellTraces writes the traces of one cell: those of its present epoch and
// those of the cell as a whole.
func (e *exporter) cellTraces(ctx context.Context, c store.Cell) error {
	name := fmt.Sprintf("traces-%03d-%s.%s", c.Seq, c.ID, extension(e.opts.Format))
	return e.file(name, Exported{What: "traces", Cell: c.ID}, func(w io.Writer, about *Exported) error {
		out, err := e.sink(w, c)
		if err != nil {
			return err
		}
		epochs := []int{0, c.Epoch}
		if c.Epoch == 0 {
			epochs = epochs[:1]
		}
		for _, epoch := range epochs {
			err := e.traces.Traces(ctx, store.TraceQuery{Cell: c.ID, Epoch: epoch}, func(t store.Trace) error {
				n, err := e.series(out, t)
				about.Samples += n
				return err
			})
			if err != nil {
				return err
			}
		}
		return out.Close()
	})
}

func extension(format string) string {
	if format == "json" {
		return "jsonl"
	}
	return format
}
