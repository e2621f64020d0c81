package meters

import (
	"context"
	"sync"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Follower accounts a window while it runs, so that a long one needs neither
// all of its samples in memory nor a second look at any of them. What it tells
// is what Sampler.Window would tell of the same stretch, to the last digit.
//
// A Follower may be used from any goroutine.
type Follower struct {
	s       *Sampler
	phase   bench.Phase
	run, no int
	t0      time.Duration

	mu    sync.Mutex
	parts []following
	taken time.Duration // samples before it are taken in for good
}

// following is the part of a Follower for one meter.
type following struct {
	one   *series
	walks []walk // one for each channel
}

// Follow begins to account the window that begins at t0 on the sampler's clock;
// phase, run and no label its readings. Begin it before samples around t0 are
// forgotten. It needs no end: one that is not asked any more costs nothing.
func (s *Sampler) Follow(phase bench.Phase, run, no int, t0 time.Duration) *Follower {
	f := &Follower{s: s, phase: phase, run: run, no: no, t0: t0, taken: t0}
	for _, one := range s.series {
		p := following{one: one, walks: make([]walk, len(one.channels))}
		for ch := range p.walks {
			p.walks[ch] = newWalk(one.spanFrom(ch, t0))
		}
		f.parts = append(f.parts, p)
	}
	return f
}

// Advance takes in the samples before t for good, in time proportional to those
// that are new. After it Sampler.Forget(t) may drop them. Readings may then
// not end the window before t any more.
func (f *Follower) Advance(t time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.advance(t)
}

func (f *Follower) advance(t time.Duration) {
	if t <= f.taken {
		return
	}
	f.taken = t
	for i := range f.parts {
		f.parts[i].advance(t)
	}
}

// Readings tells what every channel showed from the beginning of the window to
// t1, in the order of Sampler.Channels, and takes in what lies before t1. Like
// Window it waits for the samples that the edge at t1 needs, unless ctx has
// ended: then it takes those that are there. An end before what was taken in is looked up afresh in the samples
// that are still kept.
func (f *Follower) Readings(ctx context.Context, t1 time.Duration) []bench.PhaseReading {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t1 < f.taken && f.taken > f.t0 {
		return f.s.Window(ctx, f.phase, f.run, f.no, f.t0, t1)
	}
	var out []bench.PhaseReading
	for i := range f.parts {
		p := &f.parts[i]
		p.one.waitFor(ctx, t1+p.one.settling())
	}
	f.advance(t1)
	for i := range f.parts {
		out = append(out, f.parts[i].readings(f, t1)...)
	}
	compareViews(out)
	return out
}

// SoFar is Readings without waiting, for a look at a window that goes on: the
// last moments before t1 are as far known as the sources have told them.
func (f *Follower) SoFar(t1 time.Duration) []bench.PhaseReading {
	now, cancel := context.WithCancel(context.Background())
	cancel()
	return f.Readings(now, t1)
}

// advance feeds each walk with the ticks that no end of the window after t can
// still cut.
func (p *following) advance(t time.Duration) {
	after, dropped := p.begin(false), p.one.droppedTo()
	if after == notBegun {
		return
	}
	parts := p.one.newer(after)
	for ch := range p.walks {
		k := &p.walks[ch]
		if !k.begun {
			continue
		}
		k.missedOut(dropped)
		k.feedUntil(parts, ch, t+k.w.lag-k.w.around-2*k.w.period)
	}
}

// notBegun says that no channel has a sample in the window yet.
const notBegun = int64(-2)

// begin sets walks to where they begin, once a sample in the window is there,
// or at once where forced. It gives the tick that the one farthest behind is at.
func (p *following) begin(force bool) int64 {
	behind := notBegun
	var v view
	looked := false
	for ch := range p.walks {
		k := &p.walks[ch]
		if !k.begun {
			if !looked {
				v, _, _ = p.one.look()
				looked = true
			}
			k.begin(v, ch, force)
		}
		if k.begun && (behind == notBegun || k.after < behind) {
			behind = k.after
		}
	}
	return behind
}

// begin finds the first tick to feed. It is the same whenever it is asked.
func (k *walk) begin(v view, ch int, force bool) {
	if !force && (v.n == 0 || v.reading(v.n-1, ch).At < k.w.t0) {
		return
	}
	k.begun = true
	if at := v.search(ch, k.w.t0-k.w.back()); at < v.n {
		k.after = v.seq(at) - 1
	} else if v.n > 0 {
		k.after = v.seq(v.n - 1)
	}
}

// missedOut counts the ticks of the window up to number dropped that went
// before this walk saw them.
func (k *walk) missedOut(dropped int64) {
	from := max(k.w.lo, k.t.newest+1, k.t.lostTo+1)
	to := min(dropped, k.w.hi)
	if to >= from {
		k.t.lost += to - from + 1
		k.t.lostTo = to
	}
}

// feedUntil feeds the ticks of ch that are stamped before t.
func (k *walk) feedUntil(parts []stretch, ch int, t time.Duration) {
	for _, part := range parts {
		for i := part.from; i < part.to; i++ {
			if part.seq[i] <= k.after {
				continue
			}
			r := part.readings[i*part.width+ch]
			if r.At >= t {
				return
			}
			k.feed(part.seq[i], r)
		}
	}
}

// readings carries copies of the walks to the end of the window.
func (p *following) readings(f *Follower, t1 time.Duration) []bench.PhaseReading {
	ending := following{one: p.one, walks: append([]walk(nil), p.walks...)}
	after, dropped := ending.begin(true), p.one.droppedTo()
	parts := p.one.newer(after)
	v, reasons, err := p.one.look()
	out := make([]bench.PhaseReading, len(ending.walks))
	for ch := range ending.walks {
		k := &ending.walks[ch]
		k.w.until(t1)
		k.missedOut(dropped)
		k.finish(parts, ch)
		r := bench.PhaseReading{
			Run: f.run, Phase: f.phase, No: f.no, Channel: p.one.channels[ch],
			Started: f.s.clock.Wall(f.t0), Window: t1 - f.t0,
			Samples: k.t.samples(), Missed: k.t.missed(&k.w, p.one.now()), Coverage: k.t.coverage(&k.w), States: k.t.states,
		}
		fill(&r, k, why{reasons, err, v.lacks(ch, k.w.t1)})
		out[ch] = r
	}
	return out
}

// finish feeds what bears on a span with an end.
func (k *walk) finish(parts []stretch, ch int) {
	if k.w.t1 <= k.w.t0 {
		return
	}
	for _, part := range parts {
		for i := part.from; i < part.to; i++ {
			if part.seq[i] <= k.after {
				continue
			}
			r := part.readings[i*part.width+ch]
			if k.done() || (r.At > k.w.t1+k.w.ahead()+k.w.gap && part.seq[i] > k.w.hi) {
				k.close(false)
				return
			}
			k.feed(part.seq[i], r)
		}
	}
	k.close(true)
}
