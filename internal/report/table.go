package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// Format says how a listing is printed.
type Format string

// The formats of every listing.
const (
	FormatTable Format = "table" // for people
	FormatJSON  Format = "json"  // results.json
	FormatCSV   Format = "csv"   // one row per cell, all digits
)

// Table prints the cells of a sweep in the given format. Figures that rest on
// an assumption or a made-up source say so in their heading or beside the
// figure; a missing figure is a dash with a footnote that gives its reason.
func Table(w io.Writer, r bench.Results, format Format) error {
	switch format {
	case FormatTable:
	case FormatJSON:
		return JSON(w, r)
	case FormatCSV:
		return cellsCSV(w, r)
	default:
		return fault.New(fault.Invalid, "", "use table, json or csv", "output format %q is unknown",
			printable(string(format), 40))
	}
	if err := Verify(r); err != nil {
		return err
	}
	_, err := io.WriteString(w, renderTable(r))
	if err != nil {
		return fmt.Errorf("print results of sweep %s: %w", printable(string(r.Sweep.ID), 40), err)
	}
	return nil
}

func renderTable(r bench.Results) string {
	out := headline(r) + "\n"
	if len(r.Cells) == 0 {
		return out + "No cell has been planned.\n"
	}
	all := r
	r.Cells = shown(r.Cells)
	foot := &footnotes{}
	names := newNaming(r.Cells)
	columns := resultColumns(r.Cells)
	t := newTable(columns)
	for _, c := range r.Cells {
		row := make(table.Row, 0, len(columns))
		for _, col := range columns {
			row = append(row, terminalText(col, col.figure(c), foot, names.cell(c.Coordinates)))
		}
		t.AppendRow(row)
	}
	out += t.Render() + "\n"
	out += energyListing(r.Cells, names, foot)
	out += "Latency, TTFT: seconds per call. Intervals are 95 %" + intervalNote(r.Cells) + ".\n"
	if banner := assumptions(r); banner != "" {
		out += banner + "\n"
	}
	for _, n := range foot.missing.list {
		out += fmt.Sprintf("[%d] %s (%s: %s)\n", n.No, n.Reason, plural(len(n.Cells), "cell"), n.What())
	}
	for _, n := range foot.doubts.list {
		out += fmt.Sprintf("†%d %s (%s: %s)\n", n.No, n.Reason, plural(len(n.Cells), "cell"), n.What())
	}
	out += stoppedLines(r.Cells, names)
	if left := leftOut(all.Cells); left != "" {
		out += left + "\n"
	}
	if all.Targets != nil {
		out += "\n" + TargetsText(all, false)
	}
	return out
}

// energyListing is the table of energies by part of the host, with their
// doubts; nothing when no energy was measured.
func energyListing(cells []bench.CellResult, names naming, foot *footnotes) string {
	rows := energyRows(cells)
	if len(rows) == 0 {
		return ""
	}
	columns := energyColumns(cells)
	heads := make([]column, 0, len(columns))
	for _, col := range columns {
		heads = append(heads, column{head: col.head, under: col.under, text: col.text})
	}
	t := newTable(heads)
	for _, r := range rows {
		row := make(table.Row, 0, len(columns))
		for i, col := range columns {
			row = append(row, terminalText(heads[i], col.figure(r), foot, names.cell(r.cell.Coordinates)))
		}
		t.AppendRow(row)
	}
	return "\nEnergy per call in J, ± at 95 %\n" + t.Render() + "\n"
}

// stoppedLines say why cells stopped, each reason once.
func stoppedLines(cells []bench.CellResult, names naming) string {
	stopped := &notes{}
	for _, c := range cells {
		if c.Reason != "" {
			stopped.ref(string(c.State), c.Reason, names.cell(c.Coordinates))
		}
	}
	out := ""
	for _, n := range stopped.list {
		out += n.What() + ": " + n.Reason + " (" + n.Where() + ")\n"
	}
	return out
}

func headline(r bench.Results) string {
	return fmt.Sprintf("%s (%s): %s, %d of %s done", printable(r.Sweep.Name, 80), printable(string(r.Sweep.ID), 40),
		r.Sweep.State, r.Sweep.CellsDone, plural(r.Sweep.Cells, "cell"))
}

