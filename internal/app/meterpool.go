package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wattsweep/wattsweep/config"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/runtimes"
)

// How long what a pool found out stands.
const (
	// borrowPatience is how long Open waits for meters that another stage has.
	borrowPatience = 30 * time.Second
	// missingStands is how long a source that was not there is not asked again,
	// so that a PDU that is away costs its timeout once a minute, not at the
	// beginning of every stage.
	missingStands = time.Minute
	// characterStands is how long a source's found update period stands. A
	// source that had to be opened anew, as after a change of driver, is
	// watched anew whatever its age.
	characterStands = time.Hour
)

// MeterPoolOptions say which meters a pool may open.
type MeterPoolOptions struct {
	Settings config.MeterSettings
	// LookupEnv finds the environment variables that settings name as secrets.
	LookupEnv func(name string) (string, bool)
	// Now is the wall clock; nil is time.Now.
	Now func() time.Time
	// Progress is told what goes on while sources are characterised; nil tells
	// nobody. It may be called from several goroutines.
	Progress func(text string)
}

// MeterPool keeps a host's meters open for the life of a worker: SNMP
// sessions, NVML handles and what was found out about them. A stage borrows
// them with Open; closing a borrowed meter gives it back.
//
// Meters measure for one stage at a time: Open waits until what was borrowed
// before is back. Methods may be called from any goroutine.
type MeterPool struct {
	opts MeterPoolOptions
	// sources lists what is kept open and fresh what is opened for one stage;
	// tests put others in their place.
	sources func(cfg bench.MeterConfig) []source
	fresh   func(cfg bench.MeterConfig, rt runtimes.Runtime) []source

	lent chan struct{} // holds one token while meters are lent

	runtime atomic.Pointer[runtimes.Runtime] // of the present borrower

	mu   sync.Mutex
	held map[string]*heldSource

	gpus gpuSession
}

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
	missing       *meters.Missing
	missingAt     time.Time
	characterised time.Time
	broken        atomic.Bool // a read failed for good
}

// NewMeterPool prepares a pool; nothing is opened yet.
func NewMeterPool(opts MeterPoolOptions) *MeterPool {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Progress == nil {
		opts.Progress = func(string) {}
	}
	p := &MeterPool{opts: opts, lent: make(chan struct{}, 1), held: map[string]*heldSource{}}
	p.sources, p.fresh = p.settled, p.perCell
	return p
}

// Open borrows the meters that cfg asks for; rt may be nil. What the host
// lacks is told in missing, not an error: the figures that rest on it will be
// missing, with this reason. Wrong settings are errors. Every meter must be
// closed, which gives it back.
func (p *MeterPool) Open(
	ctx context.Context, cfg bench.MeterConfig, rt runtimes.Runtime,
) (open []meters.Meter, missing []string, err error) {
	open, gone, err := p.Borrow(ctx, cfg, rt)
	for _, m := range gone {
		missing = append(missing, m.Error())
	}
	return open, missing, err
}

// Borrow is Open with the mend of what is missing.
func (p *MeterPool) Borrow(ctx context.Context, cfg bench.MeterConfig, rt runtimes.Runtime) ([]meters.Meter, []*meters.Missing, error) {
	if err := p.take(ctx); err != nil {
		return nil, nil, err
	}
	if rt == nil {
		p.runtime.Store(nil)
	} else {
		p.runtime.Store(&rt)
	}
	kept := p.keep(cfg)
	missing, err := p.openAll(ctx, kept)
	var perCell []meters.Meter
	if err == nil {
		var gone []*meters.Missing
		perCell, gone, err = openFresh(ctx, p.fresh(cfg, rt))
		missing = append(missing, gone...)
	}
	if err != nil {
		<-p.lent
		return nil, nil, err
	}
	lent := p.lend(kept, cfg.Interval)
	if len(lent) == 0 {
		<-p.lent
	}
	return append(perCell, lent...), missing, nil
}

