package report

import (
	"slices"
	"strconv"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// value is what one column shows of one cell: a figure, what goes smaller
// beside it, or the reason why there is none.
type value struct {
	main     string
	interval string // 95 %
	beside   string // context, currency, word of basis
	made     string // how it was made; shown on the page only
	figure   string // name of the figure, when it is missing
	missing  string // reason
	remarks  []remark
}

// remark is a footnote to a figure that exists: a doubt about it, or a part of
// it that is missing.
type remark struct {
	doubt        bool
	figure, text string
}

// footnotes collects the reasons of missing figures and the doubts about
// others.
type footnotes struct{ missing, doubts notes }

// of gives the list that a remark belongs to, with the mark that points there.
func (f *footnotes) of(r remark) (list *notes, sign string) {
	if r.doubt {
		return &f.doubts, "†"
	}
	return &f.missing, ""
}

func gap(figure, reason string) value { return value{main: none, figure: figure, missing: reason} }

// column is one column of a table of cells.
type column struct {
	head   string
	under  string // second line of the heading: unit or basis
	text   bool   // left-aligned
	figure func(c bench.CellResult) value
}

// scoreHead is the heading whose interval even a terminal shows.
const scoreHead = "Weighted score"

// resultColumns are those of the main table, in the terminal and on the page.
func resultColumns(cells []bench.CellResult) []column {
	names := newNaming(cells)
	return []column{
		{"Model", "", true, func(c bench.CellResult) value {
			return value{main: printable(c.Model, 60), beside: names.context(c.Coordinates)}
		}},
		{"Language", "", true, func(c bench.CellResult) value { return value{main: language(c.Language)} }},
		{"Calls", "", false, func(c bench.CellResult) value { return value{main: strconv.Itoa(c.Calls)} }},
		{"Failed", "", false, func(c bench.CellResult) value { return value{main: strconv.Itoa(c.FailedCalls)} }},
		{"Latency p50", "s", false, func(c bench.CellResult) value { return quantile(c, p50) }},
		{"Latency p95", "s", false, func(c bench.CellResult) value { return quantile(c, p95) }},
		{"TTFT p50", "s", false, func(c bench.CellResult) value {
			if c.TTFT == nil {
				return gap("time to first token", c.TTFTMissing)
			}
			return value{main: three(c.TTFT.P50)}
		}},
		{"Tokens/s", "", false, func(c bench.CellResult) value {
			return estimated(c.TokensPerSecond, "tokens per second", c.TokensPerSecondMissing, three, false)
		}},
		{scoreHead, "", false, func(c bench.CellResult) value {
			return estimated(c.WeightedScore, "weighted score", c.WeightedScoreMissing, two, true)
		}},
		{"Exact match", "", false, func(c bench.CellResult) value {
			return estimated(c.ExactMatch, "exact match", c.ExactMatchMissing, two, true)
		}},
		energyColumn(cells),
		costColumn(cells),
		{"State", "", true, func(c bench.CellResult) value { return value{main: string(c.State)} }},
	}
}

func p50(s *bench.Summary) float64 { return s.P50 }
func p95(s *bench.Summary) float64 { return s.P95 }

func quantile(c bench.CellResult, of func(*bench.Summary) float64) value {
	if c.Latency == nil {
		return gap("latency", c.LatencyMissing)
	}
	return value{main: three(of(c.Latency))}
}

// estimated shows a mean, with its interval when asked.
func estimated(e *bench.Estimate, figure, reason string, number func(float64) string, interval bool) value {
	if e == nil {
		return gap(figure, reason)
	}
	v := value{main: number(e.Mean)}
	if interval && e.CI95Low != nil && e.CI95High != nil {
		v.interval = span(*e.CI95Low, *e.CI95High, number)
	}
	return v
}

// energyColumn says in its heading what all its figures rest on; where cells
// differ, each figure says so itself.
func energyColumn(cells []bench.CellResult) column {
	word, same := commonWord(cells, func(c bench.CellResult) bool { return c.Energy != nil }, energyWord)
	return column{"J/call", words("± at 95 %", word), false, func(c bench.CellResult) value {
		if c.Energy == nil {
			return gap("energy per call", c.EnergyMissing)
		}
		e := c.Energy
		v := value{main: withDoubt(e.Mean, e.Uncertainty), made: madeOf(*e)}
		switch {
		case e.Uncertainty == nil && e.CI95Low != nil && e.CI95High != nil:
			v.interval = span(*e.CI95Low, *e.CI95High, three)
			fallthrough
		case e.Uncertainty == nil:
			v.remarks = append(v.remarks, remark{false, "uncertainty of energy per call", e.UncertaintyMissing})
		}
		for _, doubt := range energyDoubts(*e) {
			v.remarks = append(v.remarks, remark{true, "energy per call", doubt})
		}
		if !same {
			v.beside = words(v.beside, energyWord(c))
		}
		return v
	}}
}

// madeOf names the part that an energy covers and its method. An estimate
// covers no part that could be told apart, and is called so already.
func madeOf(e bench.EnergyFigure) string {
	part, method := "", printable(string(e.Method), 20)
	if e.Part != bench.PartNone {
		part = partName(e.Part)
	}
	if e.Method == bench.EnergyEstimated {
		method = ""
	}
	return words(part, method)
}

// costColumn does the same for money; one currency goes into the heading.
func costColumn(cells []bench.CellResult) column {
	has := func(c bench.CellResult) bool { return c.Cost != nil }
	word, same := commonWord(cells, has, costWord)
	currency, one := commonWord(cells, has, func(c bench.CellResult) string { return printable(c.Cost.Currency, 12) })
	return column{"Cost/100", words(currency, word), false, func(c bench.CellResult) value {
		if c.Cost == nil {
			return gap("cost", c.CostMissing)
		}
		v := value{main: three(c.Cost.Amount)}
		if !one {
			v.beside = printable(c.Cost.Currency, 12)
		}
		if !same {
			v.beside = words(v.beside, costWord(c))
		}
		return v
	}}
}

// commonWord gives the word that all cells with the figure share, and whether
// they share one.
func commonWord(cells []bench.CellResult, has func(bench.CellResult) bool, word func(bench.CellResult) string,
) (string, bool) {
	first := slices.IndexFunc(cells, has)
	if first < 0 {
		return "", true
	}
	shared := word(cells[first])
	for _, c := range cells {
		if has(c) && word(c) != shared {
			return "", false
		}
	}
	return shared, true
}

func words(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	default:
		return a + ", " + b
	}
}

