package stats

import (
	"fmt"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// seen is a quantity of calls: what makes its mean, and its single values.
type seen struct {
	unit  string
	parts []part
	calls []sighting
	down  bool // percentiles run from the best call down
}

// add puts one value of a call in; its mean is over calls.
func (s *seen) add(c bench.Call, value float64) {
	s.parts = append(s.parts, part{c.Run, c.Item, cluster{value, 1}})
	s.calls = append(s.calls, sighting{c.Run, c.Item, value})
}

// share is the p of a percentile as it is counted from the lowest value.
func (s *seen) share(stat bench.Stat) float64 {
	p := map[bench.Stat]float64{bench.StatP50: 0.50, bench.StatP95: 0.95, bench.StatP99: 0.99}[stat]
	if s.down {
		return 1 - p
	}
	return p
}

// ofCalls makes a figure of the answered calls.
func (j *judged) ofCalls(key bench.FigureKey) bench.FigureInterval {
	s := seen{unit: "s"}
	answered := 0
	for _, c := range j.in.Calls {
		if c.Outcome.Answered() {
			answered++
			s.take(key.Metric, c)
		}
	}
	switch {
	case len(j.in.Calls) == 0:
		return bench.FigureInterval{Unit: s.unit, Missing: noCalls(j.in)}
	case answered == 0:
		return bench.FigureInterval{Unit: s.unit, Missing: fmt.Sprintf("none of %d calls was answered", len(j.in.Calls))}
	case len(s.parts) == 0:
		return bench.FigureInterval{Unit: s.unit, Missing: "no answered call has it: the runtime did not tell"}
	}
	if key.Stat == bench.StatMean {
		return j.general(s.parts, s.unit, NonNegative)
	}
	return s.percentile(key.Stat)
}

// take puts what a metric is of a call in, if the call has it.
func (s *seen) take(metric bench.MetricName, c bench.Call) {
	switch metric { //nolint:exhaustive // the others take the default
	case bench.MetricLatency:
		s.add(c, c.Latency.Seconds())
	case bench.MetricTTFT:
		if c.TimeToFirstToken != nil {
			s.add(c, c.TimeToFirstToken.Seconds())
		}
	case bench.MetricInterToken:
		s.takeGaps(c)
	case bench.MetricTokensPerSecond:
		s.unit, s.down = "tokens/s", true
		if c.OutputTokens != nil && c.Latency > 0 {
			tokens := float64(*c.OutputTokens)
			s.parts = append(s.parts, part{c.Run, c.Item, cluster{tokens, c.Latency.Seconds()}})
			s.calls = append(s.calls, sighting{c.Run, c.Item, tokens / c.Latency.Seconds()})
		}
	case bench.MetricPromptTokens:
		s.unit = "tokens"
		if c.PromptTokens != nil {
			s.add(c, float64(*c.PromptTokens))
		}
	case bench.MetricOutputTokens:
		s.unit = "tokens"
		if c.OutputTokens != nil {
			s.add(c, float64(*c.OutputTokens))
		}
	}
}

// takeGaps puts the gaps of a call in; the mean is over gaps.
func (s *seen) takeGaps(c bench.Call) {
	if len(c.InterTokenTimes) == 0 {
		return
	}
	sum := 0.0
	for _, gap := range c.InterTokenTimes {
		sum += gap.Seconds()
		s.calls = append(s.calls, sighting{c.Run, c.Item, gap.Seconds()})
	}
	s.parts = append(s.parts, part{c.Run, c.Item, cluster{sum, float64(len(c.InterTokenTimes))}})
}

// percentile makes a figure of the single values.
func (s *seen) percentile(stat bench.Stat) bench.FigureInterval {
	b := percentile(s.calls, s.share(stat))
	f := bench.FigureInterval{
		Unit: s.unit, Value: &b.value, Low: b.low, High: b.high, Open: b.open, Runs: b.runs, N: b.n,
		Independent: b.independent,
		Over: fmt.Sprintf("%s on %s in %s, worth %.0f independent ones (order statistics)", counted(b.n, "value"),
			counted(b.journals, "journal"), counted(b.runs, "run"), b.independent),
	}
	if b.low == nil && b.high == nil {
		f.Over, f.Missing, f.Open = "", b.open, ""
	}
	return f
}

// okShare is the share of calls that were answered.
func (j *judged) okShare() bench.FigureInterval {
	if len(j.in.Calls) == 0 {
		return bench.FigureInterval{Unit: "1", Missing: noCalls(j.in)}
	}
	parts := make([]part, 0, len(j.in.Calls))
	for _, c := range j.in.Calls {
		parts = append(parts, part{c.Run, c.Item, cluster{oneIf(c.Outcome.Answered()), 1}})
	}
	return j.general(parts, "1", Share)
}

// ofWindows makes a figure of a channel over the inference windows, run by run.
func (j *judged) ofWindows(channel, unit string, peak bool) bench.FigureInterval {
	var parts []part
	missing := ""
	for _, p := range j.in.Phases {
		if p.Phase != bench.PhaseInference || p.Channel.Name != channel {
			continue
		}
		value := p.Mean
		if peak {
			value = p.Max
		}
		if value == nil || !finite(*value) || p.Window <= 0 {
			missing = or(p.Missing, "a window has no value")
			continue
		}
		w := p.Window.Seconds()
		if last := len(parts) - 1; peak && last >= 0 && parts[last].run == p.Run {
			parts[last].cluster = cluster{max(parts[last].sum, *value), 1}
			continue
		} else if peak {
			w = 1
		}
		parts = append(parts, part{run: p.Run, cluster: cluster{*value * w, w}})
	}
	if len(parts) == 0 {
		return bench.FigureInterval{Unit: unit, Missing: notRead(channel, missing)}
	}
	return j.ratioOf(parts, unit, NonNegative)
}
