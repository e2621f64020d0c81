package plug

import (
	"context"
	"slices"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// enough is how many renewals end the watching early.
const enough = 16

// Characterise asks the plug five times a second for Options.Watch to find how
// often it renews its power and how long it takes to answer. A load that does
// not change shows no renewals; then the period stays assumed, and says so.
func (m *Meter) Characterise(ctx context.Context, now func() time.Duration) error {
	if m.closed {
		return errClosed
	}
	var seen [quantities][]bench.Reading
	var halves []time.Duration
	ticker := time.NewTicker(leastInterval)
	defer ticker.Stop()
	for start := now(); now()-start < m.opts.Watch; {
		got, sent, err := m.ask(ctx, now)
		if err != nil {
			return err
		}
		for q := range quantities {
			seen[q] = append(seen[q], bench.Reading{At: sent.midpoint(), Value: got[q].value, State: got[q].state, Reason: got[q].reason})
		}
		if got[power].state == bench.ReadingOK {
			halves = append(halves, (sent.got-sent.asked)/2)
		}
		if meters.UpdatePeriod(seen[power]).Updates >= enough {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err() //nolint:wrapcheck // the caller's own cancellation
		case <-ticker.C:
		}
	}
	m.learn(seen, halves)
	return nil
}

// learn puts what was found into the channels, and the pace. Power and energy
// of one chip are renewed together: where one shows its period it holds for
// both; what does not change enough is left as assumed.
func (m *Meter) learn(seen [quantities][]bench.Reading, halves []time.Duration) {
	found := meters.UpdatePeriod(seen[power])
	from := ""
	if other := meters.UpdatePeriod(seen[energy]); !found.OK && other.OK {
		found, from = other, " on the energy counter"
	}
	m.channels = slices.Clone(m.channels)
	for i := range m.channels {
		c := &m.channels[i]
		if len(halves) > 0 {
			c.StampError = slices.Max(halves)
		}
		if found.OK {
			c.UpdatePeriod, c.PeriodBasis = found.Value, found.Basis+from
		} else {
			c.PeriodBasis = "assumed, as watching did not tell: " + found.Basis
		}
	}
	if found.OK && m.opts.Interval == 0 {
		m.interval = min(max(found.Value/2, leastInterval), mostInterval)
	}
}
