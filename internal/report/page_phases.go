package report

import (
	"slices"
	"strconv"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/units"
)

// loadingTable shows every try of every rung of the load ladders.
func loadingTable(cells []bench.CellResult) tableView {
	t := tableView{ID: "loading", Caption: "Every attempt to load a model, in order.", Empty: "No model was loaded."}
	t.Heads = []headView{
		{"Model", "", false},
		{"Language", "", false},
		{"Rung", "", false},
		{"Try", "", true},
		{"Outcome", "", false},
		{"Took", "", true},
		{"Layers on GPU", "", true},
		{"In memory", "", true},
		{"In VRAM", "", true},
		{"Context", "tokens", true},
	}
	names := newNaming(cells)
	told := cachesTold(cells)
	if told {
		t.Heads = append(t.Heads, headView{"File caches", "before the load", false})
	}
	for _, c := range cells {
		for _, a := range c.LoadAttempts {
			row := []cellView{
				{Main: printable(c.Model, 60), Beside: names.context(c.Coordinates), Head: true},
				{Main: language(c.Language)},
				{Main: strconv.Itoa(a.Rung) + " · " + printable(a.Name, 60)},
				{Main: strconv.Itoa(a.No), Num: true},
				{Main: printable(a.Outcome, 40), Beside: printable(a.Reason, 200), Chip: attemptClass(a.Outcome)},
				{Main: seconds(a.Elapsed), Num: true},
			}
			row = append(row, loadedCells(a.Loaded)...)
			if told {
				row = append(row, cellView{Main: orText(printable(a.Caches, 200), none)})
			}
			t.Rows = append(t.Rows, row)
		}
	}
	t.Folded = len(t.Rows) > foldAfter
	return t
}

// cachesTold reports whether any load says how it found the caches of files.
func cachesTold(cells []bench.CellResult) bool {
	for _, c := range cells {
		for _, a := range c.LoadAttempts {
			if a.Caches != "" {
				return true
			}
		}
	}
	return false
}

func attemptClass(outcome string) string {
	if outcome == "loaded" {
		return "good"
	}
	return "bad"
}

func loadedCells(l *bench.Loaded) []cellView {
	if l == nil {
		empty := cellView{Main: none, Num: true}
		return []cellView{empty, empty, empty, empty}
	}
	return []cellView{
		{
			Main:   strconv.Itoa(l.LayersGPU) + " of " + strconv.Itoa(l.LayersTotal),
			Beside: printable(l.LayersSource, 40), Num: true,
		},
		{Main: units.Bytes(l.SizeBytes).String(), Num: true},
		{Main: units.Bytes(l.SizeVRAMBytes).String(), Num: true},
		{Main: strconv.Itoa(l.ContextTokens), Num: true},
	}
}

// phaseSum adds up the windows of one phase, channel and method of a cell.
type phaseSum struct {
	phase    bench.Phase
	channel  bench.Channel
	method   bench.EnergyMethod
	word     string
	windows  int
	window   time.Duration
	powerJ   float64 // mean power × window, over windows that have a mean
	powered  time.Duration
	energyJ  float64
	missing  string  // why the energy of some window does not exist
	coverage float64 // time-weighted
	missed   int
	states   bench.ReadingCounts
	doubts   []string
}

// phaseTable shows power and energy by phase, summed over runs and segments.
func phaseTable(cells []bench.CellResult) tableView {
	t := tableView{
		ID: "phases", Empty: "No phase has a power or energy reading.",
		Caption: "Every channel of power and energy by phase, summed over runs and segments; mean power and coverage are " +
			"weighted by time.",
	}
	word, same := commonPhaseWord(cells)
	t.Heads = []headView{
		{"Model", "", false},
		{"Language", "", false},
		{"Phase", "", false},
		{"Channel", "", false},
		{"Windows", "", true},
		{"Time", "", true},
		{"Mean power", words("W", word), true},
		{"Energy", words("J", word), true},
		{"Method", "", false},
		{"Coverage", "", true},
		{"Readings", "other than ok", false},
	}
	names := newNaming(cells)
	for _, c := range cells {
		for _, s := range sumPhases(c.Phases) {
			if same { // the heading says it
				s.word = ""
			}
			t.Rows = append(t.Rows, append([]cellView{
				{Main: printable(c.Model, 60), Beside: names.context(c.Coordinates), Head: true},
				{Main: language(c.Language)},
			}, s.cells()...))
		}
	}
	t.Folded = true
	return t
}

