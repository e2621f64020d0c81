package meters

import (
	"fmt"
	"math"
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

// clockRate is the limit by which the monotonic clock may run fast or slow:
// NTP slews it by up to 500 ppm.
const clockRate = 500e-6

// uncertainty is the budget of the energy that a finished walk found, in J,
// combined as in the GUM (package gum).
func (k *walk) uncertainty(c *bench.Channel, joules float64) bench.Uncertainty {
	length := (k.w.t1 - k.w.t0).Seconds()
	parts := []bench.UncertaintyPart{accuracyPart(c, joules, length)}
	add := func(name, kind string, u, dof float64, basis string) {
		if u > 0 {
			parts = append(parts, bench.UncertaintyPart{Name: name, Standard: u, Type: kind, DOF: dof, Basis: basis})
		}
	}
	u, basis := k.resolution(c, length)
	add(PartResolution, gum.TypeB, u, 0, basis)
	u, basis = k.edgeDoubt(c)
	add(PartEdges, gum.TypeB, u, 0, basis)
	if u = k.swings() * gum.Rectangular(c.StampError.Seconds()); u > 0 {
		add(PartStamps, gum.TypeB, u, 0, fmt.Sprintf("stamps are right to ±%s", c.StampError))
	}
	if k.w.counter {
		return gum.Combine(parts)
	}
	add(PartSampling, gum.TypeA, math.Sqrt(k.rough.square), max(1, float64(k.rough.n-2)),
		fmt.Sprintf("%d readings against the straight line through their neighbours", k.rough.n))
	u, basis = k.aliasing(c)
	add(PartAlias, gum.TypeB, u, 0, basis)
	if open := length - k.t.covered.Seconds(); open > 1e-6*length {
		add(PartGaps, gum.TypeB, gum.Rectangular(open*math.Max(math.Abs(k.t.max), math.Abs(k.t.min))), 0,
			fmt.Sprintf("no samples for %.3g s of the window; what was used there is not in the figure", open))
	}
	parts = append(parts, bench.UncertaintyPart{
		Name: PartClock, Standard: gum.Rectangular(clockRate * joules), Type: gum.TypeB, Common: true,
		Basis: "the host's monotonic clock may be slewed by 500 ppm",
	})
	return gum.Combine(parts)
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

// resolution is the doubt from the smallest step that the source shows.
func (k *walk) resolution(c *bench.Channel, length float64) (u float64, basis string) {
	q := c.Resolution
	if q <= 0 {
		return 0, ""
	}
	if k.w.counter {
		return gum.Triangular(q), fmt.Sprintf("both ends of the difference are cut to steps of %g J", q)
	}
	u = q / math.Sqrt(12) * length
	if n := k.rough.n; n > 1 && k.rough.sigma() >= q/2 {
		// Readings that scatter over more than a step are rounded each in its own way.
		return u / math.Sqrt(float64(n)), fmt.Sprintf("readings are rounded to %g W, %d of them independently", q, n)
	}
	return u, fmt.Sprintf("readings are rounded to %g W, steady ones all alike", q)
}

// timing is the half-width of what is not known of when a value was true,
// after its mean age is taken off.
func (w *span) timing(c *bench.Channel) time.Duration {
	if w.holds {
		return w.interval / 2
	}
	return c.UpdatePeriod / 2
}

// edgeDoubt is the doubt from where in the readings the window begins and ends.
func (k *walk) edgeDoubt(c *bench.Channel) (u float64, basis string) {
	d := k.w.timing(c)
	if k.w.counter {
		// Each end is off by the power there times the unknown age, and by the
		// line between two counts if power stepped between them, which cannot be
		// seen: half of it is taken to, or what was seen around if that is more.
		var square float64
		for _, s := range []*swing{&k.left, &k.right} {
			age := gum.Rectangular(max(math.Abs(s.min), math.Abs(s.max)) * d.Seconds())
			bend := gum.Rectangular(max(s.height(), s.max/2) * k.w.period.Seconds() / 4)
			square += age*age + bend*bend
		}
		tail := gum.Rectangular(k.tail.Seconds() * k.right.height())
		return math.Hypot(math.Sqrt(square), tail), fmt.Sprintf("counts are known to ±%s and every %s", d, k.w.period)
	}
	// A delay that is the same at both ends matters where power differs between
	// them; windows begin and end with steps of power, so the two are added. A
	// boxcar smears a step over its width W: seen from its middle it misplaces
	// up to an eighth of step × W, and just that where the step is at the edge.
	age := gum.Rectangular(d.Seconds())
	smear := gum.Arcsine(c.Window.Seconds() / 8)
	tail := gum.Rectangular(k.tail.Seconds() * k.right.height())
	return math.Hypot(k.swings()*math.Hypot(age, smear), tail),
		fmt.Sprintf("power stepped by %.3g W at the beginning and %.3g W at the end, told to ±%s over %s",
			k.left.height(), k.right.height(), d, c.Window)
}

// swings is by how much power moved around both edges or between them, in W.
func (k *walk) swings() float64 {
	if k.w.counter {
		return max(math.Abs(k.left.min), math.Abs(k.left.max)) + max(math.Abs(k.right.min), math.Abs(k.right.max))
	}
	between := max(k.left.max, k.right.max) - min(k.left.min, k.right.min)
	return max(k.left.height()+k.right.height(), between)
}

// aliasing is the doubt that regular steps are the beat of faster ones. A
// sensor that averages sees the share of its averaging window in each period.
func (k *walk) aliasing(c *bench.Channel) (u float64, basis string) {
	u, period := k.rough.alias(&k.w)
	unseen := 1 - min(1, c.Window.Seconds()/k.w.period.Seconds())
	if u *= unseen; u <= 0 {
		return 0, ""
	}
	return u, fmt.Sprintf("%d steps repeat every %s: they may be the beat of a faster alternation, of which readings every %s miss %.0f %%",
		k.rough.jumps, period.Round(time.Millisecond), k.w.period, 100*unseen)
}
