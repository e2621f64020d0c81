package app

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// lentMeter is a meter of the pool in the hands of a stage.
type lentMeter struct {
	meters.Meter
	from     *heldSource
	usual    time.Duration // the interval of a cell's meters
	giveBack func()
	closed   atomic.Bool
}

var (
	_ meters.Meter = (*lentMeter)(nil)
	_ meters.Paced = (*lentMeter)(nil)
)

var errGivenBack = errors.New("meter was given back")

// Read reads the meter and remembers when it is gone for good, so that it is
// opened anew for the next stage.
func (l *lentMeter) Read(ctx context.Context, now func() time.Duration, dst []bench.Reading) error {
	if l.closed.Load() {
		return errGivenBack
	}
	err := l.Meter.Read(ctx, now, dst)
	if err != nil && ctx.Err() == nil {
		l.from.broken.Store(true)
	}
	return err //nolint:wrapcheck // the meter's own words
}

// bounded is a meter that must not be read more seldom than so, such as a
// counter that would wrap twice unseen.
type bounded interface{ MaxInterval() time.Duration }

// Interval is the meter's own pace, 0 when it has none and the usual one will do.
func (l *lentMeter) Interval() time.Duration {
	if paced, ok := l.Meter.(meters.Paced); ok && paced.Interval() > 0 {
		return paced.Interval()
	}
	if one, ok := l.Meter.(bounded); ok && one.MaxInterval() > 0 && one.MaxInterval() < l.usual {
		return one.MaxInterval()
	}
	return 0
}

// Close gives the meter back; a second call does nothing.
func (l *lentMeter) Close() error {
	if !l.closed.Swap(true) {
		l.giveBack()
	}
	return nil
}

func isMissing(err error) bool {
	_, ok := errors.AsType[*meters.Missing](err)
	return ok
}
