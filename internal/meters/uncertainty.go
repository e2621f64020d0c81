package meters

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/gum"
)

// The names of the parts of an energy's uncertainty. Figures of one channel
// are combined over windows by these names.
const (
	PartAccuracy     = gum.NameAccuracy
	PartResolution   = "resolution"
	PartEdges        = "window edges"
	PartDelay        = "publishing delay"
	PartSampling     = "between samples"
	PartAlias        = "aliasing"
	PartGaps         = "gaps"
	PartStamps       = "stamps"
	PartClock        = "host clock"
	PartDisagreement = "disagreement"
)

// NotStated is the basis of a sensor accuracy that neither the source nor the
// table tells. Such a part is 0 and the figure's uncertainty is without it.
const NotStated = "sensor accuracy not stated"

// assumedPeriod begins the basis of an update period that nobody told.
const assumedPeriod = "assumed"

// clockRate is the limit by which the monotonic clock may run fast or slow:
// NTP slews it by up to 500 ppm.
const clockRate = 500e-6

// uncertainty is the budget of the energy that a finished walk found, in J,
// combined as in the GUM (package gum).
//
// What an edge, a gap or a delay does to a window it does to the next one of
// the same load with the same sign: a boxcar always loses from a load that
// begins and ends with the window, and the phase between sampler and source
// stays for hours. Such parts are Common, so that they do not average out.
func (k *walk) uncertainty(c *bench.Channel, joules float64) bench.Uncertainty {
	length := (k.w.t1 - k.w.t0).Seconds()
	b := budget{accuracyPart(c, joules, length)}
	u, basis, alike := k.resolution(c, length)
	b.add(bench.UncertaintyPart{Name: PartResolution, Standard: u, Common: alike, Basis: basis})
	u, basis = k.edgeDoubt(c)
	b.add(bench.UncertaintyPart{Name: PartEdges, Standard: u, Common: true, Basis: basis})
	b.add(bench.UncertaintyPart{
		Name: PartDelay, Standard: k.between() * gum.Rectangular(k.w.lagDoubt.Seconds()), Common: true,
		Basis: fmt.Sprintf("how late the source publishes is not known: up to %s is taken", k.w.lagDoubt),
	})
	b.add(bench.UncertaintyPart{
		Name: PartStamps, Standard: k.swings() * gum.Rectangular(c.StampError.Seconds()), Common: true,
		Basis: fmt.Sprintf("stamps are right to ±%s", c.StampError),
	})
	if k.w.counter {
		return gum.Combine(b)
	}
	b.add(bench.UncertaintyPart{
		Name: PartSampling, Standard: math.Sqrt(k.rough.square), Type: gum.TypeA, DOF: max(1, float64(k.rough.n-2)),
		Basis: fmt.Sprintf("%d readings against the straight line through their neighbours", k.rough.n),
	})
	u, basis = k.aliasing(c)
	b.add(bench.UncertaintyPart{Name: PartAlias, Standard: u, Basis: basis})
	if u, basis = k.gapDoubt(length); basis != "" { // also where it is 0: it says what was taken
		b = append(b, bench.UncertaintyPart{Name: PartGaps, Standard: u, Type: gum.TypeB, Common: true, Basis: basis})
	}
	return gum.Combine(append(b, bench.UncertaintyPart{
		Name: PartClock, Standard: gum.Rectangular(clockRate * joules), Type: gum.TypeB, Common: true,
		Basis: "the host's monotonic clock may be slewed by 500 ppm",
	}))
}

// budget is a list of parts.
type budget []bench.UncertaintyPart

// add appends a part that is not zero; without a type it is of type B.
func (b *budget) add(p bench.UncertaintyPart) {
	if p.Standard == 0 {
		return
	}
	if p.Type == "" {
		p.Type = gum.TypeB
	}
	*b = append(*b, p)
}

// filled is the energy of a finished walk over power, in J: the integral of
// the lines between readings, and for what no line covers the mean power of
// what they do cover. Without that the figure would always be too small.
func (k *walk) filled() float64 {
	if k.t.covered <= 0 {
		return k.t.integral
	}
	return k.t.integral * ((k.w.t1 - k.w.t0).Seconds() / k.t.covered.Seconds())
}

// gapDoubt is the doubt of filling gaps with the mean power: it may have been
// the least or the greatest of the window instead, and a gap that the load
// itself brings about is of that kind in every window.
func (k *walk) gapDoubt(length float64) (u float64, basis string) {
	open := length - k.t.covered.Seconds()
	if open <= 1e-6*length {
		return 0, ""
	}
	mean := k.t.integral / k.t.covered.Seconds()
	apart := max(k.t.max-mean, mean-k.t.min)
	return gum.Rectangular(open * apart),
		fmt.Sprintf("no samples for %.3g s of the window, in which the mean of the rest is taken, %.4g W; it showed %.4g to %.4g W",
			open, mean, k.t.min, k.t.max)
}

