package stats

import (
	"fmt"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// energyUse is the energy of the inference windows with the calls in them.
type energyUse struct {
	chosen  []series
	windows []windowKey
	totalJ  float64
	byRun   [][]cluster // energy over calls, one cluster per run
	inside  map[windowKey]int
	calls   int // begun inside the windows
	outside int // in segments whose window nobody read
}

// fillEnergy makes the figures of energy. Energy per call is that of all
// inference windows over all calls begun in them, failed calls included; a
// window's energy between and around calls is part of it.
func fillEnergy(r *bench.CellResult, in CellInput, answers joined) {
	use, missing := useOf(in)
	if missing != "" {
		r.EnergyMissing, r.TokensPerJouleMissing, r.EnergyPerCorrectMissing = missing, missing, missing
		return
	}
	figure := use.figure(r, in)
	r.Energy = &figure
	r.TokensPerJoule, r.TokensPerJouleMissing = use.tokensPerJoule(in.Calls)
	r.EnergyPerCorrect, r.EnergyPerCorrectMissing = use.perCorrect(answers)
}

func useOf(in CellInput) (energyUse, string) {
	if len(in.Calls) == 0 {
		return energyUse{}, noCalls(in)
	}
	use := energyUse{windows: inferenceWindows(in.Phases), inside: map[windowKey]int{}}
	all := energySeries(in.Phases, use.windows)
	if len(all) == 0 {
		return use, "no channel of power or energy was read during inference"
	}
	var missing string
	if use.chosen, missing = choose(all); missing != "" {
		return use, "no channel tells the energy of every inference window: " + missing
	}
	for _, w := range use.windows {
		use.inside[w] = 0
	}
	for _, c := range in.Calls {
		w := windowKey{c.Run, c.Segment}
		if _, read := use.inside[w]; !read {
			use.outside++
			continue
		}
		use.inside[w]++
		use.calls++
	}
	if use.calls == 0 {
		return use, "no call lies in an inference window that was read"
	}
	use.sum()
	return use, ""
}

// sum adds the windows up, in all and by run. A run without calls, cut before
// its first, adds its energy to the total only.
func (u *energyUse) sum() {
	run, started := 0, false
	var one cluster
	flush := func() {
		if started && one.weight > 0 {
			u.byRun = append(u.byRun, []cluster{one})
		}
		one = cluster{}
	}
	for _, w := range u.windows {
		if !started || w.run != run {
			flush()
			run, started = w.run, true
		}
		energyJ := 0.0
		for _, s := range u.chosen {
			energyJ += *s.of[w].EnergyJ
		}
		u.totalJ += energyJ
		one.sum += energyJ
		one.weight += float64(u.inside[w])
	}
	flush()
}

func (u energyUse) figure(r *bench.CellResult, in CellInput) bench.EnergyFigure {
	f := bench.EnergyFigure{
		Mean: u.totalJ / float64(u.calls), Method: u.method(),
		Channel: strings.Join(u.names(), "+"), Coverage: u.coverage(),
	}
	for _, s := range u.chosen {
		f.Estimated = f.Estimated || s.channel.Estimated
		f.Simulated = f.Simulated || s.channel.Simulated
	}
	if power, seconds, known := u.baseline(in.Phases); known {
		net := (u.totalJ - power*seconds) / float64(u.calls)
		f.NetMean = &net
	}
	interval := "no interval: one run"
	if len(u.byRun) > 1 {
		e := estimate(u.byRun, Options{Bounds: NonNegative})
		if e.CI95Low == nil {
			interval = "no interval " + e.CIMissing
		} else {
			f.CI95Low, f.CI95High = e.CI95Low, e.CI95High
			interval = "interval over " + e.IntervalOver
		}
	}
	f.Basis = u.basis(r, in, interval)
	return f
}

func (u energyUse) names() []string {
	var names []string
	for _, s := range u.chosen {
		names = append(names, s.channel.Name)
	}
	return names
}

// method is the weakest of the methods behind the figure.
func (u energyUse) method() bench.EnergyMethod {
	weakest := []bench.EnergyMethod{bench.EnergyCounter, bench.EnergyTrapezoid, bench.EnergyAttributed, bench.EnergyEstimated}
	at := 0
	for _, s := range u.chosen {
		for _, w := range u.windows {
			for i, m := range weakest {
				if s.channel.Estimated && m == bench.EnergyEstimated || s.of[w].Method == m {
					at = max(at, i)
				}
			}
		}
	}
	return weakest[at]
}

// coverage is the share of the windows' time that samples cover.
func (u energyUse) coverage() float64 {
	var covered, seconds float64
	for _, s := range u.chosen {
		for _, w := range u.windows {
			length := s.of[w].Window.Seconds()
			if c := s.of[w].Coverage; finite(c) && length > 0 {
				covered += min(max(c, 0), 1) * length
				seconds += length
			}
		}
	}
	if seconds == 0 {
		return 0
	}
	return covered / seconds
}

// baseline gives the mean power in W of the chosen channels with nothing
// loaded, and the length of the inference windows in seconds.
func (u energyUse) baseline(phases []bench.PhaseReading) (powerW, seconds float64, known bool) {
	for _, s := range u.chosen {
		var joules, length float64
		for _, p := range phases {
			if p.Phase != bench.PhaseBaseline || p.Channel.Name != s.channel.Name || p.Window <= 0 {
				continue
			}
			switch {
			case p.EnergyJ != nil && finite(*p.EnergyJ):
				joules += *p.EnergyJ
			case p.Mean != nil && finite(*p.Mean) && p.Channel.Unit == bench.UnitWatt:
				joules += *p.Mean * p.Window.Seconds()
			default:
				continue
			}
			length += p.Window.Seconds()
		}
		if length == 0 {
			return 0, 0, false
		}
		powerW += joules / length
	}
	for _, w := range u.windows {
		seconds += u.chosen[0].of[w].Window.Seconds()
	}
	return powerW, seconds, true
}

// basis says in words what the figure rests on.
func (u energyUse) basis(r *bench.CellResult, in CellInput, interval string) string {
	parts := []string{u.source(in.Cell.Config.Meters.Estimate)}
	parts = append(parts, fmt.Sprintf("energy of %d inference window(s) over %d calls begun in them, failed calls included", len(u.windows), u.calls))
	if r.Remeasured > 0 {
		parts = append(parts, fmt.Sprintf("%d of them measured again after a cut", r.Remeasured))
	}
	if u.outside > 0 {
		parts = append(parts, fmt.Sprintf("%d calls in segments without a reading are left out", u.outside))
	}
	return strings.Join(append(parts, interval), "; ")
}

// source says what made the joules.
func (u energyUse) source(stated *bench.EstimateConfig) string {
	c := u.chosen[0].channel
	text := "measured by " + strings.Join(u.names(), " + ")
	switch {
	case c.Estimated && stated != nil:
		text = fmt.Sprintf("estimated: CPU time × stated watts (idle %g W + %g W per busy core; source: %s)",
			stated.IdlePowerW, stated.PowerPerBusyCoreW, stated.Source)
	case c.Estimated:
		text = "estimated: " + or(c.Method, c.Name)
	case c.Method != "":
		text += " (" + c.Method + ")"
	}
	if c.Simulated {
		text = "made-up source for tests: " + text
	}
	return text
}

// tokensPerJoule is all output tokens that the runtime counted, over all
// energy.
func (u energyUse) tokensPerJoule(calls []bench.Call) (*float64, string) {
	tokens, counted := 0, 0
	for _, c := range calls {
		if _, read := u.inside[windowKey{c.Run, c.Segment}]; read && c.OutputTokens != nil {
			tokens += *c.OutputTokens
			counted++
		}
	}
	switch {
	case counted == 0:
		return nil, "the runtime counted no output tokens"
	case u.totalJ <= 0:
		return nil, "the energy is 0 J"
	}
	rate := float64(tokens) / u.totalJ
	return &rate, ""
}

// perCorrect is all energy over the number of calls whose first code is right.
func (u energyUse) perCorrect(answers joined) (*float64, string) {
	if answers.missing != "" {
		return nil, answers.missing
	}
	right := 0
	for _, row := range answers.rows {
		if _, read := u.inside[windowKey{row.key.Run, row.segment}]; read && row.exactAt1 == 1 {
			right++
		}
	}
	if right == 0 {
		return nil, "no correct answer"
	}
	joules := u.totalJ / float64(right)
	return &joules, ""
}
