package stats

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// clustered holds how the share of calls at or below a value is spread over
// clusters: the sum of (indicator − share) in each.
type clustered struct {
	sums   map[[2]int]float64
	filled int // clusters with calls
}

// crossed is the share of calls at or below a value, with its spread over
// journals, over runs, and over the calls of one journal in one run.
type crossed struct {
	n, share             float64
	journals, runs, each clustered
}

// clustering counts; sorted is in order of value, and the first below of it are
// at or below the value in question.
func clustering(sorted []sighting, below int) crossed {
	n := float64(len(sorted))
	c := crossed{
		n: n, share: float64(below) / n,
		journals: clustered{sums: map[[2]int]float64{}}, runs: clustered{sums: map[[2]int]float64{}},
		each: clustered{sums: map[[2]int]float64{}},
	}
	for i, s := range sorted {
		d := -c.share
		if i < below {
			d++
		}
		c.journals.sums[[2]int{s.journal, 0}] += d
		c.runs.sums[[2]int{s.run, 0}] += d
		c.each.sums[[2]int{s.journal, s.run}] += d
	}
	c.journals.filled, c.runs.filled, c.each.filled = len(c.journals.sums), len(c.runs.sums), len(c.each.sums)
	return c
}

// variance is that of the share where clusters are drawn, with the correction
// for their number.
func (c clustered) variance(n float64) float64 {
	k := float64(c.filled)
	if k < 2 {
		return 0
	}
	sum := 0.0
	for _, d := range c.sums {
		sum += d * d
	}
	return k / (k - 1) * sum / (n * n)
}

// independent is the number of independent calls that would tell the share as
// well. It lies between 1 and the number of calls.
func (c crossed) independent() float64 {
	if float64(c.journals.filled) == c.n { // no journal was asked twice
		return c.n
	}
	plain := c.share * (1 - c.share) / c.n
	if plain <= 0 { // every value alike: how journals differ is all that is known
		return float64(c.journals.filled)
	}
	overJournals := c.journals.variance(c.n)
	overRuns := max(0, c.runs.variance(c.n)-c.each.variance(c.n))
	all := overJournals + overRuns
	effect := max(1, all/plain)
	worth := c.n / effect
	if all > 0 && effect > 1 {
		worth *= square(normal95() / student95(c.freedom(overJournals, overRuns)))
	}
	return min(max(worth, 1), c.n)
}

// freedom are the degrees of freedom of a variance over journals and runs.
func (c crossed) freedom(overJournals, overRuns float64) float64 {
	spread := 0.0
	if c.journals.filled > 1 {
		spread += square(overJournals) / float64(c.journals.filled-1)
	}
	if c.runs.filled > 1 {
		spread += square(overRuns) / float64(c.runs.filled-1)
	}
	if spread <= 0 {
		return 1
	}
	return max(1, square(overJournals+overRuns)/spread)
}

func square(v float64) float64 { return v * v }

func normal95() float64 { return distuv.UnitNormal.Quantile((1 + Level) / 2) }

func student95(freedom float64) float64 {
	if math.IsInf(freedom, 1) {
		return normal95()
	}
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: freedom}.Quantile((1 + Level) / 2)
}
