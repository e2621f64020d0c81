package meters

import (
	"fmt"
	"math"
	"sort"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// usualWindows are the averaging windows that sensors are known to have; one
// of them is taken before a finer one that fits hardly better.
func usualWindows() []time.Duration {
	const ms = time.Millisecond
	return []time.Duration{
		0, 10 * ms, 20 * ms, 25 * ms, 50 * ms, 100 * ms, 125 * ms, 200 * ms, 250 * ms, 500 * ms, time.Second, 2 * time.Second,
	}
}

const (
	// explainedAtLeast is the share of the variance that the best window must
	// explain, for the two series to be views of the same power.
	explainedAtLeast = 0.9
	// clearlyWorse is how many times the residual of another window must be
	// that of the best one for the two to be told apart.
	clearlyWorse = 1.5
	// preferUsual is how many times the best residual a usual window may have.
	preferUsual = 1.1
	// Gains beyond these are no two views of one power. Under a periodic load a
	// window longer by a whole period is the same but for its gain.
	minGain, maxGain = 0.8, 1.25
	// maxLag is how late an averaged value may be published.
	maxLag = 300 * time.Millisecond
)

// AveragingWindow finds the boxcar W over which a sensor averages: the one for
// which averaged(t) is closest to a + b × the mean of the reference over
// [t−W−L, t−L]. The reference is instant power in W, or an energy counter in
// J. Offset a, gain b and the delay L of publishing are fitted with it, as two
// fields of one sensor may differ in all three; L is told too, as Lag. W = 0 says that the sensor is
// instant, as far as the reference can tell.
//
// It is not OK where power varied too little, where no window explains 90 % of
// the variance, or where quite another window explains it nearly as well.
func AveragingWindow(averaged, reference []bench.Reading, referenceIsCounter bool) Found {
	fit, why := newBoxcarFit(averaged, reference, referenceIsCounter)
	if why != "" {
		return Found{Updates: len(fit.at), Basis: why}
	}
	best := fit.search()
	found := Found{Value: best.window, Lag: best.lag.Round(time.Millisecond), Updates: len(fit.at)}
	explained := 1 - best.residual/fit.variance
	if explained < explainedAtLeast {
		found.Value, found.Lag = 0, 0
		found.Basis = fmt.Sprintf("no averaging window explains the values: the best, %s, explains %.0f %% of their variance",
			best.window, 100*max(0, explained))
		return found
	}
	if other, ok := fit.rival(best); ok {
		found.Value, found.Lag = 0, 0
		found.Basis = fmt.Sprintf("power varied too little to tell an averaging window of %s from one of %s", best.window, other)
		return found
	}
	found.OK = true
	found.Basis = fmt.Sprintf("found from %d renewals over %s: the mean of the reference over %s, %s late, explains %.1f %% of the variance",
		len(fit.at), (fit.at[len(fit.at)-1] - fit.at[0]).Round(10*time.Millisecond), best.window,
		found.Lag, 100*explained)
	if best.window <= fit.finest {
		found.Basis += fmt.Sprintf("; the reference tells nothing finer than %s", roundPeriod(fit.finest))
	}
	return found
}

// boxcarFit holds the two series in the form that is compared.
type boxcarFit struct {
	at       []time.Duration // when the averaged value was renewed
	value    []float64
	variance float64 // of value, summed
	energy   cumulative
	counter  bool
	finest   time.Duration // no shorter window shows in the reference
	longest  time.Duration // windows to try
}

type boxcar struct {
	window, lag time.Duration
	residual    float64 // sum of squares about the regression line
}

func newBoxcarFit(averaged, reference []bench.Reading, counter bool) (boxcarFit, string) {
	f := boxcarFit{counter: counter}
	shown, ref := renewals(withValue(averaged)), renewals(withValue(reference))
	if len(ref) < 2*minUpdates || len(shown) < minUpdates {
		return f, fmt.Sprintf("the values were renewed too seldom to compare (%d times, the reference %d times)", len(shown), len(ref))
	}
	for i := 1; counter && i < len(ref); i++ {
		if ref[i].Value < ref[i-1].Value {
			return f, "the reference counter fell while it was watched"
		}
	}
	f.energy, f.finest = integrate(ref, counter), medianStep(ref)
	f.longest = min(2500*time.Millisecond, (ref[len(ref)-1].At-ref[0].At)/3)
	for _, r := range shown {
		if r.At >= ref[0].At+f.longest+maxLag && r.At <= ref[len(ref)-1].At {
			f.at, f.value = append(f.at, r.At), append(f.value, r.Value)
		}
	}
	if len(f.at) < minUpdates {
		return f, fmt.Sprintf("only %d renewals lie where the reference is known, at least %d are needed", len(f.at), minUpdates)
	}
	mean := 0.0
	for _, v := range f.value {
		mean += v / float64(len(f.value))
	}
	for _, v := range f.value {
		f.variance += (v - mean) * (v - mean)
	}
	if spread := math.Sqrt(f.variance / float64(len(f.value))); spread < 0.02*math.Abs(mean) || spread == 0 {
		return f, fmt.Sprintf("power varied too little (%.2g about %.4g W) to tell the averaging window", spread, mean)
	}
	return f, ""
}

// renewals keeps the first reading of each value: when it was new.
func renewals(values []bench.Reading) []bench.Reading {
	var out []bench.Reading
	for i, r := range values {
		if i == 0 || r.Value != values[i-1].Value {
			out = append(out, r)
		}
	}
	return out
}

// search tries windows and lags coarsely, then around the best.
func (f boxcarFit) search() boxcar {
	var windows []time.Duration
	for _, w := range usualWindows() {
		if w <= f.longest {
			windows = append(windows, w)
		}
	}
	best := f.bestOf(windows)
	round := best
	step := max(f.finest/4, time.Millisecond, best.window/50)
	var finer []time.Duration
	for d := -20 * step; d <= 20*step; d += step {
		if w := best.window + d; w > 0 && w <= f.longest {
			finer = append(finer, w)
		}
	}
	if fine := f.bestOf(finer); len(finer) > 0 && fine.residual*preferUsual < round.residual {
		fine.window = roundPeriod(fine.window)
		return fine
	}
	return round
}

// rival gives a quite different window that fits nearly as well.
func (f boxcarFit) rival(best boxcar) (time.Duration, bool) {
	// Below this nothing tells residuals apart but rounding.
	floor := 1e-6 * f.variance
	for w := time.Duration(0); w <= f.longest; w = max(w+f.finest, w+w/4, w+time.Millisecond) {
		if apart := (w - best.window).Abs(); apart <= max(best.window/2, 3*f.finest, 20*time.Millisecond) {
			continue
		}
		if f.bestOf([]time.Duration{w}).residual < clearlyWorse*max(best.residual, floor) {
			return w, true
		}
	}
	return 0, false
}

func (f boxcarFit) bestOf(windows []time.Duration) boxcar {
	best := boxcar{residual: math.Inf(1)}
	step := max(f.finest/2, 5*time.Millisecond)
	for _, w := range windows {
		for lag := time.Duration(0); lag <= maxLag; lag += step {
			if r := f.residual(w, lag); r < best.residual {
				best = boxcar{w, lag, r}
			}
		}
	}
	return best
}

// residual is the sum of squares that a straight line from the reference's
// means to the values leaves.
func (f boxcarFit) residual(window, lag time.Duration) float64 {
	width := window
	if width == 0 { // an instant: the shortest stretch that the reference knows
		width = time.Millisecond
		if f.counter {
			width = f.finest
		}
	}
	var n, sx, sy, sxx, sxy, syy float64
	for i, t := range f.at {
		to := t - lag
		x := (f.energy.at(to) - f.energy.at(to-width)) / width.Seconds()
		y := f.value[i]
		n, sx, sy = n+1, sx+x, sy+y
		sxx, sxy, syy = sxx+x*x, sxy+x*y, syy+y*y
	}
	vx, vy, cov := sxx-sx*sx/n, syy-sy*sy/n, sxy-sx*sy/n
	if vx <= 1e-12*sxx || cov <= 0 {
		return vy
	}
	gain := min(max(cov/vx, minGain), maxGain)
	return max(0, vy-2*gain*cov+gain*gain*vx)
}

// cumulative is an energy as a function of time, linear between its points.
type cumulative struct {
	t []time.Duration
	j []float64
}

// integrate turns a reference into energy: a counter is one already, power is
// joined by straight lines.
func integrate(ref []bench.Reading, counter bool) cumulative {
	c := cumulative{t: make([]time.Duration, len(ref)), j: make([]float64, len(ref))}
	for i, r := range ref {
		c.t[i] = r.At
		switch {
		case counter:
			c.j[i] = r.Value - ref[0].Value
		case i > 0:
			c.j[i] = c.j[i-1] + (r.Value+ref[i-1].Value)/2*(r.At-ref[i-1].At).Seconds()
		}
	}
	return c
}

func (c cumulative) at(t time.Duration) float64 {
	i := sort.Search(len(c.t), func(i int) bool { return c.t[i] >= t })
	switch {
	case i == 0:
		return c.j[0]
	case i == len(c.t):
		return c.j[len(c.j)-1]
	}
	share := float64(t-c.t[i-1]) / float64(c.t[i]-c.t[i-1])
	return c.j[i-1] + share*(c.j[i]-c.j[i-1])
}
