package redfish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/meters"
)

const root = "/redfish/v1"

// plan is a resource that tells power, and what was seen in it.
type plan struct {
	path   string
	item   item
	first  field
	traits traits
	sent   reply
	prefix string // of channel names
	scope  bench.Scope
	device string
	about  string
}

// finder looks for resources.
type finder struct {
	m   *Meter
	ctx context.Context //nolint:containedctx // lives for one call of discover
	now func() time.Duration
}

// discover finds what to read and describes it.
func (m *Meter) discover(ctx context.Context) error {
	f := finder{m: m, ctx: ctx, now: meters.NewClock().Now}
	if m.opts.Password != "" {
		if err := m.client.login(ctx); err != nil {
			return f.missing(err)
		}
	}
	var plans []plan
	var err error
	if m.opts.PDU != "" {
		plans, err = f.pdu()
	} else {
		plans, err = f.chassis()
	}
	if err != nil {
		return err
	}
	label := m.client.host
	if about, err := f.get(root + "/"); err == nil {
		if uuid := text(about.resource["UUID"]); uuid != "" {
			label += " " + uuid
		}
	}
	m.describe(plans, label)
	return nil
}

func (f finder) get(path string) (reply, error) { return f.m.client.get(f.ctx, f.now, path) }

// missing turns a trouble into a *meters.Missing; the caller's own end stays.
func (f finder) missing(err error) error {
	if f.ctx.Err() != nil {
		return f.ctx.Err() //nolint:wrapcheck // the caller's own cancellation
	}
	gone := &meters.Missing{Meter: f.m.name, Why: fmt.Sprintf("BMC at %s: %s", f.m.client.host, err), Mend: "check the address and that Redfish is enabled"}
	if why, ok := errors.AsType[*trouble](err); ok {
		switch why.reason {
		case reasonAuth:
			gone.Mend = "check the user, its password and its right to read"
		case reasonTrust:
			gone.Mend = "compare the fingerprint with the one that the BMC itself shows, then give it as the fingerprint of this meter"
		}
	}
	return gone
}

// fatal says that no other resource will do better.
func fatal(err error) bool {
	why, ok := errors.AsType[*trouble](err)
	return !ok || why.reason <= reasonAuth
}

// chassis finds the one chassis to read.
func (f finder) chassis() ([]plan, error) {
	if id := f.m.opts.Chassis; id != "" {
		plans, err := f.one(root + "/Chassis/" + id)
		if err == nil && len(plans) == 0 {
			err = &trouble{reason: reasonField, detail: "chassis " + id + " tells no power"}
		}
		if err != nil {
			return nil, f.missing(err)
		}
		return plans, nil
	}
	list, err := f.get(root + "/Chassis")
	if err != nil {
		return nil, f.missing(err)
	}
	var found []plan
	var ids []string
	for _, at := range members(list.resource) {
		plans, err := f.one(at)
		if err != nil {
			return nil, f.missing(err)
		}
		if len(plans) > 0 {
			found = plans
			ids = append(ids, at[strings.LastIndexByte(strings.TrimRight(at, "/"), '/')+1:])
		}
	}
	switch len(ids) {
	case 0:
		return nil, f.missing(&trouble{reason: reasonField, detail: "no chassis tells power"})
	case 1:
		return found, nil
	}
	return nil, fault.New(fault.Invalid, "", "name the chassis of this host: "+strings.Join(ids, ", "),
		"redfish meter %q: %d chassis tell power: %s", f.m.opts.Name, len(ids), strings.Join(ids, ", "))
}

// one looks at a chassis: EnvironmentMetrics first, then the older Power. It
// gives nothing where neither tells power.
func (f finder) one(at string) ([]plan, error) {
	chassis, err := f.get(at)
	if err != nil {
		if fatal(err) {
			return nil, err
		}
		return nil, nil
	}
	at = strings.TrimRight(at, "/")
	place := func(name string) string {
		if p := link(chassis.resource[name]); p != "" {
			return p
		}
		return at + "/" + name
	}
	base := plan{scope: bench.ScopePSU, device: at, prefix: f.m.name}
	plans, err := f.metrics(place("EnvironmentMetrics"), base)
	if err != nil || len(plans) > 0 {
		return plans, err
	}
	return f.power(place("Power"), base)
}

