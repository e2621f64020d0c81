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

	clock meters.Clock
	lent  chan struct{} // holds one token while meters are lent
	stage present

	mu   sync.Mutex
	held map[string]*heldSource

	gpus gpuSession
}

// NewMeterPool prepares a pool; nothing is opened yet.
func NewMeterPool(opts MeterPoolOptions) *MeterPool {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Progress == nil {
		opts.Progress = func(string) {}
	}
	p := &MeterPool{opts: opts, clock: meters.NewClock(), lent: make(chan struct{}, 1), held: map[string]*heldSource{}}
	p.sources, p.fresh = p.settled, p.perCell
	return p
}

// Clock is the clock by which the pool watches meters; a worker measures by it,
// so that what is seen in watching and in stages is on one axis.
func (p *MeterPool) Clock() meters.Clock { return p.clock }

// Open borrows the meters that cfg asks for; rt may be nil. What the host
// lacks is told in missing, not an error: the figures that rest on it will be
// missing, with this reason. Wrong settings are errors. Every meter must be
// closed, which gives it back.
//
// Sources that were not watched since they were opened, as after a restart of
// the worker or a failure, or not within the hour, are watched first, for
// watchLimit at most: nothing is measured with a sensor that nobody looked at.
func (p *MeterPool) Open(
	ctx context.Context, cfg bench.MeterConfig, rt runtimes.Runtime,
) (open []meters.Meter, missing []string, err error) {
	open, gone, err := p.Borrow(ctx, cfg, rt)
	if err != nil {
		return nil, nil, err
	}
	open, failed, err := p.watch(ctx, open, p.clock.Now)
	for _, m := range append(gone, failed...) {
		missing = append(missing, m.Error())
	}
	return open, missing, err
}

// Borrow is Open with the mend of what is missing, and without watching.
func (p *MeterPool) Borrow(ctx context.Context, cfg bench.MeterConfig, rt runtimes.Runtime) ([]meters.Meter, []*meters.Missing, error) {
	if err := p.take(ctx); err != nil {
		return nil, nil, err
	}
	p.stage.begin(rt)
	kept := p.keep(cfg)
	missing, err := p.openAll(ctx, kept)
	var perCell []meters.Meter
	if err == nil {
		var gone []*meters.Missing
		perCell, gone, err = openFresh(ctx, p.fresh(cfg, rt))
		missing = append(missing, gone...)
	}
	if err != nil {
		p.free()
		return nil, nil, err
	}
	lent := p.lend(kept, cfg.Interval)
	if len(lent) == 0 {
		p.free()
	}
	return append(perCell, lent...), missing, nil
}

// free ends the stage that had the meters.
func (p *MeterPool) free() {
	p.stage.end()
	<-p.lent
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
		if errs[i] == nil && !one.lendable {
			missing = append(missing, one.missing)
		}
		if one.lendable {
			missing = append(missing, one.now.absent...)
		}
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

// lend wraps the meters of open sources. The pool is free again when the last
// of them is closed.
func (p *MeterPool) lend(list []*heldSource, interval time.Duration) []meters.Meter {
	var out []meters.Meter
	left := &atomic.Int64{}
	for _, one := range list {
		if !one.lendable {
			continue
		}
		for _, m := range one.now.meters {
			if known, ok := m.(learner); ok {
				known.Learn()
			}
			left.Add(1)
			out = append(out, &lentMeter{Meter: m, from: one, usual: interval, giveBack: func() {
				if left.Add(-1) == 0 {
					p.free()
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
		switch {
		case one.calls.Load() > 0:
			errs = append(errs, fault.New(fault.Unavailable, "", "", "close meter %s: a call to it has not returned", one.name))
		case one.isOpen:
			errs = append(errs, one.shut())
		}
	}
	return errors.Join(errs...)
}
