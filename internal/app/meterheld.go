package app

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/wattsweep/wattsweep/internal/meters"
)

// source opens the meters of one device.
type source struct {
	name string
	// open gives a *meters.Missing for what the host lacks; any other error is
	// a wrong setting.
	open func(ctx context.Context) (opened, error)
}

// opened is a source in use.
type opened struct {
	meters []meters.Meter
	close  func() error      // beyond closing each meter; may be nil
	absent []*meters.Missing // parts of the source that cannot be measured
}

// heldSource is a source that the pool keeps.
type heldSource struct {
	source
	now           opened
	isOpen        bool
	lendable      bool // for the present borrower
	missing       *meters.Missing
	missingAt     time.Time
	characterised time.Time
	broken        atomic.Bool // it failed for good
	// calls counts what is under way in the source: reads, watching, opening.
	// A call that hangs in a driver ends when the driver wants, so that nothing
	// is closed and nothing lent before it did.
	calls atomic.Int64
}

// hangGrace is how long a call may take to end once its context has.
const hangGrace = 2 * time.Second

// ensure opens a source that is not open. A source that failed is closed and
// opened anew, unless a call in it has not returned.
func (h *heldSource) ensure(ctx context.Context, now time.Time) error {
	h.lendable = h.isOpen && !h.broken.Load()
	if h.lendable {
		return nil
	}
	if h.calls.Load() > 0 {
		h.missing = &meters.Missing{
			Meter: h.name, Why: "a call to it has not returned", Mend: "look whether the device or its driver hangs; it is used again when the call returns",
		}
		return nil
	}
	if h.isOpen {
		_ = h.shut() // it had failed already
	}
	if h.missing != nil && now.Sub(h.missingAt) < missingStands {
		return nil
	}
	got, err := h.openBounded(ctx)
	if gone, ok := errors.AsType[*meters.Missing](err); ok {
		h.missing, h.missingAt = gone, now
		return nil
	}
	if err != nil {
		return err
	}
	h.now, h.isOpen, h.lendable, h.missing, h.characterised = got, true, true, nil, time.Time{}
	h.broken.Store(false)
	return nil
}

// openBounded opens the source, and ends soon after ctx whatever a driver does.
// What is opened after that is closed again.
func (h *heldSource) openBounded(ctx context.Context) (opened, error) {
	type result struct {
		got opened
		err error
	}
	done, late := make(chan result), make(chan struct{})
	h.calls.Add(1)
	go func() {
		defer h.calls.Add(-1)
		got, err := h.open(ctx)
		select {
		case done <- result{got, err}:
		case <-late:
			if err == nil {
				_ = got.shut() // nobody waits for it any more
			}
		}
	}()
	over := afterGrace(ctx)
	defer over.stop()
	select {
	case r := <-done:
		return r.got, r.err
	case <-over.c:
		close(late)
		return opened{}, fmt.Errorf("open meter %s: %w", h.name, ctx.Err())
	}
}

// grace closes its channel some time after a context has ended.
type grace struct {
	c    chan struct{}
	stop func()
}

func afterGrace(ctx context.Context) grace {
	g := grace{c: make(chan struct{})}
	quit := make(chan struct{})
	g.stop = func() { close(quit) }
	go func() {
		select {
		case <-ctx.Done():
		case <-quit:
			return
		}
		timer := time.NewTimer(hangGrace)
		defer timer.Stop()
		select {
		case <-timer.C:
			close(g.c)
		case <-quit:
		}
	}()
	return g
}

func (o opened) shut() error {
	errs := make([]error, 0, len(o.meters)+1)
	for _, m := range o.meters {
		errs = append(errs, m.Close())
	}
	if o.close != nil {
		errs = append(errs, o.close())
	}
	return errors.Join(errs...)
}

func (h *heldSource) shut() error {
	err := h.now.shut()
	h.now, h.isOpen, h.lendable = opened{}, false, false
	return err
}
