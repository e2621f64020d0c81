package report

import (
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// judged is the sample with targets, of which one is met, one failed and one
// is not decided; it was paused, reordered, skipped and measured anew.
func judged() bench.Results {
	r := sample()
	r.Cells[5].State, r.Cells[5].Reason = bench.StateSkipped, "taken off the plan by anna"
	for i := range r.Cells {
		for k := range r.Cells[i].LoadAttempts {
			r.Cells[i].LoadAttempts[k].Caches = []string{"cleared", "as found"}[i%2]
		}
	}
	r.Sweep.CellsDone--
	r.Sweep.Owner, r.Sweep.Order, r.Sweep.Priority, r.Sweep.Superseded = "anna", "shuffled", 2, 1
	r.Sweep.Pause = &bench.Pause{By: "bo", At: day(14, 20), Reason: "the room is too warm"}
	r.Control = []bench.ControlEvent{
		{Sweep: r.Sweep.ID, At: day(14, 10), By: "anna", What: bench.ControlSkip, Request: "r1", Changed: 1, Text: "1 cell was taken off the plan", Reason: "no longer needed"},
		{Sweep: r.Sweep.ID, At: day(14, 20), By: "bo", What: bench.ControlPause, Request: "r2", Text: "nothing more is measured until it is resumed", Reason: "the room is too warm"},
	}
	for i, at := range []int{2, 0, 4, 1, 3} {
		ended := day(14, 5+4*i+3)
		r.Turns = append(r.Turns, bench.Turn{
			Host: "labbdator-1", Sweep: r.Sweep.ID, Cell: r.Cells[at].Cell, Attempt: 1, BeganAt: day(14, 5+4*i), EndedAt: &ended,
			State: bench.StateDone, Sequence: int64(i + 1),
		})
	}
	r.Turns[4].EndedAt, r.Turns[4].State = nil, bench.StateRunning
	r.Targets = &bench.TargetResults{Verdict: bench.VerdictFail, Targets: []bench.TargetSummary{
		{Target: "latency_s p95 <= 2", Verdict: bench.VerdictPass, Passed: 2},
		{Target: "weighted_score mean >= 0.6", Verdict: bench.VerdictFail, Passed: 0, Failed: 1, Undecided: 1},
		{Target: "tokens_per_wh p95 >= 250 where language=sv", Verdict: bench.VerdictUndecided, Undecided: 2},
		{Target: "power_w mean <= 90 where host=nowhere", Verdict: bench.VerdictUndecided, Reason: "no cell of the sweep fits where it applies"},
	}}
	add := func(cell int, target, op string, limit float64, v bench.Verdict, reason string, f bench.FigureInterval) {
		c := r.Cells[cell]
		r.Targets.Judgements = append(r.Targets.Judgements, bench.Judgement{
			Target: target, Cell: c.Cell, Coordinates: c.Coordinates, Verdict: v, Reason: reason, Op: op, Limit: limit, Figure: f,
		})
	}
	p95 := func(value, low float64, high *float64) bench.FigureInterval {
		return bench.FigureInterval{
			Metric: bench.MetricLatency, Stat: bench.StatP95, Unit: "s", Value: &value, Low: &low, High: high, Runs: 10, N: 400, Independent: 211,
			Over: "400 values on 40 journals in 10 runs, worth 211 independent ones (order statistics)",
		}
	}
	add(0, "latency_s p95 <= 2", "<=", 2, bench.VerdictPass, "", p95(0.22, 0.2, ptr(0.31)))
	add(4, "latency_s p95 <= 2", "<=", 2, bench.VerdictPass, "", p95(1.1, 0.95, ptr(1.6)))
	score := bench.FigureInterval{
		Metric: bench.MetricWeightedScore, Stat: bench.StatMean, Unit: "1", Value: ptr(0.31), Low: ptr(0.26), High: ptr(0.36), Runs: 10, N: 400,
		Over: "runs (Student t, n = 10)",
	}
	add(0, "weighted_score mean >= 0.6", ">=", 0.6, bench.VerdictFail, "", score)
	score.Value, score.Low, score.High = ptr(0.66), ptr(0.58), ptr(0.74)
	add(4, "weighted_score mean >= 0.6", ">=", 0.6, bench.VerdictUndecided, "the interval, 0.58 to 0.74, holds the limit", score)
	wh := p95(1400, 1100, nil)
	wh.Metric, wh.Unit, wh.Open, wh.Estimated = bench.MetricTokensPerWh, "tokens/Wh", "40 calls on 40 journals are too few", true
	wh.MeasurementU95 = 90
	wh.Low = nil
	wh.High = ptr(2100.)
	add(2, "tokens_per_wh p95 >= 250 where language=sv", ">=", 250, bench.VerdictUndecided, "400 calls on 40 journals are worth 61 independent ones, too few to bound it from below: that takes 72", wh)
	add(6, "tokens_per_wh p95 >= 250 where language=sv", ">=", 250, bench.VerdictUndecided, "the cell is unfit: no rung of the ladder fitted 7.7 GiB of memory",
		bench.FigureInterval{Metric: bench.MetricTokensPerWh, Stat: bench.StatP95, Unit: "tokens/Wh", Missing: "no call was made"})
	r.Targets.Judgements[1].Note = "3 of 400 calls failed and are not in it"
	return r
}

// cellsApart spreads n cells with turns, none of them like another.
func cellsApart(n int) bench.Results {
	r := many(n)
	for i := range r.Cells {
		c := &r.Cells[i]
		c.Cell = bench.CellID(digest(string(c.Cell) + string(rune(i)))[:16])
		c.Phases = append(c.Phases[:0:0], c.Phases...)
		for k := range c.Phases {
			c.Phases[k].Cell = c.Cell
		}
		ended := day(14, 5).Add(time.Duration(i+1) * time.Minute)
		r.Turns = append(r.Turns, bench.Turn{
			Host: c.Host, Sweep: r.Sweep.ID, Cell: c.Cell, Attempt: 1, BeganAt: ended.Add(-50 * time.Second), EndedAt: &ended,
			State: c.State, Sequence: int64(i),
		})
	}
	return r
}
