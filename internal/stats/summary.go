package stats

import (
	"fmt"
	"math"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// Bounds say what a quantity can be at all.
type Bounds uint8

// The bounds of a quantity.
const (
	Unbounded   Bounds = iota
	NonNegative        // times, energies, rates
	Share              // 0 to 1: scores, proportions
)

// cut names the bounds in a label.
func (b Bounds) cut() string {
	if b == Share {
		return ", cut to 0–1"
	}
	return ", cut at 0"
}

// Options steer a summary.
type Options struct {
	Seed   uint64 // of the bootstrap
	Bounds Bounds // to which an interval is cut
}

// What an interval may be taken over; over runs, the number of runs follows.
const (
	OverRuns       = "runs"
	OverCalls      = "calls of one run (bootstrap)"
	OverTrials     = "calls of one run (Wilson)"
	OverJournals   = "journals"
	OverDifference = "shared journals (paired bootstrap)"
)

// Summarise describes values grouped by run, such as the latencies of the
// calls of each run. Runs without values do not count. No values at all, NaN
// and infinities are refused.
func Summarise(byRun [][]float64, o Options) (bench.Summary, error) {
	groups := make([][][]float64, len(byRun))
	for i, run := range byRun {
		for _, v := range run {
			groups[i] = append(groups[i], []float64{v})
		}
	}
	return summariseGroups(groups, o)
}

// summariseGroups describes values grouped by run and, within it, by call.
func summariseGroups(byRun [][][]float64, o Options) (bench.Summary, error) {
	var all []float64
	clusters := make([][]cluster, len(byRun))
	for i, run := range byRun {
		for _, call := range run {
			var sum float64
			for _, v := range call {
				sum += v
			}
			all = append(all, call...)
			if len(call) > 0 {
				clusters[i] = append(clusters[i], cluster{sum, float64(len(call))})
			}
		}
	}
	d, err := Describe(all)
	if err != nil {
		return bench.Summary{}, err
	}
	e := estimate(clusters, o)
	missing := ""
	if d.SD == nil {
		missing = "one value has no spread"
	}
	return bench.Summary{
		Mean: d.Mean, SD: d.SD, P50: d.P50, P95: d.P95, P99: d.P99, N: d.N,
		CI95Low: e.CI95Low, CI95High: e.CI95High, IntervalOver: e.IntervalOver, CIMissing: e.CIMissing,
		SDMissing: missing,
	}, nil
}

// estimate is the mean of all clusters with its interval, over runs where
// there are two or more, else over the clusters of the one run.
func estimate(byRun [][]cluster, o Options) bench.Estimate {
	var runs []float64
	var all []cluster
	for _, run := range byRun {
		if len(run) > 0 {
			runs = append(runs, ratio(run))
			all = append(all, run...)
		}
	}
	e := bench.Estimate{Mean: ratio(all), N: len(all)}
	if len(runs) < 2 {
		iv, err := bootstrap(all, o.Seed)
		if err != nil {
			e.CIMissing = "over the calls of one run: " + err.Error()
			return e
		}
		e.IntervalOver = OverCalls
		setInterval(&e, iv, o.Bounds)
		return e
	}
	iv, err := StudentT(runs)
	if err != nil {
		e.CIMissing = "over runs: " + err.Error()
		return e
	}
	half := (iv.High - iv.Low) / 2
	e.IntervalOver = fmt.Sprintf("%s (Student t, n = %d)", OverRuns, len(runs))
	setInterval(&e, Interval{e.Mean - half, e.Mean + half}, o.Bounds)
	return e
}

// setInterval puts an interval into e, cut to the bounds of the quantity.
func setInterval(e *bench.Estimate, iv Interval, b Bounds) {
	if !finite(iv.Low) || !finite(iv.High) {
		e.IntervalOver, e.CIMissing = "", "the interval is not finite"
		return
	}
	cut := iv
	if b != Unbounded {
		cut.Low = max(0, cut.Low)
	}
	if b == Share {
		cut.High = min(1, cut.High)
	}
	if cut != iv {
		e.IntervalOver += b.cut()
	}
	e.CI95Low, e.CI95High = &cut.Low, &cut.High
}

// observation is one score of one call: a value from 0 to 1.
type observation struct {
	run     int
	journal string
	value   float64
}

// estimateScore is the mean of scores in order of run, with its interval.
// binary says that every value is 0 or 1.
func estimateScore(list []observation, binary bool, seed uint64) bench.Estimate {
	var byRun [][]cluster
	at, last := -1, math.MinInt
	journals := newGroups()
	for _, one := range list {
		if one.run != last {
			byRun, last = append(byRun, nil), one.run
			at++
		}
		byRun[at] = append(byRun[at], cluster{one.value, 1})
		journals.add(one.journal, one.value)
	}
	e := estimate(byRun, Options{Seed: seed, Bounds: Share})
	switch {
	case len(byRun) == 1 && binary:
		e.CIMissing, e.IntervalOver = "", OverTrials
		setWilson(&e, len(list))
	case len(byRun) > 1 && e.CIMissing != "":
		overJournals(&e, journals, len(byRun), binary, seed)
	}
	return e
}

// overJournals takes an interval over journals where the runs agree exactly.
func overJournals(e *bench.Estimate, journals *groups, runs int, binary bool, seed uint64) {
	how := "bootstrap"
	if binary {
		how = "Wilson"
	}
	e.IntervalOver = fmt.Sprintf("%s (%s; the %d runs agree exactly)", OverJournals, how, runs)
	if binary {
		e.CIMissing = ""
		setWilson(e, len(journals.names))
		return
	}
	iv, err := BootstrapMean(journals.means(), seed)
	if err != nil {
		e.IntervalOver = ""
		e.CIMissing = fmt.Sprintf("the %d runs agree exactly; over journals: %v", runs, err)
		return
	}
	e.CIMissing = ""
	setInterval(e, iv, Share)
}

func setWilson(e *bench.Estimate, trials int) {
	iv, err := Wilson(min(max(e.Mean, 0), 1), trials)
	if err != nil {
		e.IntervalOver, e.CIMissing = "", err.Error()
		return
	}
	setInterval(e, iv, Share)
}

// errNone says that a figure has nothing to be made of.
func errNone(format string, args ...any) error {
	return fault.New(fault.Invalid, "", "", format, args...)
}
