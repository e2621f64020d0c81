package meters

import (
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// walk goes through the readings of one channel, tick by tick, and adds up
// what they tell about a span whose end need not be known yet. It is a plain
// value: a copy of it can be carried to an end while it goes on itself.
//
// Readings are joined by straight lines. Where the source is slower than the
// sampler, most readings repeat an older value. Then lines are drawn between
// the moments at which the value changed. A value that stays equal for longer
// than an update period was renewed with an equal one: the line is level until
// one period before the change.
type walk struct {
	w     span
	t     tally
	rough rough
	left  swing // of power around the beginning
	right swing // around the end, once that is known

	begun bool
	after int64 // number of the newest tick that was taken in

	raw  bench.Reading // newest usable reading
	knot bench.Reading // newest reading that a line ends in
	have bool
	aged bool          // knot is the first reading of all: its value is older than its stamp
	rate float64       // slope of the newest line, in unit per second
	tail time.Duration // end of the span that was taken to go on as it was

	dark    bool // since raw, a counter has told that it does not count
	darkWhy uint8
}

func newWalk(w span) walk {
	return walk{w: w, t: tally{openStart: true, openEnd: true, newest: -1, lostTo: -1}, after: -1}
}

// feed takes in the next tick.
func (k *walk) feed(seq int64, r bench.Reading) {
	k.after, k.t.newest = seq, seq
	if seq >= k.w.lo && seq <= k.w.hi {
		k.t.present++
	}
	if r.At >= k.w.t0 && r.At < k.w.t1 {
		k.t.note(r)
	}
	if !usable(r) {
		if Uncounted(k.w.counter, r) && k.have {
			k.dark, k.darkWhy = true, r.Reason
		}
		return
	}
	switch {
	case k.dark:
		k.uncounted(r.At)
	case !k.have:
		k.have, k.aged = true, k.w.holds && seq == 0
	case r.State == bench.ReadingReset:
		k.settle()
		if max(k.knot.At, k.w.t0) < min(r.At, k.w.t1) {
			k.t.reset = true
		}
		k.rough.cut()
		k.aged = false
	case r.At-k.raw.At > k.w.gap:
		k.settle()
		k.t.leap(&k.w, k.knot, r)
		k.rough.cut()
		k.aged = false
	case k.w.holds && r.Value == k.raw.Value:
		k.raw = r
		return
	default:
		if k.aged { // sampling began while it was held: it was renewed before
			k.knot.At, k.aged = min(k.knot.At, r.At-k.w.period), false
		}
		k.level(r.At - k.w.period)
		k.join(r)
	}
	k.raw, k.knot = r, r
}

// uncounted ends a stretch in which the counter did not count: whatever the
// device used in it shows in no later reading, so nothing joins both sides.
func (k *walk) uncounted(until time.Duration) {
	k.settle()
	if max(k.raw.At, k.w.t0) < min(until, k.w.t1) {
		k.t.uncounted, k.t.uncountedWhy = true, k.darkWhy
	}
	k.rough.cut()
	k.dark, k.aged = false, false
}

// settle draws the level line up to the newest repeat of a held value.
func (k *walk) settle() { k.level(k.raw.At) }

// level draws the line of a held value up to t.
func (k *walk) level(t time.Duration) {
	if !k.w.holds || t <= k.knot.At {
		return
	}
	end := k.knot
	end.At, end.State = t, bench.ReadingOK
	k.join(end)
	k.rough.shorten(k.w.period)
	k.knot = end
}

// join draws the line to b.
func (k *walk) join(b bench.Reading) {
	a := k.knot
	if b.At <= a.At {
		return // the same moment twice; series.check lets no stamp fall
	}
	k.t.line(&k.w, a, b)
	k.rate = k.w.rise(a, b) / (b.At - a.At).Seconds()
	if !k.w.energy {
		return
	}
	k.left.see(&k.w, k.w.t0, a, b)
	if k.w.t1 != openEnd {
		k.right.see(&k.w, k.w.t1, a, b)
	}
	if !k.w.counter {
		k.rough.join(&k.w, a, b)
	}
}

// done reports whether no later reading can matter to a span with an end.
func (k *walk) done() bool {
	return k.have && k.after >= k.w.hi && k.raw.At >= k.w.t1 && k.raw.At >= k.w.t1+k.w.ahead()
}

// close ends the walk where readings end. A held value's line is drawn to where
// it was last seen. Where these are the newest readings there are, and they
// reach the window's end on the host's clock, what is left of the span is only
// what the source tells late: power is taken to have gone on as it was, and the
// tail is remembered as a doubt.
func (k *walk) close(newest bool) {
	if k.have && k.dark {
		k.uncounted(openEnd)
		return
	}
	if !k.have || k.knot.At >= k.w.t1 {
		return
	}
	reached := newest && k.raw.At >= k.w.t1-k.w.lag
	counting := k.w.counter && k.w.holds && k.raw.At-k.knot.At <= k.w.period+k.w.period/2
	if !counting || !reached {
		k.settle()
	}
	if !reached || k.knot.At >= k.w.t1 {
		return
	}
	end := k.knot
	end.At, end.State = k.w.t1, bench.ReadingOK
	if k.w.counter {
		end.Value += k.rate * (k.w.t1 - k.knot.At).Seconds()
	}
	k.tail = k.w.t1 - k.knot.At
	k.join(end)
}
