package stats

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// HedgesG is the standardised difference of the means of two independent sets:
//
//	g = (1 − 3/(4·(n₁+n₂−2) − 1)) · (x̄₁ − x̄₂) / s pooled
//
// with the large-sample interval g ± 1.96·√((n₁+n₂)/(n₁n₂) + g²/(2(n₁+n₂)))
// (Hedges and Olkin 1985). Each set needs two values, and they must scatter.
func HedgesG(first, second []float64) (bench.Estimate, error) {
	a, err := Describe(first)
	if err != nil {
		return bench.Estimate{}, fmt.Errorf("take Hedges' g: %w", err)
	}
	b, err := Describe(second)
	if err != nil {
		return bench.Estimate{}, fmt.Errorf("take Hedges' g: %w", err)
	}
	if a.SD == nil || b.SD == nil {
		return bench.Estimate{}, errNone("take Hedges' g: each side needs two values")
	}
	n1, n2 := float64(a.N), float64(b.N)
	pooled := math.Sqrt(((n1-1)**a.SD**a.SD + (n2-1)**b.SD**b.SD) / (n1 + n2 - 2))
	if pooled <= rounding*max(math.Abs(a.Mean), math.Abs(b.Mean)) {
		return bench.Estimate{}, errNone("take Hedges' g: the values of either side are all equal")
	}
	g := small(n1+n2-2) * (a.Mean - b.Mean) / pooled
	half := distuv.UnitNormal.Quantile((1+Level)/2) * math.Sqrt((n1+n2)/(n1*n2)+g*g/(2*(n1+n2)))
	e := bench.Estimate{Mean: g, N: a.N + b.N, IntervalOver: "values of both sides (large-sample)"}
	setInterval(&e, Interval{g - half, g + half}, Unbounded)
	return e, nil
}

// small is Hedges' correction of a small sample's upward bias.
func small(freedom float64) float64 { return 1 - 3/(4*freedom-1) }

// CliffsDelta is how often a value of the first of two independent sets is
// above one of the second, less how often it is below: −1 to 1, 0 for no
// difference. The interval is Cliff's (1993), made asymmetric after Feng and
// Cliff (2004), so that it stays within −1 and 1.
func CliffsDelta(first, second []float64) (bench.Estimate, error) {
	for _, side := range [][]float64{first, second} {
		if err := usable(side); err != nil {
			return bench.Estimate{}, fmt.Errorf("take Cliff's delta: %w", err)
		}
	}
	n1, n2 := float64(len(first)), float64(len(second))
	rows, columns := make([]float64, len(first)), make([]float64, len(second))
	var squares float64
	for i, x := range first {
		for j, y := range second {
			d := sign(x - y)
			rows[i] += d / n2
			columns[j] += d / n1
			squares += d * d
		}
	}
	delta := stat.Mean(rows, nil)
	e := bench.Estimate{Mean: delta, N: len(first) + len(second)}
	if len(first) < 2 || len(second) < 2 {
		e.CIMissing = "an interval needs two values on each side"
		return e, nil
	}
	sumRows, sumColumns := scatter(rows, delta), scatter(columns, delta)
	variance := (n2*n2*sumRows + n1*n1*sumColumns - (squares - n1*n2*delta*delta)) / (n1 * n2 * (n1 - 1) * (n2 - 1))
	setDelta(&e, delta, max(variance, (1-delta*delta)/(n1*n2-1)))
	return e, nil
}

func scatter(values []float64, around float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += (v - around) * (v - around)
	}
	return sum
}

// setDelta puts the asymmetric interval of a delta into e.
func setDelta(e *bench.Estimate, delta, variance float64) {
	z := distuv.UnitNormal.Quantile((1 + Level) / 2)
	below := 1 - delta*delta + z*z*variance
	if variance <= 0 || below <= 0 {
		e.CIMissing = "all pairs of values point the same way, so an interval would have no width"
		return
	}
	centre := delta - delta*delta*delta
	half := z * math.Sqrt(variance) * math.Sqrt((1-delta*delta)*(1-delta*delta)+z*z*variance)
	e.IntervalOver = "values of both sides (Feng and Cliff)"
	setInterval(e, Interval{max(-1, (centre-half)/below), min(1, (centre+half)/below)}, Unbounded)
}

