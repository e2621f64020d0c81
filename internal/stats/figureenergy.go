package stats

import (
	"fmt"
	"math"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/gum"
)

// ofEnergy makes a figure that rests on a meter.
func (j *judged) ofEnergy(key bench.FigureKey) bench.FigureInterval {
	if j.use == nil || j.r.Energy == nil {
		return bench.FigureInterval{Unit: energyUnit(key.Metric), Missing: or(j.missing, j.r.EnergyMissing)}
	}
	var f bench.FigureInterval
	e := j.r.Energy
	switch {
	case key.Metric == bench.MetricTokensPerWh, key.Metric == bench.MetricEnergy && key.Stat != bench.StatMean:
		f = j.ofShares(key)
	case key.Metric == bench.MetricEnergy:
		f = j.withBudget(&e.Mean, e.Uncertainty, or(e.UncertaintyMissing, "the meter told no uncertainty"), NonNegative)
	case key.Metric == bench.MetricNetEnergy && e.NetMean == nil:
		f.Missing = e.NetMeanMissing
	case key.Metric == bench.MetricNetEnergy:
		f = j.withBudget(e.NetMean, e.NetUncertainty, or(e.UncertaintyMissing, "the meter told no uncertainty"), Unbounded)
	case key.Metric == bench.MetricTokensPerJoule:
		f = inverse(j.perUnit(bench.MetricEnergyPerToken))
	default:
		f = j.perUnit(key.Metric)
	}
	f.Unit, f.Estimated, f.Simulated = energyUnit(key.Metric), e.Estimated, e.Simulated
	return f
}

func energyUnit(metric bench.MetricName) string {
	switch metric {
	case bench.MetricTokensPerWh:
		return "tokens/Wh"
	case bench.MetricTokensPerJoule:
		return "tokens/J"
	case bench.MetricPower:
		return "W"
	default:
		return "J"
	}
}

// withBudget is a mean with the budget of its uncertainty, that of the meters
// and the spread of the runs together.
func (j *judged) withBudget(mean *float64, u *bench.Uncertainty, missing string, b Bounds) bench.FigureInterval {
	f := bench.FigureInterval{Value: mean, Runs: len(j.use.byRun), N: j.use.calls}
	if u == nil || !finite(u.U95) {
		f.Missing = "no interval that holds what the meters may be off: " + missing
		return f
	}
	low, high := *mean-u.U95, *mean+u.U95
	if b == NonNegative {
		low = max(0, low)
	}
	f.Low, f.High = &low, &high
	f.Over = fmt.Sprintf("%s and what the meters may be off (GUM, k = %.3g)", counted(f.Runs, "run"), u.K)
	var square float64
	for _, p := range u.Parts {
		if p.Name != gum.NameRepeats {
			square += p.Standard * p.Standard
		}
	}
	f.MeasurementU95 = gum.Coverage(0) * math.Sqrt(square)
	if unstatedIn(u) {
		f.Over += "; the limits of the sensor's error are not stated and not in it"
	}
	return f
}

func unstatedIn(u *bench.Uncertainty) bool {
	for _, p := range u.Parts {
		if len(p.Basis) >= len(unstated) && p.Basis[:len(unstated)] == unstated {
			return true
		}
	}
	return false
}

// perUnit is the energy of the windows over something that was made in them:
// tokens, words, right answers, seconds.
func (j *judged) perUnit(metric bench.MetricName) bench.FigureInterval {
	u := j.use
	per, joules := make([]float64, len(u.byRun)), make([]float64, len(u.byRun))
	at, last := -1, 0
	for _, w := range u.windows {
		if at < 0 || w.run != last {
			at, last = at+1, w.run
		}
		joules[at] += energyOf(u.chosen, w.key())
		per[at] += j.amount(metric, w)
	}
	var all, energyJ float64
	ratios := make([]float64, 0, len(per))
	for i := range per {
		all += per[i]
		energyJ += joules[i]
		ratios = append(ratios, joules[i]/per[i])
	}
	if !(all > 0) {
		return bench.FigureInterval{Missing: "there is nothing to share the energy out by: " + nothingMade(metric)}
	}
	value := energyJ / all
	d, err := Describe(ratios)
	if err != nil {
		return bench.FigureInterval{Value: &value, Runs: len(per), N: u.calls, Missing: "one of the runs has none: " + nothingMade(metric)}
	}
	meter, missing := sumDoubt(u.chosen, u.keys())
	if missing != "" {
		return j.withBudget(&value, nil, missing, NonNegative)
	}
	budget := gum.Scale(*meter, 1/all)
	if d.SD != nil {
		budget = gum.WithRepeats(budget, *d.SD, d.N, fmt.Sprintf("spread of %d runs", d.N))
	}
	return j.withBudget(&value, &budget, "", NonNegative)
}

func nothingMade(metric bench.MetricName) string {
	switch metric {
	case bench.MetricEnergyPerToken:
		return "the runtime counted no output tokens"
	case bench.MetricEnergyPerWord:
		return "no answer held a word"
	case bench.MetricEnergyPerCorrect:
		return "no correct answer"
	default:
		return "the windows have no length"
	}
}

// amount is what a window made of what a metric shares energy out by.
func (j *judged) amount(metric bench.MetricName, w callWindow) float64 {
	switch metric { //nolint:exhaustive // the others take the default
	case bench.MetricPower:
		return lengthOf(j.use.chosen, w.key()).Seconds()
	case bench.MetricEnergyPerCorrect:
		right := 0.0
		inside := map[bench.CallKey]bool{}
		for _, c := range w.calls {
			inside[c.CallKey] = true
		}
		for _, row := range j.answers.rows {
			if inside[row.key] && row.exactAt1 == 1 {
				right++
			}
		}
		return right
	}
	sum := 0.0
	for _, c := range w.calls {
		switch {
		case metric == bench.MetricEnergyPerWord:
			sum += float64(c.OutputWords)
		case metric == bench.MetricEnergyPerToken && c.OutputTokens != nil:
			sum += float64(*c.OutputTokens)
		}
	}
	return sum
}

// inverse turns joules per token into tokens per joule, bounds included.
func inverse(f bench.FigureInterval) bench.FigureInterval {
	if f.Value == nil || *f.Value <= 0 {
		f.Value, f.Low, f.High, f.Missing = nil, nil, nil, or(f.Missing, "the energy is 0 J")
		return f
	}
	value := 1 / *f.Value
	f.MeasurementU95 *= value * value // to first order
	f.Value = &value
	low, high := f.High, f.Low
	f.Low, f.High = nil, nil
	if low != nil {
		v := 1 / *low
		f.Low = &v
	}
	switch {
	case high != nil && *high > 0:
		v := 1 / *high
		f.High = &v
	case high != nil:
		f.Open = "the energy cannot be told from 0 J, so there is no bound above"
	}
	return f
}
