package plug

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// probe finds out what the plug is and what it tells.
func (m *Meter) probe(ctx context.Context) error {
	clock := meters.NewClock()
	id, err := m.identify(ctx, clock.Now)
	if err != nil {
		return err
	}
	m.client.basic = m.opts.Kind == ShellyGen1
	var last error
	for _, way := range variants(m.opts.Kind, m.opts.Switch) {
		m.way = way
		sent, err := m.client.get(ctx, clock.Now, m.login(way.path))
		if err != nil {
			why, ok := errors.AsType[*trouble](err)
			if !ok {
				return err
			}
			last = err
			if why.reason != reasonHTTP {
				break // no other path will do better
			}
			continue
		}
		first := way.read(sent.body)
		if !first[power].told() {
			last = &trouble{reason: first[power].reason}
			continue
		}
		m.describe(id, first, sent)
		return nil
	}
	return m.missing(last)
}

// identify asks the plug for its kind and its own name.
func (m *Meter) identify(ctx context.Context, now func() time.Duration) (identity, error) {
	var last error
	ask := func(path string, read func([]byte) identity) (identity, error) {
		sent, err := m.client.get(ctx, now, path)
		if err != nil {
			if _, ok := errors.AsType[*trouble](err); !ok {
				return identity{}, err
			}
			last = err
			return identity{}, nil
		}
		return read(sent.body), nil
	}
	if m.opts.Kind != Tasmota {
		id, err := ask("/shelly", readShelly)
		if err != nil || id.kind != "" {
			return m.settle(id), err
		}
	}
	if why, ok := errors.AsType[*trouble](last); ok && (why.reason == reasonTimeout || why.reason == reasonUnreachable) {
		return identity{}, m.missing(last)
	}
	if m.opts.Kind == Tasmota || m.opts.Kind == "" {
		id, err := ask(withLogin("/cm?cmnd=Status%205", m.opts.User, m.opts.Password), readTasmotaNet)
		if err != nil || id.kind != "" {
			return m.settle(id), err
		}
	}
	if m.opts.Kind == "" {
		if last == nil {
			last = &trouble{reason: reasonJSON}
		}
		return identity{}, &meters.Missing{
			Meter: m.name, Why: fmt.Sprintf("nothing at %s is a plug that is known: %s", m.client.base.Host, last),
			Mend: "check the address, or say which kind of plug it is",
		}
	}
	return m.settle(identity{}), nil // it may keep its name to itself
}

// settle fills in what was not told. A kind that was given stands.
func (m *Meter) settle(id identity) identity {
	if m.opts.Kind == "" {
		m.opts.Kind = id.kind
	}
	if id.label == "" {
		id.label = m.opts.Kind + " at " + m.client.base.Host
	}
	return id
}

// missing says why the plug cannot be used.
func (m *Meter) missing(err error) error {
	gone := &meters.Missing{Meter: m.name, Why: fmt.Sprintf("plug at %s: %s", m.client.base.Host, err)}
	gone.Mend = "check the address, the kind and the number of the switch"
	if why, ok := errors.AsType[*trouble](err); ok {
		switch why.reason {
		case reasonAuth:
			gone.Mend = "check the user and the password of the plug"
		case reasonTimeout, reasonUnreachable:
			gone.Mend = "check that the plug is powered and can be reached from this machine"
		}
	}
	return gone
}

// accuracy gives the limit of the error that is assumed for a kind of plug, as
// no maker of one was found to state any. Cheap plug meters have been off by
// more than 25 % at small and reactive loads (Liikkanen and Nieminen, HIIT
// Technical Reports 2009-1), which nothing here covers.
func accuracy(kind string) (relative float64, note string) {
	if kind == Tasmota {
		return 0.10, "an assumption, ±10 %: Tasmota's documentation asks its owner to calibrate each plug; hold it against a known load"
	}
	return 0.05, "an assumption, ±5 %: no limit of the maker was found; hold it against a known load"
}

// describe makes the channels from the first answer.
func (m *Meter) describe(id identity, first answer, sent reply) {
	units := [quantities]bench.Unit{power: bench.UnitWatt, energy: bench.UnitJoule, voltage: bench.UnitVolt, current: bench.UnitAmpere}
	names := [quantities]string{power: "power", energy: "energy", voltage: "voltage", current: "current"}
	steps := m.way.steps(first)
	label := fmt.Sprintf("%s, switch %d", id.label, m.opts.Switch)
	relative, note := accuracy(m.opts.Kind)
	simulated := m.opts.Simulated || strings.Contains(strings.ToLower(label), "simulated")
	for q := range quantities {
		if !first[q].told() {
			continue
		}
		c := bench.Channel{
			Name: m.name + "." + names[q], Unit: units[q], Scope: bench.ScopeOutlet, Sensor: bench.SensorInstant,
			Device: m.name, Identity: label, Simulated: simulated,
			UpdatePeriod: assumedPeriod, PeriodBasis: "assumed: the firmware reads its metering chip about once a second",
			StampError: (sent.got - sent.asked) / 2,
			Resolution: steps[q], FloorBasis: "not stated by the maker",
			RelAccuracy: relative, AbsAccuracy: steps[q], AccuracyNote: note,
			Method: m.way.about + "; stamped at the midpoint of request and answer; over what time the metering chip averages is not stated",
		}
		if q == power || q == energy {
			c.Feed = m.opts.Feed
		}
		if q == energy {
			c.Sensor, c.Counter = bench.SensorCounter, true
			c.Method += "; the counter may begin anew when the plug starts or loses power, which counts as a reset"
		}
		m.told = append(m.told, q)
		m.channels = append(m.channels, c)
	}
}
