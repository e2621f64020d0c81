package meters

import (
	"fmt"
	"slices"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// logged is how many readings a log holds: half an hour at one a second, in
// 48 KiB.
const logged = 2048

// RenewalLog remembers what a meter's reads showed of one channel while it
// measured, to find afterwards how often the source renews its value. A load at
// rest shows no renewals to whoever watches before a session; a busy one shows
// them all. The newest readings are held. It is used by one goroutine at a time,
// as a meter is.
type RenewalLog struct {
	ring []bench.Reading
	next int
	full bool
	last time.Duration
}

// NewRenewalLog makes an empty log; all of its memory is taken now.
func NewRenewalLog() *RenewalLog { return newRenewalLog(logged) }

func newRenewalLog(n int) *RenewalLog { return &RenewalLog{ring: make([]bench.Reading, n)} }

// Add remembers a reading. Stamps that go back are of another clock, and forget
// what was told by the one before. It allocates nothing.
func (l *RenewalLog) Add(r bench.Reading) {
	if r.At < l.last {
		l.Forget()
	}
	l.last = r.At
	l.ring[l.next] = r
	l.next++
	if l.next == len(l.ring) {
		l.next, l.full = 0, true
	}
}

// Forget empties the log.
func (l *RenewalLog) Forget() { l.next, l.full, l.last = 0, false, 0 }

// Readings are those of the log, the oldest first.
func (l *RenewalLog) Readings() []bench.Reading {
	if !l.full {
		return slices.Clone(l.ring[:l.next])
	}
	return slices.Concat(l.ring[l.next:], l.ring[:l.next])
}

// Step is the usual time between readings, 0 where there are not two.
func (l *RenewalLog) Step() time.Duration {
	readings := l.Readings()
	if len(readings) < 2 {
		return 0
	}
	steps := make([]time.Duration, 0, len(readings))
	for i := 1; i < len(readings); i++ {
		steps = append(steps, readings[i].At-readings[i-1].At)
	}
	slices.Sort(steps)
	return steps[len(steps)/2]
}

// onBeatAtLeast is the share of renewals that must follow each other after one period.
// A busy load changes at nearly every renewal; a load at rest whose last digit
// moves now and then changes after any number of them, which would be taken for
// a slow source.
const onBeatAtLeast = 0.6

// Found tells the update period that the readings show. It is not OK where the
// value changed too seldom or without a beat.
func (l *RenewalLog) Found() Found {
	readings := l.Readings()
	found := UpdatePeriod(readings)
	if !found.OK {
		found.Basis = "nor during earlier stages: " + found.Basis
		return found
	}
	if share := onBeat(readings, found.Value); share < onBeatAtLeast {
		return Found{
			Updates: found.Updates,
			Basis:   fmt.Sprintf("nor during earlier stages: the value changed %d times but without a beat, as a load at rest does", found.Updates),
		}
	}
	found.Basis = fmt.Sprintf("found by watching %d renewals during earlier stages: %s", found.Updates, found.Basis)
	return found
}

// onBeat is the share of changes that came one period after the change before.
func onBeat(readings []bench.Reading, period time.Duration) float64 {
	var changed, previous, step time.Duration
	var value float64
	var one, all int
	seen, has := false, false
	for _, r := range readings {
		if !r.Has() {
			continue
		}
		if has && r.Value != value {
			step = max(r.At-previous, 1)
			if seen {
				all++
				if off := (r.At - changed - period).Abs(); off <= max(step, period/4) {
					one++
				}
			}
			changed, seen = r.At, true
		}
		previous, value, has = r.At, r.Value, true
	}
	if all == 0 {
		return 0
	}
	return float64(one) / float64(all)
}
