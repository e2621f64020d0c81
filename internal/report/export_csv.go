package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// csvFile writes rows until one fails.
type csvFile struct {
	out  *csv.Writer
	what string
	rows int
	err  error
}

func newCSVFile(w io.Writer, what string, columns []string) *csvFile {
	f := &csvFile{out: csv.NewWriter(w), what: what}
	f.row(columns)
	return f
}

func (f *csvFile) row(fields []string) {
	if f.err == nil {
		f.err = f.out.Write(fields)
		f.rows++
	}
}

func (f *csvFile) close() error {
	f.out.Flush()
	if f.err == nil {
		f.err = f.out.Error()
	}
	if f.err != nil {
		return fmt.Errorf("write %s, row %d: %w", f.what, f.rows, f.err)
	}
	return nil
}

// place are the fields that say which cell a row belongs to.
func placeColumns() []string {
	return []string{"cell", "host", "runtime", "model", "dataset", "language"}
}

func placeFields(c bench.CellResult) []string {
	return []string{
		safe(string(c.Cell)), safe(c.Host), safe(c.Runtime), safe(c.Model), safe(c.Dataset), safe(c.Language),
	}
}

// PhasesCSV writes phases.csv: what each channel showed over each phase window,
// with the states of its readings. An empty field is never a zero.
func PhasesCSV(w io.Writer, r bench.Results) error {
	if err := Verify(r); err != nil {
		return err
	}
	f := newCSVFile(w, PhasesFile, phaseColumns())
	for _, c := range r.Cells {
		f.phases(c)
	}
	return f.close()
}

func phaseColumns() []string {
	return append(placeColumns(),
		"run", "phase", "no", "channel", "unit", "scope", "sensor", "started_at", "window_s", "samples", "missed",
		"ok", "missing", "stale", "reset", "wrapped", "out_of_range", "coverage", "mean", "min", "max",
		"energy_j", "u95_j", "method", "is", "disagrees_with", "disagreement", "disagreement_exceeded", "flags",
		"energy_missing")
}

// phases writes the rows of one cell.
func (f *csvFile) phases(c bench.CellResult) {
	for _, p := range c.Phases {
		f.row(append(placeFields(c), phaseFields(p)...))
	}
}

func phaseFields(p bench.PhaseReading) []string {
	n := p.States
	fields := []string{
		strconv.Itoa(p.Run), safe(string(p.Phase)), strconv.Itoa(p.No), safe(p.Channel.Name), safe(string(p.Channel.Unit)),
		safe(string(p.Channel.Scope)), safe(string(p.Channel.Sensor)), instant(p.Started), secondsField(p.Window),
		strconv.Itoa(p.Samples), strconv.Itoa(p.Missed), strconv.Itoa(n.OK), strconv.Itoa(n.Missing),
		strconv.Itoa(n.Stale), strconv.Itoa(n.Reset), strconv.Itoa(n.Wrapped), strconv.Itoa(n.OutOfRange),
		number(&p.Coverage), number(p.Mean), number(p.Min), number(p.Max), number(p.EnergyJ), number(u95(p.Uncertainty)),
		safe(string(p.Method)), orMeasured(true, phaseWord(p)),
	}
	if d := p.Disagreement; d != nil {
		fields = append(fields, safe(d.With), number(&d.Relative), strconv.FormatBool(d.Exceeded))
	} else {
		fields = append(fields, "", "", "")
	}
	return append(fields, safe(strings.Join(p.Flags, "; ")), safe(p.Missing))
}

// MetricsCSV writes metrics.csv: the white paper's and the thesis' metrics of
// every cell under their own names.
func MetricsCSV(w io.Writer, r bench.Results) error {
	if err := Verify(r); err != nil {
		return err
	}
	f := newCSVFile(w, MetricsFile, metricHeads())
	for _, c := range r.Cells {
		f.metrics(c)
	}
	return f.close()
}

func metricHeads() []string {
	return append(placeColumns(), "work", "metric", "value", "text", "unit", "u95", "is", "basis", "missing")
}

// metrics writes the rows of one cell.
func (f *csvFile) metrics(c bench.CellResult) {
	for _, work := range []struct {
		name string
		list []bench.Metric
	}{{"white paper", c.WhitePaper}, {"thesis", c.Thesis}} {
		for _, m := range work.list {
			f.row(append(placeFields(c), work.name, safe(m.Name), number(m.Value), safe(m.Text), safe(m.Unit), number(m.U95),
				orMeasured(m.Value != nil, basisWord(m.Estimated, m.Simulated)), safe(m.Basis), safe(m.Missing)))
		}
	}
}

// CurvesCSV writes curves.csv: the course of every cell over time, thinned for
// drawing. A step in which nothing was measured has empty fields.
func CurvesCSV(w io.Writer, r bench.Results) error {
	if err := Verify(r); err != nil {
		return err
	}
	f := newCSVFile(w, CurvesFile, curveColumns())
	for _, c := range r.Cells {
		f.curves(c)
	}
	return f.close()
}

func curveColumns() []string {
	return []string{"cell", "channel", "part", "unit", "is", "at", "phase", "mean", "min", "max", "cumulative_j"}
}

// curves writes the rows of one cell.
func (f *csvFile) curves(c bench.CellResult) {
	for _, k := range c.Curves {
		head := []string{
			safe(string(c.Cell)), safe(k.Channel), safe(string(k.Part)), safe(string(k.Unit)),
			orMeasured(true, basisWord(k.Estimated, k.Simulated)),
		}
		for _, p := range k.Points {
			f.row(append(slices.Clip(head), instant(p.At), safe(string(p.Phase)), rounded(p.Mean),
				rounded(p.Min), rounded(p.Max), rounded(p.CumulativeJ)))
		}
	}
}

// rounded prints seven digits, which is more than any meter has.
func rounded(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'g', 7, 64)
}
