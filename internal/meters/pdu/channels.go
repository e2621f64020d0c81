package pdu

import (
	"fmt"
	"math"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// build describes the channels and what fills each: what feeds the host first,
// then its parts where several are summed, then what belongs to them.
func (m *Meter) build() {
	m.channels, m.lines, m.sums = nil, nil, map[quantity]bool{}
	for _, q := range []quantity{power, energy} {
		var parts []*object
		var of []*member
		for _, one := range m.members {
			if o := one.of(q); o != nil {
				parts, of = append(parts, o), append(of, one)
			}
		}
		switch {
		case len(m.members) == 1 || len(parts) < 2 && m.free:
		case !m.free && len(parts) > 0 && len(parts) < len(m.members):
			m.doubt(fmt.Sprintf("no sum of %s: only %d of %d tell it", q, len(parts), len(m.members)))
		case len(parts) > 1:
			m.channels = append(m.channels, m.sumChannel(q, parts, of))
			m.lines = append(m.lines, line{parts: parts, sum: true})
			m.sums[q] = true
		}
	}
	for _, one := range m.members {
		for _, q := range quantities() {
			if o := one.of(q); o != nil {
				m.channels = append(m.channels, m.channel(one, o))
				m.lines = append(m.lines, line{parts: []*object{o}})
			}
		}
	}
	m.remember()
}

// labelled reports whether a member's channels carry its label.
func (m *Meter) labelled(q quantity) bool {
	if !m.free {
		return len(m.members) > 1
	}
	n := 0
	for _, one := range m.members {
		if one.of(q) != nil {
			n++
		}
	}
	return n > 1
}

func (m *Meter) identity() string {
	id := m.opts.Address
	if m.info.Serial != "" {
		id = "serial " + m.info.Serial
	}
	if m.profile != nil {
		id += fmt.Sprintf(" unit %d", m.profile.unit(m.opts))
	}
	return id
}

func (m *Meter) channel(one *member, o *object) bench.Channel {
	unit, _ := o.q.siUnit()
	c := bench.Channel{
		Name: m.opts.meterName() + "." + string(o.q), Unit: unit, Scope: one.scope, Sensor: bench.SensorInstant,
		UpdatePeriod: m.period, PeriodBasis: m.periodBasis, StampError: m.stampError,
		Resolution: o.resolution, Floor: o.floor, FloorBasis: o.floorBasis, WrapAt: o.wrapAt,
		Identity: m.identity(), Device: m.identity() + " " + one.text, Simulated: m.simulated,
		RelAccuracy: o.relative, AbsAccuracy: o.absolute, AccuracyNote: o.accuracy,
		Method: m.method(o),
	}
	if unit == bench.UnitWatt || unit == bench.UnitJoule {
		c.Feed = m.opts.Feed
	}
	if m.free {
		c.Device = m.identity() + " objects"
	}
	if m.labelled(o.q) {
		c.Name = m.opts.meterName() + "." + one.label + "." + string(o.q)
		c.Device = m.identity() + " " + one.text
	}
	if m.sums[o.q] {
		c.PartOf = m.opts.meterName() + "." + string(o.q)
	}
	if o.window > 0 {
		c.Sensor, c.Window, c.WindowBasis = bench.SensorAveraged, seconds(o.window), "stated by the profile"
	}
	if o.q == energy {
		c.Sensor, c.Counter, c.Window = bench.SensorCounter, true, 0
	}
	if o.assumed {
		c.Sensor, c.Estimated, c.Window, c.WindowBasis = bench.SensorEstimate, true, 0, ""
	}
	return c
}

func (m *Meter) method(o *object) string {
	kind := m.info.Profile
	if m.free {
		kind = "the settings"
	}
	text := fmt.Sprintf("SNMP object %s as %s says", o.oid, kind)
	if o.method != "" {
		text = o.method + "; " + text
	}
	return text
}

// sumChannel describes the sum of several members: resolutions and floors add
// up, and of accuracies the worst holds for all.
func (m *Meter) sumChannel(q quantity, parts []*object, of []*member) bench.Channel {
	c := m.channel(of[0], parts[0])
	c.Name, c.PartOf, c.WrapAt = m.opts.meterName()+"."+string(q), "", 0
	c.Resolution, c.Floor, c.AbsAccuracy = 0, 0, 0
	var names []string
	for i, o := range parts {
		c.Resolution = math.Hypot(c.Resolution, o.resolution)
		c.Floor += o.floor
		c.AbsAccuracy += o.absolute
		c.RelAccuracy = max(c.RelAccuracy, o.relative)
		c.Estimated = c.Estimated || o.assumed
		names = append(names, of[i].text)
	}
	if c.Estimated {
		c.Sensor = bench.SensorEstimate
	}
	c.Device = m.identity() + " sum of " + strings.Join(names, ", ")
	c.Method = "sum of " + strings.Join(names, ", ") + ", missing when any is; " + m.method(parts[0])
	return c
}
