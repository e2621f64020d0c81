package stats

import (
	"fmt"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// energyUse is the energy of the inference windows with the calls in them.
type energyUse struct {
	chosen  []series
	windows []callWindow // with calls and an energy
	left    leftOut
	totalJ  float64
	byRun   [][]cluster // energy over calls, one cluster per run
	inside  map[bench.CallKey]bool
	calls   int // inside the windows
	again   int // of them, measured again after a cut
}

// fillEnergy makes the figures of energy. Energy per call is that of the
// inference windows over the committed calls that ended in them, failed calls
// included; a window's energy between and around calls is part of it.
func fillEnergy(r *bench.CellResult, in CellInput, answers joined) {
	use, missing := energyUse{}, noCalls(in)
	if len(in.Calls) > 0 {
		use, missing = useOf(in.Calls, in.Phases)
	}
	if missing != "" {
		r.EnergyMissing, r.TokensPerJouleMissing, r.EnergyPerCorrectMissing = missing, missing, missing
		return
	}
	figure := use.figure(r, in)
	r.Energy = &figure
	r.TokensPerJoule, r.TokensPerJouleMissing = use.tokensPerJoule()
	r.EnergyPerCorrect, r.EnergyPerCorrectMissing = use.perCorrect(answers)
}

// useOf finds the channels and the windows that tell the energy of calls, both
// in order. A window with calls but without an energy is left out with them.
func useOf(calls []bench.Call, phases []bench.PhaseReading) (energyUse, string) {
	windows, left := place(calls, phases)
	all := energySeries(phases, windows)
	switch {
	case len(all) == 0:
		return energyUse{}, "no channel of power or energy was read during inference"
	case len(windows) == 0:
		return energyUse{}, "no call lies in an inference window that was read"
	}
	use := energyUse{chosen: choose(all, windows), left: left, inside: map[bench.CallKey]bool{}}
	if use.chosen == nil {
		w := windows[0]
		channel, why := gapOf(all, w)
		return use, fmt.Sprintf("no channel tells the energy of an inference window with calls: %s in run %d, segment %d: %s", channel, w.run, w.segment, why)
	}
	for _, w := range windows {
		if channel, why := gapOf(use.chosen, w); why != "" {
			use.left.add(w, channel+": "+why)
			continue
		}
		use.take(w)
	}
	return use, ""
}

// take adds a window up, in all and in its run; windows come in order.
func (u *energyUse) take(w callWindow) {
	one := cluster{u.energyOf(w), float64(len(w.calls))}
	if n := len(u.windows); n == 0 || u.windows[n-1].run != w.run {
		u.byRun = append(u.byRun, []cluster{one})
	} else {
		last := &u.byRun[len(u.byRun)-1][0]
		last.sum += one.sum
		last.weight += one.weight
	}
	u.windows = append(u.windows, w)
	u.totalJ += one.sum
	u.calls += len(w.calls)
	for _, c := range w.calls {
		u.inside[c.CallKey] = true
		if c.Remeasured {
			u.again++
		}
	}
}

// energyOf is the energy of a window in J, over all chosen channels.
func (u *energyUse) energyOf(w callWindow) float64 {
	joules := 0.0
	for _, s := range u.chosen {
		joules += *s.of[w.windowKey].EnergyJ
	}
	return joules
}

func (u *energyUse) figure(r *bench.CellResult, in CellInput) bench.EnergyFigure {
	f := bench.EnergyFigure{
		Mean: u.totalJ / float64(u.calls), Method: u.method(),
		Channel: strings.Join(u.names(), "+"), Coverage: u.coverage(),
	}
	for _, s := range u.chosen {
		f.Estimated = f.Estimated || s.channel.Estimated
		f.Simulated = f.Simulated || s.channel.Simulated
	}
	power, seconds, missing := u.baseline(in.Phases)
	if f.NetMeanMissing = missing; missing == "" {
		net := (u.totalJ - power*seconds) / float64(u.calls)
		f.NetMean = &net
	}
	interval := u.interval(&f, r.Runs)
	f.Basis = u.basis(in, interval)
	return f
}

// interval puts the interval over runs into f and says in words over what it
// was taken or why there is none.
func (u *energyUse) interval(f *bench.EnergyFigure, runs int) string {
	switch {
	case runs < 2:
		f.CIMissing = "one run"
	case len(u.byRun) < 2:
		f.CIMissing = fmt.Sprintf("one of %d runs has an energy", runs)
	default:
		e := estimate(u.byRun, Options{Bounds: NonNegative})
		if f.CIMissing = e.CIMissing; e.CI95Low != nil {
			f.CI95Low, f.CI95High = e.CI95Low, e.CI95High
			return "interval over " + e.IntervalOver
		}
	}
	return "no interval: " + f.CIMissing
}

func (u *energyUse) names() []string {
	var names []string
	for _, s := range u.chosen {
		names = append(names, s.channel.Name)
	}
	return names
}

// method is the weakest of the methods behind the figure.
func (u *energyUse) method() bench.EnergyMethod {
	weakest := []bench.EnergyMethod{bench.EnergyCounter, bench.EnergyTrapezoid, bench.EnergyAttributed, bench.EnergyEstimated}
	at := 0
	for _, s := range u.chosen {
		for _, w := range u.windows {
			for i, m := range weakest {
				if s.channel.Estimated && m == bench.EnergyEstimated || s.of[w.windowKey].Method == m {
					at = max(at, i)
				}
			}
		}
	}
	return weakest[at]
}

// coverage is the share of the windows' time that samples cover.
func (u *energyUse) coverage() float64 {
	var covered, seconds float64
	for _, s := range u.chosen {
		for _, w := range u.windows {
			length := s.of[w.windowKey].Window.Seconds()
			if c := s.of[w.windowKey].Coverage; finite(c) && length > 0 {
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
// loaded, and the length of the inference windows in seconds, or says why
// there is no baseline.
func (u *energyUse) baseline(phases []bench.PhaseReading) (powerW, seconds float64, missing string) {
	for _, s := range u.chosen {
		mean, missing := idlePower(phases, s.channel)
		if missing != "" {
			return 0, 0, missing
		}
		powerW += mean
	}
	for _, w := range u.windows {
		seconds += u.chosen[0].of[w.windowKey].Window.Seconds()
	}
	return powerW, seconds, ""
}

// idlePower is the mean power in W of a channel with nothing loaded.
func idlePower(phases []bench.PhaseReading, c bench.Channel) (meanW float64, missing string) {
	var joules, seconds float64
	for _, p := range phases {
		if p.Phase != bench.PhaseBaseline || p.Channel.Name != c.Name {
			continue
		}
		switch {
		case p.Window <= 0:
			missing = "its window has no length"
			continue
		case p.EnergyJ != nil && finite(*p.EnergyJ):
			joules += *p.EnergyJ
		case p.Mean != nil && finite(*p.Mean) && p.Channel.Unit == bench.UnitWatt:
			joules += *p.Mean * p.Window.Seconds()
		default:
			missing = or(p.Missing, "no energy")
			continue
		}
		seconds += p.Window.Seconds()
	}
	switch {
	case seconds > 0:
		return joules / seconds, ""
	case missing != "":
		return 0, "no baseline of " + c.Name + ": " + missing
	default:
		return 0, "no baseline of " + c.Name + " was measured"
	}
}

// basis says in words what the figure rests on.
func (u *energyUse) basis(in CellInput, interval string) string {
	parts := []string{u.source(in.Cell.Config.Meters.Estimate)}
	parts = append(parts, fmt.Sprintf("energy of %s over the %s that ended in them, failed calls included",
		counted(len(u.windows), "inference window"), counted(u.calls, "call")))
	if u.again > 0 {
		parts = append(parts, fmt.Sprintf("%d of them measured again after a cut", u.again))
	}
	if left := u.left.String(); left != "" {
		parts = append(parts, left)
	}
	return strings.Join(append(parts, interval), "; ")
}

// source says what made the joules.
func (u *energyUse) source(stated *bench.EstimateConfig) string {
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

// tokensPerJoule is the output tokens that the runtime counted for the calls
// inside the windows, over the windows' energy.
func (u *energyUse) tokensPerJoule() (*float64, string) {
	tokens, known := 0, 0
	for _, w := range u.windows {
		for _, c := range w.calls {
			if c.OutputTokens != nil {
				tokens += *c.OutputTokens
				known++
			}
		}
	}
	switch {
	case known == 0:
		return nil, "the runtime counted no output tokens"
	case u.totalJ <= 0:
		return nil, "the energy is 0 J"
	}
	rate := float64(tokens) / u.totalJ
	return &rate, ""
}

// perCorrect is the windows' energy over the number of calls inside them whose
// first code is right.
func (u *energyUse) perCorrect(answers joined) (*float64, string) {
	if answers.missing != "" {
		return nil, answers.missing
	}
	right := 0
	for _, row := range answers.rows {
		if u.inside[row.key] && row.exactAt1 == 1 {
			right++
		}
	}
	if right == 0 {
		return nil, "no correct answer"
	}
	joules := u.totalJ / float64(right)
	return &joules, ""
}
