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
	calls    atomic.Int64 // reads and watching under way
	closed   atomic.Bool
}

var (
	_ meters.Meter = (*lentMeter)(nil)
	_ meters.Paced = (*lentMeter)(nil)
)

var errGivenBack = errors.New("meter was given back")

// learner is a meter that can tell more of itself from what its reads of
// earlier stages showed.
type learner interface{ Learn() }

// resting is a meter with work of its own in the background, which it stops
// until it is read again.
type resting interface{ Rest() }

// enter says that a call of the meter is under way; the result ends it.
func (l *lentMeter) enter() (leave func()) {
	l.calls.Add(1)
	l.from.calls.Add(1)
	return l.leave
}

func (l *lentMeter) leave() {
	l.calls.Add(-1)
	l.from.calls.Add(-1)
}

// Channels are the meter's, with what has to be assumed of them, so that it is
// told wherever they are looked at.
func (l *lentMeter) Channels() []bench.Channel {
	all := append([]bench.Channel(nil), l.Meter.Channels()...)
	for i := range all {
		if period, basis := meters.AssumedPeriod(all[i]); period > 0 {
			all[i].UpdatePeriod, all[i].PeriodBasis = period, basis
		}
	}
	return all
}

// Read reads the meter and remembers when it is gone for good, so that it is
// opened anew for the next stage.
func (l *lentMeter) Read(ctx context.Context, now func() time.Duration, dst []bench.Reading) error {
	if l.closed.Load() {
		return errGivenBack
	}
	l.enter()
	defer l.leave()
	err := l.Meter.Read(ctx, now, dst)
	if err != nil && ctx.Err() == nil {
		l.from.broken.Store(true)
	}
	return err //nolint:wrapcheck // the meter's own words
}

// watch characterises the meter.
func (l *lentMeter) watch(ctx context.Context, one meters.Characterised, now func() time.Duration) error {
	defer l.enter()()
	return one.Characterise(ctx, now) //nolint:wrapcheck // the meter's own words
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

// Close gives the meter back; a second call does nothing. A call of it that is
// still under way was abandoned by who made it: the source is not lent again
// before that call returned, and opened anew then.
func (l *lentMeter) Close() error {
	if l.closed.Swap(true) {
		return nil
	}
	if l.calls.Load() > 0 {
		l.from.broken.Store(true)
	}
	if one, ok := l.Meter.(resting); ok {
		one.Rest()
	}
	l.giveBack()
	return nil
}

func isMissing(err error) bool {
	_, ok := errors.AsType[*meters.Missing](err)
	return ok
}
