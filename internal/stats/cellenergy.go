package stats

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// fillEnergy makes the figures of energy. Energy per call is that of the
// inference windows over the committed calls that ended in them, failed calls
// included; a window's energy between and around calls is part of it.
func fillEnergy(r *bench.CellResult, in CellInput, answers joined) {
	r.Energies = []bench.EnergyFigure{}
	r.EnergyByPhase = phaseEnergies(in)
	var uses []energyUse
	missing := noCalls(in)
	if len(in.Calls) > 0 {
		uses, missing = usesOf(in.Calls, in.Phases, in.Cell.Config.Meters.Foreign)
	}
	if missing != "" {
		r.EnergyMissing, r.TokensPerJouleMissing, r.EnergyPerCorrectMissing = missing, missing, missing
		r.EnergyOfCallsMissing, r.TokensPerWhMissing, r.EnergyPerWordMissing = missing, missing, missing
		r.ReconciliationMissing = missing
		return
	}
	use := headline(uses)
	for i := range uses {
		figure := uses[i].figure(r, in)
		if use == &uses[i] {
			figure.Flags = append(figure.Flags, use.untoldParts(uses)...)
		}
		r.Energies = append(r.Energies, figure)
		if use == &uses[i] {
			r.Energy = &figure
		}
	}
	r.TokensPerJoule, r.TokensPerJouleMissing = use.tokensPerJoule()
	r.EnergyPerCorrect, r.EnergyPerCorrectMissing = use.perCorrect(answers)
	r.EnergyPerWord, r.EnergyPerWordMissing = use.perWord()
	r.EnergyOfCalls, r.EnergyOfCallsMissing = use.ofCalls(seedOf(in))
	r.TokensPerWh, r.TokensPerWhMissing = use.tokensPerWh(seedOf(in))
	r.Reconciliation, r.ReconciliationMissing = reconcile(in)
}

// figure is the energy per call with all that is known of it.
func (u *energyUse) figure(r *bench.CellResult, in CellInput) bench.EnergyFigure {
	f := bench.EnergyFigure{
		Mean: u.totalJ / float64(u.calls), Method: methodOf(u.chosen, u.keys()),
		Channel: namesOf(u.chosen), Coverage: coverageOf(u.chosen, u.keys()), Part: u.group.part,
	}
	baseline := u.account.floorOf(bench.PhaseBaseline, u.group, u.chosen)
	f.BaselinePowerW, f.NetMean, f.NetMeanMissing = u.less(baseline)
	idle := u.account.floorOf(bench.PhaseIdle, u.group, u.chosen)
	f.IdlePowerW, f.AboveIdleMean, f.AboveIdleMeanMissing = u.less(idle)
	f.Estimated, f.Simulated = u.marks(baseline, idle)
	f.Disagreement = disagreementOf(u.account, u.group, u.chosen, u.keys())
	f.Flags = append(u.flags(f.Disagreement), u.leftDevices()...)
	interval := u.interval(&f, r.Runs)
	u.doubt(&f, baseline)
	f.Flags = append(f.Flags, limitsOf(f, r.Runs)...)
	f.Basis = u.basis(in, interval)
	return f
}

// limitsOf says what the uncertainty of a figure cannot hold, and when it is
// contradicted.
func limitsOf(f bench.EnergyFigure, runs int) []string {
	var out []string
	if f.Uncertainty != nil {
		for _, p := range f.Uncertainty.Parts {
			if strings.HasPrefix(p.Basis, unstated) {
				out = append(out, "the limits of the sensor's error are not stated, so the ± is of reading it alone")
				break
			}
		}
		if runs < 2 {
			out = append(out, "one run: how well it repeats is not in the ±")
		}
	}
	if f.NetMean != nil && f.NetUncertainty != nil && *f.NetMean < -f.NetUncertainty.U95 {
		out = append(out, "net is below zero by more than its ±: the baseline was not at rest, or the host drew less later")
	}
	return out
}

// unstated begins the basis of a sensor accuracy that nobody states.
const unstated = "sensor accuracy not stated"

// marks are those of all that the figure rests on, its baseline and its idle
// power included.
func (u *energyUse) marks(floors ...floor) (estimated, simulated bool) {
	estimated, simulated = marksOf(u.chosen, u.keys())
	for _, f := range floors {
		for _, device := range f.devices {
			for _, p := range device.readings {
				estimated, simulated = estimated || p.Channel.Estimated, simulated || p.Channel.Simulated
			}
		}
	}
	return estimated, simulated
}

// less is the energy per call without what the host draws in another phase
// over the same time, with that phase's mean power. It is not cut at 0.
func (u *energyUse) less(f floor) (powerW, mean *float64, missing string) {
	if f.missing != "" {
		return nil, nil, f.missing
	}
	rest := (u.totalJ - f.powerW*u.seconds) / float64(u.calls)
	return &f.powerW, &rest, ""
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

// basis says in words what the figure rests on.
func (u *energyUse) basis(in CellInput, interval string) string {
	parts := []string{u.source(in.Cell.Config.Meters.Estimate)}
	parts = append(parts, fmt.Sprintf("energy of %s over the %s that ended in them, failed calls included",
		counted(len(u.windows), "inference window"), counted(u.calls, "call")))
	if u.again > 0 {
		parts = append(parts, fmt.Sprintf("%d of them measured again after a cut", u.again))
	}
	for _, text := range []string{u.left.String(), u.otherViews()} {
		if text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(append(parts, interval), "; ")
}

// source says what made the joules.
func (u *energyUse) source(stated *bench.EstimateConfig) string {
	c := u.chosen[0].channel
	c.Estimated, c.Simulated = marksOf(u.chosen, u.keys())
	text := "measured by " + strings.ReplaceAll(namesOf(u.chosen), "+", " + ")
	host := c.Scope == bench.ScopeHost || c.Scope == bench.ScopeProcess
	switch {
	case c.Estimated && host && stated != nil:
		text = fmt.Sprintf("estimated: CPU time × stated watts (idle %g W + %g W per busy core; source: %s)",
			stated.IdlePowerW, stated.PowerPerBusyCoreW, stated.Source)
	case c.Estimated:
		text = "estimated: " + or(c.Method, c.Name)
	case c.Method != "":
		text += " (" + c.Method + ")"
	}
	if said := scopesSaid(u.chosen); said != "" {
		text += "; " + said
	}
	if c.Simulated {
		text = "made-up source for tests: " + text
	}
	return text
}

// scopesSaid says what a reader must know of the scopes of channels, each once.
func scopesSaid(chosen []series) string {
	var said []string
	for _, s := range chosen {
		if text := scopeWords(s.channel.Scope); text != "" && !slices.Contains(said, text) {
			said = append(said, text)
		}
	}
	return strings.Join(said, "; ")
}

// scopeWords says what a reader must know of a scope beside its part.
func scopeWords(s bench.Scope) string {
	switch s {
	case bench.ScopePSU:
		return "as the power supplies tell it, whose own losses may not be in it"
	case bench.ScopeInlet, bench.ScopePhase:
		return "a whole inlet or phase: other machines on it are in it too"
	case bench.ScopeModule:
		return "the module: its CPU and memory are in it"
	default:
		return ""
	}
}
