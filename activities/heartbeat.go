package activities

import (
	"context"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"

	"github.com/wattsweep/wattsweep/internal/contract"
)

// beatEvery is how often details are handed to the SDK, which sends them on at
// its own pace.
const beatEvery = 3 * time.Second

// firstBeat spares the server a write for each stage that is over in moments;
// no heartbeat time-out is shorter than three times this.
const firstBeat = time.Second

// beating heartbeats from a goroutine of its own until stop is called, so that
// a slow Temporal server never stalls a measured loop. details must be safe to
// call at any time.
func beating(ctx context.Context, details func() any) (stop func()) {
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		wait := time.NewTimer(firstBeat)
		defer wait.Stop()
		for {
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case <-wait.C:
				activity.RecordHeartbeat(ctx, details()) // asks the server, which may be slow
				wait.Reset(beatEvery)
			}
		}
	}()
	return func() { close(done); <-ended }
}

// cursor is a value that the loop sets and the heartbeat reads.
type cursor[T any] struct{ p atomic.Pointer[T] }

func (c *cursor[T]) set(v T) { c.p.Store(&v) }

func (c *cursor[T]) get() any { return *c.p.Load() }

// stopping reports whether the worker is shutting down or the activity is to
// end.
func stopping(ctx context.Context) error {
	select {
	case <-activity.GetWorkerStopChannel(ctx):
		return drained()
	case <-ctx.Done():
		return ctx.Err()
	default:
		return nil
	}
}

// limited ends a little before the attempt's own time is up, so that work that
// hangs is told as a failure and counted, instead of being lost with the attempt.
func limited(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, end.Add(-time.Until(end)/20))
}

// Beats heartbeats during every activity of a control worker, none of which has
// a cursor to tell, so that one that was killed is noticed within seconds.
type Beats struct {
	interceptor.WorkerInterceptorBase
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (*Beats) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &beats{interceptor.ActivityInboundInterceptorBase{Next: next}}
}

type beats struct {
	interceptor.ActivityInboundInterceptorBase
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor.
func (b *beats) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	defer beating(ctx, func() any { return contract.Note{V: 1, Text: "working"} })()
	return b.Next.ExecuteActivity(ctx, in)
}
