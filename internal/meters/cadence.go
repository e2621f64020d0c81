package meters

import (
	"context"
	"sync"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// pace is how the goroutine of a meter waits for its ticks.
type pace interface {
	// next waits for the tick that is due at t; one that has passed already is
	// not waited for. False when sampling ends.
	next(t time.Duration) bool
	// leave says that the goroutine ends.
	leave()
}

// cadence wakes the meters of one interval. A meter that is alone waits by itself.
// Several are woken by one goroutine, which costs the machine one wakeup and
// not one for each: it only signals, so that a meter that hangs holds up no
// other.
type cadence struct {
	interval time.Duration
	now      func() time.Duration
	alarm    alarm
	members  []chan struct{}
}

// cadencesOf gives each series its pace, with the cadences that keep them.
func cadencesOf(all []*series, now func() time.Duration, precise bool) []*cadence {
	var cadences []*cadence
	byInterval := map[time.Duration][]*series{}
	for _, one := range all {
		byInterval[one.interval] = append(byInterval[one.interval], one)
	}
	for interval, same := range byInterval {
		b := &cadence{interval: interval, now: now, alarm: newAlarm(now, precise)}
		cadences = append(cadences, b)
		if len(same) == 1 {
			same[0].pace = alone{b.alarm}
			continue
		}
		for _, one := range same {
			signal := make(chan struct{}, 1)
			b.members = append(b.members, signal)
			one.pace = member{signal}
		}
	}
	return cadences
}

// run begins to signal the members, if there are any.
func (c *cadence) run(start time.Duration, running *sync.WaitGroup) {
	if len(c.members) == 0 {
		return
	}
	running.Go(func() {
		defer c.alarm.close()
		for c.alarm.wait(c.after(start)) {
			for _, signal := range c.members {
				select {
				case signal <- struct{}{}:
				default: // it is still busy with a tick before, and has been told
				}
			}
		}
		for _, signal := range c.members {
			close(signal)
		}
	})
}

// after is when the next tick is due.
func (c *cadence) after(start time.Duration) time.Duration {
	ticks := int64((c.now()-start)/c.interval) + 1
	return start + time.Duration(ticks)*c.interval
}

// alone waits by itself.
type alone struct{ alarm alarm }

func (a alone) next(t time.Duration) bool { return a.alarm.wait(t) }
func (a alone) leave()                    { a.alarm.close() }

// member is told by its cadence.
type member struct{ signal <-chan struct{} }

func (m member) next(time.Duration) bool { _, more := <-m.signal; return more }
func (m member) leave()                  {}

// run takes the first sample at once, then one at each tick, and a last one
// when asked to stop, so that no window ends without a sample after it.
func (s *series) run(ctx context.Context) {
	defer s.end()
	defer s.pace.leave()
	if !s.tick(ctx) {
		return
	}
	for s.pace.next(s.start + time.Duration(s.next)*s.interval) {
		if !s.tick(ctx) {
			return
		}
	}
	if ctx.Err() != nil || s.now() <= s.newest {
		return // this very moment has a sample already
	}
	if s.take(ctx, max(s.next, s.due())) {
		s.takeRenewed(ctx)
	}
}

// closingPatience is the longest update period that the last sample waits for.
const closingPatience = 200 * time.Millisecond

// takeRenewed takes the last sample again where a counter had not been renewed
// since the one before: a count that is stale says nothing of the window's end.
func (s *series) takeRenewed(ctx context.Context) {
	var wait time.Duration
	for ch, r := range s.dst {
		if c := s.channels[ch]; c.Counter && r.State == bench.ReadingStale && c.UpdatePeriod <= closingPatience {
			wait = max(wait, 2*c.UpdatePeriod)
		}
	}
	if wait == 0 {
		return
	}
	again := time.NewTimer(wait)
	defer again.Stop()
	select {
	case <-again.C:
		s.take(ctx, max(s.next, s.due()))
	case <-ctx.Done():
	}
}
