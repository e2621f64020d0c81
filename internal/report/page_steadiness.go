package report

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/units"
)

// trendTable shows how latency, power and temperature moved inside runs, what
// drifted first.
func trendTable(cells []bench.CellResult) tableView {
	t := tableView{
		ID: "trends", Empty: "No run was looked at for a trend.",
		Caption: "Trends inside each run: slope by Theil and Sen with its 95 % bounds, p by Mann and Kendall. What drifts " +
			"stands first.",
	}
	t.Heads = []headView{
		{"Model", "", false},
		{"Language", "", false},
		{"Run", "", true},
		{"Quantity", "", false},
		{"Verdict", "", false},
		{"Slope", "per hour", true},
		{"Change", "over the run", true},
		{"p", "", true},
		{"Values", "", true},
	}
	type entry struct {
		cell  bench.CellResult
		trend bench.Trend
	}
	var all []entry
	for _, c := range cells {
		for _, trend := range c.Trends {
			all = append(all, entry{c, trend})
		}
	}
	slices.SortStableFunc(all, func(a, b entry) int {
		return cmp.Compare(trendRank(a.trend.Verdict), trendRank(b.trend.Verdict))
	})
	names := newNaming(cells)
	for _, e := range all {
		t.Rows = append(t.Rows, append([]cellView{
			{Main: printable(e.cell.Model, 60), Beside: names.context(e.cell.Coordinates), Head: true},
			{Main: language(e.cell.Language)},
		}, trendCells(e.trend)...))
	}
	t.Folded = len(t.Rows) > foldAfter/3
	return t
}

func trendRank(verdict string) int {
	switch verdict {
	case "drifting":
		return 0
	case "steady":
		return 2
	default:
		return 1
	}
}

func trendCells(v bench.Trend) []cellView {
	slope, change, p := cellView{Main: none, Num: true}, none, none
	if v.Slope != nil {
		slope.Main = three(*v.Slope) + " " + printable(v.Unit, 12)
		if v.SlopeLow != nil && v.SlopeHigh != nil {
			slope.Beside = three(*v.SlopeLow) + " to " + three(*v.SlopeHigh)
		}
	}
	if v.Change != nil {
		change = percent(*v.Change)
	}
	if v.PValue != nil {
		p = pText(*v.PValue)
	}
	verdict := cellView{Main: orText(printable(v.Verdict, 40), none), Beside: printable(v.Missing, 200)}
	switch v.Verdict {
	case "steady":
		verdict.Chip = "good"
	case "drifting":
		verdict.Chip = "bad"
	case "":
	default:
		verdict.Chip = "open"
	}
	return []cellView{
		{Main: strconv.Itoa(v.Run), Num: true},
		{Main: printable(v.Quantity, 80)},
		verdict, slope,
		{Main: change, Num: true},
		{Main: p, Num: true},
		{Main: count(v.N), Num: true},
	}
}

func pText(p float64) string {
	if p < 0.001 {
		return "< 0.001"
	}
	return sig(p, 2)
}

// driftSentence counts what drifted, for people who read no table.
func driftSentence(cells []bench.CellResult) string {
	drifting, looked := 0, 0
	for _, c := range cells {
		for _, t := range c.Trends {
			if t.Verdict == "drifting" {
				drifting++
			}
			if t.Slope != nil {
				looked++
			}
		}
	}
	switch {
	case looked == 0:
		return ""
	case drifting == 0:
		return "None of " + plural(looked, "trend") + " inside a run is told apart from standing still."
	default:
		return count(drifting) + " of " + plural(looked, "trend") + " inside a run drifted."
	}
}

// samplingTable shows how sampling each meter went.
func samplingTable(cells []bench.CellResult) tableView {
	t := tableView{
		ID: "sampling-quality", Empty: "No trace was stored, so nothing is known about the ticks.",
		Caption: "How sampling went over each cell: ticks taken, missed and dropped, how late they came, and what their " +
			"trace takes in the database.",
	}
	t.Heads = []headView{
		{"Model", "", false},
		{"Language", "", false},
		{"Meter", "", false},
		{"Every", "", true},
		{"Taken", "ticks", true},
		{"Missed", "", true},
		{"Dropped", "", true},
		{"Late p50", "", true},
		{"Late p99", "", true},
		{"Latest", "", true},
		{"Stored", "", true},
		{"Per tick", "bytes", true},
	}
	names := newNaming(cells)
	for _, c := range cells {
		for _, q := range c.Sampling {
			perTick := none
			if q.Samples > 0 {
				perTick = three(float64(q.StoredBytes) / float64(q.Samples))
			}
			t.Rows = append(t.Rows, []cellView{
				{Main: printable(c.Model, 60), Beside: names.context(c.Coordinates), Head: true},
				{Main: language(c.Language)},
				{Main: printable(q.Meter, 40), Code: true},
				{Main: seconds(q.Interval), Num: true},
				{Main: count(int(q.Samples)), Num: true},
				lostTicks(q.Missed, q.Samples),
				lostTicks(q.Dropped, q.Samples),
				{Main: seconds(q.LateP50), Num: true},
				{Main: seconds(q.LateP99), Num: true},
				{Main: seconds(q.LateMax), Num: true},
				{Main: units.Bytes(q.StoredBytes).String(), Num: true},
				{Main: perTick, Num: true},
			})
		}
	}
	t.Folded = len(t.Rows) > foldAfter/2
	return t
}

func lostTicks(n, taken int64) cellView {
	view := cellView{Main: count(int(n)), Num: true}
	if n > 0 && taken > 0 {
		view.Beside = percent(float64(n) / float64(n+taken))
	}
	return view
}
