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
		f = j.meanOf(key.Metric, 0, e.Uncertainty, or(e.UncertaintyMissing, "the meter told no uncertainty"), NonNegative)
	case key.Metric == bench.MetricNetEnergy && e.NetMean == nil:
		f.Missing = e.NetMeanMissing
	case key.Metric == bench.MetricNetEnergy:
		idleW := 0.0
		if j.use.seconds > 0 {
			idleW = (e.Mean - *e.NetMean) * float64(j.use.calls) / j.use.seconds
		}
		f = j.meanOf(key.Metric, idleW, e.NetUncertainty, or(e.UncertaintyMissing, "the meter told no uncertainty"), Unbounded)
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

// meanOf is a mean of energy over something that the calls made: its interval
// over journals and runs with what the meters may be off, which u tells for the
// whole mean, in quadrature. lessW is a power that is taken off.
func (j *judged) meanOf(metric bench.MetricName, lessW float64, u *bench.Uncertainty, missing string, b Bounds) bench.FigureInterval {
	parts := j.energyParts(metric, lessW)
	f := j.general(parts, "J", Unbounded)
	if f.Value == nil {
		return f
	}
	if u == nil || !finite(u.U95) {
		f.Low, f.High, f.Over = nil, nil, ""
		f.Missing = "no interval that holds what the meters may be off: " + missing
		return f
	}
	if s := spreadOf(parts); f.Low == nil && s.runs > 1 && s.journals > 1 && s.none() {
		low, high := *f.Value, *f.Value // calls that are all alike; the meters still may be off
		f.Low, f.High, f.Over, f.Missing = &low, &high, s.over(), ""
	}
	var square float64
	for _, p := range u.Parts {
		if p.Name != gum.NameRepeats {
			square += p.Standard * p.Standard
		}
	}
	f.MeasurementU95 = gum.Coverage(0) * math.Sqrt(square)
	if f.Low == nil || f.High == nil {
		return f
	}
	v := *f.Value
	low, high := v-math.Hypot(v-*f.Low, f.MeasurementU95), v+math.Hypot(*f.High-v, f.MeasurementU95)
	if b == NonNegative {
		low = max(0, low)
	}
	f.Low, f.High = &low, &high
	f.Over += fmt.Sprintf(", and what the meters may be off (±%.2g %s); energy of a call is its share of its window by duration",
		f.MeasurementU95, energyUnit(metric))
	if unstatedIn(u) {
		f.Over += "; the limits of the sensor's error are not stated and not in it"
	}
	return f
}

// energyParts gives each call its share, by duration, of its window's energy
// less a power, and of what the energy is shared out by. The shares of a window
// add up to all of it.
func (j *judged) energyParts(metric bench.MetricName, lessW float64) []part {
	right := map[bench.CallKey]float64{}
	for _, row := range j.answers.rows {
		right[row.key] = row.exactAt1
	}
	var parts []part
	for _, w := range j.use.windows {
		seconds := lengthOf(j.use.chosen, w.key()).Seconds()
		joules := energyOf(j.use.chosen, w.key()) - lessW*seconds
		for i, share := range sharesOf(w.calls) {
			c := w.calls[i]
			weight := 1.0
			switch metric { //nolint:exhaustive // the others are per call
			case bench.MetricPower:
				weight = share * seconds
			case bench.MetricEnergyPerCorrect:
				weight = right[c.CallKey]
			case bench.MetricEnergyPerWord:
				weight = float64(c.OutputWords)
			case bench.MetricEnergyPerToken:
				weight = 0
				if c.OutputTokens != nil {
					weight = float64(*c.OutputTokens)
				}
			}
			parts = append(parts, part{c.Run, c.Item, cluster{share * joules, weight}})
		}
	}
	return parts
}

// sharesOf are the calls' shares of all that they took, even ones where none
// took any time.
func sharesOf(calls []bench.Call) []float64 {
	var all float64
	for _, c := range calls {
		all += max(0, c.Latency.Seconds())
	}
	out := make([]float64, len(calls))
	for i, c := range calls {
		if out[i] = 1 / float64(len(calls)); all > 0 {
			out[i] = max(0, c.Latency.Seconds()) / all
		}
	}
	return out
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
	var all float64
	for _, p := range j.energyParts(metric, 0) {
		all += p.weight
	}
	if !(all > 0) {
		return bench.FigureInterval{Missing: "there is nothing to share the energy out by: " + nothingMade(metric)}
	}
	meter, missing := sumDoubt(j.use.chosen, j.use.keys())
	if missing != "" {
		return j.meanOf(metric, 0, nil, missing, NonNegative)
	}
	budget := gum.Scale(*meter, 1/all)
	return j.meanOf(metric, 0, &budget, "", NonNegative)
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