// take waits until no meter is lent.
func (p *MeterPool) take(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, borrowPatience)
	defer cancel()
	select {
	case p.lent <- struct{}{}:
		return nil
	case <-waiting.Done():
		if ctx.Err() != nil {
			return fmt.Errorf("open meters: %w", ctx.Err())
		}
		return fault.New(fault.Unavailable, "", "try again when the stage that measures has ended",
			"open meters: another stage has had them for more than %s", borrowPatience)
	}
}

// keep gives the held sources that cfg asks for, new ones among them.
func (p *MeterPool) keep(cfg bench.MeterConfig) []*heldSource {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []*heldSource
	for _, src := range p.sources(cfg) {
		one, ok := p.held[src.name]
		if !ok {
			one = &heldSource{source: src}
			p.held[src.name] = one
		}
		list = append(list, one)
	}
	return list
}

// openAll opens side by side what is not open, as each may take as long as its
// timeout.
func (p *MeterPool) openAll(ctx context.Context, list []*heldSource) ([]*meters.Missing, error) {
	errs := make([]error, len(list))
	var all sync.WaitGroup
	for i, one := range list {
		all.Go(func() { errs[i] = one.ensure(ctx, p.opts.Now()) })
	}
	all.Wait()
	var missing []*meters.Missing
	for i, one := range list {
		if errs[i] == nil && !one.isOpen {
			missing = append(missing, one.missing)
		}
		missing = append(missing, one.now.absent...)
	}
	return missing, errors.Join(errs...)
}

// openFresh opens meters that the caller closes for good.
func openFresh(ctx context.Context, list []source) (open []meters.Meter, missing []*meters.Missing, err error) {
	for _, src := range list {
		got, err := src.open(ctx)
		if gone, ok := errors.AsType[*meters.Missing](err); ok {
			missing = append(missing, gone)
			continue
		}
		if err != nil {
			for _, m := range open {
				_ = m.Close() // the first error is the one to tell
			}
			return nil, nil, err
		}
		open = append(open, got.meters...)
		missing = append(missing, got.absent...)
	}
	return open, missing, nil
}

// ensure opens a source that is not open. A source that failed is closed and
// opened anew.
func (h *heldSource) ensure(ctx context.Context, now time.Time) error {
	if h.isOpen && !h.broken.Load() {
		return nil
	}
	if h.isOpen {
		_ = h.shut() // it had failed already
	}
	if h.missing != nil && now.Sub(h.missingAt) < missingStands {
		return nil
	}
	got, err := h.open(ctx)
	if gone, ok := errors.AsType[*meters.Missing](err); ok {
		h.missing, h.missingAt = gone, now
		return nil
	}
	if err != nil {
		return err
	}
	h.now, h.isOpen, h.missing, h.characterised = got, true, nil, time.Time{}
	h.broken.Store(false)
	return nil
}

func (h *heldSource) shut() error {
	errs := make([]error, 0, len(h.now.meters)+1)
	for _, m := range h.now.meters {
		errs = append(errs, m.Close())
	}
	if h.now.close != nil {
		errs = append(errs, h.now.close())
	}
	h.now, h.isOpen = opened{}, false
	return errors.Join(errs...)
}

// lend wraps the meters of open sources. The pool is free again when the last
// of them is closed.
func (p *MeterPool) lend(list []*heldSource, interval time.Duration) []meters.Meter {
	var out []meters.Meter
	left := &atomic.Int64{}
	for _, one := range list {
		for _, m := range one.now.meters {
			left.Add(1)
			out = append(out, &lentMeter{Meter: m, from: one, usual: interval, giveBack: func() {
				if left.Add(-1) == 0 {
					<-p.lent
				}
			}})
		}
	}
	return out
}

// Close releases all meters. Those that are lent are waited for.
func (p *MeterPool) Close() error {
	if err := p.take(context.Background()); err != nil {
		return err
	}
	defer func() { <-p.lent }()
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, one := range p.held {
		if one.isOpen {
			errs = append(errs, one.shut())
		}
	}
	return errors.Join(errs...)
}
