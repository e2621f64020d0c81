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
		return
	}
	switch {
	case !k.have:
		k.have = true
	case r.State == bench.ReadingReset:
		if max(k.knot.At, k.w.t0) < min(r.At, k.w.t1) {
			k.t.reset = true
		}
		k.rough.cut()
	case r.At-k.raw.At > k.w.gap:
		k.settle()
		k.t.leap(&k.w, k.knot, r)
		k.rough.cut()
	case k.w.holds && r.Value == k.raw.Value:
		k.raw = r
		return
	default:
		k.level(r.At - k.w.period)
		k.join(r)
	}
	k.raw, k.knot = r, r
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
