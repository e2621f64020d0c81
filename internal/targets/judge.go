package targets

import (
	"fmt"
	"math"
	"strconv"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Needs lists the figures that rules are judged by, each once, for whoever
// makes the intervals.
func Needs(rules []Rule) []bench.FigureKey {
	var keys []bench.FigureKey
	seen := map[bench.FigureKey]bool{}
	for _, r := range rules {
		key := bench.FigureKey{Metric: source(r.Metric.Name), Stat: r.Stat}
		if !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
	}
	return keys
}

// source is the metric whose interval another one is a multiple of: money and
// carbon are energy times what the spec states.
func source(name bench.MetricName) bench.MetricName {
	switch name {
	case bench.MetricCostPerCall, bench.MetricCostPer100, bench.MetricCarbonPerCall, bench.MetricCarbonPer100:
		return bench.MetricEnergy
	default:
		return name
	}
}

// Judge holds a rule against the cells that it is about.
func Judge(rule Rule, cells []bench.CellResult) []bench.Judgement {
	var out []bench.Judgement
	for _, c := range cells {
		if rule.Covers(c.Coordinates) {
			out = append(out, JudgeCell(rule, c))
		}
	}
	return out
}

// JudgeCell holds a rule against one cell, whether or not it is about it.
func JudgeCell(rule Rule, c bench.CellResult) bench.Judgement {
	j := bench.Judgement{
		Target: rule.Text, Cell: c.Cell, Coordinates: c.Coordinates, Verdict: bench.VerdictUndecided,
		Op: string(rule.Op), Limit: rule.Limit, Figure: figure(rule, c),
	}
	if c.State != bench.StateDone {
		j.Reason = "the cell is " + string(c.State)
		if c.Reason != "" {
			j.Reason += ": " + c.Reason
		}
		return j
	}
	j.Note = note(rule, c)
	j.Verdict, j.Reason = decide(rule, j.Figure)
	return j
}

// note says what a figure over answered calls leaves out.
func note(rule Rule, c bench.CellResult) string {
	if c.FailedCalls == 0 {
		return ""
	}
	switch rule.Metric.Name {
	case bench.MetricLatency, bench.MetricTTFT, bench.MetricInterToken, bench.MetricTokensPerSecond, bench.MetricPromptTokens,
		bench.MetricOutputTokens, bench.MetricTokensPerWh, bench.MetricNoCodeShare, bench.MetricUnknownShare:
		return fmt.Sprintf("%d of %d calls failed and are not in it", c.FailedCalls, c.Calls)
	default:
		return ""
	}
}

// figure finds the figure of a cell that a rule is about.
func figure(rule Rule, c bench.CellResult) bench.FigureInterval {
	f := bench.FigureInterval{
		Metric: rule.Metric.Name, Stat: rule.Stat, Unit: rule.Metric.Unit,
		Missing: "its interval was not made: build the results anew",
	}
	for _, have := range c.Intervals {
		if have.Metric == source(rule.Metric.Name) && have.Stat == rule.Stat {
			f = have
		}
	}
	f.Metric = rule.Metric.Name
	switch rule.Metric.Name {
	case bench.MetricCostPerCall, bench.MetricCostPer100:
		return money(rule, c, f)
	case bench.MetricCarbonPerCall, bench.MetricCarbonPer100:
		if c.CarbonG == nil || c.Energy == nil || c.Energy.Mean <= 0 {
			return absent(f, "g", orWord(c.CarbonMissing, "there is no energy to reckon with"))
		}
		return scaled(f, "g", *c.CarbonG/c.Energy.Mean, rule.Metric.Name == bench.MetricCarbonPerCall)
	default:
		return f
	}
}

// money is the interval of a price. What the price per kWh may be off is not
// known and not in it.
func money(rule Rule, c bench.CellResult, f bench.FigureInterval) bench.FigureInterval {
	switch {
	case c.Cost == nil || c.Energy == nil || c.Energy.Mean <= 0:
		return absent(f, anyCurrency, orWord(c.CostMissing, "there is no energy to price"))
	case rule.Currency != "" && rule.Currency != c.Cost.Currency:
		return absent(f, c.Cost.Currency, fmt.Sprintf("the cell is priced in %s, not in %s", c.Cost.Currency, rule.Currency))
	}
	f = scaled(f, c.Cost.Currency, c.Cost.Amount/c.Energy.Mean, rule.Metric.Name == bench.MetricCostPerCall)
	f.Estimated = f.Estimated || c.Cost.Estimated
	return f
}

func absent(f bench.FigureInterval, unit, why string) bench.FigureInterval {
	return bench.FigureInterval{Metric: f.Metric, Stat: f.Stat, Unit: unit, Missing: why}
}

// scaled is a multiple of an interval; factors are of 100 calls.
func scaled(f bench.FigureInterval, unit string, factor float64, perCall bool) bench.FigureInterval {
	if perCall {
		factor /= 100
	}
	times := func(v *float64) *float64 {
		if v == nil {
			return nil
		}
		out := *v * factor
		return &out
	}
	f.Unit, f.Value, f.Low, f.High = unit, times(f.Value), times(f.Low), times(f.High)
	f.MeasurementU95 *= factor
	return f
}

// decide holds an interval against the limit.
func decide(rule Rule, f bench.FigureInterval) (verdict bench.Verdict, reason string) {
	switch {
	case f.Value == nil:
		return bench.VerdictUndecided, orWord(f.Missing, "the cell has no such figure")
	case f.Low == nil && f.High == nil:
		return bench.VerdictUndecided, orWord(f.Missing, "there is no interval")
	case f.Runs < 2:
		return bench.VerdictUndecided, "one run does not tell how the figure repeats"
	}
	low, high := math.Inf(-1), math.Inf(1)
	if f.Low != nil {
		low = *f.Low
	}
	if f.High != nil {
		high = *f.High
	}
	good, bad := low, high
	if !rule.upward() {
		good, bad = high, low
	}
	switch {
	case math.IsNaN(low) || math.IsNaN(high) || low > high:
		return bench.VerdictUndecided, "its interval is not one"
	case !math.IsInf(good, 0) && rule.met(good):
		return bench.VerdictPass, ""
	case !math.IsInf(bad, 0) && !rule.met(bad):
		return bench.VerdictFail, ""
	case math.IsInf(good, 0) || math.IsInf(bad, 0):
		return bench.VerdictUndecided, orWord(f.Open, "the interval is open on one side")
	default:
		return bench.VerdictUndecided, fmt.Sprintf("the interval, %s to %s, holds the limit", short(low), short(high))
	}
}

func short(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }
