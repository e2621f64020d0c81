package pdu

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// member is one inlet, phase or outlet that is read, or one sensor of a device
// that names its own.
type member struct {
	label string // in channel names: outlet3
	text  string // in words: outlet 3
	index string
	scope bench.Scope

	voltAmpere bool // its voltage × current bounds its power
	values     []*object
	onOID      string
	on         []int64
	onSlot     int
}

func (m *member) of(q quantity) *object {
	i := slices.IndexFunc(m.values, func(o *object) bool { return o.q == q })
	if i < 0 {
		return nil
	}
	return m.values[i]
}

// switchedOff reports whether the device says that the outlet is off, so that
// its 0 W is one.
func (m *member) switchedOff(all []answer) bool {
	if m.onSlot < 0 {
		return false
	}
	s := number(all[m.onSlot].v)
	return s.ok() && !good(m.on, s)
}

// named gives the scope that the user named, and its entries.
func (o Options) named() (scope string, entries []string) {
	switch {
	case len(o.Outlets) > 0:
		return "outlet", o.Outlets
	case len(o.Phases) > 0:
		return "phase", o.Phases
	case len(o.Inlets) > 0:
		return "inlet", o.Inlets
	}
	return "", nil
}

// members says what of the profile is read.
func (p *profile) members(o Options) ([]*member, error) {
	name, entries := o.named()
	if name == "" {
		for _, one := range scopeNames() {
			if s, ok := p.Scopes[one]; ok && s.First != "" {
				name, entries = one, []string{s.First}
				break
			}
		}
	}
	s, ok := p.Scopes[name]
	if !ok {
		return nil, fault.New(fault.Invalid, "", "name one of: "+strings.Join(p.scopesThere(), ", "),
			"PDU profile %s has no %s", p.Name, orNone(name))
	}
	var all []*member
	for _, given := range entries {
		index, err := fullIndex(s.Index, given, p.unit(o))
		if err != nil {
			return nil, fault.New(fault.Invalid, "", "name it by its number on the device", "%s of PDU %s: %w", name, o.Name, err)
		}
		if slices.ContainsFunc(all, func(m *member) bool { return m.index == index }) {
			return nil, fault.New(fault.Invalid, "", "name each once: a sum must not hold one twice", "PDU %s: %s %s is named twice", o.Name, name, given)
		}
		all = append(all, p.member(name, given, index, p.unit(o)))
	}
	return all, nil
}

func orNone(name string) string {
	if name == "" {
		return "inlet that stands for the whole device"
	}
	return name
}

func (p *profile) scopesThere() []string {
	var all []string
	for _, one := range scopeNames() {
		if _, ok := p.Scopes[one]; ok {
			all = append(all, one+"s")
		}
	}
	return all
}

// unit is the device of the chain that is read.
func (p *profile) unit(o Options) int {
	if o.Unit == 0 {
		return p.Unit
	}
	return o.Unit
}

func (p *profile) member(scopeName, given, index string, unit int) *member {
	s := p.Scopes[scopeName]
	m := &member{
		label: scopeName + strings.ReplaceAll(given, ".", "-"), text: scopeName + " " + given, index: index,
		scope: bench.Scope(scopeName), voltAmpere: s.VoltAmpere, onSlot: -1,
	}
	if s.State != nil {
		m.onOID, m.on = expand(s.State.OID, unit, index), s.State.On
	}
	for _, q := range quantities() {
		if v := s.of(q); v != nil {
			m.values = append(m.values, newObject(v, q, unit, index))
		}
	}
	return m
}

// tableMembers picks the sensors that the user named, or the one that is the
// whole device.
func (p *profile) tableMembers(ctx context.Context, s *session, o Options) ([]*member, []sensor, error) {
	rows, err := p.Table.rows(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	there := p.Table.sensors(rows, o.Unit)
	scopeName, entries := o.named()
	if scopeName == "" {
		scopeName, entries = "inlet", p.Table.whole(there)
	}
	if len(entries) == 0 {
		return nil, nil, fault.New(fault.Invalid, "", "name what feeds this host: "+keys(there),
			"PDU %s has %d sensors and none that stands for all of it", o.Name, len(there))
	}
	var all []*member
	var picked []sensor
	for _, given := range entries {
		at := slices.IndexFunc(there, func(one sensor) bool { return strings.EqualFold(one.key, given) })
		if at < 0 || slices.ContainsFunc(picked, func(one sensor) bool { return one.key == there[at].key }) {
			return nil, nil, fault.New(fault.Invalid, "", "its sensors are: "+keys(there), "PDU %s has no sensor %q, or it is named twice", o.Name, clip(given))
		}
		m := &member{label: channelPart(scopeName, given), text: "sensor " + clip(given), index: given, scope: bench.Scope(scopeName), onSlot: -1, voltAmpere: len(p.Table.Suffixes) > 0 && scopeName != "inlet"}
		for _, q := range quantities() {
			if r, ok := there[at].rows[q]; ok {
				if obj := p.Table.object(r); obj != nil {
					m.values = append(m.values, obj)
				}
			}
		}
		all, picked = append(all, m), append(picked, there[at])
	}
	return all, picked, nil
}

// whole finds the sensor of the whole device: by name, or the only one that
// tells power.
func (t *sensorTable) whole(there []sensor) []string {
	for _, name := range t.First {
		if slices.ContainsFunc(there, func(s sensor) bool { return s.key == name }) {
			return []string{name}
		}
	}
	var powers []string
	for _, s := range there {
		if _, ok := s.rows[power]; ok {
			powers = append(powers, s.key)
		}
	}
	if len(powers) == 1 {
		return powers
	}
	return nil
}

func keys(there []sensor) string {
	var all []string
	for i, s := range there {
		if i == 20 {
			all = append(all, fmt.Sprintf("and %d more", len(there)-i))
			break
		}
		all = append(all, s.key)
	}
	return strings.Join(all, ", ")
}

// channelPart makes a sensor's name fit for a channel's.
func channelPart(scope, name string) string {
	var b strings.Builder
	b.WriteString(scope)
	for _, r := range strings.ToLower(name) {
		if (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9') {
			b.WriteRune(r)
		} else {
			b.WriteByte('-')
		}
	}
	return b.String()
}

// freeMembers makes one member of each object of a free profile.
func freeMembers(o Options) []*member {
	var all []*member
	for _, one := range o.Objects {
		u, _ := lookUnit(one.Unit)
		scale, scopeName := one.Scale, one.Scope
		if scale == 0 {
			scale = 1
		}
		if scopeName == "" {
			scopeName = "outlet"
		}
		obj := &object{
			q: u.q, oid: strings.TrimPrefix(one.OID, "."), factor: scale * u.factor,
			resolution: one.Resolution * u.factor, floor: one.Floor * u.factor, relative: one.RelAccuracy,
		}
		if obj.floor > 0 {
			obj.floorBasis = "stated in the settings"
		}
		if obj.relative > 0 {
			obj.accuracy = "stated in the settings"
		}
		obj.wrapAt = one.WrapAt * u.factor / obj.factor // settle multiplies it back
		obj.settle()
		all = append(all, &member{label: one.Name, text: one.Name, scope: bench.Scope(scopeName), values: []*object{obj}, onSlot: -1})
	}
	return all
}
