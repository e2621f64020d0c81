package stats

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"

	"gonum.org/v1/gonum/mathext"
)

// sighting is one value of one call, such as its latency.
type sighting struct {
	run, journal int
	value        float64
}

// bounded is a percentile of calls with its interval. A nil bound is open: the
// calls cannot bound the percentile on that side.
type bounded struct {
	value       float64
	low, high   *float64
	n           int
	runs        int
	journals    int
	independent float64
	open        string // what it would take, where a bound is open
}

// percentile gives the p-quantile (0 < p < 1) of calls with a 95 % interval
// between two of the values seen.
//
// The interval is that of order statistics, which rests on no distribution
// (David and Nagaraja, Order Statistics, 2003, section 7.1): the k-th value of n
// independent ones lies below the p-quantile with the probability that a
// binomial(n, p) comes to k or more. Calls on the same journal resemble each
// other, and so do calls of one run, so n is first reduced to the number of
// independent calls that they are worth: n over the design effect, as for
// proportions in surveys (Korn and Graubard 1998; for quantiles Woodruff 1952).
// The design effect is that of the share of calls at or below the quantile,
// its variance over journals and runs as two crossed clusterings (Cameron,
// Gelbach and Miller 2011), with the degrees of freedom of the clusters
// (Satterthwaite). It is never taken below 1. The binomial's tail goes over to
// fractions of a call as the incomplete beta function.
func percentile(list []sighting, p float64) bounded {
	sorted := slices.Clone(list)
	slices.SortFunc(sorted, func(a, b sighting) int { return cmp.Compare(a.value, b.value) })
	values := make([]float64, len(sorted))
	for i, s := range sorted {
		values[i] = s.value
	}
	out := bounded{value: quantile(values, p), n: len(list)}
	below, _ := slices.BinarySearchFunc(values, out.value, func(v, at float64) int {
		if v <= at {
			return -1
		}
		return 1
	})
	c := clustering(sorted, below)
	out.runs, out.journals = c.runs.filled, c.journals.filled
	out.independent = c.independent()
	n, m := float64(len(values)), out.independent
	tail := (1 - Level) / 2
	// The number of values at or below the k-th, scaled to independent ones.
	if k := leastRank(len(values), func(k int) bool { return atLeast(m*float64(k)/n, m, p) <= tail }); k > 0 {
		out.high = &values[k-1]
	}
	// From above: the k-th value from the end lies above the quantile.
	if k := leastRank(len(values), func(k int) bool { return atLeast(m*float64(k)/n, m, 1-p) <= tail }); k > 0 {
		out.low = &values[len(values)-k]
	}
	out.open = openSide(out, p, tail)
	return out
}

// atLeast is the probability that a binomial of m trials with probability p
// comes to k or more, for fractions of trials too.
func atLeast(k, m, p float64) float64 {
	if k <= 0 {
		return 1
	}
	return mathext.RegIncBeta(k, m-k+1, p)
}

// leastRank is the least k of 1 to n for which ok holds, 0 for none; ok is
// false up to some k and true beyond.
func leastRank(n int, ok func(k int) bool) int {
	k := 1 + sort.Search(n, func(i int) bool { return ok(i + 1) })
	if k > n {
		return 0
	}
	return k
}

// openSide says what it would take to bound the quantile on both sides.
func openSide(b bounded, p, tail float64) string {
	if b.low != nil && b.high != nil {
		return ""
	}
	side := "above"
	if b.low == nil {
		side = "below"
	}
	if b.low == nil && b.high == nil {
		side = "either side"
	}
	need := math.Ceil(math.Log(tail) / math.Log(max(p, 1-p)))
	return fmt.Sprintf("%s on %s are worth %s independent ones, too few to bound it from %s: that takes %.0f",
		counted(b.n, "call"), counted(b.journals, "journal"), strconv.FormatFloat(math.Floor(b.independent*10)/10, 'f', -1, 64), side, need)
}
