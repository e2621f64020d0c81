package pdu

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/test/snmpagent"
)

const (
	enterprises = "1.3.6.1.4.1."
	testUser    = "bench"
	testAuth    = "auth-pass-12"
	testPriv    = "priv-pass-12"
	timeout     = 3 * time.Second // the machine may be busy
)

// access gives the options of one way to ask.
func access(version, address string) Options {
	o := Options{Name: "rack", Address: address, Version: version, Timeout: timeout, WatchFor: time.Second, WatchEvery: 50 * time.Millisecond}
	if version == "3" {
		o.User, o.AuthProtocol, o.AuthPassphrase = testUser, "SHA-256", testAuth
		o.PrivProtocol, o.PrivPassphrase = "AES", testPriv
		return o
	}
	o.Community = "public"
	return o
}

func users() []snmpagent.User {
	return []snmpagent.User{
		{Name: testUser, AuthProtocol: "SHA-256", AuthPassphrase: testAuth, PrivProtocol: "AES", PrivPassphrase: testPriv},
		{Name: "plain", AuthProtocol: "SHA", AuthPassphrase: testAuth},
		{Name: "old", AuthProtocol: "MD5", AuthPassphrase: testAuth, PrivProtocol: "DES", PrivPassphrase: testPriv},
		{Name: "open"},
	}
}

func object1(oid, kind, value string) snmpagent.Object {
	return snmpagent.Object{OID: oid, Type: kind, Value: snmpagent.Constant(value)}
}

// vectorObjects are a profile's rows as their test vectors say.
func vectorObjects(p *profile) []snmpagent.Object {
	var all []snmpagent.Object
	for name := range p.Scopes {
		s := p.Scopes[name]
		index, err := fullIndex(s.Index, "1", p.Unit)
		if err != nil {
			panic(err)
		}
		if s.State != nil {
			all = append(all, object1(expand(s.State.OID, p.Unit, index), "integer", strconv.FormatInt(s.State.On[0], 10)))
		}
		for _, q := range quantities() {
			v := s.of(q)
			if v == nil {
				continue
			}
			at := func(oid string) string { return expand(oid, p.Unit, index) }
			all = append(all, object1(at(v.OID), "gauge", strconv.FormatInt(v.Vector.Raw, 10)))
			if v.Digits != "" {
				all = append(all, object1(at(v.Digits), "gauge", strconv.Itoa(v.Vector.Digits)))
			}
			if v.Available != "" {
				all = append(all, object1(at(v.Available), "integer", "1"))
			}
			if v.Timestamp != "" {
				all = append(all, snmpagent.Object{OID: at(v.Timestamp), Type: "gauge", Value: func(at time.Time) string {
					return strconv.FormatInt(at.UnixMilli()%1e9, 10)
				}})
			}
		}
	}
	return all
}

