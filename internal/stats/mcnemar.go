package stats

import (
	"maps"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// McNemarTest compares two sides that were asked the same questions, each
// right or wrong. Only the pairs on which they differ tell anything.
type McNemarTest struct {
	BothRight  int `json:"both_right"`
	BothWrong  int `json:"both_wrong"`
	OnlyFirst  int `json:"only_first_right"`
	OnlySecond int `json:"only_second_right"`
	// Undecided counts questions on which a side was right in exactly half of
	// its runs; they are in no other count.
	Undecided int `json:"undecided,omitempty"`
	// P is two-sided and exact at any number of pairs: twice the lesser tail of
	// a binomial with one half, at most 1. It errs on the side of caution.
	P float64 `json:"p_value"`
	// MidP takes off half of the probability of what was seen; its level is
	// nearer to what it says (Fagerland, Lydersen and Laake 2013).
	MidP float64 `json:"mid_p_value"`
}

// McNemar is the test of pairs where the first side alone was right b times
// and the second alone c times (McNemar 1947; exact by the binomial, so no
// continuity correction is needed). Without such pairs p is 1.
func McNemar(b, c int) (p, midP float64) {
	n, less := max(0, b)+max(0, c), float64(max(0, min(b, c)))
	if n == 0 {
		return 1, 1
	}
	half := distuv.Binomial{N: float64(n), P: 0.5}
	p = min(1, 2*half.CDF(less))
	return p, max(0, min(1, 2*half.CDF(less)-half.Prob(less)))
}

// McNemarOf counts the pairs of two sides by question; the values are the
// share of runs in which a side was right. A question counts as right where
// more than half of the runs were.
func McNemarOf(first, second map[string]float64) McNemarTest {
	var t McNemarTest
	for _, key := range slices.Sorted(maps.Keys(first)) {
		a := first[key]
		b, shared := second[key]
		switch {
		case !shared:
		case a == 0.5 || b == 0.5:
			t.Undecided++
		case a > 0.5 && b > 0.5:
			t.BothRight++
		case a > 0.5:
			t.OnlyFirst++
		case b > 0.5:
			t.OnlySecond++
		default:
			t.BothWrong++
		}
	}
	t.P, t.MidP = McNemar(t.OnlyFirst, t.OnlySecond)
	return t
}
