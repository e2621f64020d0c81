package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/runtimes"
)

// watchLimit bounds how long meters are watched, all of them at once. The
// slowest, a PDU whose values move now and then, takes half a minute.
const watchLimit = 45 * time.Second

// Characterise watches the sources that cfg asks for and that were not watched
// within the hour or since they were opened, so that their channels tell update
// period and averaging window. It takes some seconds, and waits until no meter
// is lent. A meter that fails meanwhile is a *meters.Missing among the joined
// errors; the others were watched all the same.
func (p *MeterPool) Characterise(ctx context.Context, cfg bench.MeterConfig, rt runtimes.Runtime, now func() time.Duration) error {
	open, _, err := p.Borrow(ctx, cfg, rt)
	if err != nil {
		return err
	}
	open, failed, err := p.watch(ctx, open, now)
	giveBack(open)
	if err != nil {
		return err
	}
	errs := make([]error, 0, len(failed))
	for _, one := range failed {
		errs = append(errs, one)
	}
	return errors.Join(errs...)
}

// characterise is Characterise for the beginning of a cell, which a meter that
// fails does not end: Open tells it as missing.
func (a *App) characterise(ctx context.Context, cfg bench.MeterConfig, rt runtimes.Runtime, now func() time.Duration) error {
	err := a.Meters.Characterise(ctx, cfg, rt, now)
	if isMissing(err) {
		return nil
	}
	return err
}

func giveBack(list []meters.Meter) {
	for _, m := range list {
		_ = m.Close() // gives it back
	}
}

// watched is how watching one meter ended.
type watched struct {
	at  int
	err error
}

// watch characterises those of open that are due. It gives back what failed,
// and all of it when ctx ends.
func (p *MeterPool) watch(
	ctx context.Context, open []meters.Meter, now func() time.Duration,
) (left []meters.Meter, failed []*meters.Missing, err error) {
	begun := p.opts.Now()
	due := p.due(open, begun)
	limited, cancel := context.WithTimeout(ctx, watchLimit)
	defer cancel()
	ends := p.watchEach(limited, due, now)
	for i, m := range open {
		one, wasDue := due[i]
		end, ended := ends[i]
		switch {
		case !wasDue || (ended && (end == nil || ctx.Err() != nil)): // the caller's end is none of the meter
		case ended && limited.Err() != nil && errors.Is(end, limited.Err()):
			p.opts.Progress(fmt.Sprintf("gave up watching %s after %s", m.Name(), watchLimit))
		case ended:
			failed = append(failed, one.fail(fmt.Sprintf("it failed while it was watched: %s", end)))
			continue
		default:
			failed = append(failed, one.fail("it hung while it was watched"))
			continue
		}
		left = append(left, m)
	}
	if ctx.Err() != nil {
		giveBack(left)
		return nil, nil, fmt.Errorf("watch meters: %w", ctx.Err())
	}
	for _, m := range left {
		if lent, ok := m.(*lentMeter); ok && begun.Sub(lent.from.characterised) >= characterStands {
			lent.from.characterised = begun
		}
	}
	return left, failed, nil
}

// due picks the meters that can be watched and were not of late.
func (p *MeterPool) due(open []meters.Meter, begun time.Time) map[int]*lentMeter {
	due := map[int]*lentMeter{}
	for i, m := range open {
		lent, ok := m.(*lentMeter)
		if !ok || begun.Sub(lent.from.characterised) < characterStands {
			continue
		}
		if _, ok := lent.Meter.(meters.Characterised); ok {
			due[i] = lent
		}
	}
	return due
}

// watchEach watches meters side by side and gives how each ended; one that has
// not when ctx is long over is not among them.
func (p *MeterPool) watchEach(ctx context.Context, due map[int]*lentMeter, now func() time.Duration) map[int]error {
	results := make(chan watched, len(due))
	for i, lent := range due {
		one, _ := lent.Meter.(meters.Characterised)
		p.opts.Progress("watching " + lent.Name() + " for its update period")
		go func() { results <- watched{at: i, err: lent.watch(ctx, one, now)} }()
	}
	over := afterGrace(ctx)
	defer over.stop()
	ends := map[int]error{}
	for range due {
		select {
		case r := <-results:
			ends[r.at] = r.err
			p.opts.Progress("watched " + due[r.at].Name())
		case <-over.c:
			return ends
		}
	}
	return ends
}

// fail gives back a meter that is of no use in this stage; its source is opened
// anew for the next.
func (l *lentMeter) fail(why string) *meters.Missing {
	l.from.broken.Store(true)
	_ = l.Close() // gives it back
	return &meters.Missing{Meter: l.Name(), Why: why, Mend: "look at the device; it is opened anew for the next stage"}
}
