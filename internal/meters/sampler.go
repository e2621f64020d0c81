package meters

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// SamplerOptions tune a Sampler; the zero value is right for most uses.
type SamplerOptions struct {
	// Intervals sets another interval for single meters, by name, such as a
	// PDU that is polled at half of its refresh period.
	Intervals map[string]time.Duration
	// MaxBytes bounds the memory for samples over all meters; 0 is 256 MiB.
	// At the bound the oldest samples go, and are counted as dropped.
	MaxBytes int64
	// KernelTimers wakes the sampler by timers of the operating system where it
	// has them. Go's own are up to a millisecond late in a process that is
	// idle, which at 1 ms costs a tenth of all ticks. Not in fake time, which
	// only Go's timers know.
	KernelTimers bool
	// StopGrace is how long Stop waits for a meter that is being read before
	// it cancels that read, and then again before it gives the meter up; 0 is
	// two seconds.
	StopGrace time.Duration
}

// MeterStats say how sampling one meter went.
type MeterStats struct {
	Meter    string
	Interval time.Duration
	Ticks    int64         // samples taken
	Missed   int64         // ticks that passed without a sample
	Dropped  int64         // samples lost because memory for them was full
	LateMean time.Duration // how long after its tick a sample began
	LateP50  time.Duration // right to 1 in 16
	LateP99  time.Duration
	LateMax  time.Duration
	Err      error // what ended the meter, nil while it lives
}

const (
	defaultMaxBytes  = 256 << 20
	defaultStopGrace = 2 * time.Second
	minInterval      = time.Millisecond
)

// Sampler reads meters at a steady pace, each in a goroutine of its own, all
// on one monotonic clock, and keeps the samples until they are forgotten. It
// runs on across calls and phases; Window looks at any stretch of what it
// holds. It does not open or close meters, but while it runs they are its own.
//
// A tick that was missed, because the machine or the meter was busy, is
// counted and never filled in. Taking a sample allocates nothing.
//
// Window, Samples, Mark, Forget and Stats may be called from any goroutine.
type Sampler struct {
	clock  Clock
	series []*series
	grace  time.Duration

	mu       sync.Mutex
	started  bool
	cancel   context.CancelFunc
	precise  bool
	cadences []*cadence
	stopped  sync.Once
	feed     chan *series
	readers  sync.WaitGroup
	feeder   sync.WaitGroup
}

// NewSampler prepares a sampler of ms with one sample per interval. Names of
// meters and of channels must be unique.
func NewSampler(clock Clock, interval time.Duration, ms []Meter, opts SamplerOptions) (*Sampler, error) {
	if err := unique(ms); err != nil {
		return nil, err
	}
	if opts.MaxBytes == 0 {
		opts.MaxBytes = defaultMaxBytes
	}
	if opts.StopGrace == 0 {
		opts.StopGrace = defaultStopGrace
	}
	s := &Sampler{clock: clock, grace: opts.StopGrace, precise: opts.KernelTimers, feed: make(chan *series, len(ms))}
	now := clock.Now
	var perTick int64 // bytes of one chunk of every meter
	for _, m := range ms {
		pace := paceOf(m, interval, opts)
		if pace < minInterval {
			return nil, fault.New(fault.Invalid, "", "set the sampling interval to 1 ms or more; 50 ms is usual",
				"sampling interval of meter %s is %s, expected at least %s", m.Name(), pace, minInterval)
		}
		one := newSeries(m, pace, now, s.feed)
		perTick += chunkBytes(len(one.channels))
		s.series = append(s.series, one)
	}
	for _, one := range s.series {
		// Two at least: the chunk being filled and the one before it.
		one.maxChunks = int(max(2, opts.MaxBytes/max(1, perTick)))
		one.chunks = append(make([]*chunk, 0, one.maxChunks), one.chunks...)
	}
	return s, nil
}

// paceOf gives the interval of m: the one set for it by name, its own, or the
// sampler's.
func paceOf(m Meter, usual time.Duration, opts SamplerOptions) time.Duration {
	if set, ok := opts.Intervals[m.Name()]; ok {
		return set
	}
	if paced, ok := m.(Paced); ok {
		if own := paced.Interval(); own != 0 {
			return own
		}
	}
	return usual
}

