package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/wattsweep/wattsweep/internal/fault"
)

const (
	// Level is the confidence level of every interval.
	Level = 0.95
	// Resamples is how often a bootstrap draws.
	Resamples = 2000
	// MinBootstrap is the least number of values that a bootstrap is made of;
	// below it the percentiles only repeat the extremes.
	MinBootstrap = 5
)

// Interval is a 95 % interval, in the values' own unit.
type Interval struct{ Low, High float64 }

// StudentT is the interval of the mean of independent values, mean ± t·s/√n
// with n−1 degrees of freedom. It needs two values that differ.
func StudentT(values []float64) (Interval, error) {
	d, err := Describe(values)
	if err != nil {
		return Interval{}, err
	}
	if d.N < 2 {
		return Interval{}, fault.New(fault.Invalid, "", "", "one value has no spread")
	}
	if d.Max-d.Min <= rounding*max(math.Abs(d.Max), math.Abs(d.Min)) {
		return Interval{}, fault.New(fault.Invalid, "", "", "all %d values are equal, so an interval would have no width", d.N)
	}
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(d.N - 1)}.Quantile((1 + Level) / 2)
	half := t * *d.SD / math.Sqrt(float64(d.N))
	return Interval{d.Mean - half, d.Mean + half}, nil
}

// rounding is the relative difference below which two means are the same one.
const rounding = 1e-12

// Wilson is Wilson's score interval of a proportion p seen in n trials.
func Wilson(p float64, n int) (Interval, error) {
	if n < 1 || !(p >= 0 && p <= 1) {
		return Interval{}, fault.New(fault.Invalid, "", "", "make a Wilson interval: proportion %g of %d trials", p, n)
	}
	return wilson(p, float64(n)), nil
}

// BootstrapMean is the percentile bootstrap of the mean of values, drawn from
// a PCG generator with the given seed.
func BootstrapMean(values []float64, seed uint64) (Interval, error) {
	clusters := make([]cluster, len(values))
	for i, v := range values {
		clusters[i] = cluster{v, 1}
	}
	return bootstrap(clusters, seed)
}

// cluster is a group of values that are drawn together, such as the token gaps
// of one call: their sum, and their number or another weight. The mean of
// clusters is Σ sum ÷ Σ weight.
type cluster struct{ sum, weight float64 }

func ratio(clusters []cluster) float64 {
	var all cluster
	for _, c := range clusters {
		all.sum += c.sum
		all.weight += c.weight
	}
	return all.sum / all.weight
}

// bootstrap resamples whole clusters.
func bootstrap(clusters []cluster, seed uint64) (Interval, error) {
	n := len(clusters)
	if n < MinBootstrap {
		return Interval{}, fault.New(fault.Invalid, "", "", "%d values are too few for a bootstrap, which needs %d", n, MinBootstrap)
	}
	same := true
	for _, c := range clusters {
		if !finite(c.sum) || !finite(c.weight) || c.weight <= 0 {
			return Interval{}, fault.New(fault.Corrupt, "", "", "bootstrap %d values: one is not a finite number", n)
		}
		same = same && math.Abs(c.sum/c.weight-clusters[0].sum/clusters[0].weight) <= rounding*math.Abs(c.sum/c.weight)
	}
	if same {
		return Interval{}, fault.New(fault.Invalid, "", "", "all %d values are equal, so an interval would have no width", n)
	}
	return resample(clusters, seed)
}

// resample takes the percentiles of the means of Resamples draws.
func resample(clusters []cluster, seed uint64) (Interval, error) {
	n := len(clusters)
	r := rand.New(rand.NewPCG(seed, 0x77617474_73776565)) //nolint:gosec // statistics, not secrets
	means := make([]float64, Resamples)
	for i := range means {
		var all cluster
		for range n {
			c := clusters[r.IntN(n)]
			all.sum += c.sum
			all.weight += c.weight
		}
		means[i] = all.sum / all.weight
	}
	slices.Sort(means)
	iv := Interval{quantile(means, (1-Level)/2), quantile(means, (1+Level)/2)}
	if !finite(iv.Low) || !finite(iv.High) {
		return Interval{}, fmt.Errorf("bootstrap %d values: %w", n, fault.New(fault.Corrupt, "", "", "they are too large to be summed"))
	}
	return iv, nil
}
