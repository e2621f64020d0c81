package trace

import (
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// maxPoints bounds what one call of Points gives.
const maxPoints = 1 << 22

// Points reads a channel from from up to, but without, to, at a resolution:
// one point for each step, with the mean weighted by time and the extremes of
// the straight lines between readings. Where readings are too far apart to be
// joined nothing is known, and a step without any knowledge has nil figures.
//
// A step of 0 gives the readings themselves, one point each; those without a
// usable value have nil figures.
//
// Of power channels and energy counters, CumulativeJ is the energy since from,
// at the end of the step; see Curve.
func (s Samples) Points(channel int, from, to, step time.Duration) []bench.Point {
	if step <= 0 {
		return s.raw(channel, from, to)
	}
	points, _ := s.Curve(channel, from, to, step, 0)
	return points
}

func (s Samples) raw(channel int, from, to time.Duration) []bench.Point {
	var out []bench.Point
	for _, r := range s.Readings[channel] {
		if r.At < from || r.At >= to {
			continue
		}
		p := bench.Point{At: s.Series.Anchor.Add(r.At).UTC(), Phase: s.Series.Phase}
		if r.Has() {
			v := r.Value
			p.Mean, p.Min, p.Max = &v, &v, &v
		}
		out = append(out, p)
	}
	return out
}

// Curve thins a channel from from up to to into steps, and adds up its energy
// from startJ on, so that the curves of windows can follow each other; it gives
// the energy at the end too. Step is widened where it would give more than some
// four million points. Power and energy are drawn when they were used, which is
// before their stamps where a source tells them late (meters.Delay); windows
// take off the same, and of a source slower than the sampler join changes alone,
// so that a curve's end and a window's energy differ within the uncertainty of
// the window's edges.
//
// The energy of a power channel is the trapezoid over its readings; in a gap
// nothing is added and the step has no CumulativeJ. That of a counter is its
// growth, also over a gap, as the device counted on; at a reset what it counted
// in between is lost, and where it told that it does not count (out of range)
// what was used is: nothing is added. Steps after a loss tell the least that it
// may be. A counter has no Mean, Min and Max.
func (s Samples) Curve(channel int, from, to, step time.Duration, startJ float64) (points []bench.Point, endJ float64) {
	if to <= from || step <= 0 {
		return nil, startJ
	}
	step = max(step, (to-from)/maxPoints+1)
	c := s.Series.Channels[channel]
	bins := make([]stretch, (to-from+step-1)/step)
	growth := make([]float64, len(bins))
	s.lines(channel, from, to, func(p pair) {
		a, b := p.a, p.b
		joined := p.joined(s.gap(channel))
		if !joined && (!c.Counter || b.State == bench.ReadingReset || p.uncounted) {
			return
		}
		rise := b.Value - a.Value
		if b.State == bench.ReadingWrapped {
			rise += c.WrapAt
		}
		for i := max(0, int((a.At-from)/step)); i < len(bins); i++ {
			begin := from + time.Duration(i)*step
			if begin >= b.At {
				break
			}
			end := min(begin+step, to)
			if joined {
				bins[i].add(a, b, begin, end)
			}
			if inside := min(end, b.At) - max(begin, a.At); inside > 0 {
				growth[i] += rise * float64(inside) / float64(b.At-a.At)
			}
		}
	})
	points = make([]bench.Point, len(bins))
	endJ = startJ
	for i := range bins {
		begin := from + time.Duration(i)*step
		end := min(begin+step, to)
		points[i] = bench.Point{At: s.Series.Anchor.Add(begin + (end-begin)/2).UTC(), Phase: s.Series.Phase}
		fillPoint(&points[i], &bins[i], c, growth[i], &endJ)
	}
	return points, endJ
}

func fillPoint(p *bench.Point, bin *stretch, c bench.Channel, growth float64, sumJ *float64) {
	known := bin.covered > 0
	switch {
	case c.Counter && c.Unit == bench.UnitJoule:
		*sumJ += growth
		known = known || growth != 0
	case !c.Counter && c.Unit == bench.UnitWatt:
		*sumJ += bin.integral
	}
	if !known {
		return
	}
	if !c.Counter {
		mean, low, high := bin.mean(), bin.min, bin.max
		p.Mean, p.Min, p.Max = &mean, &low, &high
	}
	if (c.Counter && c.Unit == bench.UnitJoule) || (!c.Counter && c.Unit == bench.UnitWatt) {
		sum := *sumJ
		p.CumulativeJ = &sum
	}
}
