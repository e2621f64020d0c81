package meters

import (
	"slices"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// MeterInfo describes one meter as it is sampled.
type MeterInfo struct {
	Name     string
	Channels []bench.Channel // in the order of a tick's readings
	Interval time.Duration
	// Start is when tick 0 was due, on the sampler's clock; tick n is due
	// n intervals later.
	Start time.Duration
	// Reasons are what Reading.Reason points into. The list may grow while the
	// meter is sampled; what it holds keeps its place.
	Reasons []string
}

// Tick is one sample of all channels of a meter.
type Tick struct {
	// Seq is its number on the meter's schedule; numbers that are missing are
	// ticks that left no sample.
	Seq      int64
	Readings []bench.Reading // in the order of the meter's channels
}

// Meters describes what is sampled, in the order of NewSampler.
func (s *Sampler) Meters() []MeterInfo {
	all := make([]MeterInfo, 0, len(s.series))
	for _, one := range s.series {
		one.mu.Lock()
		all = append(all, MeterInfo{
			Name: one.stats.Meter, Channels: slices.Clone(one.channels), Interval: one.interval,
			Start: one.start, Reasons: slices.Clone(one.reasons),
		})
		one.mu.Unlock()
	}
	return all
}

// Ticks visits the ticks of one meter with a number above after that are still
// kept, oldest first, until visit returns false; −1 asks for all. It copies no
// samples and does not hold up sampling: the readings are those of the
// sampler's own memory, which is not written again, so that they may be kept,
// but not changed.
func (s *Sampler) Ticks(meter string, after int64, visit func(seq int64, readings []bench.Reading) bool) {
	for _, one := range s.series {
		if one.stats.Meter != meter {
			continue
		}
		for _, part := range one.newer(after) {
			for i := part.from; i < part.to; i++ {
				if !visit(part.seq[i], part.readings[i*part.width:(i+1)*part.width:(i+1)*part.width]) {
					return
				}
			}
		}
		return
	}
}

// stretch is a part of a chunk that is complete.
type stretch struct {
	*chunk
	from, to, width int
}

// newer gives the stretches of ticks with a number above after.
func (s *series) newer(after int64) []stretch {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []stretch
	for _, c := range slices.Backward(s.chunks) {
		from, found := slices.BinarySearch(c.seq[:c.n], after)
		if found {
			from++
		}
		if from < c.n {
			out = append(out, stretch{c, from, c.n, len(s.channels)})
		}
		if from > 0 {
			break // all older chunks have been seen
		}
	}
	slices.Reverse(out)
	return out
}

// forgottenAfter is how old a meter's newest sample may be to still hold back
// Newest: a meter that hangs must not.
const forgottenAfter = 5 * time.Second

// Newest is up to when all meters that answer have been sampled: a window that
// ends there has a sample at or after its end on every channel.
func (s *Sampler) Newest() time.Duration {
	now := s.clock.Now()
	earliest := now
	for _, one := range s.series {
		one.mu.Lock()
		at, alive := one.newest, !one.ended && one.stats.Ticks > 0
		one.mu.Unlock()
		if alive && at >= now-forgottenAfter {
			earliest = min(earliest, at)
		}
	}
	return earliest
}
