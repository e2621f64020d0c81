package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/runtimes"
)

// Characterise watches the sources that cfg asks for and that were not watched
// within the hour or since they were opened, so that their channels tell update
// period and averaging window. It takes some seconds, and waits until no meter
// is lent.
func (p *MeterPool) Characterise(ctx context.Context, cfg bench.MeterConfig, rt runtimes.Runtime, now func() time.Duration) error {
	open, _, err := p.Borrow(ctx, cfg, rt)
	if err != nil {
		return err
	}
	defer func() {
		for _, m := range open {
			_ = m.Close() // gives it back
		}
	}()
	begun := p.opts.Now()
	errs := make([]error, len(open))
	var all sync.WaitGroup
	for i, m := range open {
		lent, ok := m.(*lentMeter)
		if !ok || begun.Sub(lent.from.characterised) < characterStands {
			continue
		}
		if one, ok := lent.Meter.(meters.Characterised); ok {
			all.Go(func() {
				p.opts.Progress("watching " + m.Name() + " for its update period")
				if err := one.Characterise(ctx, now); err != nil {
					errs[i] = fmt.Errorf("characterise meter %s: %w", m.Name(), err)
				}
				p.opts.Progress("watched " + m.Name())
			})
		}
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, m := range open {
		if lent, ok := m.(*lentMeter); ok && begun.Sub(lent.from.characterised) >= characterStands {
			lent.from.characterised = begun
		}
	}
	return nil
}
