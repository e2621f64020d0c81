package nvml

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// watcher looks who is on each GPU, once a pace, in a goroutine of its own:
// listing processes takes milliseconds, and asking a runtime for its own can
// take longer.
type watcher struct {
	session *Session
	pace    time.Duration
	cancel  context.CancelFunc
	begin   sync.Once
	done    sync.WaitGroup
	rounds  []atomic.Pointer[census] // one for each GPU of the session
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
	return &watcher{session: s, pace: pace, cancel: func() {}, rounds: make([]atomic.Pointer[census], len(s.gpus))}
}

// start begins to watch at the first call; a session that only asks for facts
// never does.
func (w *watcher) start() {
	w.begin.Do(func() {
		var ctx context.Context
		ctx, w.cancel = context.WithCancel(context.Background())
		w.done.Go(func() { w.run(ctx) })
	})
}

func (w *watcher) run(ctx context.Context) {
	ticker := time.NewTicker(w.pace)
	defer ticker.Stop()
	for {
		w.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
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
		if !g.can.processes {
			continue
		}
		one := &census{at: time.Now(), reason: reasonNone, doubt: doubt}
		list, r := g.board.processes()
		if r != retOK {
			one.reason = reasonLookFailed
			w.rounds[i].Store(one)
			continue
		}
		who := w.session.sorter.sort(g, list, roots)
		one.all, one.foreign = len(list), len(who.Foreign)
		one.bytes, one.told = who.ForeignBytes()
		if one.doubt == reasonNone && who.Doubt != "" {
			one.doubt = reasonNamespace
		}
		w.rounds[i].Store(one)
	}
}

// latest gives the newest census of the GPU at position i.
func (w *watcher) latest(i int) (census, uint8) {
	one := w.rounds[i].Load()
	switch {
	case one == nil:
		return census{}, reasonNotLooked
	case time.Since(one.at) > staleAfter*w.pace:
		return census{}, reasonLookStale
	default:
		return *one, one.reason
	}
}

// stop ends the watch and waits for it.
func (w *watcher) stop() {
	w.begin.Do(func() {}) // a later start does nothing
	w.cancel()
	w.done.Wait()
}
