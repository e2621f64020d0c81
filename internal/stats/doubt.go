package stats

import (
	"fmt"
	"math"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// sumDoubt is the uncertainty of the sum of windows over chosen channels, in
// J, or says which reading has none.
func sumDoubt(chosen []series, keys []phaseKey) (*bench.Uncertainty, string) {
	terms, missing := windowTerms(chosen, keys, 1)
	if missing != "" {
		return nil, missing
	}
	return combine(terms), ""
}

// windowTerms lists the windows of chosen channels as terms of a sum, each
// with the same factor.
func windowTerms(chosen []series, keys []phaseKey, factor float64) ([]term, string) {
	var terms []term
	for _, s := range chosen {
		for _, key := range keys {
			p := s.of[key]
			if !known(p.Uncertainty) {
				return nil, fmt.Sprintf("the uncertainty of %s was not told for run %d, %s %d", s.channel.Name, p.Run, p.Phase, p.No)
			}
			terms = append(terms, term{s.channel.Name, factor, p.Uncertainty})
		}
	}
	return terms, ""
}

// known says that an uncertainty can be reckoned with.
func known(u *bench.Uncertainty) bool {
	if u == nil || !finite(u.Standard) || u.Standard < 0 {
		return false
	}
	for _, p := range u.Parts {
		if !finite(p.Standard) || p.Standard < 0 {
			return false
		}
	}
	return true
}

// terms are the floor's readings as terms that take floor × seconds off a sum.
func (f floor) terms(seconds float64) ([]term, string) {
	var terms []term
	for _, r := range f.readings {
		if r.of.EnergyJ == nil || !known(r.of.Uncertainty) {
			return nil, fmt.Sprintf("the uncertainty of %s was not told for its %s", r.channel, r.of.Phase)
		}
		terms = append(terms, term{r.channel, -seconds / r.seconds, r.of.Uncertainty})
	}
	return terms, ""
}

// doubt fills in the uncertainty of the energy per call and of its net: of the
// sensors and windows (type B), and, over two or more runs, of the run means
// (type A).
func (u *energyUse) doubt(f *bench.EnergyFigure, baseline floor) {
	perCall := 1 / float64(u.calls)
	gross, missing := windowTerms(u.chosen, u.keys(), perCall)
	if missing != "" {
		f.UncertaintyMissing = missing
		return
	}
	f.Uncertainty = combine(gross, u.repeats()...)
	if f.NetMean == nil {
		f.UncertaintyMissing = "net: " + f.NetMeanMissing
		return
	}
	taken, missing := baseline.terms(u.seconds * perCall)
	if missing != "" {
		f.UncertaintyMissing = "net: " + missing
		return
	}
	f.NetUncertainty = combine(append(gross, taken...), u.repeats()...)
}

// repeats is the standard uncertainty of the mean over runs, none below two
// runs with an energy.
func (u *energyUse) repeats() []bench.UncertaintyPart {
	var means []float64
	for _, run := range u.byRun {
		means = append(means, ratio(run))
	}
	d, err := Describe(means)
	if err != nil || d.SD == nil {
		return nil
	}
	return []bench.UncertaintyPart{{
		Name: "repeats", Type: "A", Standard: *d.SD / math.Sqrt(float64(d.N)), DOF: float64(d.N - 1),
		Basis: fmt.Sprintf("spread of %d run means ÷ √%d", d.N, d.N),
	}}
}

// restDoubt is the uncertainty of wall − GPU − CPU over windows, nil where a
// reading's is not known.
func restDoubt(wall option, inner map[bench.Part]option, keys []phaseKey) *bench.Uncertainty {
	terms, missing := windowTerms(wall.chosen, keys, 1)
	for _, part := range parts() {
		less, why := windowTerms(inner[part].chosen, keys, -1)
		terms, missing = append(terms, less...), or(missing, why)
	}
	if missing != "" {
		return nil
	}
	return combine(terms)
}