// note is one reason for missing figures.
type note struct {
	No      int
	Figures []string
	Reason  string
	Cells   []string
}

// notes numbers the reasons for missing figures, each once.
type notes struct{ list []note }

// ref gives the number of a reason, and remembers the figure and the cell it
// stands for.
func (n *notes) ref(figure, reason, cell string) int {
	reason = printable(reason, 300)
	i := slices.IndexFunc(n.list, func(have note) bool { return have.Reason == reason })
	if i < 0 {
		i = len(n.list)
		n.list = append(n.list, note{No: i + 1, Reason: reason})
	}
	one := &n.list[i]
	if !slices.Contains(one.Figures, figure) {
		one.Figures = append(one.Figures, figure)
	}
	if !slices.Contains(one.Cells, cell) {
		one.Cells = append(one.Cells, cell)
	}
	return one.No
}

// What names the figures that a note explains, a few by name.
func (n note) What() string { return some(n.Figures, 4, "other figure") }

// Where names the cells that a note stands for, a few by name.
func (n note) Where() string { return some(n.Cells, 3, "other cell") }

// some names the first few of a list and counts the rest.
func some(list []string, few int, rest string) string {
	if len(list) > few+1 {
		list = append(slices.Clone(list[:few]), plural(len(list)-few, rest))
	}
	return sentenceList(list)
}
