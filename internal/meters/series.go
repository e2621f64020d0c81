package meters

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// series samples one meter and keeps its samples.
type series struct {
	meter    Meter
	channels []bench.Channel
	interval time.Duration
	now      func() time.Duration
	pace     pace
	feed     chan<- *series // asks for the next chunk before it is needed

	// These belong to the sampling goroutine.
	next int64 // number of the next tick that is not yet late
	dst  []bench.Reading
	last []bench.Reading // newest stamp and newest usable value of each channel
	has  []bool          // whether a channel has had a usable value

	start time.Duration // when tick 0 was due; set before the goroutine begins

	mu        sync.Mutex
	chunks    []*chunk
	spare     *chunk
	maxChunks int
	reasons   []string
	waiters   []waiter
	newest    time.Duration // when the newest sample began
	stats     MeterStats
	lateSum   time.Duration
	late      lateness
	dropped   int64 // number of the newest tick that was dropped, −1 for none
	ended     bool
	abandoned bool // it ended without its goroutine, whose read hangs
	err       error

	over chan struct{} // closes when the goroutine has ended
}

// waiter waits for a sample taken at or after until.
type waiter struct {
	until time.Duration
	done  chan struct{}
}

func newSeries(m Meter, interval time.Duration, now func() time.Duration, feed chan<- *series) *series {
	channels := described(m.Channels())
	width := len(channels)
	return &series{
		meter: m, channels: channels, interval: interval, now: now, feed: feed,
		dst: make([]bench.Reading, width), last: make([]bench.Reading, width), has: make([]bool, width),
		chunks: []*chunk{newChunk(width)}, spare: newChunk(width),
		reasons: m.Reasons(), dropped: -1, over: make(chan struct{}), stats: MeterStats{Meter: m.Name(), Interval: interval},
	}
}

// begin sets when tick 0 is due.
func (s *series) begin(at time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.start = at
}

func (s *series) began() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.start
}

// due is the number of the newest tick that should have begun by now.
func (s *series) due() int64 { return int64((s.now() - s.start) / s.interval) }

// tick takes the sample that is due. Ticks that went by while the meter or the
// machine was busy are missed: they leave a hole in the numbers and no sample.
func (s *series) tick(ctx context.Context) bool {
	seq := s.due()
	if seq < s.next {
		return true // a tick that fired late; its time has a sample already
	}
	return s.take(ctx, seq)
}

// take reads the meter once and keeps what it gave. It allocates nothing. It
// reports false when the meter is gone for good.
func (s *series) take(ctx context.Context, seq int64) bool {
	before := s.now()
	for ch := range s.dst {
		s.dst[ch] = bench.Reading{State: bench.ReadingMissing, Reason: reasonUnfilled}
	}
	if err := s.meter.Read(ctx, s.now, s.dst); err != nil {
		if ctx.Err() == nil {
			s.mu.Lock()
			s.err = err
			s.mu.Unlock()
		}
		return false
	}
	after := s.now()
	for ch := range s.dst {
		s.check(ch, before, after)
	}
	s.keep(seq, before)
	s.next = seq + 1
	return true
}

// check makes a reading safe to compute with: a stamp that never goes back, a
// finite value, and a counter whose fall is named a wrap or a reset.
func (s *series) check(ch int, before, after time.Duration) {
	r, last := &s.dst[ch], &s.last[ch]
	if r.At == 0 {
		r.At = before
	}
	r.At = min(r.At, after)
	if r.At <= last.At && last.At > 0 {
		// The same moment twice is one sample, not two.
		r.At = last.At
		if r.Has() {
			r.State, r.Reason = bench.ReadingStale, reasonSameStamp
		}
	}
	usable := r.Has() || r.State == bench.ReadingReset
	if usable && (math.IsNaN(r.Value) || math.IsInf(r.Value, 0)) {
		r.State, r.Reason = bench.ReadingOutOfRange, reasonNotFinite
		usable = false
	}
	if !usable {
		last.At = r.At
		return
	}
	channel := &s.channels[ch]
	if channel.Counter && s.has[ch] && r.State == bench.ReadingOK && r.Value < last.Value {
		r.State, r.Reason = fallen(last.Value, r.Value, channel.WrapAt)
	}
	last.At, last.Value = r.At, r.Value
	s.has[ch] = true
}

