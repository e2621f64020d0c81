package report

import (
	"slices"
	"strconv"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// page is all that the template shows; every string in it is plain text that
// the template escapes.
type page struct {
	Title, SweepID, State  string
	Created, Finished      string
	SpecHash, Wattsweep    string
	Generated, Assumptions string
	Findings               []string
	Targets                *targetSection
	Run                    *runSection
	Left                   string // that tables do not list every cell
	Stats                  []stat
	Results                tableView
	Charts                 []chart
	Legend                 []legendItem
	Languages              languageView
	Details                []tableView
	Loading                tableView
	Phases                 tableView
	Missing, Doubts        []note
	energySections
	Hosts    []factSheet
	Meters   tableView
	Models   tableView
	Datasets tableView
	Method   []methodItem
	Stated   []string // sentences of the provenance
}

type stat struct{ Name, Value, Under string }

// chart is one figure of the page, in one or more panels.
type chart struct {
	Title, Caption string
	Panels         []drawing
}

// tableView is a table ready to be printed.
type tableView struct {
	ID, Caption string
	Heads       []headView
	Rows        [][]cellView
	Folded      bool   // starts closed, since it is long
	Empty       string // said instead when there is no row
}

type headView struct {
	Text, Under string
	Num         bool
}

type cellView struct {
	Main, Beside, Title string
	Note                int
	Num, Head, Code     bool
	Chip                string // class of a state
	Refs                []refView
	Strip               *strip
}

// refView points from a figure to a footnote.
type refView struct{ Href, Text, Label string }

// Tight reports whether a row's name is short enough to stay on one line.
func (c cellView) Tight() bool { return len(c.Main) <= 26 }

// Long reports whether a cell holds a sentence, which needs width to read.
func (c cellView) Long() bool { return !c.Num && max(len(c.Main), len(c.Beside)) > 44 }

type factSheet struct {
	Title string
	Facts []stat
}

type methodItem struct{ Name, Text string }

func newPage(r bench.Results, o HTMLOptions) page {
	foot := &footnotes{}
	all := r
	r.Cells = shown(r.Cells)
	rows, series := layout(r.Cells)
	p := page{
		Title: printable(r.Sweep.Name, 120), SweepID: printable(string(r.Sweep.ID), 40), State: string(r.Sweep.State),
		Created: clock(r.Sweep.CreatedAt), SpecHash: orText(short(r.Sweep.SpecHash), "not known"),
		Wattsweep:   orText(printable(r.Provenance.Wattsweep, 120), "of unknown version"),
		Generated:   clock(r.Provenance.GeneratedAt),
		Assumptions: assumptions(all), Findings: Findings(all), Stats: stats(all),
		Targets: newTargetSection(all), Run: newRunSection(all), Left: leftOut(all.Cells),
		Results: cellsTable("results", "One row per cell, in the order of the sweep.",
			r.Cells, resultColumns(r.Cells), foot),
		Legend: legend(series), Charts: charts(r.Cells, rows, series), Languages: languageSection(r, o),
	}
	if r.Sweep.FinishedAt != nil {
		p.Finished = clock(*r.Sweep.FinishedAt)
	}
	if o.Title != "" {
		p.Title = printable(o.Title, 120)
	}
	if p.Title == "" {
		p.Title = "Sweep " + p.SweepID
	}
	if len(r.Cells) > 0 {
		p.Details = []tableView{
			cellsTable("accuracy", "Accuracy in detail.", r.Cells, accuracyColumns(r.Cells), foot),
			cellsTable("resources", "Speed, energy and memory in detail.", r.Cells, resourceColumns(r.Cells), foot),
		}
	}
	p.Loading, p.Phases = loadingTable(r.Cells), phaseTable(r.Cells)
	p.addEnergy(r, foot)
	noteRest(r.Cells, foot)
	p.Missing, p.Doubts = foot.missing.list, foot.doubts.list
	p.Hosts, p.Meters, p.Models, p.Datasets = hostSheets(r), meterTable(r), modelTable(r), datasetTable(r)
	p.Method = method(r)
	for _, s := range r.Provenance.Method {
		p.Stated = append(p.Stated, printable(s, 600))
	}
	return p
}

// noteRest adds the reasons of missing figures that no table shows.
func noteRest(cells []bench.CellResult, foot *footnotes) {
	names := newNaming(cells)
	for _, c := range cells {
		for _, f := range slices.Concat(figures(c), parts(c)) {
			if !f.has {
				foot.missing.ref(f.name, f.reason, names.cell(c.Coordinates))
			}
		}
	}
}

// ChartsFirst reports whether the table is so long that the charts go before
// it.
func (p page) ChartsFirst() bool { return len(p.Results.Rows) > 30 }

// stats are the sweep's size in a few numbers.
func stats(r bench.Results) []stat {
	calls, failed, again := 0, 0, 0
	asked := 0 // journals of the cell that was asked most
	var models []string
	for _, c := range r.Cells {
		asked = max(asked, c.Calls/max(c.Runs, 1))
		calls += c.Calls
		failed += c.FailedCalls
		again += c.Remeasured
		if !contains(models, c.Model) {
			models = append(models, printable(c.Model, 60))
		}
	}
	_, languages := layout(shown(r.Cells))
	out := []stat{
		{"cells done", strconv.Itoa(r.Sweep.CellsDone), "of " + count(r.Sweep.Cells)},
		{"models", count(len(models)), plural(len(languages), "language")},
		{"calls", count(calls), "each measured once"},
		{"failed calls", count(failed), share(failed, calls)},
	}
	if again > 0 {
		out[2].Under = plural(again, "call") + " measured anew after a crash"
	}
	if len(r.Provenance.Datasets) == 1 {
		d := r.Provenance.Datasets[0]
		out = append(out, stat{"journals asked", count(asked), "of " + count(d.Journals) + " in " + printable(d.Name, 60)})
	}
	return out
}

func share(part, whole int) string {
	if whole == 0 {
		return "of none"
	}
	return percent(float64(part)/float64(whole)) + " of calls"
}

// foldAfter is how many rows a table of minor interest shows unfolded.
const foldAfter = 60

func cellsTable(id, caption string, cells []bench.CellResult, columns []column, foot *footnotes) tableView {
	t := tableView{ID: id, Caption: caption, Empty: "No cell has been planned."}
	for _, col := range columns {
		t.Heads = append(t.Heads, headView{col.head, col.under, !col.text})
	}
	names := newNaming(cells)
	for _, c := range cells {
		row := make([]cellView, 0, len(columns))
		for i, col := range columns {
			v := col.figure(c)
			view := v.view(foot, names.cell(c.Coordinates))
			view.Num, view.Head = !col.text, i == 0
			if col.head == "State" {
				view.Chip, view.Title = stateClass(c.State), printable(c.Reason, 300)
			}
			row = append(row, view)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// view makes the cell of a table that shows a figure.
func (v value) view(foot *footnotes, cell string) cellView {
	view := cellView{Main: v.main, Beside: words(words(v.interval, v.beside), v.made)}
	if v.figure != "" {
		view.Note = foot.missing.ref(v.figure, v.missing, cell)
		view.Title = printable(v.missing, 300)
	}
	for _, r := range v.remarks {
		list, sign := foot.of(r)
		no := strconv.Itoa(list.ref(r.figure, r.text, cell))
		ref := refView{Href: "#missing-" + no, Text: no, Label: "what is missing here: note " + no}
		if r.doubt {
			ref = refView{Href: "#doubt-" + no, Text: sign + no, Label: "a doubt about this figure: note " + no}
		}
		view.Refs = append(view.Refs, ref)
	}
	return view
}

func stateClass(s bench.State) string {
	switch s {
	case bench.StateDone:
		return "good"
	case bench.StateFailed, bench.StateUnfit:
		return "bad"
	case bench.StateQueued, bench.StateRunning, bench.StateSkipped, bench.StateCancelled:
		return "open"
	default:
		return "open"
	}
}
