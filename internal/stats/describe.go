package stats

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// QuantileEstimator names how every quantile here is made (Hyndman and Fan
// 1996): position (n−1)·p between the order statistics.
const QuantileEstimator = "R type 7 (linear interpolation, as NumPy's default)"

// Description is what a set of values looks like, in the values' own unit.
type Description struct {
	N             int
	Mean          float64
	SD            *float64 // of the sample (n−1); nil below two values
	Min, Max      float64
	P50, P95, P99 float64
}

// Describe sums up values. None at all, NaN and infinities are refused.
func Describe(values []float64) (Description, error) {
	if err := usable(values); err != nil {
		return Description{}, fmt.Errorf("describe values: %w", err)
	}
	sorted := slices.Sorted(slices.Values(values))
	d := Description{
		N:    len(sorted),
		Mean: stat.Mean(sorted, nil),
		Min:  sorted[0],
		Max:  sorted[len(sorted)-1],
		P50:  quantile(sorted, 0.50),
		P95:  quantile(sorted, 0.95),
		P99:  quantile(sorted, 0.99),
	}
	d.Mean = min(max(d.Mean, d.Min), d.Max) // rounding may leave the range
	if d.N > 1 {
		sd := stat.StdDev(sorted, nil)
		d.SD = &sd
	}
	if !finite(d.Mean) || (d.SD != nil && !finite(*d.SD)) {
		return Description{}, fault.New(fault.Corrupt, "", "", "describe values: they are too large to be summed")
	}
	return d, nil
}

// Quantile gives the p-quantile (0 to 1) of values by QuantileEstimator.
func Quantile(values []float64, p float64) (float64, error) {
	if err := usable(values); err != nil {
		return 0, fmt.Errorf("take a quantile: %w", err)
	}
	if !(p >= 0 && p <= 1) {
		return 0, fault.New(fault.Invalid, "", "", "take a quantile: p is %g, expected 0 to 1", p)
	}
	return quantile(slices.Sorted(slices.Values(values)), p), nil
}

func quantile(sorted []float64, p float64) float64 {
	at := p * float64(len(sorted)-1)
	below := int(math.Floor(at))
	if below+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	share := at - float64(below)
	q := sorted[below]*(1-share) + sorted[below+1]*share
	return min(max(q, sorted[below]), sorted[below+1])
}

// usable refuses an empty set and values that are no numbers.
func usable(values []float64) error {
	if len(values) == 0 {
		return fault.New(fault.Invalid, "", "", "there are no values")
	}
	for i, v := range values {
		if !finite(v) {
			return fault.New(fault.Corrupt, "", "", "value %d of %d is %g, expected a finite number", i+1, len(values), v)
		}
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// lowQuantile is what the given share of values reaches or exceeds; values are
// not empty and finite.
func lowQuantile(values []float64, share float64) float64 {
	return quantile(slices.Sorted(slices.Values(values)), 1-share)
}
