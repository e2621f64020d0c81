package activities

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// keepFor is how long a measured call is held in memory while the database is
// away. Afterwards the activity fails, and the call is measured again.
const keepFor = time.Hour

// held tells whether what was measured is held for another try at storing it:
// the database is away, full or shut, and not in the hands of another worker.
func held(ctx context.Context, err error) bool {
	code := fault.CodeOf(err)
	if code == fault.CodeLeaseLost {
		return false
	}
	rule := fault.RuleOf(code, fault.KindOf(err), "")
	return late(ctx, err) || rule.Action == fault.WaitForPerson || (rule.Action == fault.Retry && rule.Tries == 0)
}

// keep tries to make something measured durable until it succeeds: a database
// that is down or full must not cost a measurement. Only errors that pass are
// tried again. When ctx ends, one last try is made.
func keep(ctx context.Context, write func(context.Context) error) error {
	whole := context.WithoutCancel(ctx)
	pace := backoff.NewExponentialBackOff()
	pace.InitialInterval, pace.MaxInterval = 200*time.Millisecond, 5*time.Second
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := write(whole)
		if err != nil && !held(whole, err) {
			return struct{}{}, backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(pace), backoff.WithMaxElapsedTime(keepFor))
	if err != nil && ctx.Err() != nil {
		return write(whole)
	}
	return err
}
