package stats

import (
	"fmt"
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
// Means have the interval over runs that the result shows; where it rests on a
// meter, the meter's uncertainty is combined with the spread of the runs as in
// the GUM. Percentiles have the interval of order statistics over calls. In
// those of energies, what the meters may be off, which is common to all calls,
// is added in quadrature on each side (GUM 5.1.2; the sides differ, as the
// bounds of order statistics do).
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
	case bench.MetricWeightedScore:
		return j.ofEstimate(j.r.WeightedScore, j.r.WeightedScoreMissing)
	case bench.MetricExactMatch:
		return j.ofEstimate(j.r.ExactMatch, j.r.ExactMatchMissing)
	case bench.MetricExactAt5:
		return j.ofEstimate(j.r.ExactAt5, j.r.ExactAt5Missing)
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

// ofEstimate takes over an estimate of the result.
func (j *judged) ofEstimate(e *bench.Estimate, missing string) bench.FigureInterval {
	if e == nil {
		return bench.FigureInterval{Unit: "1", Missing: missing}
	}
	return bench.FigureInterval{
		Unit: "1", Value: &e.Mean, Low: e.CI95Low, High: e.CI95High, Over: e.IntervalOver, Missing: e.CIMissing,
		Runs: j.r.Runs, N: e.N,
	}
}

// part is what a call adds to a figure that is a ratio of sums, such as tokens
// over seconds. A plain mean has weights of one.
type part struct {
	run, journal int
	cluster
}

// ratioOf is the ratio of the sums over all parts, with its interval over runs;
// where the runs agree exactly, over journals. Parts are in order of run.
func (j *judged) ratioOf(parts []part, unit string, b Bounds) bench.FigureInterval {
	f := bench.FigureInterval{Unit: unit}
	var byRun [][]cluster
	byJournal := map[int]cluster{}
	var order []int
	last := 0
	for _, p := range parts {
		if len(byRun) == 0 || p.run != last {
			byRun, last = append(byRun, nil), p.run
		}
		byRun[len(byRun)-1] = append(byRun[len(byRun)-1], p.cluster)
		sum, seen := byJournal[p.journal]
		if !seen {
			order = append(order, p.journal)
		}
		byJournal[p.journal] = cluster{sum.sum + p.sum, sum.weight + p.weight}
	}
	for _, run := range byRun {
		if v := ratio(run); !finite(v) {
			f.Missing = "in one of the runs there is nothing to divide by"
			return f
		}
	}
	o := Options{Seed: seedOf(j.in), Bounds: b}
	e := estimate(byRun, o)
	if len(byRun) > 1 && e.CIMissing != "" {
		journals := make([]cluster, 0, len(order))
		for _, at := range order {
			journals = append(journals, byJournal[at])
		}
		overJournalClusters(&e, journals, len(byRun), o)
	}
	f.Value, f.Low, f.High, f.Over, f.Missing = &e.Mean, e.CI95Low, e.CI95High, e.IntervalOver, e.CIMissing
	f.Runs, f.N = len(byRun), len(parts)
	return f
}

// overJournalClusters takes an interval over journals where the runs agree
// exactly.
func overJournalClusters(e *bench.Estimate, journals []cluster, runs int, o Options) {
	iv, err := bootstrap(journals, o.Seed)
	if err != nil {
		e.CIMissing = fmt.Sprintf("the %d runs agree exactly; over journals: %v", runs, err)
		return
	}
	e.CIMissing, e.IntervalOver = "", fmt.Sprintf("%s (bootstrap; the %d runs agree exactly)", OverJournals, runs)
	setInterval(e, iv, o.Bounds)
}
