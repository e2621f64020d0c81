package meters

import (
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// tally is what the readings of one channel add up to over a span.
type tally struct {
	states   bench.ReadingCounts
	present  int           // ticks due in the span that left a reading
	newest   int64         // number of the newest tick that was seen
	lost     int64         // ticks whose samples were dropped before they were seen
	lostTo   int64         // number of the newest of them
	covered  time.Duration // by joined readings
	known    bool          // some part of the span is covered
	integral float64       // of the straight lines between readings, unit × s
	min, max float64

	rise       float64 // of a counter, wraps and inner gaps included
	steepest   float64 // rise of a joined line, in unit per second
	reset      bool    // the counter started anew inside the span
	openStart  bool    // no joined pair of readings around t0
	openEnd    bool
	longestGap time.Duration

	uncounted    bool // the counter did not count in a part of the span
	uncountedWhy uint8

	state     bench.ReadingState // of the newest reading without a value
	reason    uint8
	hasReason bool
}

// samples counts the readings inside the span that hold a value.
func (t *tally) samples() int { return t.states.OK + t.states.Wrapped + t.states.Reset }

// missed counts the ticks due inside the span that gave no value. Those not
// overdue at now are not missed yet.
func (t *tally) missed(w *span, now time.Duration) int {
	// The tick that may be under way at this moment is not missed yet.
	overdue := int64((now - w.interval - w.start) / w.interval)
	due := min(w.hi, max(overdue, t.newest))
	absent := max(0, int(due-w.lo+1)-t.present)
	return absent + t.states.Missing + t.states.Stale + t.states.OutOfRange
}

func (t *tally) coverage(w *span) float64 {
	if w.t1 <= w.t0 {
		return 0
	}
	return float64(t.covered) / float64(w.t1-w.t0)
}

// counterDoubt says why the counter's difference is no figure, "" when it is.
func (t *tally) counterDoubt(w *span) string {
	switch {
	case t.reset:
		return "the counter was reset inside the window"
	case t.openStart:
		return "no samples around the start of the window"
	case t.openEnd:
		return "no samples around the end of the window"
	case w.wrapAt > 0 && t.longestGap > 0 && t.mayWrapTwice(w):
		return "the counter may have wrapped more than once in a gap of " + t.longestGap.String()
	}
	return ""
}

// mayWrapTwice reports whether the longest gap could hold a second wrap, which
// cannot be seen. It is ruled out only where not even four times the steepest
// joined line, nor the most that such a source can draw, would fill the range
// in the gap. What rose over the gap itself tells nothing: it is what a second
// wrap would have falsified.
func (t *tally) mayWrapTwice(w *span) bool {
	if t.covered <= 0 || t.steepest <= 0 {
		return true
	}
	return max(4*t.steepest, w.mostW)*t.longestGap.Seconds() > w.wrapAt
}

// usable reports whether a reading's value can be the end of a line: also the
// first value after a counter's reset.
func usable(r bench.Reading) bool { return r.Has() || r.State == bench.ReadingReset }

// Uncounted reports whether a reading of a channel, which is a counter or not,
// tells that the device does not count: its value is out of range, as below a
// floor. Where one lies between two usable readings their difference lacks what
// was used meanwhile. A missing reading is a gap, in which the device counted.
func Uncounted(counter bool, r bench.Reading) bool {
	return counter && r.State == bench.ReadingOutOfRange
}

// note counts a reading inside the span.
func (t *tally) note(r bench.Reading) {
	switch r.State {
	case bench.ReadingOK:
		t.states.OK++
		return
	case bench.ReadingWrapped:
		t.states.Wrapped++
		return
	case bench.ReadingReset:
		t.states.Reset++
		return
	case bench.ReadingStale:
		t.states.Stale++
	case bench.ReadingOutOfRange:
		t.states.OutOfRange++
	default:
		t.states.Missing++
	}
	t.state, t.reason, t.hasReason = r.State, r.Reason, true
}

// line adds the straight line between two readings that are joined.
func (t *tally) line(w *span, a, b bench.Reading) {
	from, to := max(a.At, w.t0), min(b.At, w.t1)
	if to <= from {
		return
	}
	t.edges(w, from, to)
	length := float64(b.At - a.At)
	t.covered += to - from
	rise := w.rise(a, b)
	t.rise += rise * float64(to-from) / length
	t.steepest = max(t.steepest, rise/(b.At-a.At).Seconds())
	slope := (b.Value - a.Value) / length
	v0 := a.Value + slope*float64(from-a.At)
	v1 := b.Value - slope*float64(b.At-to)
	t.integral += (v0 + v1) / 2 * (to - from).Seconds()
	if !t.known {
		t.known, t.min, t.max = true, v0, v0
	}
	t.min, t.max = min(t.min, v0, v1), max(t.max, v0, v1)
}

// leap adds a gap between two readings: of a counter that went on in it the
// rise is known, but not when within the gap.
func (t *tally) leap(w *span, a, b bench.Reading) {
	from, to := max(a.At, w.t0), min(b.At, w.t1)
	if to <= from {
		return
	}
	t.longestGap = max(t.longestGap, b.At-a.At)
	if from == a.At && to == b.At {
		t.rise += w.rise(a, b)
		t.edges(w, from, to)
	}
}

func (t *tally) edges(w *span, from, to time.Duration) {
	t.openStart = t.openStart && from != w.t0
	t.openEnd = t.openEnd && to != w.t1
}

func (w *span) rise(a, b bench.Reading) float64 {
	if b.State == bench.ReadingWrapped {
		return b.Value - a.Value + w.wrapAt
	}
	return b.Value - a.Value
}
