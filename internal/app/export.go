package app

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/meters/trace"
	"github.com/wattsweep/wattsweep/internal/meters/trace/parquet"
	"github.com/wattsweep/wattsweep/internal/report"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/version"
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

// traceSink takes traces series by series.
type traceSink interface {
	Write(series bench.TraceSeries, blocks []bench.TraceBlock) error
	Close() error
}

func (e *exporter) sink(w io.Writer, c store.Cell) (traceSink, error) {
	switch e.opts.Format {
	case "csv":
		return newRowSink(csvRows(w))
	case "json":
		return newRowSink(jsonRows(w))
	case "parquet":
		p := parquet.Provenance{Version: version.String(), Sweep: c.Sweep, Host: c.At.Host}
		for _, h := range e.results.Provenance.Hosts {
			if h.Host == c.At.Host {
				p.BootID = h.BootID
			}
		}
		return parquet.NewWriter(w, p), nil
	}
	return nil, fault.New(fault.Invalid, "", "use parquet, csv or json", "traces cannot be written as %q", e.opts.Format)
}

// series writes the wanted channels of one series and counts their readings.
func (e *exporter) series(out traceSink, t store.Trace) (int64, error) {
	var places []int
	narrow := t.Series
	narrow.Channels = nil
	for i, c := range t.Series.Channels {
		if e.opts.Channel == nil || e.opts.Channel(c.Name) {
			places, narrow.Channels = append(places, i), append(narrow.Channels, c)
		}
	}
	if len(places) == 0 {
		return 0, nil
	}
	blocks, readings := t.Blocks, int64(0)
	if len(places) < len(t.Series.Channels) {
		var err error
		if blocks, err = thinned(t, narrow, places); err != nil {
			return 0, err
		}
	}
	for _, b := range blocks {
		readings += int64(b.Ticks) * int64(len(places))
	}
	return readings, out.Write(narrow, blocks)
}

// thinned encodes blocks anew with fewer channels.
func thinned(t store.Trace, narrow bench.TraceSeries, places []int) ([]bench.TraceBlock, error) {
	wanted := map[int]bool{}
	for _, at := range places {
		wanted[at] = true
	}
	blocks := make([]bench.TraceBlock, 0, len(t.Blocks))
	for _, b := range t.Blocks {
		s, err := trace.Load(t.Series, []bench.TraceBlock{b}, func(channel int) bool { return wanted[channel] })
		if err != nil {
			return nil, fmt.Errorf("read block %d of %s: %w", b.No, t.Series.Meter, err)
		}
		encoder := trace.NewEncoder(narrow.Channels, narrow.Interval)
		row := make([]bench.Reading, len(places))
		for tick, seq := range s.Seq {
			for to, from := range places {
				row[to] = s.Readings[from][tick]
			}
			encoder.Add(seq, row)
		}
		b.Data = encoder.Encode(0, encoder.Len())
		blocks = append(blocks, b)
	}
	return blocks, nil
}

// rowSink writes a row per reading, under the names of the columns that
// package parquet has.
type rowSink struct {
	row  func(parquet.Row) error
	done func() error
}

func newRowSink(row func(parquet.Row) error, done func() error, err error) (*rowSink, error) {
	return &rowSink{row, done}, err
}

// Write writes the readings of a series; a tick that stands in two blocks is
// written once.
func (s *rowSink) Write(series bench.TraceSeries, blocks []bench.TraceBlock) error {
	all, err := trace.Load(series, blocks, nil)
	if err != nil {
		return err
	}
	k := series.TraceKey
	for ch, c := range series.Channels {
		row := parquet.Row{
			Cell: string(k.Cell), Epoch: int32(k.Epoch), Phase: string(k.Phase), Run: int32(k.Run), No: int32(k.No), //nolint:gosec // small numbers
			Meter: k.Meter, Channel: c.Name, Unit: string(c.Unit), Scope: string(c.Scope), Sensor: string(c.Sensor),
			Simulated: c.Simulated, Estimated: c.Estimated,
		}
		for _, r := range all.Readings[ch] {
			row.MonotonicNS, row.AtUTC = int64(r.At), series.Anchor.UnixNano()+int64(r.At)
			row.State, row.Reason, row.Value = r.State.String(), all.Reason(r), nil
			if r.Has() {
				row.Value = &r.Value
			}
			if err := s.row(row); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close ends the file.
func (s *rowSink) Close() error { return s.done() }

func traceColumns() []string {
	return []string{
		"cell", "epoch", "phase", "run", "no", "meter", "channel", "unit", "scope", "sensor", "simulated", "estimated",
		"at_utc", "monotonic_ns", "value", "state", "reason",
	}
}

func csvRows(w io.Writer) (row func(parquet.Row) error, done func() error, err error) {
	out := csv.NewWriter(w)
	row = func(r parquet.Row) error {
		value := ""
		if r.Value != nil {
			value = strconv.FormatFloat(*r.Value, 'g', -1, 64)
		}
		return out.Write([]string{
			r.Cell, strconv.Itoa(int(r.Epoch)), r.Phase, strconv.Itoa(int(r.Run)), strconv.Itoa(int(r.No)), r.Meter, r.Channel, r.Unit, r.Scope,
			r.Sensor, strconv.FormatBool(r.Simulated), strconv.FormatBool(r.Estimated), r.At().Format(time.RFC3339Nano),
			strconv.FormatInt(r.MonotonicNS, 10), value, r.State, r.Reason,
		})
	}
	done = func() error {
		out.Flush()
		return out.Error()
	}
	return row, done, out.Write(traceColumns())
}

// jsonRow is a reading as JSON, with the names of the columns.
type jsonRow struct {
	Cell        string    `json:"cell"`
	Epoch       int32     `json:"epoch"`
	Phase       string    `json:"phase"`
	Run         int32     `json:"run"`
	No          int32     `json:"no"`
	Meter       string    `json:"meter"`
	Channel     string    `json:"channel"`
	Unit        string    `json:"unit"`
	Scope       string    `json:"scope"`
	Sensor      string    `json:"sensor"`
	Simulated   bool      `json:"simulated"`
	Estimated   bool      `json:"estimated"`
	AtUTC       time.Time `json:"at_utc"`
	MonotonicNS int64     `json:"monotonic_ns"`
	Value       *float64  `json:"value"`
	State       string    `json:"state"`
	Reason      string    `json:"reason"`
}

func jsonRows(w io.Writer) (row func(parquet.Row) error, done func() error, err error) {
	out := json.NewEncoder(w)
	row = func(r parquet.Row) error {
		return out.Encode(jsonRow{
			r.Cell, r.Epoch, r.Phase, r.Run, r.No, r.Meter, r.Channel, r.Unit, r.Scope, r.Sensor, r.Simulated, r.Estimated,
			r.At(), r.MonotonicNS, r.Value, r.State, r.Reason,
		})
	}
	return row, func() error { return nil }, nil
}
