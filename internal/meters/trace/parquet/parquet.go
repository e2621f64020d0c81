// Package parquet writes traces as Apache Parquet: one row for each reading,
// with its series, its channel, both clocks, and its state. A reading without a
// usable value has a null value and says why; zero is never a stand-in.
//
// The columns, in order:
//
//	cell, epoch, phase, run, no, meter   the window that was sampled, and by what
//	channel, unit, scope, sensor         what was read, and how the source makes it
//	simulated, estimated                 whether the channel is made up, or derived from stated watts
//	at_utc                               wall clock, ns since 1970 UTC: the host's anchor and monotonic_ns
//	monotonic_ns                         stamp since the anchor, kept to 1 µs
//	value                                in the unit; null unless state is ok or wrapped
//	state, reason                        ok, missing, stale, reset, wrapped, out_of_range; why, unless ok
package parquet

import (
	"fmt"
	"io"
	"sort"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters/trace"
)

// Provenance is what a reader of the file needs to know besides its rows. It is
// written as metadata of the file under the keys wattsweep.version, .sweep,
// .host and .boot_id.
type Provenance struct {
	Version string // of wattsweep, with its commit
	Sweep   bench.SweepID
	Host    string
	BootID  string
}

// Row is one reading.
type Row struct {
	Cell        string   `parquet:"cell,dict"`
	Epoch       int32    `parquet:"epoch,dict"`
	Phase       string   `parquet:"phase,dict"`
	Run         int32    `parquet:"run,dict"`
	No          int32    `parquet:"no,dict"`
	Meter       string   `parquet:"meter,dict"`
	Channel     string   `parquet:"channel,dict"`
	Unit        string   `parquet:"unit,dict"`
	Scope       string   `parquet:"scope,dict"`
	Sensor      string   `parquet:"sensor,dict"`
	Simulated   bool     `parquet:"simulated"`
	Estimated   bool     `parquet:"estimated"`
	AtUTC       int64    `parquet:"at_utc,timestamp(nanosecond),delta"`
	MonotonicNS int64    `parquet:"monotonic_ns,delta"`
	Value       *float64 `parquet:"value,optional"`
	State       string   `parquet:"state,dict"`
	Reason      string   `parquet:"reason,dict"`
}

// The writer's memory: what a row group holds, and how many rows are handed
// over at once.
const (
	groupRows = 1 << 17
	batchRows = 1 << 12
)

// Writer writes a file series by series. What it holds in memory does not grow
// with the file.
type Writer struct {
	file *parquet.GenericWriter[Row]
	rows []Row
	// values backs the pointers of the rows.
	values []float64
}

// NewWriter begins a file on w. Close ends it.
func NewWriter(w io.Writer, p Provenance) *Writer {
	return &Writer{
		rows: make([]Row, 0, batchRows), values: make([]float64, batchRows),
		file: parquet.NewGenericWriter[Row](w,
			parquet.Compression(&zstd.Codec{}),
			parquet.MaxRowsPerRowGroup(groupRows),
			parquet.CreatedBy("wattsweep", p.Version, ""),
			parquet.KeyValueMetadata("wattsweep.version", p.Version),
			parquet.KeyValueMetadata("wattsweep.sweep", string(p.Sweep)),
			parquet.KeyValueMetadata("wattsweep.host", p.Host),
			parquet.KeyValueMetadata("wattsweep.boot_id", p.BootID),
		),
	}
}

// Write adds the readings of a series, block by block, in each channel after
// channel. A tick that stands in two blocks is written once.
func (w *Writer) Write(series bench.TraceSeries, blocks []bench.TraceBlock) error {
	before := int64(-1)
	for _, one := range blocks {
		s, err := trace.Load(series, []bench.TraceBlock{one}, nil)
		if err != nil {
			return fmt.Errorf("export block %d of %s: %w", one.No, series.Meter, err)
		}
		fresh := sort.Search(len(s.Seq), func(i int) bool { return s.Seq[i] > before })
		if len(s.Seq) > fresh {
			before = s.Seq[len(s.Seq)-1]
		}
		for ch := range series.Channels {
			if err := w.channel(s, ch, fresh); err != nil {
				return err
			}
		}
	}
	return w.flush()
}

func (w *Writer) channel(s trace.Samples, ch, fresh int) error {
	k, c := s.Series.TraceKey, s.Series.Channels[ch]
	row := Row{
		Cell: string(k.Cell), Epoch: int32(k.Epoch), Phase: string(k.Phase), Run: int32(k.Run), No: int32(k.No), //nolint:gosec // small numbers
		Meter: k.Meter, Channel: c.Name, Unit: string(c.Unit), Scope: string(c.Scope), Sensor: string(c.Sensor),
		Simulated: c.Simulated, Estimated: c.Estimated,
	}
	anchor := s.Series.Anchor.UnixNano()
	for _, r := range s.Readings[ch][fresh:] {
		row.MonotonicNS = int64(r.At)
		row.AtUTC = anchor + int64(r.At)
		row.State, row.Reason, row.Value = r.State.String(), s.Reason(r), nil
		if r.Has() {
			at := len(w.rows)
			w.values[at] = r.Value
			row.Value = &w.values[at]
		}
		w.rows = append(w.rows, row)
		if len(w.rows) == batchRows {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *Writer) flush() error {
	if len(w.rows) == 0 {
		return nil
	}
	if _, err := w.file.Write(w.rows); err != nil {
		return fmt.Errorf("write %d rows of Parquet: %w", len(w.rows), err)
	}
	w.rows = w.rows[:0]
	return nil
}

// Close writes what is left and the file's end. The writer below stays open.
func (w *Writer) Close() error {
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.file.Close(); err != nil {
		return fmt.Errorf("end Parquet file: %w", err)
	}
	return nil
}

// At gives the wall-clock time of a row.
func (r Row) At() time.Time { return time.Unix(0, r.AtUTC).UTC() }
