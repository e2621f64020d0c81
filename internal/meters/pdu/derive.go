package pdu

import "fmt"

// dropAbsent forgets what the device does not tell beside the value itself.
func (o *object) dropAbsent(all []answer) {
	for _, aux := range []struct {
		oid  *string
		slot *int
	}{{&o.available, &o.availableSlot}, {&o.timestamp, &o.timestampSlot}, {&o.quality, &o.qualitySlot}} {
		if *aux.slot >= 0 && !there(all[*aux.slot].v) {
			*aux.oid, *aux.slot = "", -1
		}
	}
}

// settleFloor turns a power's floor that is known as a current into watts.
func (m *Meter) settleFloor(one *member) {
	p := one.of(power)
	if p == nil || p.floorA == 0 {
		return
	}
	at, basis := m.opts.VoltageV, "stated"
	if at == 0 {
		at, basis = assumedV, "assumed"
	}
	p.floor = p.floorA * at
	p.floorBasis += fmt.Sprintf("; %g W at %g V %s", p.floor, at, basis)
}

// assumedV is the voltage that turns a floor in amperes into watts for a
// report where none is stated. No figure of energy rests on it.
const assumedV = 230

// derive turns a current into a power where voltage and power factor are
// stated and the device tells no power itself.
func (m *Meter) derive() {
	for _, one := range m.members {
		m.settleFloor(one)
		i := one.of(current)
		if one.of(power) != nil || i == nil || m.opts.VoltageV == 0 {
			continue
		}
		by := m.opts.VoltageV * m.opts.PowerFactor
		o := *i
		o.q, o.factor, o.assumed = power, i.factor*by, true
		o.resolution, o.floor, o.absolute = i.resolution*by, i.floor*by, i.absolute*by
		o.method = fmt.Sprintf("current × %g V stated × power factor %g stated", m.opts.VoltageV, m.opts.PowerFactor)
		one.values = append([]*object{&o}, one.values...)
		one.voltAmpere = false
	}
}
