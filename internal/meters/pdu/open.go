package pdu

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/gosnmp/gosnmp"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// The objects of SNMPv2-MIB that every device has.
const (
	oidSysDescr    = "1.3.6.1.2.1.1.1.0"
	oidSysObjectID = "1.3.6.1.2.1.1.2.0"
)

// tripSamples is how many questions the round trip is known from.
const tripSamples = 5

// New opens the meter: it asks the device what it is, finds its profile, and
// sees that what the options name is there. A device that does not answer, or
// tells nothing that is measured, is a *meters.Missing; options that are wrong
// are a fault of kind Invalid.
func New(ctx context.Context, opts Options) (*Meter, error) {
	opts = opts.withDefaults()
	if err := opts.check(); err != nil {
		return nil, err
	}
	m := &Meter{opts: opts, began: time.Now(), reasons: newReasons(), doubts: map[string]int{}}
	s, err := dial(ctx, opts)
	if err != nil {
		return nil, m.absent(err.Error(), mendReach)
	}
	m.s = s
	if err := m.open(ctx); err != nil {
		_ = s.close()
		return nil, err
	}
	s.retries(0)
	return m, nil
}

const mendReach = "check address, port, community or user, and that the device's SNMP is on and lets this host read"

func (m *Meter) absent(why, mend string) error {
	return &meters.Missing{Meter: m.opts.meterName(), Why: m.opts.Address + ": " + why, Mend: mend}
}

// silent says that the device did not answer while the meter was opened.
func (m *Meter) silent(err error) error {
	if _, typed := errors.AsType[*fault.Error](err); typed {
		return err
	}
	return m.absent(reasonOf(err, m.opts.Timeout), mendReach)
}

func (m *Meter) open(ctx context.Context) error {
	if err := m.greet(ctx); err != nil {
		return err
	}
	if err := m.pick(ctx); err != nil {
		return err
	}
	if err := m.scales(ctx); err != nil {
		return err
	}
	m.plan()
	if err := m.firstRead(ctx); err != nil {
		return err
	}
	m.derive()
	m.plan()
	m.describeDevice(ctx)
	m.trips(ctx)
	m.build()
	if len(m.channels) == 0 {
		return m.absent("tells neither power, energy nor current of what is named", "name other outlets or inlets, or objects by OID")
	}
	m.reset()
	return nil
}

// greet asks what the device is.
func (m *Meter) greet(ctx context.Context) error {
	got, err := m.s.get(ctx, m.elapsed, []string{oidSysDescr, oidSysObjectID})
	if err != nil {
		return m.silent(err)
	}
	m.info.Descr = plainText(got[0].v)
	if id, ok := got[1].v.Value.(string); ok && got[1].v.Type == gosnmp.ObjectIdentifier {
		m.info.ObjectID = strings.TrimPrefix(id, ".")
	}
	m.simulated = m.opts.Simulated || strings.Contains(strings.ToLower(m.info.Descr), "simulated")
	return nil
}

// pick finds the profile and what of it is read.
func (m *Meter) pick(ctx context.Context) error {
	m.state(m.opts.Refresh, "stated in the settings")
	if len(m.opts.Objects) > 0 {
		m.info.Profile, m.free = "objects", true
		m.members = freeMembers(m.opts)
		return nil
	}
	p, err := m.findProfile(ctx)
	if err != nil {
		return err
	}
	m.profile, m.info.Profile, m.info.Title = p, p.Name, p.Title
	if m.opts.Refresh == 0 {
		m.state(p.Refresh.period(), "stated: "+p.Refresh.Basis)
	}
	if p.Table != nil {
		return m.pickSensors(ctx)
	}
	if m.members, err = p.members(m.opts); err != nil {
		return err
	}
	m.addInletCheck()
	return nil
}

func (m *Meter) pickSensors(ctx context.Context) error {
	all, picked, err := m.profile.tableMembers(ctx, m.s, m.opts)
	if err != nil {
		return m.silent(err)
	}
	m.members = all
	for _, one := range picked {
		for _, r := range one.rows {
			if rate := m.profile.Table.rate(ctx, m.s, r); rate > m.period && m.opts.Refresh == 0 {
				m.state(rate, "stated by the device for its sensor")
			}
		}
	}
	return nil
}

// scales asks for the decimal digits of the sensors that have them.
func (m *Meter) scales(ctx context.Context) error {
	for _, one := range m.allMembers() {
		var kept []*object
		for _, o := range one.values {
			if o.digits != "" {
				got, err := m.s.get(ctx, m.elapsed, []string{o.digits})
				if err != nil {
					return m.silent(err)
				}
				d := number(got[0].v)
				if !d.ok() || o.setDigits(d.value) != nil {
					continue // without its scale a count means nothing
				}
			}
			kept = append(kept, o)
		}
		one.values = kept
	}
	return nil
}

// firstRead drops what the device does not have. What is only away at this moment
// stays: it is asked twice.
func (m *Meter) firstRead(ctx context.Context) error {
	lacks := map[*object]string{}
	for range 2 {
		all, err := m.s.get(ctx, m.elapsed, m.question)
		if err != nil {
			return m.silent(err)
		}
		clear(lacks)
		for _, one := range m.allMembers() {
			for _, o := range one.values {
				o.dropAbsent(all)
				if s := o.decode(all[o.slot].v); s.state == bench.ReadingMissing {
					lacks[o] = s.reason
				}
			}
		}
		if len(lacks) == 0 {
			break
		}
	}
	for _, one := range m.members {
		one.values = slices.DeleteFunc(one.values, func(o *object) bool { return lacks[o] != "" && (!m.free || lacks[o] == whyNoObject) })
		if len(one.values) == 0 || !m.free && one.of(power) == nil && one.of(energy) == nil && one.of(current) == nil {
			return fault.New(fault.Invalid, "", "name what the device has"+m.listed(ctx, one), "PDU %s at %s tells nothing of %s: its objects are not there or not available",
				m.opts.Name, m.opts.Address, one.text)
		}
	}
	m.checks = slices.DeleteFunc(m.checks, func(one *member) bool {
		return slices.ContainsFunc(one.values, func(o *object) bool { return lacks[o] != "" })
	})
	return nil
}

// listed names the outlets that the device has, for a message.
func (m *Meter) listed(ctx context.Context, one *member) string {
	if m.profile == nil {
		return ""
	}
	found := m.list(ctx, string(one.scope))
	if len(found) == 0 {
		return ""
	}
	return ": " + strings.Join(found, ", ")
}

// list walks the column that has an instance for each connection of a scope.
func (m *Meter) list(ctx context.Context, scopeName string) []string {
	column := m.profile.Scopes[scopeName].List
	if column == "" {
		return nil
	}
	column = expand(column, m.profile.unit(m.opts), "1")
	rows, err := m.s.walk(ctx, column)
	if err != nil {
		return nil
	}
	var all []string
	for _, v := range rows {
		all = append(all, strings.TrimPrefix(v.Name, strings.TrimPrefix(column, ".")+"."))
	}
	return all
}

// trips measures the round trip of a whole read, in however many parts, which
// is the doubt of every stamp.
func (m *Meter) trips(ctx context.Context) {
	var all []time.Duration
	for range tripSamples {
		before := m.elapsed()
		if _, err := m.s.get(ctx, m.elapsed, m.question); err == nil {
			all = append(all, m.elapsed()-before)
		}
	}
	if len(all) > 0 {
		m.stampError = slices.Max(all) / 2
	}
}