func unique(ms []Meter) error {
	meters, channels := map[string]bool{}, map[string]bool{}
	for _, m := range ms {
		if meters[m.Name()] {
			return fault.New(fault.Invalid, "", "name each meter once", "two meters are called %s", m.Name())
		}
		meters[m.Name()] = true
		for _, c := range m.Channels() {
			if channels[c.Name] {
				return fault.New(fault.Invalid, "", "the same source may be listed twice", "two channels are called %s", c.Name)
			}
			channels[c.Name] = true
		}
	}
	return nil
}

// ErrStarted says that a sampler cannot be started a second time.
var ErrStarted = errors.New("sampler has been started before")

// Start begins to sample. It returns when every meter has given its first
// sample, so that a window may begin at once, but waits for a meter that hangs
// no longer than a gap may last. Sampling ends with Stop, or without a last
// sample when ctx ends.
func (s *Sampler) Start(ctx context.Context) error {
	if err := s.launch(ctx); err != nil {
		return err
	}
	for _, one := range s.series {
		one.waitFor(ctx, math.MinInt64)
	}
	return nil
}

func (s *Sampler) launch(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started {
		return ErrStarted
	}
	s.started = true
	ctx, s.cancel = context.WithCancel(ctx)
	s.cadences = cadencesOf(s.series, s.clock.Now, s.precise)
	context.AfterFunc(ctx, s.endCadences)
	// All meters tick on one grid, so that those of one pace, and slower ones
	// now and then, cost one wakeup together.
	start := s.clock.Now()
	for _, one := range s.series {
		one.begin(start)
	}
	for _, c := range s.cadences {
		c.run(start, &s.readers)
	}
	for _, one := range s.series {
		s.readers.Go(func() { one.run(ctx) })
	}
	s.feeder.Go(s.makeChunks)
	return nil
}

// endCadences lets every meter's goroutine end; the first call counts.
func (s *Sampler) endCadences() {
	for _, c := range s.cadences {
		c.alarm.end()
	}
}

// makeChunks makes chunks ahead of their use until the feed closes.
func (s *Sampler) makeChunks() {
	for one := range s.feed {
		c := newChunk(len(one.channels))
		one.mu.Lock()
		one.spare = c
		one.mu.Unlock()
	}
}

// Stop takes a last sample of every meter and returns when all goroutines have
// ended, or after twice the grace: a meter that hangs is given up then, see
// Abandoned. What was sampled stays readable. A second call does nothing.
func (s *Sampler) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started {
		return
	}
	s.stopped.Do(func() {
		s.endCadences()
		s.wait()
		s.cancel()
		close(s.feed)
		s.feeder.Wait()
	})
}

// Mark is the present on the sampler's clock, for the edges of windows.
func (s *Sampler) Mark() time.Duration { return s.clock.Now() }

// Channels lists the channels of all meters, in the order Window reports them.
func (s *Sampler) Channels() []bench.Channel {
	var all []bench.Channel
	for _, one := range s.series {
		all = append(all, one.channels...)
	}
	return all
}

// Stats tells how sampling goes, meter by meter.
func (s *Sampler) Stats() []MeterStats {
	all := make([]MeterStats, 0, len(s.series))
	for _, one := range s.series {
		all = append(all, one.statsNow())
	}
	return all
}

// Samples gives the readings of one channel with t0 ≤ At < t1, nil for a
// channel that is not sampled. The states of the readings are kept.
func (s *Sampler) Samples(channel string, t0, t1 time.Duration) []bench.Reading {
	for _, one := range s.series {
		for ch := range one.channels {
			if one.channels[ch].Name != channel {
				continue
			}
			v, _, _ := one.look()
			from, to := v.search(ch, t0), v.search(ch, t1)
			out := make([]bench.Reading, 0, max(0, to-from))
			for i := from; i < to; i++ {
				out = append(out, v.reading(i, ch))
			}
			return out
		}
	}
	return nil
}

// Forget frees the samples that no window beginning at before or later needs.
func (s *Sampler) Forget(before time.Duration) {
	for _, one := range s.series {
		one.forget(before - one.reach())
	}
}
