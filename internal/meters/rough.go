package meters

import (
	"math"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// rough says how far straight lines between readings can be from what lay
// between them, from the readings alone, in memory that does not grow.
//
// Each reading is held against the straight line through its neighbours, with
// residual r. For readings with independent errors of standard deviation σ the
// variance of r is 1.5 σ² at even spacing, and the trapezoid's variance is
// Σ h² σ²; so Σ h² r² / 1.5 estimates it. Where power is smooth against the
// spacing neighbours are correlated and r vanishes, as the error does. A step
// by Δ that fell anywhere between two readings has the variance Δ² h² / 12,
// and adds Δ² h² / 3 here: four times that.
//
// A square wave with a period near the spacing leaves another trace: an alias,
// which steps at a regular beat far slower than the wave. Its mean is right
// over whole beats; what is left of one at the ends is wrong. So steps are
// watched too.
type rough struct {
	points int // joined in a row, up to 3
	p0, p1 point
	d0, d1 float64 // differences before p0 and between p0 and p1
	diffs  int

	square float64 // Σ h² r² / 1.5, in (unit × s)²
	n      int
	moved  int // of n, those further from the line than half a step of resolution

	jumps    int
	jumpSq   float64
	up, down beat
}

type point struct {
	at time.Duration
	v  float64
}

// cut begins anew after a gap.
func (g *rough) cut() { g.points, g.diffs = 0, 0 }

// shorten makes the line just drawn count as no longer than d, as a level one
// that stands for many renewals.
func (g *rough) shorten(d time.Duration) {
	if g.points >= 2 {
		g.p0.at = max(g.p0.at, g.p1.at-d)
	}
}

// join takes in the line from a to b, which begins where the last one ended.
func (g *rough) join(w *span, a, b bench.Reading) {
	if g.points == 0 {
		g.p1, g.points = point{a.At, a.Value}, 1
	}
	if w.holds && a.Value == b.Value && b.At-a.At > 2*w.period {
		g.hold(w, a, b)
		return
	}
	g.next(w, point{b.At, b.Value})
}

// hold takes in a level line: a value that was renewed with an equal one once a
// period, each of which is on the line through its neighbours.
func (g *rough) hold(w *span, a, b bench.Reading) {
	g.next(w, point{a.At + w.period, a.Value})
	if inside := min(b.At, w.t1) - max(a.At+w.period, w.t0); inside > 0 {
		g.n += int(inside / w.period)
	}
	g.p1 = point{b.At - w.period, a.Value}
	g.next(w, point{b.At, b.Value})
}

func (g *rough) next(w *span, next point) {
	if g.points >= 2 && next.at > w.t0 && g.p0.at < w.t1 {
		g.residual(w, next)
	}
	d := next.v - g.p1.v
	if g.diffs >= 2 && isStep(g.d0, g.d1, d) && g.p1.at >= w.t0 && g.p1.at < w.t1 {
		g.step(g.d1)
	}
	g.d0, g.d1, g.diffs = g.d1, d, min(g.diffs+1, 2)
	g.p0, g.p1, g.points = g.p1, next, min(g.points+1, 3)
}

func (g *rough) residual(w *span, next point) {
	before, after := (g.p1.at - g.p0.at).Seconds(), (next.at - g.p1.at).Seconds()
	h := (before + after) / 2
	r := g.p1.v - (g.p0.v*after+next.v*before)/(before+after)
	g.square += h * h * r * r / 1.5
	g.n++
	if math.Abs(r) >= w.step/2 {
		g.moved++
	}
}

// isStep reports whether d stands out from the differences next to it.
func isStep(before, d, after float64) bool {
	return d != 0 && math.Abs(d) > 3*max(math.Abs(before), math.Abs(after))
}

func (g *rough) step(d float64) {
	g.jumps++
	g.jumpSq += d * d
	if d > 0 {
		g.up.add(g.p1.at)
	} else {
		g.down.add(g.p1.at)
	}
}

// scattered is how many readings are rounded independently of each other: those
// that differ from their neighbours by half a step or more, if they are most of
// all. A load that steps now and then is rounded alike in between.
func (g *rough) scattered() (n int, ok bool) { return g.moved, g.moved > 1 && 2*g.moved > g.n }

// alias is the standard uncertainty of the integral for steps that may be the
// beat of a faster square wave, in unit × s; 0 where they are none or not
// regular. A square wave of height Δ and period B integrates to a triangle of
// height Δ B / 4 about its mean; the difference of two random points of it has
// the standard deviation Δ B / (4 √6).
func (g *rough) alias(w *span) (u float64, period time.Duration) {
	if g.jumps < 3 {
		return 0, 0
	}
	mean, ok := joint(&g.up, &g.down, w.period)
	if !ok {
		return 0, 0
	}
	height := math.Sqrt(g.jumpSq / float64(g.jumps))
	return height * mean / (4 * math.Sqrt(6)), time.Duration(mean * float64(time.Second))
}

// beat is the spread of the times between steps in one direction.
type beat struct {
	last       time.Duration
	seen       bool
	n          int
	sum, sumSq float64 // s, s²
}

func (b *beat) add(at time.Duration) {
	if b.seen {
		d := (at - b.last).Seconds()
		b.n, b.sum, b.sumSq = b.n+1, b.sum+d, b.sumSq+d*d
	}
	b.last, b.seen = at, true
}

// joint gives the mean time between steps of one direction, if they are as
// regular as an alias is: to within a reading or so.
func joint(a, b *beat, spacing time.Duration) (mean float64, regular bool) {
	n := float64(a.n + b.n)
	if n == 0 {
		return 0, false
	}
	mean = (a.sum + b.sum) / n
	sd := math.Sqrt(max(0, (a.sumSq+b.sumSq)/n-mean*mean))
	return mean, sd <= spacing.Seconds()+0.02*mean
}

// swing is how power moved around an edge of a window: the extremes of the
// readings within span.around of it, of a counter those of its slopes.
type swing struct {
	has      bool
	min, max float64
}

func (s *swing) see(w *span, edge time.Duration, a, b bench.Reading) {
	if b.At < edge-w.around || a.At > edge+w.around {
		return
	}
	if w.counter {
		s.add(w.rise(a, b) / (b.At - a.At).Seconds())
		return
	}
	s.add(a.Value)
	s.add(b.Value)
}

func (s *swing) add(v float64) {
	if !s.has {
		s.has, s.min, s.max = true, v, v
	}
	s.min, s.max = min(s.min, v), max(s.max, v)
}

func (s *swing) height() float64 { return s.max - s.min }

// greatest is the greatest power seen, whatever its sign.
func (s *swing) greatest() float64 { return max(math.Abs(s.min), math.Abs(s.max)) }
