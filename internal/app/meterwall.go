package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/wattsweep/wattsweep/config"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/pdu"
	"github.com/wattsweep/wattsweep/internal/meters/plug"
	"github.com/wattsweep/wattsweep/internal/meters/redfish"
)

// The kinds of meters at the wall, which begin the names of their meters.
const (
	kindPDU     = "pdu"
	kindPlug    = "plug"
	kindRedfish = "redfish"
)

// IsWallMeter tells whether a meter is one that stands in the settings, so
// that it is expected to answer.
func IsWallMeter(name string) bool {
	kind, _, _ := strings.Cut(name, ".")
	return kind == kindPDU || kind == kindPlug || kind == kindRedfish
}

// wall lists the meters that the settings name.
func (p *MeterPool) wall() []source {
	var list []source
	for i, s := range p.opts.Settings.PDUs {
		key := fmt.Sprintf("meters.pdus[%d]", i)
		list = append(list, one(kindPDU+"."+s.Name, func(ctx context.Context) (meters.Meter, error) {
			opts, err := p.pduOptions(key, s)
			if err != nil {
				return nil, err
			}
			return named(key)(pdu.New(ctx, opts))
		}))
	}
	for i, s := range p.opts.Settings.Plugs {
		key := fmt.Sprintf("meters.plugs[%d]", i)
		list = append(list, one(kindPlug+"."+s.Name, func(ctx context.Context) (meters.Meter, error) {
			password, err := p.password(key, s.PasswordFile, s.PasswordEnv)
			if err != nil {
				return nil, err
			}
			return named(key)(plug.New(ctx, plug.Options{
				Name: s.Name, Kind: s.Kind, URL: s.URL, User: s.User, Password: password, Switch: s.Switch,
				Timeout: s.Timeout, Interval: s.Interval, Feed: string(s.Feed), Simulated: s.Simulated,
			}))
		}))
	}
	for i, s := range p.opts.Settings.Redfish {
		key := fmt.Sprintf("meters.redfish[%d]", i)
		list = append(list, one(kindRedfish+"."+s.Name, func(ctx context.Context) (meters.Meter, error) {
			password, err := p.password(key, s.PasswordFile, s.PasswordEnv)
			if err != nil {
				return nil, err
			}
			return named(key)(redfish.New(ctx, redfish.Options{
				Name: s.Name, URL: s.URL, User: s.User, Password: password, Fingerprint: s.Fingerprint, Chassis: s.Chassis,
				PDU: s.PDU, Outlets: connections(s.Outlets), Timeout: s.Timeout, Interval: s.Interval, Feed: string(s.Feed), Simulated: s.Simulated,
			}))
		}))
	}
	return list
}

// named names the setting in an error, but for a source that is missing.
func named(key string) func(meters.Meter, error) (meters.Meter, error) {
	return func(m meters.Meter, err error) (meters.Meter, error) {
		if err == nil || isMissing(err) {
			return m, err
		}
		return nil, fmt.Errorf("%s: %w", key, err)
	}
}

func (p *MeterPool) password(key, file, variable string) (string, error) {
	return secret{key: key + ".password", file: file, variable: variable}.read(p.opts.LookupEnv)
}

// pduOptions turns settings into what the meter takes, with its secrets.
func (p *MeterPool) pduOptions(key string, s config.PDUSettings) (pdu.Options, error) {
	opts := pdu.Options{
		Name: s.Name, Address: s.Address, Version: strings.TrimPrefix(s.Version, "v"), User: s.User,
		AuthProtocol: strings.ToUpper(s.AuthProtocol), PrivProtocol: strings.ToUpper(s.PrivProtocol),
		Profile: s.Profile, ProfileFile: s.ProfileFile, Unit: s.Unit,
		Outlets: connections(s.Outlets), Inlets: connections(s.Inlets), Phases: connections(s.Phases),
		VoltageV: s.VoltageV, PowerFactor: s.PowerFactor, Timeout: s.Timeout, Interval: s.Interval, Simulated: s.Simulated,
		Refresh: s.Refresh, Feed: string(s.Feed),
	}
	for _, o := range s.Objects {
		opts.Objects = append(opts.Objects, pdu.Object{
			Name: o.Name, OID: o.OID, Unit: o.Unit, Scale: o.Scale, Scope: o.Scope, Counter: o.Energy(),
			WrapAt: o.WrapAt, Resolution: o.Resolution, Floor: o.Floor, RelAccuracy: o.RelAccuracy,
		})
	}
	for _, one := range []struct {
		into *string
		from secret
	}{
		{&opts.Community, secret{key + ".community", s.Community, s.CommunityFile, s.CommunityEnv}},
		{&opts.AuthPassphrase, secret{key + ".auth_passphrase", s.AuthPassphrase, s.AuthPassphraseFile, s.AuthPassphraseEnv}},
		{&opts.PrivPassphrase, secret{key + ".priv_passphrase", s.PrivPassphrase, s.PrivPassphraseFile, s.PrivPassphraseEnv}},
	} {
		value, err := one.from.read(p.opts.LookupEnv)
		if err != nil {
			return pdu.Options{}, err
		}
		*one.into = value
	}
	return opts, nil
}

func connections(list []config.ConnectionName) []string {
	var names []string
	for _, n := range list {
		names = append(names, string(n))
	}
	return names
}
