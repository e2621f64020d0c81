package targets

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/student"
)

// side is the probability with which one bound of an interval misses.
const side = 0.025

// together takes back failures that may be chance where many figures are judged
// at once. A sweep fails if one pair of cell and rule does, so of 100 pairs that
// just meet their targets two or three would fail at 95 % each. Failures are
// therefore held to Holm's step-down over all judged pairs (1979, Scandinavian
// Journal of Statistics 6:65): that a sweep fails though every cell meets every
// target has a probability of 2.5 % at most.
//
// That a target is met needs no such correction: a sweep passes only where all
// pairs do, which errs no more often than the single pair that is in truth
// missed (Berger 1982, Technometrics 24:295).
func together(list []bench.Judgement) []bench.Judgement {
	out := slices.Clone(list)
	judged := 0
	var failed []int
	chance := make([]float64, len(out))
	for i, j := range out {
		if j.Figure.Runs < 2 || (j.Figure.Low == nil && j.Figure.High == nil) || j.Figure.Value == nil {
			continue
		}
		judged++
		if j.Verdict == bench.VerdictFail {
			if chance[i] = chanceOf(j); math.IsNaN(chance[i]) { // which sorts first and would take all back
				chance[i] = side
			}
			failed = append(failed, i)
		}
	}
	slices.SortStableFunc(failed, func(a, b int) int { return cmp.Compare(chance[a], chance[b]) })
	adjusted := 0.0
	for rank, i := range failed {
		adjusted = max(adjusted, min(1, chance[i]*float64(judged-rank)))
		if adjusted <= side {
			continue
		}
		out[i].Verdict = bench.VerdictUndecided
		out[i].Reason = fmt.Sprintf("the whole 95 %% interval lies on the bad side, which may be chance with %d figures judged together (p %.2g by Holm, at most %g decides)",
			judged, adjusted, side)
	}
	return out
}

// chanceOf is the probability of a figure as bad as this one where the true one
// is at the limit: the level at which the bound towards the limit would touch
// it, widened by Student's points. Of order statistics, whose bounds lie closer
// the further they run towards the bulk of the calls, that is on the safe side.
func chanceOf(j bench.Judgement) float64 {
	bound := j.Figure.Low
	if j.Op == string(AtLeast) || j.Op == string(Above) {
		bound = j.Figure.High
	}
	if bound == nil {
		return side
	}
	arm, away := math.Abs(*j.Figure.Value-*bound), math.Abs(*j.Figure.Value-j.Limit)
	switch {
	case arm == 0 && away == 0: // on a limit that it may not reach, without any spread
		return side
	case arm == 0:
		return 0
	case !(away >= arm): // the value lies outside of its own interval
		return side
	}
	freedom := j.Figure.Freedom
	if freedom <= 0 {
		freedom = normal
	}
	return student.Survival(student.Critical(2*side, freedom)*away/arm, freedom) / 2
}

// normal are degrees of freedom with which Student's t is the normal one.
const normal = 1e6
