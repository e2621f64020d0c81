package report

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// runSection says how a sweep was run: in which order, and what people did.
type runSection struct {
	Sentences []string
	Control   tableView
	Turns     tableView
	TurnsLeft string
}

// maxTurns is how many turns the page lists; results.json holds all.
const maxTurns = 300

func newRunSection(r bench.Results) *runSection {
	s := &runSection{Sentences: runSentences(r)}
	s.Control = controlTable(r.Control)
	turns := slices.SortedStableFunc(slices.Values(r.Turns), func(a, b bench.Turn) int { return cmp.Compare(a.Sequence, b.Sequence) })
	if len(turns) > maxTurns {
		s.TurnsLeft = "The first " + count(maxTurns) + " of " + plural(len(turns), "turn") + "; " + JSONFile + " holds all."
		turns = turns[:maxTurns]
	}
	s.Turns = turnTable(turns, r.Cells)
	if len(s.Sentences) == 0 && len(r.Control) == 0 && len(r.Turns) == 0 {
		return nil
	}
	return s
}

// runSentences say in words what was done to a sweep.
func runSentences(r bench.Results) []string {
	var out []string
	if text := orderSentence(r.Sweep); text != "" {
		out = append(out, text)
	}
	if p := r.Sweep.Priority; p != 0 && p != bench.PriorityDefault {
		out = append(out, "Its priority among other sweeps is "+strconv.Itoa(p)+", where 1 goes first and 5 last.")
	}
	if p := r.Sweep.Pause; p != nil {
		text := "It is paused since " + clock(p.At) + ", by " + printable(p.By, 60)
		if p.Reason != "" {
			text += ": " + printable(p.Reason, 300)
		}
		out = append(out, text+".")
	}
	if n := r.Sweep.Superseded; n > 0 {
		verb := " were superseded by measuring anew; they are kept and count no longer."
		if n == 1 {
			verb = " was superseded by measuring anew; it is kept and counts no longer."
		}
		out = append(out, plural(n, "published result")+verb)
	}
	return out
}

func orderSentence(s bench.SweepInfo) string {
	seed := " (seed " + strconv.FormatInt(s.Seed, 10) + ")"
	switch s.Order {
	case "planned":
		return "Cells were measured in the order of the spec."
	case "shuffled":
		return "Cells were measured in a random order" + seed + ", so that a drift of the host falls on no model in particular."
	case "blocked":
		return "Models were taken in a random order" + seed + ", and the cells of each together, in a random order too, so that each is loaded once."
	case "alternated":
		return "Cells took turns, forth and back (A B B A)" + seed + ", so that a drift of the host falls on all of them alike."
	default:
		return ""
	}
}

func controlTable(events []bench.ControlEvent) tableView {
	t := tableView{
		ID: "control", Caption: "What people asked of the sweep while it ran.", Empty: "Nobody interfered with the sweep.",
		Heads: []headView{
			{"When", "", false}, {"What", "", false}, {"By", "", false}, {"Cells", "changed", true}, {"Effect", "", false}, {"Reason", "as given", false},
		},
	}
	for _, e := range events {
		t.Rows = append(t.Rows, []cellView{
			{Main: clock(e.At), Head: true},
			{Main: printable(string(e.What), 40), Chip: "open"},
			{Main: printable(e.By, 60)},
			{Main: count(e.Changed), Num: true},
			{Main: printable(e.Text, 300)},
			{Main: printable(e.Reason, 300)},
		})
	}
	t.Folded = len(t.Rows) > foldAfter
	return t
}

func turnTable(turns []bench.Turn, cells []bench.CellResult) tableView {
	t := tableView{
		ID: "turns", Caption: "The order in which cells were measured. A cell that ended as queued was given back and went on later.",
		Heads: []headView{
			{"#", "", true}, {"Cell", "", false}, {"Host", "", false}, {"Began", "", false}, {"Took", "", true}, {"Ended as", "", false},
		},
	}
	at := make(map[bench.CellID]bench.Coordinates, len(cells))
	for _, c := range cells {
		at[c.Cell] = c.Coordinates
	}
	names := newNaming(shown(cells))
	names.host = false // a column of its own
	for i, turn := range turns {
		cell := cellView{Main: printable(string(turn.Cell), 40), Code: true, Head: true}
		if c, known := at[turn.Cell]; known {
			cell = cellView{Main: names.row(c), Beside: language(c.Language), Head: true}
		}
		took, state := none, "running"
		if turn.EndedAt != nil {
			took, state = seconds(turn.EndedAt.Sub(turn.BeganAt).Round(100*time.Millisecond)), string(turn.State)
		}
		t.Rows = append(t.Rows, []cellView{
			{Main: strconv.Itoa(i + 1), Num: true},
			cell,
			{Main: printable(turn.Host, 60)},
			{Main: clock(turn.BeganAt)},
			{Main: took, Num: true},
			{Main: printable(state, 40), Chip: stateClass(bench.State(state))},
		})
	}
	t.Folded = len(t.Rows) > 12
	return t
}
