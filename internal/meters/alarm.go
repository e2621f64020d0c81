package meters

import (
	"sync"
	"time"
)

// alarm waits for moments of a clock. One goroutine waits; any may end it.
type alarm interface {
	// wait returns true at t, or at once when t has passed; false when the
	// alarm has been ended, however near t is. It allocates nothing.
	wait(t time.Duration) bool
	// end ends a wait that goes on and all that come, also after close.
	end()
	// close frees the alarm; who waits calls it last.
	close()
}

// newAlarm gives an alarm of the kernel when precise asks for one and there is
// one to be had, else one of Go's timers.
func newAlarm(now func() time.Duration, precise bool) alarm {
	if precise {
		if a := newKernelAlarm(now); a != nil {
			return a
		}
	}
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &goAlarm{now: now, timer: t, ended: make(chan struct{})}
}

// goAlarm is an alarm of Go's timers.
type goAlarm struct {
	now   func() time.Duration
	timer *time.Timer
	ended chan struct{}
	once  sync.Once
}

func (a *goAlarm) wait(t time.Duration) bool {
	select {
	case <-a.ended:
		return false
	default:
	}
	d := t - a.now()
	if d <= 0 {
		return true
	}
	a.timer.Reset(d)
	select {
	case <-a.timer.C:
		return true
	case <-a.ended:
		return false
	}
}

func (a *goAlarm) end()   { a.once.Do(func() { close(a.ended) }) }
func (a *goAlarm) close() { a.timer.Stop() }
