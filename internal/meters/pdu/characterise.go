package pdu

import (
	"context"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// watchTimes is how many times WatchFor watching goes on while renewals are
// seen, but too few to tell their period.
const watchTimes = 3

// Characterise watches the device to see how often it renews its values. What
// it says of that itself, or its maker, stands where watching finds nothing,
// as with a load that does not change.
func (m *Meter) Characterise(ctx context.Context, now func() time.Duration) error {
	series := make([][]bench.Reading, len(m.lines))
	dst := make([]bench.Reading, len(m.lines))
	ticker := time.NewTicker(m.opts.WatchEvery)
	defer ticker.Stop()
	var found meters.Found
	for round := range watchTimes {
		for until := now() + m.opts.WatchFor; now() < until; {
			if err := m.ask(ctx, now, dst); err != nil {
				return err
			}
			for i := range dst {
				series[i] = append(series[i], dst[i])
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-ticker.C:
			}
		}
		if found = m.judge(series); found.OK || found.Updates < 2 || round == watchTimes-1 {
			break
		}
	}
	if !found.OK && found.Basis == "" {
		found.Basis = "it was not watched long enough"
	}
	m.watched(found, m.opts.WatchEvery)
	m.tell()
	return nil
}

// judge takes the channel that shows renewals best: a power, which moves most.
func (m *Meter) judge(series [][]bench.Reading) (best meters.Found) {
	at := -1
	for i, c := range m.channels {
		if c.Unit != bench.UnitWatt && c.Unit != bench.UnitAmpere || m.lines[i].sum {
			continue
		}
		found := meters.UpdatePeriod(series[i])
		better := found.Updates > best.Updates
		if at < 0 || (found.OK && !best.OK) || (found.OK == best.OK && better) {
			best, at = found, i
		}
	}
	if at < 0 {
		best.Basis = "no power or current is told"
	}
	return best
}
