package stats

import (
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// trendsOf tells of every run how latency moved and, from the cell's curves,
// how power and temperature did.
func trendsOf(in CellInput) []bench.Trend {
	out := []bench.Trend{}
	for _, run := range runsOf(in.Calls) {
		out = append(out, TrendOf(TrendInput{Quantity: "latency", Unit: "s", Run: run, Values: latencies(in.Calls, run)}))
	}
	for _, c := range in.Curves {
		if c.Unit == bench.UnitWatt {
			out = append(out, curveTrends(c, in.Phases, "power of "+c.Channel, 0)...)
		}
		if c.Unit == bench.UnitCelsius {
			out = append(out, curveTrends(c, in.Phases, "temperature of "+c.Channel, LimitCelsius)...)
		}
	}
	return out
}

// runsOf lists the runs of calls, which are in order.
func runsOf(calls []bench.Call) []int {
	var runs []int
	for _, c := range calls {
		if len(runs) == 0 || runs[len(runs)-1] != c.Run {
			runs = append(runs, c.Run)
		}
	}
	return runs
}

// latencies are those of a run's answered calls at their beginnings.
func latencies(calls []bench.Call, run int) []TimedValue {
	var began time.Time
	var out []TimedValue
	for _, c := range calls {
		if c.Run != run || !c.Outcome.Answered() {
			continue
		}
		if began.IsZero() {
			began = c.StartedAt
		}
		out = append(out, TimedValue{c.StartedAt.Sub(began), c.Latency.Seconds()})
	}
	return out
}

// curveTrends gives the trend of a curve in every run: of its points within the
// run's inference windows.
func curveTrends(c bench.Curve, phases []bench.PhaseReading, quantity string, limit float64) []bench.Trend {
	var out []bench.Trend
	last := 0
	for _, p := range phases {
		if p.Phase != bench.PhaseInference || len(out) > 0 && p.Run == last || p.Run == 0 {
			continue
		}
		last = p.Run
		out = append(out, TrendOf(TrendInput{
			Quantity: quantity, Unit: string(c.Unit), Run: p.Run, Values: curveValues(c, phases, p.Run), Limit: limit,
		}))
	}
	return out
}

// curveValues are the points of a curve within the inference windows of a run.
func curveValues(c bench.Curve, phases []bench.PhaseReading, run int) []TimedValue {
	type span struct{ from, to time.Time }
	spans := map[int]span{} // by segment
	for _, p := range phases {
		if p.Phase == bench.PhaseInference && p.Run == run {
			spans[p.No] = span{p.Started, p.Started.Add(p.Window)}
		}
	}
	var out []TimedValue
	for _, point := range c.Points {
		if point.Mean == nil {
			continue
		}
		for _, s := range spans {
			if !point.At.Before(s.from) && !point.At.After(s.to) {
				out = append(out, TimedValue{point.At.Sub(c.Points[0].At), *point.Mean})
				break
			}
		}
	}
	return out
}
