package activities

import (
	"sync"
	"time"
)

const (
	// pulseEvery is how often a pulse beats.
	pulseEvery = 250 * time.Millisecond
	// missedPulse is from when on a silence is a stop of the process and not a
	// busy machine, which keeps a goroutine waiting for tenths of a second at the
	// worst.
	missedPulse = 2 * time.Second
	// sleptLong is from when on a machine is taken to have slept: the difference
	// of two clocks that are read one after the other is never quite still.
	sleptLong = time.Second
)

// pulse sees when this process did not run though it was to: it was stopped by a
// signal, its machine slept, or its virtual machine was paused. What was timed
// meanwhile tells of the stop and not of what was measured.
type pulse struct {
	now    func() time.Duration // goes on while the process is stopped
	asleep func() time.Duration // how long the machine has slept since it was started

	mu      sync.Mutex
	last    time.Duration
	slept   time.Duration
	stopped time.Duration
	done    chan struct{}
	ended   sync.Once
}

func newPulse(now func() time.Duration) *pulse {
	p := &pulse{now: now, asleep: asleep, done: make(chan struct{})}
	p.last, p.slept = p.now(), p.asleep()
	go p.beat()
	return p
}

func (p *pulse) beat() {
	tick := time.NewTicker(pulseEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.done:
			return
		case <-tick.C:
			p.look()
		}
	}
}

// look tells how long the process was stopped so far. It is exact about before
// and after: a stop that is over is in it, also when no beat came since.
func (p *pulse) look() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, slept := p.now(), p.asleep()
	if silent := now - p.last; silent > missedPulse {
		p.stopped += silent
	}
	if more := slept - p.slept; more > sleptLong {
		p.stopped += more
	}
	p.last, p.slept = now, slept
	return p.stopped
}

func (p *pulse) end() { p.ended.Do(func() { close(p.done) }) }