// open opens a meter that the test closes.
func open(t testing.TB, o Options) *Meter {
	t.Helper()
	m, err := New(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// readings reads once and gives the readings by channel.
func readings(t testing.TB, m *Meter) map[string]bench.Reading {
	t.Helper()
	dst := make([]bench.Reading, len(m.Channels()))
	require.NoError(t, m.Read(t.Context(), meters.NewClock().Now, dst))
	out := map[string]bench.Reading{}
	for i, c := range m.Channels() {
		out[c.Name] = dst[i]
	}
	return out
}

func why(m *Meter, r bench.Reading) string { return m.Reasons()[r.Reason] }

func TestEveryProfileAgainstSnmpd(t *testing.T) {
	t.Parallel()
	all, err := builtin()
	require.NoError(t, err)
	var objects []snmpagent.Object
	for _, p := range all {
		objects = append(objects, vectorObjects(p)...)
	}
	agent := snmpagent.Start(t, snmpagent.Config{Descr: "every PDU at once", Objects: objects, Users: users()})
	for _, p := range all {
		for i, name := range slices.DeleteFunc(scopeNames(), func(n string) bool { _, ok := p.Scopes[n]; return !ok }) {
			for _, version := range []string{"1", "2c", "3"}[:min(3, 4-i)] {
				t.Run(p.Name+" "+name+" v"+version, func(t *testing.T) {
					t.Parallel()
					checkVectors(t, p, name, access(version, agent.Address))
				})
			}
		}
	}
}

func checkVectors(t *testing.T, p *profile, name string, o Options) {
	o.Profile = p.Name
	switch name {
	case "inlet":
		o.Inlets = []string{"1"}
	case "phase":
		o.Phases = []string{"1"}
	default:
		o.Outlets = []string{"1"}
	}
	s := p.Scopes[name]
	if s.Power == nil {
		o.VoltageV, o.PowerFactor = 230, 0.95
	}
	m := open(t, o)
	got := readings(t, m)
	n := 0
	for _, q := range quantities() {
		v := s.of(q)
		if v == nil {
			continue
		}
		n++
		r, ok := got["pdu.rack."+string(q)]
		require.True(t, ok, q)
		require.Equal(t, bench.ReadingOK, r.State, "%s: %s", q, why(m, r))
		require.InEpsilon(t, v.Vector.Value, r.Value, 1e-9, q)
	}
	if s.Power == nil {
		require.InEpsilon(t, s.Current.Vector.Value*230*0.95, got["pdu.rack.power"].Value, 1e-9)
		n++
	}
	require.Len(t, got, n)
	require.Empty(t, m.Doubts())
	for _, c := range m.Channels() {
		require.True(t, c.Simulated, "sysDescr says simulated")
		require.Equal(t, bench.Scope(name), c.Scope)
	}
}

// kinds are agents that must be recognised by what they say they are.
func TestProfileIsFound(t *testing.T) {
	t.Parallel()
	all, err := builtin()
	require.NoError(t, err)
	for _, c := range []struct{ id, profile string }{
		{enterprises + "318.1.3.4.6", "apc-rpdu2"},
		{enterprises + "318.1.3.4.5", "apc-rpdu"},
		{enterprises + "13742.6", "raritan-px2"},
		{enterprises + "534.6.6.7", "eaton-g3"},
		{enterprises + "1718.4", "sentry4"},
		{enterprises + "99999.7", "ups-mib"},
	} {
		t.Run(c.profile, func(t *testing.T) {
			t.Parallel()
			at := slices.IndexFunc(all, func(p *profile) bool { return p.Name == c.profile })
			agent := snmpagent.Start(t, snmpagent.Config{ObjectID: c.id, Objects: vectorObjects(all[at])})
			m := open(t, access("2c", agent.Address))
			require.Equal(t, c.profile, m.Describe().Profile)
			require.Equal(t, c.id, m.Describe().ObjectID)
			require.Contains(t, m.Describe().Descr, "simulated")
		})
	}
}

func TestUnknownDeviceIsMissing(t *testing.T) {
	t.Parallel()
	agent := snmpagent.Start(t, snmpagent.Config{ObjectID: enterprises + "99999.1", Objects: []snmpagent.Object{object1(enterprises+"99999.1.1", "integer", "3")}})
	_, err := New(t.Context(), access("2c", agent.Address))
	var gone *meters.Missing
	require.ErrorAs(t, err, &gone)
	require.Contains(t, gone.Why, "99999.1")
	require.Contains(t, gone.Mend, "apc-rpdu2")
}

func entityObjects() []snmpagent.Object {
	const base = "1.3.6.1.2.1.99.1.1.1."
	row := func(index int, kind, scale, digits, value, status string) []snmpagent.Object {
		at := func(col int) string { return fmt.Sprintf("%s%d.%d", base, col, index) }
		return []snmpagent.Object{
			object1(at(1), "integer", kind), object1(at(2), "integer", scale), object1(at(3), "integer", digits),
			object1(at(4), "integer", value), object1(at(5), "integer", status), object1(at(8), "unsigned", "2000"),
		}
	}
	return slices.Concat(row(11, "8", "9", "0", "23", "1"), row(12, "6", "8", "1", "4123000", "1"), row(13, "5", "9", "2", "190", "1"))
}

func TestEntitySensors(t *testing.T) {
	t.Parallel()
	agent := snmpagent.Start(t, snmpagent.Config{Objects: entityObjects()})
	o := access("2c", agent.Address)
	m := open(t, o)
	require.Equal(t, "entity-sensor", m.Describe().Profile)
	require.Equal(t, 2*time.Second, m.Describe().RefreshPeriod)
	require.Equal(t, time.Second, m.Interval())
	require.InDelta(t, 412.3, readings(t, m)["pdu.rack.power"].Value, 1e-9)

	agent.Set(object1("1.3.6.1.2.1.99.1.1.1.5.12", "integer", "2"))
	r := readings(t, m)["pdu.rack.power"]
	require.Equal(t, bench.ReadingMissing, r.State)
	require.Equal(t, whyQuality, why(m, r))

	o.Outlets = []string{"13"}
	o.VoltageV, o.PowerFactor = 230, 1
	require.InDelta(t, 437, readings(t, open(t, o))["pdu.rack.power"].Value, 1e-9)
	o.Outlets = []string{"99"}
	_, err := New(t.Context(), o)
	require.ErrorContains(t, err, "99")
}

func TestRittalVariables(t *testing.T) {
	t.Parallel()
	const base = enterprises + "2606.7.4.2.2.1."
	row := func(n int, name, unit, scale, value string) []snmpagent.Object {
		at := func(col int) string { return fmt.Sprintf("%s%d.1.%d", base, col, n) }
		return []snmpagent.Object{
			object1(at(3), "string", name), object1(at(5), "string", unit), object1(at(7), "integer", scale),
			object1(at(11), "integer", value), object1(at(14), "integer", "2"),
		}
	}
	agent := snmpagent.Start(t, snmpagent.Config{ObjectID: enterprises + "2606.7", Objects: slices.Concat(
		row(1, "Unit.Power.Active.Value", "W", "1", "841"), row(2, "Unit.Energy.Active.Value", "kWh", "-10", "1234"),
		row(3, "Phase L1.Power.Active.Value", "W", "1", "412"), row(4, "Phase L1.Current.Value", "A", "-100", "188"),
		row(5, "Phase L1.Voltage.Value", "V", "-10", "2301"), row(6, "Phase L1.Power.Active.Limit", "W", "1", "9000"),
		row(7, "Temperature.Value", "C", "-10", "212"),
	)})
	o := access("1", agent.Address)
	m := open(t, o)
	got := readings(t, m)
	require.InDelta(t, 841, got["pdu.rack.power"].Value, 1e-9)
	require.InEpsilon(t, 123.4*3.6e6, got["pdu.rack.energy"].Value, 1e-9)
	o.Version, o.Phases = "2c", []string{"Phase L1"}
	got = readings(t, open(t, o))
	require.InDelta(t, 412, got["pdu.rack.power"].Value, 1e-9)
	require.InDelta(t, 1.88, got["pdu.rack.current"].Value, 1e-9)
	require.InDelta(t, 230.1, got["pdu.rack.voltage"].Value, 1e-9)
}

func TestSecurityLevels(t *testing.T) {
	t.Parallel()
	agent := snmpagent.Start(t, snmpagent.Config{Users: users(), Objects: []snmpagent.Object{object1(enterprises+"99999.1", "integer", "55")}})
	base := Options{Name: "rack", Address: agent.Address, Timeout: timeout, Objects: []Object{{Name: "left", OID: enterprises + "99999.1", Unit: "W"}}}
	for _, c := range []struct {
		name string
		set  func(*Options)
		says string // "" opens
	}{
		{"authPriv SHA-256 AES", func(o *Options) { o.User, o.AuthPassphrase, o.PrivPassphrase = testUser, testAuth, testPriv }, ""},
		{"authPriv MD5 DES", func(o *Options) {
			o.User, o.AuthProtocol, o.AuthPassphrase, o.PrivProtocol, o.PrivPassphrase = "old", "MD5", testAuth, "DES", testPriv
		}, ""},
		{"authNoPriv SHA", func(o *Options) { o.User, o.AuthProtocol, o.AuthPassphrase = "plain", "SHA", testAuth }, ""},
		{"noAuth", func(o *Options) { o.User = "open" }, ""},
		{"unknown user", func(o *Options) { o.User = "nobody" }, "user"},
		{"wrong passphrase", func(o *Options) { o.User, o.AuthPassphrase, o.PrivPassphrase = testUser, "not-the-one-1", testPriv }, "authentication"},
		{"wrong community", func(o *Options) { o.Community, o.Timeout = "sesame-1234", 200*time.Millisecond }, "no answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := base
			c.set(&o)
			m, err := New(t.Context(), o)
			if c.says == "" {
				require.NoError(t, err)
				t.Cleanup(func() { _ = m.Close() })
				require.InDelta(t, 55, readings(t, m)["pdu.rack.power"].Value, 0)
				return
			}
			var gone *meters.Missing
			require.ErrorAs(t, err, &gone)
			require.Contains(t, gone.Why, c.says)
			require.NotEmpty(t, gone.Mend)
			for _, secret := range []string{testAuth, testPriv, "not-the-one-1", "sesame-1234"} {
				require.NotContains(t, gone.Why+gone.Mend+err.Error(), secret)
			}
		})
	}
}

func TestNothingThereIsMissing(t *testing.T) {
	t.Parallel()
	o := access("2c", "127.0.0.1:9")
	o.Timeout = 200 * time.Millisecond
	_, err := New(t.Context(), o)
	var gone *meters.Missing
	require.ErrorAs(t, err, &gone)
	require.NotEmpty(t, gone.Mend)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = New(ctx, o)
	require.Error(t, err)
}
