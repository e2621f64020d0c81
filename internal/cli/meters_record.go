package cli

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/trace"
	"github.com/wattsweep/wattsweep/internal/meters/trace/parquet"
)

// recordAbout describes a recording: what a reader has to know besides rows.
type recordAbout struct {
	Wattsweep string          `json:"wattsweep"`
	Host      string          `json:"host"`
	OS        string          `json:"os"`
	Kernel    string          `json:"kernel"`
	BootID    string          `json:"boot_id"`
	Driver    string          `json:"driver,omitempty"`
	GPUs      []string        `json:"gpus"`
	Begun     time.Time       `json:"begun"`
	Anchor    time.Time       `json:"anchor"` // wall clock at monotonic zero
	Simulated bool            `json:"simulated"`
	Estimated bool            `json:"estimated"`
	Channels  []bench.Channel `json:"channels"`
	Missing   []string        `json:"meters_missing"`
}

// recorder writes every sample to a file.
type recorder interface {
	// tick writes what is wanted of one tick.
	tick(row tickRow) error
	// flush hands everything written so far to the system.
	flush() error
	close() error
}

// newRecorder makes the file by its extension. A file that is there already is
// not overwritten.
func newRecorder(path string, about recordAbout, want func(string) bool) (recorder, error) {
	extension := strings.ToLower(filepath.Ext(path))
	if extension != ".csv" && extension != ".parquet" {
		return nil, errUsage{fmt.Errorf("--record %s: the name ends in neither .csv nor .parquet", path)}
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fault.New(fault.Invalid, "", "name a file that is not there yet, in a folder that is", "record to %s: %w", path, err)
	}
	var rec recorder
	if extension == ".csv" {
		rec, err = newCSVRecorder(file, about, want)
	} else {
		rec, err = newParquetRecorder(file, about, want)
	}
	if err != nil {
		_ = file.Close() // the first error is the one to tell
		return nil, err
	}
	return rec, nil
}

// csvRecorder writes comment lines that begin with # and hold the description
// as JSON, then a row per reading.
type csvRecorder struct {
	file   *os.File
	buffer *bufio.Writer
	rows   *csv.Writer
	anchor time.Time
	want   func(string) bool
}

// recordColumns are the columns of a recording in CSV.
func recordColumns() []string {
	return []string{"time_utc", "monotonic_ns", "meter", "channel", "value", "unit", "state", "reason", "simulated", "estimated"}
}

func newCSVRecorder(file *os.File, about recordAbout, want func(string) bool) (*csvRecorder, error) {
	buffer := bufio.NewWriterSize(file, 1<<16)
	r := &csvRecorder{file: file, buffer: buffer, rows: csv.NewWriter(buffer), anchor: about.Anchor, want: want}
	if err := writeHeader(buffer, about); err != nil {
		return nil, fmt.Errorf("record to %s: %w", file.Name(), err)
	}
	if err := r.rows.Write(recordColumns()); err != nil {
		return nil, fmt.Errorf("record to %s: %w", file.Name(), err)
	}
	return r, r.flush()
}

// writeHeader writes the description, one line each for the host and for every
// channel.
func writeHeader(w io.Writer, about recordAbout) error {
	channels := about.Channels
	about.Channels = nil
	lines := []any{about}
	for _, c := range channels {
		lines = append(lines, c)
	}
	for i, line := range lines {
		kind := "channel"
		if i == 0 {
			kind = "recording"
		}
		text, err := json.Marshal(line)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "# %s %s\n", kind, text); err != nil {
			return err
		}
	}
	return nil
}

func (r *csvRecorder) tick(row tickRow) error {
	for i, reading := range row.readings {
		c := row.info.Channels[i]
		if !r.want(c.Name) {
			continue
		}
		value := ""
		if reading.Has() {
			value = plainNumber(reading.Value)
		}
		err := r.rows.Write([]string{
			r.anchor.Add(reading.At).UTC().Format(time.RFC3339Nano), strconv.FormatInt(int64(reading.At), 10), row.info.Name, c.Name,
			value, string(c.Unit), reading.State.String(), whyText(reading, row.info.Reasons),
			strconv.FormatBool(c.Simulated), strconv.FormatBool(c.Estimated),
		})
		if err != nil {
			return fmt.Errorf("record to %s: %w", r.file.Name(), err)
		}
	}
	return nil
}

