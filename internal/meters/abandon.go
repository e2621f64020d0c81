package meters

import (
	"time"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// Abandoned is a meter that Stop did not wait for any longer: its read hangs
// and heeds no cancelling, as a call into a driver can. It is broken. As long as
// Returned is open its Read still runs, so that it must be neither closed nor
// read by anyone else; once it is closed nothing uses the meter any more.
type Abandoned struct {
	Meter    string
	Returned <-chan struct{}
}

// Abandoned lists the meters that Stop gave up, in the order of NewSampler; it
// is empty before Stop. MeterStats.Err of each says so too.
func (s *Sampler) Abandoned() []Abandoned {
	var all []Abandoned
	for _, one := range s.series {
		one.mu.Lock()
		if one.abandoned {
			all = append(all, Abandoned{Meter: one.stats.Meter, Returned: one.over})
		}
		one.mu.Unlock()
	}
	return all
}

// wait returns when all goroutines that read have ended. A meter that hangs gets
// its grace, then its read is cancelled; after as long again it is abandoned.
func (s *Sampler) wait() {
	ended := make(chan struct{})
	go func() {
		s.readers.Wait()
		close(ended)
	}()
	for range 2 {
		grace := time.NewTimer(s.grace)
		select {
		case <-ended:
			grace.Stop()
			return
		case <-grace.C:
			s.cancel()
		}
	}
	for _, one := range s.series {
		one.abandon(s.grace)
	}
}

// abandon ends a series whose read has not returned. What that read gives, if it
// ever does, is not kept.
func (s *series) abandon(grace time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.abandoned, s.ended = true, true
	s.err = fault.New(fault.Unavailable, "", "the driver or device may have gone; restart the worker once it answers again",
		"read of meter %s hangs: it has not returned %s after it was cancelled", s.stats.Meter, grace)
	s.wake(openEnd)
}
