package meters

import (
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// span is a window as seen by one channel, with the schedule of its ticks.
type span struct {
	t0, t1   time.Duration
	period   time.Duration // update period: the source's or the sampler's, whichever is longer
	gap      time.Duration // two readings further apart are not joined
	counter  bool
	wrapAt   float64
	start    time.Duration // when tick 0 was due
	interval time.Duration
	now      time.Duration // ticks due an interval before now are overdue
}

// tally is what the readings of one channel add up to over a span.
type tally struct {
	samples, missed   int
	stale, outOfRange int
	covered           time.Duration
	known             bool    // some part of the span is covered
	integral          float64 // of the straight lines between readings, unit × s
	min, max          float64

	rise       float64 // of a counter, wraps and inner gaps included
	reset      bool    // the counter started anew inside the span
	openStart  bool    // no joined pair of readings around t0
	openEnd    bool
	longestGap time.Duration

	reason    uint8 // of the newest missing reading
	hasReason bool
}

func (t *tally) coverage(w span) float64 {
	if w.t1 <= w.t0 {
		return 0
	}
	return float64(t.covered) / float64(w.t1-w.t0)
}

// counterDoubt says why the counter's difference is no figure, "" when it is.
func (t *tally) counterDoubt(w span) string {
	switch {
	case t.reset:
		return "the counter was reset inside the window"
	case t.openStart:
		return "no samples around the start of the window"
	case t.openEnd:
		return "no samples around the end of the window"
	case w.wrapAt > 0 && t.longestGap > 0:
		// A second wrap inside a gap cannot be seen. It is ruled out only
		// when the gap is short against the time to wrap, fourfold.
		rate := t.rise / (w.t1 - w.t0).Seconds()
		if 4*rate*t.longestGap.Seconds() > w.wrapAt {
			return "the counter may have wrapped more than once in a gap of " + t.longestGap.String()
		}
	}
	return ""
}

// tally walks the readings of ch from the last usable one before the span to
// the first usable one after it.
func (w span) tally(v view, ch int) tally {
	t := tally{openStart: true, openEnd: true}
	if w.t1 <= w.t0 {
		return t
	}
	var prev bench.Reading
	have := false
	for i := w.first(v, ch); i < v.n; i++ {
		r := v.reading(i, ch)
		inside := r.At >= w.t0 && r.At < w.t1
		if inside {
			t.note(r)
		}
		if usable(r) {
			if have {
				t.join(w, prev, r)
			}
			prev, have = r, true
			if r.At >= w.t1 {
				break
			}
		}
		if r.At > w.t1+w.gap {
			break
		}
	}
	t.missed += w.absent(v, ch)
	return t
}

// usable reports whether a reading's value can be the end of a line: also the
// first value after a counter's reset.
func usable(r bench.Reading) bool { return r.Has() || r.State == bench.ReadingReset }

// first gives the tick to begin at: that of the last usable reading at or
// before t0 that is not too old to be joined.
func (w span) first(v view, ch int) int {
	at := v.search(ch, w.t0)
	for i := min(at, v.n-1); i >= 0; i-- {
		r := v.reading(i, ch)
		if r.At < w.t0-w.gap {
			break
		}
		if r.At <= w.t0 && usable(r) {
			return i
		}
	}
	return at
}

// note counts a reading inside the span.
func (t *tally) note(r bench.Reading) {
	switch r.State {
	case bench.ReadingOK, bench.ReadingWrapped, bench.ReadingReset:
		t.samples++
		return
	case bench.ReadingMissing:
		t.reason, t.hasReason = r.Reason, true
	case bench.ReadingStale:
		t.stale++
	case bench.ReadingOutOfRange:
		t.outOfRange++
	}
	t.missed++
}

// join adds the stretch between two usable readings that follow each other.
func (t *tally) join(w span, a, b bench.Reading) {
	from, to := max(a.At, w.t0), min(b.At, w.t1)
	if to <= from {
		return
	}
	if b.State == bench.ReadingReset {
		t.reset = true
		return
	}
	atStart, atEnd := from == w.t0, to == w.t1
	rise := b.Value - a.Value
	if b.State == bench.ReadingWrapped {
		rise += w.wrapAt
	}
	length := float64(b.At - a.At)
	if b.At-a.At > w.gap {
		t.longestGap = max(t.longestGap, b.At-a.At)
		if from == a.At && to == b.At {
			t.rise += rise // the device counted on; when within the gap is not known
			t.openStart = t.openStart && !atStart
			t.openEnd = t.openEnd && !atEnd
		}
		return
	}
	t.openStart = t.openStart && !atStart
	t.openEnd = t.openEnd && !atEnd
	t.covered += to - from
	t.rise += rise * float64(to-from) / length
	slope := (b.Value - a.Value) / length
	v0 := a.Value + slope*float64(from-a.At)
	v1 := b.Value - slope*float64(b.At-to)
	t.integral += (v0 + v1) / 2 * (to - from).Seconds()
	if !t.known {
		t.known, t.min, t.max = true, v0, v0
	}
	t.min, t.max = min(t.min, v0, v1), max(t.max, v0, v1)
}

// absent counts the ticks due inside the span that left no reading at all:
// holes in the numbering, and ticks after the newest that are well overdue.
func (w span) absent(v view, ch int) int {
	lo := ceilDiv(w.t0-w.start, w.interval)
	hi := ceilDiv(w.t1-w.start, w.interval) - 1
	lo = max(lo, 0)
	if hi < lo {
		return 0
	}
	n := int64(0)
	before := int64(-1) // number of the newest tick seen so far
	from := v.search(ch, w.t0-w.gap)
	if from > 0 {
		before = v.seq(from - 1)
	}
	for i := from; i < v.n && before < hi; i++ {
		n += overlap(before+1, v.seq(i)-1, lo, hi)
		before = v.seq(i)
	}
	// The tick that may be under way at this moment is not missed yet.
	overdue := int64((w.now - w.interval - w.start) / w.interval)
	return int(n + overlap(before+1, overdue, lo, hi))
}

func overlap(a0, a1, b0, b1 int64) int64 { return max(0, min(a1, b1)-max(a0, b0)+1) }

func ceilDiv(d, by time.Duration) int64 {
	q := int64(d / by)
	if d > 0 && d%by != 0 {
		q++
	}
	return q
}
