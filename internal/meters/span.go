package meters

import (
	"math"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// span is a window as one channel sees it, with the schedule of its ticks. Its
// edges are on the channel's own time: a source that tells an average over W
// tells what was W/2 ago, and a value is up to an update period old, so that
// the window is looked for later by lag in the channel's stamps.
type span struct {
	t0, t1 time.Duration
	lag    time.Duration // what was added to both edges
	// lagDoubt is by how much longer the source may be late than lag says; 0
	// where that is known. It is the same in every window of the channel.
	lagDoubt time.Duration

	period   time.Duration // update period: the source's or the sampler's, whichever is longer
	gap      time.Duration // two readings further apart are not joined
	boxcar   time.Duration // half of the averaging window
	around   time.Duration // how far from an edge a step of power can bear on it
	holds    bool          // the source is slower than the sampler: values repeat
	energy   bool          // power or an energy counter
	counter  bool
	wrapAt   float64
	step     float64       // resolution, in the channel's unit
	mostW    float64       // more than the source can draw; 0 where not known
	start    time.Duration // when tick 0 was due
	interval time.Duration
	lo, hi   int64 // numbers of the ticks due inside the span
}

// openEnd is the end of a window that has not ended.
const openEnd = time.Duration(math.MaxInt64)

// spanFrom is the channel's view of a window that begins at t0 and is open.
func (s *series) spanFrom(ch int, t0 time.Duration) span {
	c := &s.channels[ch]
	w := span{
		t1: openEnd, hi: math.MaxInt64, interval: s.interval, start: s.began(), counter: c.Counter, wrapAt: c.WrapAt, step: c.Resolution,
		// A value renewed every 10 ms but sampled every 50 ms is known every 50.
		period: max(s.interval, c.UpdatePeriod),
		energy: tellsEnergy(c),
	}
	w.gap = gapLimit(w.period)
	if w.energy {
		w.holds = slower(c.UpdatePeriod, s.interval)
		w.lag, w.lagDoubt = age(c, s.interval), lagDoubt(c)
		w.mostW = classOfSource(c).mostW
		w.boxcar = c.Window / 2
		w.around = w.boxcar + w.period + w.lagDoubt
	}
	w.t0 = t0 + w.lag
	w.lo = max(0, ceilDiv(w.t0-w.start, w.interval))
	return w
}

// until ends the span at t1, on the sampler's clock.
func (w *span) until(t1 time.Duration) {
	w.t1 = t1 + w.lag
	w.hi = ceilDiv(w.t1-w.start, w.interval) - 1
}

// back is how long before its beginning a span looks for readings.
func (w *span) back() time.Duration { return w.gap + w.period + w.around }

// ahead is how long after its end a span looks for readings.
func (w *span) ahead() time.Duration {
	if w.holds {
		return max(w.period, w.boxcar)
	}
	return w.boxcar
}

// tellsEnergy reports whether the channel is a power or an energy counter.
func tellsEnergy(c *bench.Channel) bool {
	return (c.Unit == bench.UnitWatt && !c.Counter) || (c.Unit == bench.UnitJoule && c.Counter)
}

// slower reports whether a source renews its value less often than it is
// asked, so that readings repeat one value.
func slower(update, interval time.Duration) bool { return update > interval+interval/5 }

// age is how old a channel's value is at its stamp, in the mean. A boxcar
// average over W delays what it shows by W/2, and publishing it takes the
// channel's lag. A source faster than the sampler
// shows a value up to one update period old, half of it in the mean; with one
// that is slower the renewal is seen by the next poll, half an interval later
// in the mean, and renewals alone are used.
func age(c *bench.Channel, interval time.Duration) time.Duration {
	if slower(c.UpdatePeriod, interval) {
		return c.Lag + c.Window/2 + interval/2
	}
	return c.Lag + c.Window/2 + c.UpdatePeriod/2
}

// gapLimit is how far apart two samples may be and still be joined: three
// periods, and half a one for ticks that come a little late.
func gapLimit(period time.Duration) time.Duration { return 3*period + period/2 }

func ceilDiv(d, by time.Duration) int64 {
	q := int64(d / by)
	if d > 0 && d%by != 0 {
		q++
	}
	return q
}
