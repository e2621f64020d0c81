package app

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
)

// overdue is how much longer than it may an activity may take to come back
// before the worker is taken to be wedged.
const overdue = time.Minute

// watch knows which activities are at work, and which should have come back: one
// whose time is up or that was told to stop finishes its present call and ends.
// One that does not holds the host's only slot, and nothing but a new process
// frees it.
type watch struct {
	interceptor.WorkerInterceptorBase
	// patience is how long an activity may take to come back, beside a call that
	// it may finish.
	patience time.Duration
	now      func() time.Time

	mu   sync.Mutex
	next int
	busy map[int]*atWork
}

type atWork struct {
	name string
	ctx  context.Context //nolint:containedctx // the activity's own, to see that it is over
	over time.Time       // when that was first seen; zero before
	call time.Duration   // how long a call may last that it finishes first
}

// watchKey is the key of an activity's own entry in its context.
type watchKey struct{}

// finishes tells the watch how long the calls of an activity may last: one that
// is to end finishes its present call.
func (w *watch) finishes(ctx context.Context, call time.Duration) {
	one, ok := ctx.Value(watchKey{}).(*atWork)
	if !ok {
		return // nobody watches
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	one.call = max(one.call, call)
}

func newWatch(stopTimeout time.Duration) *watch {
	return &watch{patience: stopTimeout + overdue, now: time.Now, busy: map[int]*atWork{}}
}

// InterceptActivity has the watch know of every activity.
func (w *watch) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &minded{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, watch: w}
}

type minded struct {
	interceptor.ActivityInboundInterceptorBase
	watch *watch
}

// ExecuteActivity runs the activity under the watch's eyes.
func (i *minded) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	ctx, leave := i.watch.enter(ctx, activity.GetInfo(ctx).ActivityType.Name)
	defer leave()
	return i.Next.ExecuteActivity(ctx, in)
}

func (w *watch) enter(ctx context.Context, name string) (minded context.Context, leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next++
	id := w.next
	one := &atWork{name: name, ctx: ctx}
	w.busy[id] = one
	return context.WithValue(ctx, watchKey{}, one), func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.busy, id)
	}
}

// stuck names an activity that does not come back.
func (w *watch) stuck() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.busy {
		switch {
		case one.ctx.Err() == nil:
		case one.over.IsZero():
			one.over = w.now()
		case w.now().Sub(one.over) > w.patience+one.call:
			return fmt.Errorf("%s was to end %s ago and did not", one.name, w.now().Sub(one.over).Round(time.Second))
		}
	}
	return nil
}

// Alive tells whether the worker does its work: its lease is looked after, and
// no activity hangs beyond its end. What it waits for, such as a database that
// is away, is no fault of it.
func (w *Worker) Alive() error {
	if w.lease != nil {
		if err := w.lease.stuck(); err != nil {
			return err
		}
	}
	if w.watch != nil {
		return w.watch.stuck()
	}
	return nil
}
