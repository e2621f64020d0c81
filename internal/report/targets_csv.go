package report

import (
	"io"
	"strconv"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// TargetsCSV writes targets.csv: every target held against every cell that it
// is about, with the interval that decided.
func TargetsCSV(w io.Writer, t *bench.TargetResults) error {
	f := newCSVFile(w, TargetsFile, targetColumns())
	f.judgements(t)
	return f.close()
}

func targetColumns() []string {
	return append(append([]string{"target", "verdict"}, placeColumns()...),
		"metric", "stat", "op", "limit", "unit", "value", "ci95_low", "ci95_high", "interval_over", "measurement_u95",
		"runs", "values", "independent", "is", "reason", "note")
}

// judgements writes a row for each; nil has none.
func (f *csvFile) judgements(t *bench.TargetResults) {
	if t == nil {
		return
	}
	for _, j := range t.Judgements {
		d := j.Figure
		at := bench.CellResult{Cell: j.Cell, Coordinates: j.Coordinates}
		f.row(append(append([]string{safe(j.Target), string(j.Verdict)}, placeFields(at)...),
			string(d.Metric), string(d.Stat), opField(j.Op), number(&j.Limit), safe(d.Unit), number(d.Value), number(d.Low), number(d.High),
			safe(d.Over), positive(d.MeasurementU95), strconv.Itoa(d.Runs), strconv.Itoa(d.N), positive(d.Independent),
			orMeasured(d.Value != nil, basisWord(d.Estimated, d.Simulated)), safe(j.Reason), safe(j.Note)))
	}
}

// opField names a comparison, since a spreadsheet would read >= as a formula.
func opField(op string) string {
	switch op {
	case ">=":
		return "at least"
	case "<=":
		return "at most"
	case ">":
		return "above"
	case "<":
		return "below"
	default:
		return safe(op)
	}
}

// positive is empty where a figure of 0 means that there is none.
func positive(v float64) string {
	if v <= 0 {
		return ""
	}
	return number(&v)
}