// pairsOf gives the values of the keys that both sides hold, in order of key.
func pairsOf(a, b map[string]float64) (first, second []float64) {
	for _, key := range slices.Sorted(maps.Keys(a)) {
		if other, ok := b[key]; ok {
			first, second = append(first, a[key]), append(second, other)
		}
	}
	return first, second
}

// PairedHedgesG is the standardised mean of the paired differences over the
// shared keys: corrected difference of the means over √((s₁² + s₂²)/2) (Hedges'
// g_av), with a bootstrap interval over the pairs.
func PairedHedgesG(a, b map[string]float64, seed uint64) (bench.Estimate, error) {
	first, second := pairsOf(a, b)
	if err := usable(append(slices.Clone(first), second...)); err != nil {
		return bench.Estimate{}, fmt.Errorf("take a paired Hedges' g: %w", err)
	}
	g, ok := pairedG(first, second)
	if !ok {
		return bench.Estimate{}, errNone("take a paired Hedges' g: the values of either side do not scatter")
	}
	e := bench.Estimate{Mean: g, N: len(first)}
	setPairs(&e, first, second, seed, pairedG)
	return e, nil
}

func pairedG(first, second []float64) (float64, bool) {
	if len(first) < 2 {
		return 0, false
	}
	s := math.Sqrt((stat.Variance(first, nil) + stat.Variance(second, nil)) / 2)
	difference := stat.Mean(first, nil) - stat.Mean(second, nil)
	if !(s > rounding*math.Abs(difference)) || s == 0 {
		return 0, false
	}
	return small(float64(len(first)-1)) * difference / s, true
}

// PairedDelta is Cliff's delta within pairs: the share of keys on which the
// first side is above the second, less the share on which it is below, with a
// bootstrap interval over the keys.
func PairedDelta(a, b map[string]float64, seed uint64) (bench.Estimate, error) {
	signs, none := map[string]float64{}, map[string]float64{}
	for key, v := range a {
		if other, ok := b[key]; ok {
			signs[key], none[key] = sign(v-other), 0
		}
	}
	return PairedDifference(signs, none, seed)
}

// PairedRatio is the ratio of the sums of a and b over the shared keys, such as
// the latency or the energy of two cells on the same journals, with a bootstrap
// interval over the pairs. The values of b must be above 0.
func PairedRatio(a, b map[string]float64, seed uint64) (bench.Estimate, error) {
	first, second := pairsOf(a, b)
	if err := usable(append(slices.Clone(first), second...)); err != nil {
		return bench.Estimate{}, fmt.Errorf("take a paired ratio: %w", err)
	}
	pairs := make([]cluster, len(first))
	for i := range first {
		if second[i] <= 0 {
			return bench.Estimate{}, fault.New(fault.Invalid, "", "", "take a paired ratio: a value of the second side is %g, expected more than 0", second[i])
		}
		pairs[i] = cluster{first[i], second[i]}
	}
	e := bench.Estimate{Mean: ratio(pairs), N: len(pairs)}
	iv, err := bootstrap(pairs, seed)
	if err != nil {
		e.CIMissing = err.Error()
		return e, nil //nolint:nilerr // the reason of a missing interval is a figure's, not a failure
	}
	e.IntervalOver = OverDifference
	setInterval(&e, iv, Unbounded)
	return e, nil
}

// setPairs puts the percentile bootstrap of a figure of pairs into e. Draws in
// which the figure does not exist are left out; if they are many, there is no
// interval.
func setPairs(e *bench.Estimate, first, second []float64, seed uint64, figure func(a, b []float64) (float64, bool)) {
	n := len(first)
	if n < MinBootstrap {
		e.CIMissing = fmt.Sprintf("%d pairs are too few for a bootstrap, which needs %d", n, MinBootstrap)
		return
	}
	r := rand.New(rand.NewPCG(seed, 0x77617474_73776565)) //nolint:gosec // statistics, not secrets
	a, b := make([]float64, n), make([]float64, n)
	var drawn []float64
	for range Resamples {
		for i := range n {
			k := r.IntN(n)
			a[i], b[i] = first[k], second[k]
		}
		if v, ok := figure(a, b); ok {
			drawn = append(drawn, v)
		}
	}
	if len(drawn) < Resamples*9/10 {
		e.CIMissing = "most pairs are the same, so an interval would rest on few"
		return
	}
	slices.Sort(drawn)
	e.IntervalOver = OverDifference
	setInterval(e, Interval{quantile(drawn, (1-Level)/2), quantile(drawn, (1+Level)/2)}, Unbounded)
}
