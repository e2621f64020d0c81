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
// both; what does not change enough is left as it was known before.
func (m *Meter) learn(seen [quantities][]bench.Reading, halves []time.Duration) {
	found := meters.UpdatePeriod(seen[power])
	if other := meters.UpdatePeriod(seen[energy]); !found.OK && other.OK {
		found = other
		found.Basis += onCounter
	}
	m.channels = slices.Clone(m.channels)
	for i := range m.channels {
		if len(halves) > 0 {
			m.channels[i].StampError = slices.Max(halves)
		}
	}
	m.take(found)
}

const onCounter = " on the energy counter"

// Learn takes the update period from what reads showed since the meter was
// opened: under a busy load every renewal is a change. It is called between
// stages, and changes Channels and Interval.
func (m *Meter) Learn() {
	var best meters.Found
	for q, log := range m.logs {
		if log == nil {
			continue
		}
		found := log.Found()
		if found.OK && (!best.OK || found.Value < best.Value) {
			best = found
			if quantity(q) == energy {
				best.Basis += onCounter
			}
		}
	}
	if !best.OK {
		return
	}
	for _, log := range m.logs {
		if log != nil {
			log.Forget()
		}
	}
	m.channels = slices.Clone(m.channels)
	m.take(best)
}

// take keeps the shortest period that was seen, as missed changes only lengthen
// it, and says what holds.
func (m *Meter) take(found meters.Found) {
	if found.OK && (!m.found.OK || found.Value < m.found.Value) {
		m.found = found
	}
	for i := range m.channels {
		c := &m.channels[i]
		if m.found.OK {
			c.UpdatePeriod, c.PeriodBasis = m.found.Value, m.found.Basis
		} else {
			c.PeriodBasis = "assumed, as watching did not tell: " + found.Basis
		}
	}
	if m.found.OK && m.opts.Interval == 0 {
		m.interval = min(max(m.found.Value/2, leastInterval), mostInterval)
	}
}
