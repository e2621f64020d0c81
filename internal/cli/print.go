package cli

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// listing prints rows as a table, JSON or CSV. value is what JSON holds; it
// has numbers and times as such, where rows have text for people.
func listing(w io.Writer, format string, headings []string, rows [][]string, value any) error {
	switch format {
	case "json":
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		if err := enc.Encode(value); err != nil {
			return fmt.Errorf("print JSON: %w", err)
		}
		return nil
	case "csv":
		out := csv.NewWriter(w)
		if err := out.WriteAll(append([][]string{headings}, rows...)); err != nil {
			return fmt.Errorf("print CSV: %w", err)
		}
		return nil
	default:
		t := table.NewWriter()
		t.SetStyle(table.StyleLight)
		t.Style().Options.SeparateRows = false
		t.Style().Format.Header = text.FormatDefault
		t.AppendHeader(row(headings))
		for _, r := range rows {
			t.AppendRow(row(r))
		}
		say(w, "%s\n", t.Render())
		return nil
	}
}

func row(fields []string) table.Row {
	out := make(table.Row, len(fields))
	for i, f := range fields {
		out[i] = f
	}
	return out
}

// ago prints a time for people.
func ago(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

// lasting prints a duration with what matters of it.
func lasting(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d d %d h", int(d.Hours())/24, int(d.Hours())%24)
	case d >= time.Hour:
		return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
	case d >= time.Minute:
		return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
	default:
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
}
