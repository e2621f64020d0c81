package drift

import (
	"fmt"
	"math"
	"slices"

	"github.com/wattsweep/wattsweep/internal/student"
)

// value is one call's figure on the scale on which it is compared.
type value struct {
	run     int
	journal string
	y       float64
}

// shift is how far the two sides lie apart, on the scale of comparison.
type shift struct {
	before, now float64 // means over journals
	by          float64
	half        float64 // half-width of the 95 % interval
	p           float64 // of a shift within the tolerance, before correction
	journals    int
	runsBefore  int
	runsNow     int
}

// level is the probability that an interval covers, and 1 − level the share of
// reports without drift that may claim some.
const level = 0.95

// side holds one side's values by run and journal.
type side struct {
	runs     int
	mean     map[string]float64 // of each journal over runs
	count    map[string]int     // values of each journal
	between  float64            // variance of the run means
	residual float64            // variance of a call beside its journal and run
}

// shiftOf compares two sides, or says why that cannot be done. The tolerance is
// on the scale of comparison.
func shiftOf(before, now []value, tolerance float64) (shift, string) {
	journals := shared(before, now)
	if len(journals) < 2 {
		return shift{}, fmt.Sprintf("%d journal(s) have a value on both sides; two are the least", len(journals))
	}
	b, n := sideOf(before, journals), sideOf(now, journals)
	out := shift{journals: len(journals), runsBefore: b.runs, runsNow: n.runs}
	differences := make([]float64, 0, len(journals))
	var noise float64 // what the calls' own noise adds to each difference, summed
	for _, j := range journals {
		out.before += b.mean[j] / float64(len(journals))
		out.now += n.mean[j] / float64(len(journals))
		differences = append(differences, n.mean[j]-b.mean[j])
		noise += b.residual/float64(b.count[j]) + n.residual/float64(n.count[j])
	}
	size := float64(len(journals))
	mean, variance := moments(differences)
	out.by = mean
	ofRuns, missing := runPart(b, n)
	if missing != "" {
		return out, missing
	}
	ofCalls := noise / (size * size)
	// Run means hold the noise of calls, so less than that is chance, as of
	// scores that happen to sum up alike in few runs.
	ofRuns.variance = max(ofRuns.variance, ofCalls)
	out.finish(tolerance, ofRuns, part{max(0, variance/size-ofCalls), size - 1})
	return out, ""
}

// part is one component of a variance with its degrees of freedom.
type part struct{ variance, dof float64 }

// finish makes the interval and the p-value from the parts of the variance. The
// p-value is that of a shift as large as this one, up or down, where the true
// one is the tolerance (a test of minimum effects: Murphy and Myors 1999, J.
// Applied Psychology 84:234); without a tolerance it is the usual one.
func (s *shift) finish(tolerance float64, parts ...part) {
	total := 0.0
	for _, p := range parts {
		total += p.variance
	}
	se := math.Sqrt(total)
	size := math.Abs(s.by)
	if negligible := rounding * (math.Abs(s.before) + math.Abs(s.now)); se <= negligible {
		if s.p = 1; size-tolerance > negligible {
			s.p = 0 // every run and journal moved by the same
		}
		return
	}
	s.half = pointOf(1-level, parts) * se
	near, far := levelOf((size-tolerance)/se, parts), levelOf((size+tolerance)/se, parts)
	if size < tolerance {
		near = 2 - near
	}
	s.p = min(1, (near+far)/2)
}

