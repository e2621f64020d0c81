package meters

import "github.com/wattsweep/wattsweep/internal/bench"

// Reasons that the sampler itself gives; a meter's own list ends before them.
const (
	reasonUnfilled  = 255 // the meter left the reading untouched
	reasonSameStamp = 254
	reasonNotFinite = 253
	reasonFell      = 252
	reasonWrapped   = 251
	reasonUnnamed   = 250 // the first that no meter may use
)

// ReasonText says in words why r is not ok, given the reasons of its meter as
// Sampler.Meters tells them; "" for a reading that is ok. Of a reading that
// came out of a sampler it is never empty.
func ReasonText(reasons []string, r bench.Reading) string {
	switch {
	case r.State == bench.ReadingOK:
		return ""
	case r.Reason == reasonUnfilled:
		return "the meter left this channel unread"
	case r.Reason == reasonSameStamp:
		return "the source gave the same moment twice"
	case r.Reason == reasonNotFinite:
		return "the source gave a value that is no finite number"
	case r.Reason == reasonFell:
		return "the counter fell, and not by a wrap"
	case r.Reason == reasonWrapped:
		return "the counter passed the end of its range"
	case int(r.Reason) < len(reasons) && reasons[r.Reason] != "":
		return reasons[r.Reason]
	}
	switch r.State {
	case bench.ReadingStale:
		return "the source did not renew its value"
	case bench.ReadingOutOfRange:
		return "the source gave a value out of range"
	case bench.ReadingReset:
		return "the counter was reset"
	case bench.ReadingWrapped:
		return "the counter passed the end of its range"
	default:
		return "the source gave no value"
	}
}

// why turns the state of a window into words.
type why struct {
	reasons []string
	err     error
	gone    bool // what was sampled then is no longer kept
}

func (y why) text(t *tally) string {
	switch {
	case t.hasReason:
		return ReasonText(y.reasons, bench.Reading{State: t.state, Reason: t.reason})
	case y.gone && t.samples() == 0:
		return "the samples of this window are no longer kept"
	case y.err != nil:
		return "the meter failed: " + y.err.Error()
	case t.samples() > 0:
		return "samples are too far apart to join"
	default:
		return "no sample in the window"
	}
}

// uncounted says why a counter's difference lacks a part of the window.
func (y why) uncounted(t *tally) string {
	return "the counter did not count in a part of the window: " +
		ReasonText(y.reasons, bench.Reading{State: bench.ReadingOutOfRange, Reason: t.uncountedWhy})
}