func newTable(columns []column) table.Writer {
	t := table.NewWriter()
	style := table.StyleLight
	style.Format.Header = text.FormatDefault
	style.Options.DrawBorder, style.Options.SeparateColumns = false, false
	t.SetStyle(style)
	header := make(table.Row, 0, len(columns))
	configs := make([]table.ColumnConfig, 0, len(columns))
	for i, col := range columns {
		header = append(header, terminalHead(col))
		config := table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight}
		if col.text {
			config.Align, config.AlignHeader = text.AlignLeft, text.AlignLeft
		}
		if i == 0 {
			config.WidthMax, config.WidthMaxEnforcer = 40, text.WrapHard
		}
		configs = append(configs, config)
	}
	t.AppendHeader(header)
	t.SetColumnConfigs(configs)
	return t
}

// terminalHead puts a heading on two lines, since terminals are narrow.
func terminalHead(col column) string {
	head := strings.Replace(col.head, " ", "\n", 1)
	if col.under == "" {
		return head
	}
	if strings.Contains(head, "\n") {
		return head + " (" + col.under + ")"
	}
	return head + "\n(" + col.under + ")"
}

// terminalText prints a figure; only the score shows its interval, for width.
func terminalText(col column, v value, foot *footnotes, cell string) string {
	if v.figure != "" {
		return fmt.Sprintf("%s[%d]", none, foot.missing.ref(v.figure, v.missing, cell))
	}
	beside := v.beside
	if col.head == scoreHead {
		beside = words(v.interval, beside)
	}
	text := v.main
	if beside != "" {
		text += " (" + beside + ")"
	}
	for _, r := range v.remarks {
		list, sign := foot.of(r)
		no := strconv.Itoa(list.ref(r.figure, r.text, cell))
		if sign == "" {
			text += "[" + no + "]"
		} else {
			text += sign + no
		}
	}
	return text
}

// intervalNote says over what the intervals of the shown figures were taken.
func intervalNote(cells []bench.CellResult) string {
	var seen []string
	add := func(e *bench.Estimate) {
		if e != nil && e.CI95Low != nil && e.IntervalOver != "" && !contains(seen, e.IntervalOver) {
			seen = append(seen, printable(e.IntervalOver, 60))
		}
	}
	for _, c := range cells {
		add(c.WeightedScore)
		add(c.ExactMatch)
	}
	if len(seen) == 0 {
		return ""
	}
	return " over " + sentenceList(seen)
}

func contains(list []string, one string) bool {
	for _, have := range list {
		if have == printable(one, 60) {
			return true
		}
	}
	return false
}

// marks reports whether some figure of a cell is estimated or simulated.
func marks(c bench.CellResult) (estimated, simulated bool) {
	add := func(e, s bool) { estimated, simulated = estimated || e, simulated || s }
	add(energyEstimated(c) || (c.Cost != nil && c.Cost.Estimated), c.Energy != nil && c.Energy.Simulated)
	for _, e := range c.Energies {
		add(e.Estimated, e.Simulated)
	}
	for _, p := range c.EnergyByPhase {
		add(p.Estimated, p.Simulated)
	}
	for _, m := range c.WhitePaper {
		add(m.Estimated, m.Simulated)
	}
	for _, m := range c.Thesis {
		add(m.Estimated, m.Simulated)
	}
	for _, v := range c.Curves {
		add(v.Estimated, v.Simulated)
	}
	return estimated, simulated
}

// assumptions is the banner above everything that rests on one.
func assumptions(r bench.Results) string {
	estimated, simulated := r.Provenance.Estimated, r.Provenance.Simulated
	for _, c := range r.Cells {
		e, s := marks(c)
		estimated, simulated = estimated || e, simulated || s
	}
	var parts []string
	if estimated {
		parts = append(parts, "Figures marked estimated rest on stated assumptions, not on a power reading.")
	}
	if simulated {
		parts = append(parts, "Figures marked simulated come from a made-up source and say nothing about a real machine.")
	}
	return strings.Join(parts, " ")
}