// levelOf is the two-sided level at which pointOf is |t|.
func levelOf(t float64, parts []part) float64 {
	t = math.Abs(t)
	if only, ok := single(parts); ok {
		return student.Survival(t, only.dof)
	}
	low, high := 0.0, 1.0
	for range 40 { // to 1e-12
		middle := (low + high) / 2
		if pointOf(middle, parts) > t {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// pointOf is Cochran and Cox's two-sided point of a t whose variance is a sum of
// parts: the mean of Student's points, weighted by the parts.
func pointOf(alpha float64, parts []part) float64 {
	var total, sum float64
	for _, p := range parts {
		if p.variance > 0 {
			total += p.variance
			sum += p.variance * student.Critical(alpha, p.dof)
		}
	}
	return sum / total
}

// single finds the one part that there is.
func single(parts []part) (part, bool) {
	parts = slices.DeleteFunc(slices.Clone(parts), func(p part) bool { return p.variance <= 0 })
	if len(parts) != 1 {
		return part{}, false
	}
	return parts[0], true
}

// rounding is the relative difference below which two means are the same one.
const rounding = 1e-12

// runPart is the part of the variance that comes from runs. Where nothing
// changed, runs scatter alike on both sides, so their spread is pooled.
func runPart(b, n side) (part, string) {
	dof := float64(max(0, b.runs-1) + max(0, n.runs-1))
	if dof == 0 {
		return part{}, "one run on each side: how runs differ among themselves is not known"
	}
	pooled := (b.between*float64(max(0, b.runs-1)) + n.between*float64(max(0, n.runs-1))) / dof
	return part{pooled * (1/float64(b.runs) + 1/float64(n.runs)), dof}, ""
}

// shared lists the journals with a value on both sides, in order. Runs with few
// of them would carry few journals' noise as if it were the run's: a run that
// lacks more than half does not count.
func shared(before, now []value) []string {
	on := func(list []value) map[string]bool {
		out := map[string]bool{}
		for _, v := range list {
			out[v.journal] = true
		}
		return out
	}
	other := on(now)
	var out []string
	for journal := range on(before) {
		if other[journal] {
			out = append(out, journal)
		}
	}
	slices.Sort(out)
	return out
}

// sideOf sums up one side over the shared journals.
func sideOf(list []value, journals []string) side {
	s := side{mean: map[string]float64{}, count: map[string]int{}}
	kept := make([]value, 0, len(list))
	for _, v := range list {
		if _, found := slices.BinarySearch(journals, v.journal); found {
			kept = append(kept, v)
		}
	}
	kept = withoutStumps(kept, len(journals))
	for _, v := range kept {
		s.mean[v.journal] += v.y
		s.count[v.journal]++
	}
	for j := range s.mean {
		s.mean[j] /= float64(s.count[j])
	}
	s.spread(kept)
	return s
}

// withoutStumps leaves out runs that hold less than half of the journals, unless
// a journal would be lost with them.
func withoutStumps(list []value, journals int) []value {
	perRun := map[int]int{}
	for _, v := range list {
		perRun[v.run]++
	}
	whole := func(v value) bool { return 2*perRun[v.run] >= journals }
	covered := map[string]bool{}
	for _, v := range list {
		if whole(v) {
			covered[v.journal] = true
		}
	}
	if len(covered) < journals {
		return list
	}
	return slices.DeleteFunc(list, func(v value) bool { return !whole(v) })
}

// spread fills in how run means and calls scatter.
func (s *side) spread(list []value) {
	sum, n := map[int]float64{}, map[int]float64{}
	var runs []int
	for _, v := range list {
		if n[v.run] == 0 {
			runs = append(runs, v.run)
		}
		sum[v.run] += v.y - s.mean[v.journal]
		n[v.run]++
	}
	slices.Sort(runs)
	s.runs = len(runs)
	if s.runs < 2 {
		return
	}
	effects := make([]float64, 0, len(runs))
	for _, r := range runs {
		effects = append(effects, sum[r]/n[r])
	}
	_, s.between = moments(effects)
	var squares float64
	for _, v := range list {
		rest := v.y - s.mean[v.journal] - sum[v.run]/n[v.run]
		squares += rest * rest
	}
	if dof := len(list) - len(s.mean) - (s.runs - 1); dof > 0 {
		s.residual = squares / float64(dof)
	}
}

// moments are the mean and the variance of a sample (n−1).
func moments(list []float64) (mean, variance float64) {
	for _, v := range list {
		mean += v / float64(len(list))
	}
	if len(list) < 2 {
		return mean, 0
	}
	for _, v := range list {
		variance += (v - mean) * (v - mean) / float64(len(list)-1)
	}
	return mean, variance
}
