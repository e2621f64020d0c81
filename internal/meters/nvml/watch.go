package nvml

import (
	"context"
	"sync"
	"time"
)

// watcher looks who is on each GPU, once a pace, in a goroutine of its own:
// listing processes takes milliseconds, and asking a runtime for its own can
// take longer. It rests while no stage reads the GPUs.
type watcher struct {
	session *Session
	pace    time.Duration
	cancel  context.CancelFunc
	begin   sync.Once
	done    sync.WaitGroup
	woken   chan struct{} // buffered: a look is due at once

	mu      sync.Mutex
	resting bool
	endLook context.CancelFunc // of the look under way
	rounds  []*census          // one for each GPU of the session, nil before the first look
}

// census is what one look at a GPU's processes found.
type census struct {
	at      time.Time
	reason  uint8 // why there are no figures; reasonNone when there are
	all     int
	foreign int
	bytes   uint64 // of foreign processes
	told    bool   // bytes are known
	// doubt is why own and foreign cannot be told apart.
	doubt uint8
}

// reasonNone says that there is nothing to explain.
const reasonNone uint8 = 255

// staleAfter is how many paces old a census may be.
const staleAfter = 5

func newWatcher(s *Session, pace time.Duration) *watcher {
	return &watcher{
		session: s, pace: pace, cancel: func() {}, endLook: func() {}, resting: true,
		woken: make(chan struct{}, 1), rounds: make([]*census, len(s.gpus)),
	}
}

// start begins to watch, or goes on after a rest; a session that only asks for
// facts never does.
func (w *watcher) start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.resting {
		return
	}
	w.resting = false
	select {
	case w.woken <- struct{}{}:
	default:
	}
	w.begin.Do(func() {
		var ctx context.Context
		ctx, w.cancel = context.WithCancel(context.Background())
		w.done.Go(func() { w.run(ctx) })
	})
}

// rest ends the watch until the next start. The runtime whose processes were
// own ones may be gone after that, and what it said with it.
func (w *watcher) rest() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.resting = true
	w.endLook()
	clear(w.rounds)
}

func (w *watcher) run(ctx context.Context) {
	ticker := time.NewTicker(w.pace)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.woken:
			ticker.Reset(w.pace)
		case <-ticker.C:
		}
		w.round(ctx)
	}
}

// round takes one look, unless the watcher rests.
func (w *watcher) round(ctx context.Context) {
	w.mu.Lock()
	if w.resting {
		w.mu.Unlock()
		return
	}
	ctx, end := context.WithCancel(ctx)
	w.endLook = end
	w.mu.Unlock()
	defer end()
	w.look(ctx)
}

// keep stores a census, unless the stage that it was for is over.
func (w *watcher) keep(ctx context.Context, i int, one census) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ctx.Err() == nil {
		w.rounds[i] = &one
	}
}

// look takes a census of every GPU.
func (w *watcher) look(ctx context.Context) {
	var roots []int32
	doubt := reasonNone
	if w.session.opts.Own != nil {
		var err error
		if roots, err = w.session.opts.Own(ctx); err != nil {
			doubt = reasonRootsUnknown
		}
	}
	for i, g := range w.session.gpus {
		if ctx.Err() != nil {
			return
		}
		if !g.can.processes {
			continue
		}
		one := census{at: time.Now(), reason: reasonNone, doubt: doubt}
		list, r := g.board.processes()
		if r != retOK {
			one.reason = reasonLookFailed
			w.keep(ctx, i, one)
			continue
		}
		who := w.session.sorter.sort(g, list, roots)
		one.all, one.foreign = len(list), len(who.Foreign)
		one.bytes, one.told = who.ForeignBytes()
		if one.doubt == reasonNone && who.Doubt != "" {
			one.doubt = reasonNamespace
		}
		w.keep(ctx, i, one)
	}
}

// latest gives the newest census of the GPU at position i.
func (w *watcher) latest(i int) (census, uint8) {
	w.mu.Lock()
	one := w.rounds[i]
	w.mu.Unlock()
	switch {
	case one == nil:
		return census{}, reasonNotLooked
	case time.Since(one.at) > staleAfter*w.pace:
		return census{}, reasonLookStale
	default:
		return *one, one.reason
	}
}

// stopGrace is how long a call into the driver may take to return when the
// session is closed.
const stopGrace = 2 * time.Second

// stop ends the watch for good. It reports false where a look has not returned.
func (w *watcher) stop() bool {
	w.begin.Do(func() {}) // a later start does nothing
	w.rest()
	w.cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.done.Wait()
	}()
	timer := time.NewTimer(stopGrace)
	defer timer.Stop()
	select {
	case <-ended:
		return true
	case <-timer.C:
		return false
	}
}