// fallen says what the fall of a counter was. A counter that wraps at a known
// value and would have risen by less than half its range has wrapped; any
// other fall is a reset, because a guess would become joules.
func fallen(from, to, wrapAt float64) (state bench.ReadingState, reason uint8) {
	if rise := to + wrapAt - from; wrapAt > 0 && rise >= 0 && rise < wrapAt/2 {
		return bench.ReadingWrapped, reasonWrapped
	}
	return bench.ReadingReset, reasonFell
}

// keep stores the sample under its tick's number and wakes who waits for it.
func (s *series) keep(seq int64, began time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.abandoned {
		return
	}
	c := s.chunks[len(s.chunks)-1]
	if c.n == chunkTicks {
		c = s.roll()
	}
	c.seq[c.n] = seq
	copy(c.readings[c.n*len(s.dst):], s.dst)
	c.n++
	late := max(0, began-s.start-time.Duration(seq)*s.interval)
	s.lateSum += late
	s.late.add(late)
	s.stats.Ticks++
	s.stats.Missed += max(0, seq-s.next)
	for _, r := range s.dst {
		if int(r.Reason) >= len(s.reasons) && r.State != bench.ReadingOK && r.Reason < reasonUnnamed {
			s.reasons = s.meter.Reasons()
			break
		}
	}
	s.newest = began
	if len(s.waiters) > 0 {
		s.wake(began)
	}
}

// roll begins a new chunk; the one after it is made by the feeder, so that a
// tick does not wait for memory. When the bound is reached the oldest chunk
// goes, and its samples are counted as dropped.
func (s *series) roll() *chunk {
	c := s.spare
	if c == nil {
		c = newChunk(len(s.dst)) // the feeder did not get to run in a whole chunk's time
	}
	s.spare = nil
	if len(s.chunks) >= s.maxChunks {
		s.stats.Dropped += int64(s.chunks[0].n)
		s.dropped = s.chunks[0].seq[s.chunks[0].n-1]
		copy(s.chunks, s.chunks[1:])
		s.chunks[len(s.chunks)-1] = c
	} else {
		s.chunks = append(s.chunks, c)
	}
	select {
	case s.feed <- s:
	default:
	}
	return c
}

// wake releases the waiters whose moment has come; all of them at the end.
func (s *series) wake(at time.Duration) {
	kept := s.waiters[:0]
	for _, w := range s.waiters {
		if at >= w.until {
			close(w.done)
		} else {
			kept = append(kept, w)
		}
	}
	s.waiters = kept
}

func (s *series) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.wake(math.MaxInt64)
	close(s.over)
}

// await gives a channel that closes when a sample at or after t is there, nil
// when it is there already or none will come.
func (s *series) await(t time.Duration) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || (s.stats.Ticks > 0 && s.newest >= t) {
		return nil
	}
	done := make(chan struct{})
	s.waiters = append(s.waiters, waiter{until: t, done: done})
	return done
}

// look gives what the series holds now, with the reasons of its missing
// readings and the error that ended it.
func (s *series) look() (view, []string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := view{width: len(s.channels), chunks: make([]*chunk, len(s.chunks))}
	copy(v.chunks, s.chunks)
	for _, c := range v.chunks {
		v.n += c.n
	}
	return v, s.reasons, s.err
}

// forget drops the chunks that end before t.
func (s *series) forget(t time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gone := 0
	for gone < len(s.chunks)-1 && s.chunks[gone+1].readings[0].At < t {
		gone++
	}
	rest := copy(s.chunks, s.chunks[gone:])
	clear(s.chunks[rest:])
	s.chunks = s.chunks[:rest]
}

func (s *series) droppedTo() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped
}

func (s *series) statsNow() MeterStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.Err = s.err
	if st.Ticks > 0 {
		st.LateMean = s.lateSum / time.Duration(st.Ticks)
		st.LateP50, st.LateP99, st.LateMax = s.late.quantile(0.5), s.late.quantile(0.99), s.late.longest
	}
	return st
}
