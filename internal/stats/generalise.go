package stats

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// spread is a ratio of sums over calls, with how it would vary if other journals
// and other runs were drawn.
type spread struct {
	value          float64
	runs, journals int
	n              int
	// overJournals and overRuns are the parts of its variance.
	overJournals, overRuns float64
}

// spreadOf takes the variance of Σ sum ÷ Σ weight over journals and runs as two
// crossed clusterings (Cameron, Gelbach and Miller 2011, J. Business & Economic
// Statistics 29:238), the ratio linearised (Cochran 1977, Sampling Techniques,
// 6.4):
//
//	V = V(journals) + max(0, V(runs) − V(calls of one journal in one run))
//
// V(journals) is as large as journals differ, whether or not runs repeat each
// other; more runs on the same journals do not make it smaller.
func spreadOf(parts []part) spread {
	var all cluster
	for _, p := range parts {
		all.sum += p.sum
		all.weight += p.weight
	}
	s := spread{value: all.sum / all.weight, n: len(parts)}
	journals, runs, each := newClustered(), newClustered(), newClustered()
	for _, p := range parts {
		d := p.sum - s.value*p.weight
		journals.sums[[2]int{p.journal, 0}] += d
		runs.sums[[2]int{p.run, 0}] += d
		each.sums[[2]int{p.journal, p.run}] += d
	}
	journals.filled, runs.filled, each.filled = len(journals.sums), len(runs.sums), len(each.sums)
	s.journals, s.runs = journals.filled, runs.filled
	s.overJournals = journals.variance(all.weight)
	s.overRuns = max(0, runs.variance(all.weight)-each.variance(all.weight))
	return s
}

func newClustered() clustered { return clustered{sums: map[[2]int]float64{}} }

// half is the half-width of the 95 % interval: Cochran and Cox's point of t
// (1957, Experimental Designs, 4.14), Student's points weighted by the parts of
// the variance, which never claims more than few runs or few journals allow.
func (s spread) half() float64 {
	all := s.overJournals + s.overRuns
	if !(all > 0) {
		return 0
	}
	return s.point() * math.Sqrt(all)
}

func (s spread) point() float64 {
	point := s.overJournals * student95(float64(s.journals-1))
	if s.overRuns > 0 {
		point += s.overRuns * student95(float64(s.runs-1))
	}
	return point / (s.overJournals + s.overRuns)
}

// freedom are the degrees of freedom whose point of t is the one taken.
func (s spread) freedom() float64 {
	if !(s.overJournals+s.overRuns > 0) {
		return 0
	}
	point := s.point()
	low, high := 1.0, 1e6
	for range 60 {
		middle := math.Sqrt(low * high)
		if student95(middle) > point {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// none reports whether nothing varies, as of a model that answers every call
// alike.
func (s spread) none() bool {
	return math.Sqrt(s.overJournals+s.overRuns) <= rounding*math.Abs(s.value)
}

// over says what the interval is taken over.
func (s spread) over() string {
	return fmt.Sprintf("%s and %s crossed (Student t)", counted(s.journals, "journal"), counted(s.runs, "run"))
}

// general is the ratio of the sums over all parts with the interval that holds
// for other journals and other runs. With one run the interval is over its calls,
// which decides nothing. Parts are in order of run.
func (j *judged) general(parts []part, unit string, b Bounds) bench.FigureInterval {
	if len(parts) == 0 || parts[0].run == parts[len(parts)-1].run {
		return j.ratioOf(parts, unit, b)
	}
	s := spreadOf(parts)
	f := bench.FigureInterval{Unit: unit, Runs: s.runs, N: s.n}
	if !finite(s.value) {
		f.Missing = "there is nothing to divide by"
		return f
	}
	f.Value, f.Freedom = &s.value, s.freedom()
	switch {
	case s.journals < 2:
		f.Missing = "one journal does not tell how journals differ"
	case b == Share:
		share(&f, parts, s)
	case s.none():
		f.Missing = fmt.Sprintf("all %s are equal, so an interval would have no width", counted(s.n, "value"))
	default:
		f.Over = s.over()
		bound(&f, Interval{s.value - s.half(), s.value + s.half()}, b)
	}
	return f
}

// share bounds a value between 0 and 1. What is 0 or 1 for each call has Wilson's
// interval of the number of independent calls that the calls are worth; so has
// what does not vary at all, of the number of journals. Neither is ever surer
// than journals that are all alike would make it: a kind of journal that goes
// wrong may be missing among the few that were asked, however often they were.
func share(f *bench.FigureInterval, parts []part, s spread) {
	iv := Interval{s.value - s.half(), s.value + s.half()}
	f.Over = s.over()
	switch {
	case s.none():
		f.Independent = float64(s.journals)
		iv, f.Over = wilson(s.value, f.Independent), fmt.Sprintf("%s (Wilson; all values are equal)", counted(s.journals, "journal"))
	case binary(parts):
		f.Independent = worth(parts)
		iv = wilson(s.value, f.Independent)
		f.Over = fmt.Sprintf("%s on %s in %s, worth %.0f independent ones (Wilson)", counted(s.n, "call"),
			counted(s.journals, "journal"), counted(s.runs, "run"), f.Independent)
	}
	low, high := wilson(1, float64(s.journals)).Low, wilson(0, float64(s.journals)).High
	if low < iv.Low || high > iv.High {
		f.Over += fmt.Sprintf(", no surer than %s that agree", counted(s.journals, "journal"))
	}
	bound(f, Interval{min(iv.Low, low), max(iv.High, high)}, Share)
}

// binary reports whether every part is 0 or 1 of one.
func binary(parts []part) bool {
	return !slices.ContainsFunc(parts, func(p part) bool { return p.weight != 1 || (p.sum != 0 && p.sum != 1) })
}

// worth is the number of independent calls that calls with 0 or 1 are worth.
func worth(parts []part) float64 {
	list := make([]sighting, 0, len(parts))
	for _, p := range parts {
		list = append(list, sighting{p.run, p.journal, p.sum})
	}
	slices.SortStableFunc(list, func(a, b sighting) int { return cmp.Compare(a.value, b.value) })
	below := slices.IndexFunc(list, func(s sighting) bool { return s.value > 0 })
	if below < 0 {
		below = len(list)
	}
	return clustering(list, below).independent()
}

// wilson is Wilson's interval of fractions of trials too.
func wilson(p, trials float64) Interval {
	z := normal95()
	p = min(max(p, 0), 1)
	centre := p + z*z/(2*trials)
	half := z * math.Sqrt(p*(1-p)/trials+z*z/(4*trials*trials))
	scale := 1 + z*z/trials
	return Interval{max(0, min(p, (centre-half)/scale)), min(1, max(p, (centre+half)/scale))}
}

// bound puts an interval into f, cut to what the quantity can be.
func bound(f *bench.FigureInterval, iv Interval, b Bounds) {
	e := bench.Estimate{IntervalOver: f.Over}
	setInterval(&e, iv, b)
	f.Low, f.High, f.Over, f.Missing = e.CI95Low, e.CI95High, e.IntervalOver, e.CIMissing
}
