package app

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/meters/trace"
	"github.com/wattsweep/wattsweep/internal/meters/trace/parquet"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/version"
)

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
		row, done := jsonRows(w)
		return newRowSink(row, done, nil)
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

func jsonRows(w io.Writer) (row func(parquet.Row) error, done func() error) {
	out := json.NewEncoder(w)
	row = func(r parquet.Row) error {
		return out.Encode(jsonRow{
			r.Cell, r.Epoch, r.Phase, r.Run, r.No, r.Meter, r.Channel, r.Unit, r.Scope, r.Sensor, r.Simulated, r.Estimated,
			r.At(), r.MonotonicNS, r.Value, r.State, r.Reason,
		})
	}
	return row, func() error { return nil }
}
