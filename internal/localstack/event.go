package localstack

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Step says what kind of thing an event tells of.
type Step string

// The steps that events tell of.
const (
	StepFind    Step = "find"    // a server's program was found
	StepBuild   Step = "build"   // it is being compiled; repeated every few seconds
	StepInstall Step = "install" // it is being installed or fetched; repeated likewise
	StepInit    Step = "init"    // its data folder is being made
	StepStart   Step = "start"   // its process was started
	StepReady   Step = "ready"   // it answers
	StepAdopt   Step = "adopt"   // it ran already and is used as it is
	StepReap    Step = "reap"    // a left-over process was ended
	StepStop    Step = "stop"    // it was taken down
	StepNotice  Step = "notice"  // something the user should know
)

// Event is one thing that happened, for people to read.
type Event struct {
	Server  Name
	Step    Step
	Text    string
	Elapsed time.Duration // since this server's work began; 0 when it says nothing
}

// String prints the event on one line.
func (e Event) String() string {
	if e.Elapsed >= time.Second {
		return fmt.Sprintf("%-8s  %s (%d s)", e.Server, e.Text, int(e.Elapsed.Seconds()))
	}
	return fmt.Sprintf("%-8s  %s", e.Server, e.Text)
}

// PrintTo gives a Progress that writes each event on a line of its own.
func PrintTo(w io.Writer) func(Event) {
	return func(e Event) {
		// A broken progress writer must not fail the start.
		_, _ = fmt.Fprintln(w, e)
	}
}

// serialised lets the servers, which start side by side, share one callback.
func serialised(f func(Event)) func(Event) {
	if f == nil {
		return func(Event) {}
	}
	var mu sync.Mutex
	return func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		f(e)
	}
}

// ticking reports every interval until stop is called; text is asked each time,
// so that it can hold a count.
func ticking(progress func(Event), e Event, interval time.Duration, text func() string) (stop func()) {
	begin := time.Now()
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				e.Text, e.Elapsed = text(), time.Since(begin)
				progress(e)
			}
		}
	})
	return func() { close(done); wg.Wait() }
}
