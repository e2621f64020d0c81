package stats

import (
	"fmt"
	"math"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// ofShares makes a figure of the calls' attributed energy.
func (j *judged) ofShares(key bench.FigureKey) bench.FigureInterval {
	s := seen{unit: energyUnit(key.Metric)}
	perWh := key.Metric == bench.MetricTokensPerWh
	s.down = perWh
	for _, w := range j.use.windows {
		shares := shared(energyOf(j.use.chosen, w.key()), lengthOf(j.use.chosen, w.key()), w.calls)
		for i, joules := range shares {
			c := w.calls[i]
			switch {
			case !perWh:
				s.add(c, joules)
			case c.OutputTokens != nil && c.Outcome.Answered() && joules > 0:
				s.add(c, float64(*c.OutputTokens)/(joules/joulesPerWh))
			}
		}
	}
	if len(s.parts) == 0 {
		return bench.FigureInterval{Missing: or(j.r.TokensPerWhMissing, "the windows have no length to share energy out by")}
	}
	var f bench.FigureInterval
	if key.Stat == bench.StatMean {
		f = j.general(s.parts, s.unit, NonNegative)
	} else {
		f = s.percentile(key.Stat)
	}
	return j.widened(f, perWh)
}

// widened adds what the meters may be off, in quadrature on each side. It is
// common to all calls, so no number of them makes it smaller.
func (j *judged) widened(f bench.FigureInterval, inverted bool) bench.FigureInterval {
	meter, missing := sumDoubt(j.use.chosen, j.use.keys())
	if missing != "" || !finite(meter.U95) || j.use.totalJ <= 0 {
		f.Low, f.High, f.Open, f.Over = nil, nil, "", ""
		f.Missing = "no interval that holds what the meters may be off: " + or(missing, "the energy is 0 J")
		return f
	}
	v, off := *f.Value, meter.U95/j.use.totalJ
	down, up := v*off, v*off
	if inverted {
		down, up = v-v/(1+off), math.Inf(1)
		if off < 1 {
			up = v/(1-off) - v
		}
	}
	f.MeasurementU95 = v * off
	if f.Low != nil {
		low := max(0, v-math.Hypot(v-*f.Low, down))
		f.Low = &low
	}
	if f.High != nil {
		high := v + math.Hypot(*f.High-v, up)
		f.High = &high
		if math.IsInf(high, 1) {
			f.High, f.Open = nil, "the energy cannot be told from 0 J, so there is no bound above"
		}
	}
	if f.Missing == "" {
		f.Over += fmt.Sprintf(", and what the meters may be off (±%.2g %%); energy of a call is its share of its window by duration", 100*off)
		if unstatedIn(meter) {
			f.Over += "; the limits of the sensor's error are not stated and not in it"
		}
	}
	return f
}
