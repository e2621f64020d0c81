package meters

import (
	"context"
	"fmt"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// MissingShortWindow is why a window has no energy of its own: the edges would
// outweigh what is between them. Its share of the enclosing window can be
// attributed instead.
const MissingShortWindow = "window shorter than 10 update periods of the meter"

// minPeriods is how many update periods a window must hold to have an energy.
const minPeriods = 10

// minCoverage is the share of a window that power samples must cover for their
// integral to stand for the window's energy.
const minCoverage = 0.95

// Window tells what every channel showed from t0 to t1 on the sampler's clock,
// in the order of Channels. Phase, run and no label the readings; the caller
// sets the cell. It waits until each meter has a sample at or after t1, so
// that the edge can be interpolated, but not longer than ctx and not longer
// than a gap may last.
//
// Mean, Min and Max are those of the straight lines between samples over the
// covered part of the window, so they are weighted by time. A counter has
// none of them. Two samples further apart than three intervals (of sampling,
// or of the meter's own updates where those are longer) leave a gap: nothing
// is known there and nothing is filled in.
//
// EnergyJ of a power channel is the trapezoid over its samples with linear
// interpolation at both edges, over the covered part alone; below 95 %
// coverage there is none. EnergyJ of an energy counter is its difference
// with linear interpolation at both edges. A gap inside the window lowers its
// coverage but loses no energy, as the device counted on; a gap at an edge, a
// reset, or a gap in which the counter may have wrapped more than once leaves
// no figure. A window shorter than ten update periods has none either.
func (s *Sampler) Window(ctx context.Context, phase bench.Phase, run, no int, t0, t1 time.Duration) []bench.PhaseReading {
	var out []bench.PhaseReading
	for _, one := range s.series {
		one.waitFor(ctx, t1)
		v, reasons, err := one.look()
		for ch := range one.channels {
			w := one.span(ch, t0, t1)
			r := bench.PhaseReading{
				Run: run, Phase: phase, No: no, Channel: one.channels[ch],
				Started: s.clock.Wall(t0), Window: t1 - t0,
			}
			t := w.tally(v, ch)
			r.Samples, r.Missed, r.Coverage = t.samples, t.missed, t.coverage(w)
			fill(&r, t, w, why{reasons, err, v.lacks(ch, t1)})
			out = append(out, r)
		}
	}
	return out
}

// waitFor waits until a sample at or after t is there or cannot matter.
func (s *series) waitFor(ctx context.Context, t time.Duration) {
	done := s.await(t)
	if done == nil {
		return
	}
	limit := time.NewTimer(t - min(t, s.now()) + s.reach())
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C:
	case <-ctx.Done():
	}
}

// reach is how far apart two samples may be for the slowest channel.
func (s *series) reach() time.Duration {
	longest := s.interval
	for ch := range s.channels {
		longest = max(longest, s.channels[ch].UpdatePeriod)
	}
	return gapLimit(longest)
}

// gapLimit is how far apart two samples may be and still be joined: three
// periods, and half a one for ticks that come a little late.
func gapLimit(period time.Duration) time.Duration { return 3*period + period/2 }

// span is a window as seen by one channel.
func (s *series) span(ch int, t0, t1 time.Duration) span {
	// A value renewed every 10 ms but sampled every 50 ms is known every 50.
	period := max(s.interval, s.channels[ch].UpdatePeriod)
	return span{
		t0: t0, t1: t1, period: period, gap: gapLimit(period),
		counter: s.channels[ch].Counter, wrapAt: s.channels[ch].WrapAt,
		start: s.began(), interval: s.interval, now: s.now(),
	}
}

// why turns a reading's reason into words.
type why struct {
	reasons []string
	err     error
	gone    bool // what was sampled then is no longer kept
}

func (y why) text(t tally) string {
	switch {
	case t.hasReason && t.reason == reasonUnfilled:
		return "the meter left this channel unread"
	case t.hasReason && int(t.reason) < len(y.reasons):
		return y.reasons[t.reason]
	case y.gone && t.samples == 0:
		return "the samples of this window are no longer kept"
	case y.err != nil:
		return "the meter failed: " + y.err.Error()
	case t.stale > 0:
		return "the source did not renew its value"
	case t.outOfRange > 0:
		return "the source gave values out of range"
	case t.samples > 0:
		return "samples are too far apart to join"
	default:
		return "no sample in the window"
	}
}

// fill sets the figures of r, or why there are none.
func fill(r *bench.PhaseReading, t tally, w span, y why) {
	if t.known && !w.counter {
		mean := min(max(t.integral/t.covered.Seconds(), t.min), t.max)
		r.Mean, r.Min, r.Max = &mean, &t.min, &t.max
	}
	energy := (r.Channel.Unit == bench.UnitWatt && !w.counter) || (r.Channel.Unit == bench.UnitJoule && w.counter)
	switch {
	case !t.known && (t.samples == 0 || !energy): // an energy has reasons of its own
		r.Missing = y.text(t)
		return
	case !energy:
		return
	case w.t1-w.t0 < minPeriods*w.period:
		r.Missing = MissingShortWindow
		return
	}
	joules := t.integral
	if w.counter {
		joules, r.Missing = t.rise, t.counterDoubt(w)
		r.Method = bench.EnergyCounter
	} else {
		r.Method = bench.EnergyTrapezoid
		if r.Coverage < minCoverage {
			r.Missing = fmt.Sprintf("samples cover %.1f %% of the window, less than %g %%", 100*r.Coverage, 100*minCoverage)
		}
	}
	if r.Missing != "" {
		r.Method = ""
		return
	}
	if r.Channel.Estimated {
		r.Method = bench.EnergyEstimated
	}
	r.EnergyJ = &joules
}
