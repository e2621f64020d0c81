package stats

import (
	"slices"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// judged makes the intervals that targets are judged by; r is the result of
// the same input.
type judged struct {
	r       bench.CellResult
	in      CellInput
	answers joined
	use     *energyUse // nil with missing
	missing string     // why there is no energy
}

// Intervals gives each figure that is wanted with the interval that it is
// judged by, in the order wanted. r is what [Cell] made of the same input. A
// figure that cannot be had is listed with the reason.
//
// Means have an interval over journals and runs crossed, so that it holds for
// other journals too: runs that repeat each other say nothing of those. It is
// not the one over runs that tables show. Percentiles have the interval of order
// statistics over calls. What channels tell of the host as a whole has an
// interval over runs. In those of energies, what the meters may be off, which is
// common to all calls, is added in quadrature on each side (GUM 5.1.2).
func Intervals(r bench.CellResult, in CellInput, wanted []bench.FigureKey) []bench.FigureInterval {
	if len(wanted) == 0 {
		return nil
	}
	in.Calls, in.Phases = inOrder(in.Calls), phasesInOrder(in.Phases)
	j := judged{r: r, in: in, answers: Answers{in.Calls, in.Scores}.join()}
	if len(in.Calls) == 0 {
		j.missing, j.answers.missing = noCalls(in), noCalls(in)
	} else {
		var uses []energyUse
		if uses, j.missing = usesOf(in.Calls, in.Phases, in.Cell.Config.Meters.Foreign); j.missing == "" {
			j.use = headline(uses)
		}
	}
	out := make([]bench.FigureInterval, 0, len(wanted))
	for _, key := range wanted {
		f := j.figure(key)
		f.Metric, f.Stat = key.Metric, key.Stat
		if f.Value != nil && !finite(*f.Value) {
			f = bench.FigureInterval{Metric: key.Metric, Stat: key.Stat, Unit: f.Unit, Missing: "it is not a finite number"}
		}
		out = append(out, f)
	}
	return out
}

// figure makes one figure by what it rests on.
func (j *judged) figure(key bench.FigureKey) bench.FigureInterval {
	switch key.Metric { //nolint:exhaustive // the others take the default
	case bench.MetricLatency, bench.MetricTTFT, bench.MetricInterToken, bench.MetricTokensPerSecond,
		bench.MetricPromptTokens, bench.MetricOutputTokens:
		return j.ofCalls(key)
	case bench.MetricHostCPU:
		return j.ofWindows("host.cpu", "%", false)
	case bench.MetricHostMemory:
		return j.ofWindows("host.memory_used", "B", false)
	case bench.MetricRuntimeMemory:
		return j.ofWindows("runtime.memory", "B", true)
	case bench.MetricOKShare:
		return j.okShare()
	}
	if slices.Contains(energyMetrics(), key.Metric) {
		return j.ofEnergy(key)
	}
	return j.ofAnswers(key.Metric)
}

// energyMetrics are those that rest on a meter.
func energyMetrics() []bench.MetricName {
	return []bench.MetricName{
		bench.MetricEnergy, bench.MetricNetEnergy, bench.MetricEnergyPerToken, bench.MetricEnergyPerWord,
		bench.MetricEnergyPerCorrect, bench.MetricTokensPerJoule, bench.MetricTokensPerWh, bench.MetricPower,
	}
}

// part is what a call adds to a figure that is a ratio of sums, such as tokens
// over seconds. A plain mean has weights of one.
type part struct {
	run, journal int
	cluster
}

// ratioOf is the ratio of the sums over all parts with its interval over runs, or
// over the calls of the only one. Parts are in order of run.
func (j *judged) ratioOf(parts []part, unit string, b Bounds) bench.FigureInterval {
	f := bench.FigureInterval{Unit: unit}
	var byRun [][]cluster
	last := 0
	for _, p := range parts {
		if len(byRun) == 0 || p.run != last {
			byRun, last = append(byRun, nil), p.run
		}
		byRun[len(byRun)-1] = append(byRun[len(byRun)-1], p.cluster)
	}
	for _, run := range byRun {
		if v := ratio(run); !finite(v) {
			f.Missing = "in one of the runs there is nothing to divide by"
			return f
		}
	}
	e := estimate(byRun, Options{Seed: seedOf(j.in), Bounds: b})
	f.Value, f.Low, f.High, f.Over, f.Missing = &e.Mean, e.CI95Low, e.CI95High, e.IntervalOver, e.CIMissing
	f.Runs, f.N, f.Freedom = len(byRun), len(parts), float64(len(byRun)-1)
	return f
}