func (r *csvRecorder) flush() error {
	r.rows.Flush()
	err := r.rows.Error()
	if err == nil {
		err = r.buffer.Flush()
	}
	if err != nil {
		return fault.New(fault.Unavailable, "", "free space on the disk, or record elsewhere", "record to %s: %w", r.file.Name(), err)
	}
	return nil
}

func (r *csvRecorder) close() error {
	err := r.flush()
	if closed := r.file.Close(); err == nil && closed != nil {
		err = fmt.Errorf("record to %s: %w", r.file.Name(), closed)
	}
	return err
}

// parquetRecorder writes Parquet; its description stands in a file beside it.
// The format keeps its directory at the end, so that a file is readable only
// after an orderly end.
type parquetRecorder struct {
	file   *os.File
	buffer *bufio.Writer
	out    *parquet.Writer
	about  recordAbout
	want   func(string) bool
	series map[string]*recordSeries
	order  []string
}

// recordSeries gathers the ticks of one meter until the next flush.
type recordSeries struct {
	info    meters.MeterInfo
	columns []int // places of the wanted channels
	chosen  []bench.Channel
	encoder *trace.Encoder
	row     []bench.Reading
}

func newParquetRecorder(file *os.File, about recordAbout, want func(string) bool) (*parquetRecorder, error) {
	text, err := json.MarshalIndent(about, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("describe recording: %w", err)
	}
	beside := file.Name() + ".json"
	if err := os.WriteFile(beside, append(text, '\n'), 0o644); err != nil {
		return nil, fault.New(fault.Unavailable, "", "free space on the disk, or record elsewhere", "describe recording in %s: %w", beside, err)
	}
	buffer := bufio.NewWriterSize(file, 1<<16)
	return &parquetRecorder{
		file: file, buffer: buffer, about: about, want: want, series: map[string]*recordSeries{},
		out: parquet.NewWriter(buffer, parquet.Provenance{Version: about.Wattsweep, Host: about.Host, BootID: about.BootID}),
	}, nil
}

func (r *parquetRecorder) tick(row tickRow) error {
	s, ok := r.series[row.info.Name]
	if !ok {
		s = &recordSeries{}
		for i, c := range row.info.Channels {
			if r.want(c.Name) {
				s.columns, s.chosen = append(s.columns, i), append(s.chosen, c)
			}
		}
		s.encoder = trace.NewEncoder(s.chosen, row.info.Interval)
		s.row = make([]bench.Reading, len(s.columns))
		r.series[row.info.Name] = s
		r.order = append(r.order, row.info.Name)
	}
	s.info = row.info
	if len(s.columns) == 0 {
		return nil
	}
	for to, from := range s.columns {
		s.row[to] = row.readings[from]
	}
	s.encoder.Add(row.seq, s.row)
	if s.encoder.Full() {
		return r.write(s)
	}
	return nil
}

// write hands the gathered ticks of a series to the file.
func (r *parquetRecorder) write(s *recordSeries) error {
	n := s.encoder.Len()
	if n == 0 {
		return nil
	}
	first, last := s.encoder.Span(0, n)
	series := bench.TraceSeries{
		TraceKey: bench.TraceKey{Meter: s.info.Name}, Channels: s.chosen, Interval: s.info.Interval,
		Anchor: r.about.Anchor, Reasons: s.info.Reasons,
	}
	err := r.out.Write(series, []bench.TraceBlock{{From: first, To: last, Ticks: n, Data: s.encoder.Encode(0, n)}})
	s.encoder.Reset()
	if err != nil {
		return fault.New(fault.Unavailable, "", "free space on the disk, or record elsewhere", "record to %s: %w", r.file.Name(), err)
	}
	return nil
}

func (r *parquetRecorder) flush() error {
	for _, name := range r.order {
		if err := r.write(r.series[name]); err != nil {
			return err
		}
	}
	if err := r.buffer.Flush(); err != nil {
		return fault.New(fault.Unavailable, "", "free space on the disk, or record elsewhere", "record to %s: %w", r.file.Name(), err)
	}
	return nil
}

func (r *parquetRecorder) close() error {
	err := r.flush()
	for _, end := range []func() error{r.out.Close, r.buffer.Flush, r.file.Close} {
		if failed := end(); err == nil && failed != nil {
			err = fmt.Errorf("record to %s: %w", r.file.Name(), failed)
		}
	}
	return err
}