// metrics looks at a resource with the excerpts PowerWatts and EnergykWh.
func (f finder) metrics(at string, base plan) ([]plan, error) {
	sent, err := f.get(at)
	if err != nil {
		if fatal(err) {
			return nil, err
		}
		return nil, nil
	}
	var plans []plan
	for _, energy := range []bool{false, true} {
		p := base
		p.path, p.item, p.sent = at, item{formExcerpt, energy}, sent
		p.first = p.item.read(sent.resource)
		p.about = "Redfish " + at
		excerpt := object(sent.resource["PowerWatts"])
		if energy {
			excerpt = object(sent.resource["EnergykWh"])
			if p.first.value == 0 { // a counter that never counted
				continue
			}
		}
		if !p.first.told() {
			if !energy {
				return nil, nil
			}
			continue
		}
		if err := f.follow(&p, excerpt); err != nil {
			return nil, err
		}
		plans = append(plans, p)
	}
	return plans, nil
}

// follow asks the sensor behind an excerpt for what it tells of itself, and
// reads the sensor where that tells when its value was taken.
func (f finder) follow(p *plan, excerpt map[string]json.RawMessage) error {
	at := link(excerpt["DataSourceUri"])
	if at == "" {
		return nil
	}
	sent, err := f.get(at)
	if err != nil {
		if fatal(err) {
			return err
		}
		return nil
	}
	p.traits = readTraits(sent.resource)
	it := item{formSensor, p.item.energy}
	if first := it.read(sent.resource); p.traits.timed && first.told() {
		p.path, p.item, p.first, p.sent = at, it, first, sent
		p.about = "Redfish sensor " + at
	}
	return nil
}

// power looks at the older resource.
func (f finder) power(at string, base plan) ([]plan, error) {
	sent, err := f.get(at)
	if err != nil {
		if fatal(err) {
			return nil, err
		}
		return nil, nil
	}
	base.path, base.sent = at, sent
	for _, way := range []form{formControl, formAverage} {
		base.item = item{form: way}
		base.first = base.item.read(sent.resource)
		base.about = "Redfish " + at + ", PowerControl[0].PowerConsumedWatts"
		if way == formAverage {
			minutes := number(object(control(sent.resource)["PowerMetrics"])["IntervalInMin"], 1, 24*60)
			if !minutes.told() || minutes.value <= 0 {
				continue
			}
			base.traits.window = time.Duration(minutes.value * float64(time.Minute))
			base.about = "Redfish " + at + ", PowerControl[0].PowerMetrics.AverageConsumedWatts"
		}
		if base.first.told() {
			return []plan{base}, nil
		}
	}
	return nil, nil
}

// pdu looks at a rack PDU, or at some of its outlets.
func (f finder) pdu() ([]plan, error) {
	at := root + "/PowerEquipment/RackPDUs/" + f.m.opts.PDU
	if len(f.m.opts.Outlets) == 0 {
		plans, err := f.metrics(at+"/Metrics", plan{scope: bench.ScopeInlet, device: at, prefix: f.m.name})
		if err == nil && len(plans) == 0 {
			err = &trouble{reason: reasonField, status: http.StatusNotFound, detail: "PDU " + f.m.opts.PDU + " tells no power"}
		}
		if err != nil {
			return nil, f.missing(err)
		}
		return plans, nil
	}
	var all []plan
	for _, id := range f.m.opts.Outlets {
		outlet := at + "/Outlets/" + id
		plans, err := f.metrics(outlet, plan{scope: bench.ScopeOutlet, device: outlet, prefix: f.m.name + "." + channelID(id)})
		if err == nil && len(plans) == 0 {
			err = &trouble{reason: reasonField, status: http.StatusNotFound, detail: "outlet " + id + " tells no power"}
		}
		if err != nil {
			return nil, f.missing(err)
		}
		all = append(all, plans...)
	}
	return all, nil
}

// channelID makes an id of an outlet part of a channel's name.
func channelID(id string) string { return "outlet" + strings.ReplaceAll(id, ".", "_") }

// step is the smallest change that the digits of a value allow.
func step(f field, scale float64) float64 { return scale * math.Pow10(-min(f.decimals, 9)) }
