package redfish

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// describe makes channels and feeds; items of one resource share a request.
func (m *Meter) describe(plans []plan, label string) {
	for _, p := range plans {
		if n := len(m.feeds); n > 0 && m.feeds[n-1].path == p.path {
			m.feeds[n-1].items = append(m.feeds[n-1].items, p.item)
		} else {
			m.feeds = append(m.feeds, feed{path: p.path, items: []item{p.item}, first: len(m.channels)})
		}
		m.channels = append(m.channels, m.channel(p, label))
		m.told = append(m.told, p.traits)
	}
}

func (m *Meter) channel(p plan, label string) bench.Channel {
	c := bench.Channel{
		Name: p.prefix + ".power", Unit: bench.UnitWatt, Scope: p.scope, Sensor: bench.SensorInstant,
		Device: p.device + " at " + m.client.host, Identity: label + " " + p.device,
		Feed:         m.opts.Feed,
		Simulated:    m.opts.Simulated || strings.Contains(strings.ToLower(label), "simulated"),
		UpdatePeriod: assumedPeriod, PeriodBasis: "assumed: BMCs renew their power every 1 to 10 s; this one does not say",
		StampError: (p.sent.got - p.sent.asked) / 2,
		Resolution: step(p.first, 1), FloorBasis: "not stated by the BMC",
		RelAccuracy: 0.05, AccuracyNote: "an assumption, ±5 %: the BMC tells no limit; what its supplies lose may be outside",
		Method: p.about + ", stamped at the midpoint of request and answer",
	}
	c.AbsAccuracy = c.Resolution
	if p.item.energy {
		c.Name, c.Unit, c.Sensor, c.Counter = p.prefix+".energy", bench.UnitJoule, bench.SensorCounter, true
		c.Resolution = step(p.first, joulesPerKWh)
		c.AbsAccuracy = c.Resolution
		c.Method += "; counts in kWh and may be reset by anyone with the right to"
	}
	if p.traits.period > 0 {
		c.UpdatePeriod, c.PeriodBasis = p.traits.period, "told by the sensor (SensingInterval)"
	}
	if p.traits.accuracy > 0 {
		c.RelAccuracy, c.AccuracyNote = p.traits.accuracy, "told by the sensor (Accuracy)"
	}
	if p.traits.window > 0 && !p.item.energy {
		c.Sensor, c.Window, c.WindowBasis = bench.SensorAveraged, p.traits.window, "told by the resource"
		c.Method += fmt.Sprintf("; an average over %s", p.traits.window)
	}
	if p.traits.timed {
		c.Method += "; a value whose ReadingTime has not moved is stale"
	}
	if p.scope == bench.ScopePSU {
		c.Method += "; what the power supplies tell, whose losses may be outside"
	}
	return c
}

// Characterise asks the BMC twice a second for Options.Watch to find how often
// it renews its power, where no sensor tells that, and how long it takes to
// answer. What was not found stays assumed, and says so.
func (m *Meter) Characterise(ctx context.Context, now func() time.Duration) error {
	if m.closed {
		return errClosed
	}
	seen := make([][]bench.Reading, len(m.channels))
	dst := make([]bench.Reading, len(m.channels))
	var longest time.Duration
	ticker := time.NewTicker(leastInterval)
	defer ticker.Stop()
	for start := now(); now()-start < m.opts.Watch; {
		half, err := m.read(ctx, now, dst)
		if err != nil {
			return err
		}
		answered := false
		for ch, r := range dst {
			seen[ch] = append(seen[ch], r)
			answered = answered || r.State != bench.ReadingMissing
		}
		if answered {
			longest = max(longest, half)
		}
		if m.enough(seen) {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err() //nolint:wrapcheck // the caller's own cancellation
		case <-ticker.C:
		}
	}
	m.learn(seen, longest)
	return nil
}

// enough ends the watching early: a few answers where all periods are told,
// renewals enough where they are not.
func (m *Meter) enough(seen [][]bench.Reading) bool {
	for ch := range m.channels {
		if m.told[ch].period > 0 {
			if len(seen[ch]) < 4 {
				return false
			}
		} else if meters.UpdatePeriod(seen[ch]).Updates < 16 {
			return false
		}
	}
	return true
}

func (m *Meter) learn(seen [][]bench.Reading, half time.Duration) {
	m.channels = slices.Clone(m.channels)
	for ch := range m.channels {
		if half > 0 {
			m.channels[ch].StampError = half
		}
		if m.told[ch].period == 0 {
			m.take(ch, meters.UpdatePeriod(seen[ch]))
		}
	}
	m.pace()
}

// Learn takes update periods that no sensor tells from what reads showed since
// the meter was opened: under a busy load every renewal is a change. It is
// called between stages, and changes Channels and Interval.
func (m *Meter) Learn() {
	m.channels = slices.Clone(m.channels)
	for ch, log := range m.logs {
		if log == nil {
			continue
		}
		if found := log.Found(); found.OK {
			m.take(ch, found)
			log.Forget()
		}
	}
	m.pace()
}

// take keeps the shortest period that was seen of a channel, as missed changes
// only lengthen it, and says what holds.
func (m *Meter) take(ch int, found meters.Found) {
	if known := m.found[ch]; found.OK && (!known.OK || found.Value < known.Value) {
		m.found[ch] = found
	}
	c := &m.channels[ch]
	if m.found[ch].OK {
		c.UpdatePeriod, c.PeriodBasis = m.found[ch].Value, m.found[ch].Basis
	} else {
		c.PeriodBasis = "assumed, as watching did not tell: " + found.Basis
	}
}
