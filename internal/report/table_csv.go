package report

import (
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// csvColumn is one column of the table of cells as CSV; numbers keep all
// digits, and a missing figure is an empty field.
type csvColumn struct {
	head string
	cell func(c bench.CellResult) string
}

func cellColumns() []csvColumn {
	columns := []csvColumn{
		{"cell", func(c bench.CellResult) string { return safe(string(c.Cell)) }},
		{"state", func(c bench.CellResult) string { return safe(string(c.State)) }},
		{"reason", func(c bench.CellResult) string { return safe(c.Reason) }},
		{"host", func(c bench.CellResult) string { return safe(c.Host) }},
		{"runtime", func(c bench.CellResult) string { return safe(c.Runtime) }},
		{"model", func(c bench.CellResult) string { return safe(c.Model) }},
		{"task", func(c bench.CellResult) string { return safe(c.Task) }},
		{"dataset", func(c bench.CellResult) string { return safe(c.Dataset) }},
		{"language", func(c bench.CellResult) string { return safe(c.Language) }},
		{"load_pattern", func(c bench.CellResult) string { return safe(c.Load) }},
		{"runs", func(c bench.CellResult) string { return strconv.Itoa(c.Runs) }},
		{"calls", func(c bench.CellResult) string { return strconv.Itoa(c.Calls) }},
		{"failed_calls", func(c bench.CellResult) string { return strconv.Itoa(c.FailedCalls) }},
	}
	columns = append(columns, summaryColumns("latency_s", func(c bench.CellResult) *bench.Summary { return c.Latency })...)
	columns = append(columns, summaryColumns("ttft_s", func(c bench.CellResult) *bench.Summary { return c.TTFT })...)
	columns = append(columns, tokenColumns()...)
	columns = append(columns, estimateColumns("tokens_per_s",
		func(c bench.CellResult) *bench.Estimate { return c.TokensPerSecond })...)
	columns = append(columns, estimateColumns("weighted_score",
		func(c bench.CellResult) *bench.Estimate { return c.WeightedScore })...)
	columns = append(columns, estimateColumns("exact_match",
		func(c bench.CellResult) *bench.Estimate { return c.ExactMatch })...)
	columns = append(columns, energyCSVColumns()...)
	return append(columns, costColumns()...)
}

func summaryColumns(name string, of func(bench.CellResult) *bench.Summary) []csvColumn {
	part := func(suffix string, get func(*bench.Summary) *float64) csvColumn {
		return csvColumn{name + "_" + suffix, func(c bench.CellResult) string {
			if s := of(c); s != nil {
				return number(get(s))
			}
			return ""
		}}
	}
	return []csvColumn{
		part("mean", func(s *bench.Summary) *float64 { return &s.Mean }),
		part("sd", func(s *bench.Summary) *float64 { return s.SD }),
		part("ci95_low", func(s *bench.Summary) *float64 { return s.CI95Low }),
		part("ci95_high", func(s *bench.Summary) *float64 { return s.CI95High }),
		part("p50", func(s *bench.Summary) *float64 { return &s.P50 }),
		part("p95", func(s *bench.Summary) *float64 { return &s.P95 }),
		part("p99", func(s *bench.Summary) *float64 { return &s.P99 }),
	}
}

func estimateColumns(name string, of func(bench.CellResult) *bench.Estimate) []csvColumn {
	part := func(suffix string, get func(*bench.Estimate) *float64) csvColumn {
		return csvColumn{name + suffix, func(c bench.CellResult) string {
			if e := of(c); e != nil {
				return number(get(e))
			}
			return ""
		}}
	}
	return []csvColumn{
		part("", func(e *bench.Estimate) *float64 { return &e.Mean }),
		part("_ci95_low", func(e *bench.Estimate) *float64 { return e.CI95Low }),
		part("_ci95_high", func(e *bench.Estimate) *float64 { return e.CI95High }),
	}
}

func tokenColumns() []csvColumn {
	part := func(name string, get func(*bench.TokenCounts) float64) csvColumn {
		return csvColumn{name, func(c bench.CellResult) string {
			if c.Tokens == nil {
				return ""
			}
			v := get(c.Tokens)
			return number(&v)
		}}
	}
	return []csvColumn{
		part("prompt_tokens", func(t *bench.TokenCounts) float64 { return t.Prompt }),
		part("output_tokens", func(t *bench.TokenCounts) float64 { return t.Output }),
	}
}

// costColumns hold money, with the word that says on what it rests: measured,
// estimated or simulated.
func costColumns() []csvColumn {
	return []csvColumn{
		{"cost_per_100_calls", func(c bench.CellResult) string {
			if c.Cost == nil {
				return ""
			}
			return number(&c.Cost.Amount)
		}},
		{"currency", func(c bench.CellResult) string {
			if c.Cost == nil {
				return ""
			}
			return safe(c.Cost.Currency)
		}},
		{"cost_is", func(c bench.CellResult) string { return orMeasured(c.Cost != nil, costWord(c)) }},
		{"missing", missingReasons},
	}
}

func orMeasured(has bool, word string) string {
	if has && word == "" {
		return "measured"
	}
	return word
}

// missingReasons lists why figures, or parts of them, do not exist.
func missingReasons(c bench.CellResult) string {
	var reasons []string
	for _, f := range slices.Concat(figures(c), parts(c)) {
		if !f.has {
			reasons = append(reasons, f.key+": "+printable(f.reason, 300))
		}
	}
	return safe(strings.Join(reasons, "; "))
}

func cellsCSV(w io.Writer, r bench.Results) error {
	if err := Verify(r); err != nil {
		return err
	}
	f := newCSVFile(w, CellsFile, cellHeads())
	for _, c := range r.Cells {
		f.cell(c)
	}
	return f.close()
}

func cellHeads() []string {
	columns := cellColumns()
	heads := make([]string, len(columns))
	for i, col := range columns {
		heads[i] = col.head
	}
	return heads
}

// cell writes the row of one cell.
func (f *csvFile) cell(c bench.CellResult) {
	columns := cellColumns()
	row := make([]string, len(columns))
	for i, col := range columns {
		row[i] = col.cell(c)
	}
	f.row(row)
}

// number prints all digits of a figure, or nothing when there is none.
func number(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'g', -1, 64)
}
