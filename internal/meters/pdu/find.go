package pdu

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/gosnmp/gosnmp"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// findProfile reads the user's file, takes the one he names, or asks the
// device.
func (m *Meter) findProfile(ctx context.Context) (*profile, error) {
	if m.opts.ProfileFile != "" {
		text, err := os.ReadFile(m.opts.ProfileFile)
		if err != nil {
			return nil, fault.New(fault.Invalid, "", "check the path of the profile", "read PDU profile: %w", err)
		}
		return parseProfile(m.opts.ProfileFile, text)
	}
	all, err := builtin()
	if err != nil {
		return nil, err
	}
	if m.opts.Profile != "" {
		at := slices.IndexFunc(all, func(p *profile) bool { return p.Name == m.opts.Profile })
		if at < 0 {
			return nil, fault.New(fault.Invalid, "", "profiles are "+strings.Join(profileNames(all), ", "), "PDU profile %q is unknown", clip(m.opts.Profile))
		}
		return all[at], nil
	}
	for _, p := range candidates(all, m.info.ObjectID) {
		fits, err := m.fits(ctx, p)
		if err != nil {
			return nil, m.silent(err)
		}
		if fits {
			return p, nil
		}
	}
	return nil, m.absent(fmt.Sprintf("answers as %s, which no profile fits", orUnknown(m.info.ObjectID)),
		"name a profile ("+strings.Join(profileNames(all), ", ")+"), or its objects by OID, unit and scale")
}

func orUnknown(text string) string {
	if text == "" {
		return "an unknown kind of device"
	}
	return "sysObjectID " + text
}

// fits asks for the profile's probes: one that holds a value is enough.
func (m *Meter) fits(ctx context.Context, p *profile) (bool, error) {
	if len(p.Match.Probe) == 0 {
		return true, nil
	}
	for _, probe := range p.Match.Probe {
		oid := expand(probe, p.unit(m.opts), "1")
		got, err := m.s.get(ctx, m.elapsed, []string{oid})
		if err != nil {
			return false, err
		}
		if there(got[0].v) {
			return true, nil
		}
		p, err := m.s.ask(ctx, func() (*gosnmp.SnmpPacket, error) { return m.s.g.GetNext([]string{oid}) })
		if err != nil {
			return false, err
		}
		if p.Error != gosnmp.NoError || len(p.Variables) != 1 {
			continue
		}
		next := p.Variables[0]
		if strings.HasPrefix(strings.TrimPrefix(next.Name, "."), oid+".") && there(next) {
			return true, nil
		}
	}
	return false, nil
}

// there reports whether the device has the object.
func there(v gosnmp.SnmpPDU) bool {
	switch v.Type {
	case gosnmp.NoSuchObject, gosnmp.NoSuchInstance, gosnmp.EndOfMibView, gosnmp.Null, gosnmp.UnknownType:
		return false
	default:
		return true
	}
}