// commonPhaseWord gives the word on which all power and energy readings rest,
// and whether they share one.
func commonPhaseWord(cells []bench.CellResult) (string, bool) {
	shared, first := "", true
	for _, c := range cells {
		for _, s := range sumPhases(c.Phases) {
			if !first && s.word != shared {
				return "", false
			}
			shared, first = s.word, false
		}
	}
	return shared, true
}

func sumPhases(readings []bench.PhaseReading) []*phaseSum {
	var sums []*phaseSum
	for _, p := range readings {
		if p.Channel.Unit != bench.UnitWatt && p.Channel.Unit != bench.UnitJoule {
			continue
		}
		sum := findSum(sums, p)
		if sum == nil {
			sum = &phaseSum{phase: p.Phase, channel: p.Channel, method: p.Method, word: phaseWord(p)}
			sums = append(sums, sum)
		}
		sum.add(p)
	}
	return sums
}

func findSum(sums []*phaseSum, p bench.PhaseReading) *phaseSum {
	for _, s := range sums {
		if s.phase == p.Phase && s.channel.Name == p.Channel.Name && s.method == p.Method {
			return s
		}
	}
	return nil
}

func (s *phaseSum) add(p bench.PhaseReading) {
	s.windows++
	s.coverage += p.Coverage * p.Window.Seconds()
	s.window += p.Window
	s.missed += p.Missed
	s.states = addStates(s.states, p.States)
	for _, d := range doubtsOf(p.Flags, p.Disagreement) {
		if !slices.Contains(s.doubts, d) {
			s.doubts = append(s.doubts, d)
		}
	}
	if p.Mean != nil && p.Channel.Unit == bench.UnitWatt {
		s.powerJ += *p.Mean * p.Window.Seconds()
		s.powered += p.Window
	}
	if p.EnergyJ != nil {
		s.energyJ += *p.EnergyJ
	} else if s.missing == "" {
		s.missing = orText(p.Missing, "no reason was stored")
	}
}

func addStates(a, b bench.ReadingCounts) bench.ReadingCounts {
	return bench.ReadingCounts{
		OK: a.OK + b.OK, Missing: a.Missing + b.Missing, Stale: a.Stale + b.Stale, Reset: a.Reset + b.Reset,
		Wrapped: a.Wrapped + b.Wrapped, OutOfRange: a.OutOfRange + b.OutOfRange,
	}
}

func orText(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func (s *phaseSum) cells() []cellView {
	power, energy, coverage := cellView{Main: none, Num: true}, cellView{Main: none, Num: true}, none
	method := cellView{Main: orText(printable(string(s.method), 40), none)}
	if s.powered > 0 {
		power.Main = three(s.powerJ / s.powered.Seconds())
	}
	if s.missing == "" {
		energy.Main, energy.Beside = three(s.energyJ), s.word
	} else {
		method.Beside = printable(s.missing, 160)
	}
	if power.Main != none {
		power.Beside = s.word
	}
	if s.window > 0 {
		coverage = percent(s.coverage / s.window.Seconds())
	}
	return []cellView{
		{Main: printable(string(s.phase), 40)},
		{Main: printable(s.channel.Name, 60), Code: true},
		{Main: strconv.Itoa(s.windows), Num: true},
		{Main: seconds(s.window), Num: true},
		power, energy, method,
		{Main: coverage, Num: true},
		{Main: orText(statesText(s.states, s.missed), "all ok"), Beside: some(s.doubts, 2, "other doubt")},
	}
}
