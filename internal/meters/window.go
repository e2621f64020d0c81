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
const MissingShortWindow = "window shorter than 10 update periods of the meter, or 10 sampling intervals"

// minPeriods is how many update periods a window must hold to have an energy.
const minPeriods = 10

// minCoverage is the share of a window that power samples must cover for their
// integral to stand for the window's energy.
const minCoverage = 0.95

// Window tells what every channel showed from t0 to t1 on the sampler's clock,
// in the order of Channels. Phase, run and no label the readings; the caller
// sets the cell. It waits until each meter has the samples that the edge at t1
// needs, but not longer than ctx and not longer than a gap may last: a source
// that averages or is renewed slowly tells of t1 later. A window may as well
// be asked for while the next one runs. One that outlasts what memory holds is
// for Follow.
//
// Mean, Min and Max are those of the straight lines between samples over the
// covered part of the window, so they are weighted by time. A counter has
// none of them. Two samples further apart than three intervals (of sampling,
// or of the meter's own updates where those are longer) leave a gap: nothing
// is known there, and no reading is made up.
//
// EnergyJ of a power channel is the trapezoid over its samples with linear
// interpolation at both edges; for gaps the mean power of the covered part is
// taken, and how far it may have been off is in Uncertainty. Below 95 %
// coverage there is none. EnergyJ of an energy counter is its difference
// with linear interpolation at both edges. A gap inside the window lowers its
// coverage but loses no energy, as the device counted on; a gap at an edge, a
// reset, a stretch in which the counter tells that it is out of range, or a gap
// in which it may have wrapped more than once leaves no figure. A window shorter than ten update periods has none either.
//
// Of a source slower than the sampler only the changes of its value are
// joined, and the edges are looked for as much later as the source is late
// (see span): by half its averaging window, and half the shorter of its update
// period and the sampling interval. What is left of that, and all other doubt,
// is in Uncertainty. Energies of one device from different views are held
// against each other in Disagreement.
func (s *Sampler) Window(ctx context.Context, phase bench.Phase, run, no int, t0, t1 time.Duration) []bench.PhaseReading {
	return s.Follow(phase, run, no, t0).Readings(ctx, t1)
}

// waitFor waits until a sample at or after t is there or cannot matter.
func (s *series) waitFor(ctx context.Context, t time.Duration) {
	done := s.await(t)
	if done == nil {
		return
	}
	limit := time.NewTimer(t - min(t, s.now()) + gapLimit(s.slowest()))
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C:
	case <-ctx.Done():
	}
}

// slowest is the longest period of a channel.
func (s *series) slowest() time.Duration {
	longest := s.interval
	for ch := range s.channels {
		longest = max(longest, s.channels[ch].UpdatePeriod)
	}
	return longest
}

// settling is how long after an edge its last sample may come.
func (s *series) settling() time.Duration {
	var longest time.Duration
	for ch := range s.channels {
		w := s.spanFrom(ch, 0)
		longest = max(longest, w.lag+w.ahead())
	}
	return longest
}

// reach is how long before an edge samples bear on it.
func (s *series) reach() time.Duration {
	longest := gapLimit(s.slowest())
	for ch := range s.channels {
		w := s.spanFrom(ch, 0)
		longest = max(longest, w.back()+w.around+2*w.period-w.lag)
	}
	return longest
}

// fill sets the figures of r, or why there are none.
func fill(r *bench.PhaseReading, k *walk, y why) {
	t, w := &k.t, &k.w
	if t.lost > 0 {
		r.Flags = append(r.Flags, fmt.Sprintf("%d samples were lost: the memory for samples was full", t.lost))
	}
	if t.known && !w.counter {
		low, high := t.min, t.max
		mean := min(max(t.integral/t.covered.Seconds(), low), high)
		r.Mean, r.Min, r.Max = &mean, &low, &high
	}
	switch {
	case !t.known && (t.samples() == 0 || !w.energy): // an energy has reasons of its own
		r.Missing = y.text(t)
		return
	case !w.energy:
		return
	case w.t1-w.t0 < minPeriods*w.period:
		r.Missing = MissingShortWindow
		return
	}
	joules := k.filled()
	if w.counter {
		joules, r.Missing = t.rise, t.counterDoubt(w)
		if t.uncounted {
			r.Missing = y.uncounted(t)
		}
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
	doubt := k.uncertainty(&r.Channel, joules)
	r.Uncertainty = &doubt
}