// accuracyPart is the error of the sensor itself: its limits are taken as the
// bounds of a rectangular distribution, the same error in every window. What is
// assumed of a class, nobody having stated it, is wrong in each of its devices
// alike: two packages of one processor share it.
func accuracyPart(c *bench.Channel, joules, length float64) bench.UncertaintyPart {
	a := accuracyOf(c)
	part := bench.UncertaintyPart{Name: PartAccuracy, Type: gum.TypeB, Common: true, Basis: a.Source}
	if a.Assumed() {
		part.Shared = a.Source
	}
	// The constant error of a counter drops out of its difference; that of a
	// power lasts as long as the window.
	part.Standard = gum.Rectangular(a.Relative * joules)
	if !c.Counter {
		part.Standard = gum.Rectangular(a.Relative*math.Abs(joules) + a.Absolute*length)
	}
	return part
}

// resolution is the doubt from the smallest step that the source shows. Alike
// says that it is the same in windows of the same load.
func (k *walk) resolution(c *bench.Channel, length float64) (u float64, basis string, alike bool) {
	q := c.Resolution
	if q <= 0 {
		return 0, "", false
	}
	if k.w.counter {
		return gum.Triangular(q), fmt.Sprintf("both ends of the difference are cut to steps of %g J", q), false
	}
	u = q / math.Sqrt(12) * length
	if n, ok := k.rough.scattered(); ok {
		// Readings that scatter over more than a step are rounded each in its own way.
		return u / math.Sqrt(float64(n)), fmt.Sprintf("readings are rounded to %g W, %d of them independently", q, n), false
	}
	return u, fmt.Sprintf("readings are rounded to %g W, steady ones all alike", q), true
}

// timing is the half-width of what is not known of when a value was true,
// after its mean age is taken off. Where the period of a source that holds its
// values is assumed, the lines up to its changes may begin too early or too
// late by half of it; a quarter counts, as one edge makes up for the other.
func (w *span) timing(c *bench.Channel) time.Duration {
	switch {
	case w.holds && strings.HasPrefix(c.PeriodBasis, assumedPeriod):
		return w.interval/2 + w.period/4
	case w.holds:
		return w.interval / 2
	default:
		return c.UpdatePeriod / 2
	}
}

// edgeDoubt is the doubt from where in the readings the window begins and ends.
func (k *walk) edgeDoubt(c *bench.Channel) (u float64, basis string) {
	d := k.w.timing(c)
	tail := gum.Rectangular(k.tail.Seconds() * k.right.height())
	if k.w.counter {
		// Each end is off by the power there times the unknown age, and by the
		// line between two counts if power stepped between them, which cannot be
		// seen: half of it is taken to, or what was seen around if that is more.
		// A load that begins and ends with the window loses at both ends.
		var square, bend float64
		for _, s := range []*swing{&k.left, &k.right} {
			age := gum.Rectangular(s.greatest() * d.Seconds())
			square += age * age
			bend += gum.Rectangular(max(s.height(), s.max/2) * k.w.period.Seconds() / 4)
		}
		return math.Hypot(math.Hypot(math.Sqrt(square), bend), tail), fmt.Sprintf("counts are known to ±%s and every %s", d, k.w.period)
	}
	// A delay that is the same at both ends matters where power differs between
	// them; windows begin and end with steps of power, so the two are added. A
	// boxcar smears a step over its width W: seen from its middle it misplaces
	// up to an eighth of step × W, and just that where the step is at the edge.
	// So does the line between two readings, by up to half their distance, of
	// which a boxcar leaves what it does not see.
	age := gum.Rectangular(d.Seconds())
	smear := gum.Arcsine(c.Window.Seconds() / 8)
	bend := gum.Rectangular(k.w.period.Seconds() / 4 * k.unseen(c))
	return math.Hypot(k.swings()*math.Hypot(age, math.Hypot(smear, bend)), tail),
		fmt.Sprintf("power stepped by %.3g W at the beginning and %.3g W at the end, told to ±%s over %s",
			k.left.height(), k.right.height(), d, c.Window)
}

// swings is by how much power moved around both edges or between them, in W.
func (k *walk) swings() float64 {
	if k.w.counter {
		return k.left.greatest() + k.right.greatest()
	}
	return max(k.left.height()+k.right.height(), k.between())
}

// between is how far power around one edge was from that around the other, at
// most, in W: what one delay of both ends acts on.
func (k *walk) between() float64 {
	return max(k.left.max, k.right.max) - min(k.left.min, k.right.min)
}

// unseen is the share of a period of the source that its average leaves out.
func (k *walk) unseen(c *bench.Channel) float64 {
	return 1 - min(1, c.Window.Seconds()/k.w.period.Seconds())
}

// aliasing is the doubt that regular steps are the beat of faster ones. A
// sensor that averages sees the share of its averaging window in each period.
func (k *walk) aliasing(c *bench.Channel) (u float64, basis string) {
	u, period := k.rough.alias(&k.w)
	unseen := k.unseen(c)
	if u *= unseen; u <= 0 {
		return 0, ""
	}
	return u, fmt.Sprintf("%d steps repeat every %s: they may be the beat of a faster alternation, of which readings every %s miss %.0f %%",
		k.rough.jumps, period.Round(time.Millisecond), k.w.period, 100*unseen)
}
