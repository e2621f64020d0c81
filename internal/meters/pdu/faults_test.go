package pdu

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
	"github.com/wattsweep/wattsweep/test/snmpagent"
)

// The rPDU2 outlet objects that these tests play with.
const (
	rPDU2       = enterprises + "318.1.1.26."
	outletW     = rPDU2 + "9.4.3.1.7."
	outletA     = rPDU2 + "9.4.3.1.6."
	outletKWh   = rPDU2 + "9.4.3.1.11."
	outletState = rPDU2 + "9.2.3.1.5."
	deviceKW    = rPDU2 + "4.3.1.5.1"
)

// twoOutlets is an APC with a host on outlets 3 and 4.
func twoOutlets() []snmpagent.Object {
	return []snmpagent.Object{
		object1(deviceKW, "integer", "53"),
		object1(outletW+"3", "integer", "212"), object1(outletW+"4", "integer", "230"),
		object1(outletA+"3", "integer", "9"), object1(outletA+"4", "integer", "10"),
		object1(outletKWh+"3", "integer", "87"), object1(outletKWh+"4", "integer", "90"),
		object1(outletState+"3", "integer", "2"), object1(outletState+"4", "integer", "2"),
	}
}

func apc(t *testing.T, version string) (*snmpagent.Agent, Options) {
	t.Helper()
	agent := snmpagent.Start(t, snmpagent.Config{ObjectID: enterprises + "318.1.3.4.6", Objects: twoOutlets(), Users: users()})
	o := access(version, agent.Address)
	o.Outlets = []string{"3", "4"}
	return agent, o
}

func TestTwoOutletsAreSummed(t *testing.T) {
	t.Parallel()
	agent, o := apc(t, "2c")
	m := open(t, o)
	got := readings(t, m)
	require.InDelta(t, 442, got["pdu.rack.power"].Value, 1e-9)
	require.InDelta(t, 212, got["pdu.rack.outlet3.power"].Value, 1e-9)
	require.InEpsilon(t, 17.7*3.6e6, got["pdu.rack.energy"].Value, 1e-9)
	require.InDelta(t, 0.9, got["pdu.rack.outlet3.current"].Value, 1e-9)
	for _, c := range m.Channels() {
		require.Empty(t, metertest.Inconsistent(c), c.Name)
		switch c.Name {
		case "pdu.rack.outlet3.power", "pdu.rack.outlet4.power":
			require.Equal(t, "pdu.rack.power", c.PartOf)
			require.InDelta(t, 115, c.Floor, 1e-9)
			require.Contains(t, c.FloorBasis, "FA156074")
		case "pdu.rack.power":
			require.Empty(t, c.PartOf)
			require.InDelta(t, 230, c.Floor, 1e-9)
		}
	}
	require.Equal(t, []string{"3", "4"}, m.Describe().Outlets)

	agent.Remove(outletW + "4")
	got = readings(t, m)
	sum := got["pdu.rack.power"]
	require.Equal(t, bench.ReadingMissing, sum.State, "never a part sum")
	require.Contains(t, why(m, sum), "outlet 4")
	require.Contains(t, why(m, sum), whyNoObject)
	require.Equal(t, bench.ReadingOK, got["pdu.rack.outlet3.power"].State)
	require.Equal(t, bench.ReadingOK, got["pdu.rack.energy"].State)
}

func TestV1RefusesOneObjectNotAll(t *testing.T) {
	t.Parallel()
	agent, o := apc(t, "1")
	m := open(t, o)
	agent.Remove(outletW + "3")
	agent.Remove(outletA + "4")
	got := readings(t, m)
	require.Equal(t, bench.ReadingMissing, got["pdu.rack.outlet3.power"].State)
	require.Equal(t, whyNoObject, why(m, got["pdu.rack.outlet3.power"]))
	require.Equal(t, bench.ReadingMissing, got["pdu.rack.outlet4.current"].State)
	require.InDelta(t, 230, got["pdu.rack.outlet4.power"].Value, 1e-9)
}

func TestBelowTheFloorIsNotZero(t *testing.T) {
	t.Parallel()
	agent, o := apc(t, "2c")
	m := open(t, o)
	agent.Set(object1(outletW+"3", "integer", "0"))
	agent.Set(object1(outletA+"3", "integer", "0"))
	got := readings(t, m)
	for _, name := range []string{"pdu.rack.outlet3.power", "pdu.rack.outlet3.energy", "pdu.rack.power", "pdu.rack.energy"} {
		require.Equal(t, bench.ReadingOutOfRange, got[name].State, name)
		require.Contains(t, why(m, got[name]), "below the floor of the device", name)
	}
	agent.Set(object1(outletState+"3", "integer", "1"))
	got = readings(t, m)
	require.Equal(t, bench.ReadingOK, got["pdu.rack.outlet3.power"].State, "an outlet that is off does draw 0 W")
	require.InDelta(t, 230, got["pdu.rack.power"].Value, 1e-9)
}

func TestGarbageIsNoFigure(t *testing.T) {
	t.Parallel()
	agent, o := apc(t, "2c")
	m := open(t, o)
	for _, c := range []struct {
		kind, value string
		state       bench.ReadingState
	}{
		{"string", "212 W", bench.ReadingOutOfRange},
		{"string", "212", bench.ReadingOK},
		{"string", strings.Repeat("9", 900), bench.ReadingOutOfRange},
		{"timeticks", "212", bench.ReadingOutOfRange},
		{"ipaddress", "10.0.0.1", bench.ReadingOutOfRange},
		{"objectid", ".1.3.6.1", bench.ReadingOutOfRange},
		{"counter64", "18446744073709551615", bench.ReadingOutOfRange},
		{"gauge", "4294967295", bench.ReadingMissing},
		{"integer", "-1", bench.ReadingMissing},
		{"integer", "-2147483648", bench.ReadingMissing},
	} {
		agent.Set(object1(outletW+"3", c.kind, c.value))
		got := readings(t, m)
		r := got["pdu.rack.outlet3.power"]
		require.Equal(t, c.state, r.State, "%s %.20s: %s", c.kind, c.value, why(m, r))
		if c.state != bench.ReadingOK {
			require.NotEqual(t, bench.ReadingOK, got["pdu.rack.power"].State)
			require.NotEmpty(t, why(m, r))
		}
		require.Equal(t, bench.ReadingOK, got["pdu.rack.outlet4.power"].State)
	}
}

func TestPowerAboveVoltAmpereIsOutOfRange(t *testing.T) {
	t.Parallel()
	agent := snmpagent.Start(t, snmpagent.Config{ObjectID: enterprises + "534.6.6.7", Objects: eaton("212", "941", "231600", "973", "218")})
	o := access("2c", agent.Address)
	o.Outlets = []string{"1"}
	m := open(t, o)
	require.Equal(t, bench.ReadingOK, readings(t, m)["pdu.rack.power"].State)
	require.Empty(t, m.Doubts())
	for _, c := range eaton("212", "941", "231600", "500", "218") {
		agent.Set(c)
	}
	require.Equal(t, bench.ReadingOK, readings(t, m)["pdu.rack.power"].State)
	require.Len(t, m.Doubts(), 1)
	require.Contains(t, m.Doubts()[0], "power factor")
	for _, c := range [][]snmpagent.Object{eaton("2120", "941", "231600", "973", "9999"), eaton("212", "941", "231600", "973", "100")} {
		for _, one := range c {
			agent.Set(one)
		}
		r := readings(t, m)["pdu.rack.power"]
		require.Equal(t, bench.ReadingOutOfRange, r.State)
		require.Contains(t, why(m, r), "power exceeds")
	}
}

func eaton(w, mA, mV, pf, va string) []snmpagent.Object {
	const base = enterprises + "534.6.6.7.6."
	return []snmpagent.Object{
		object1(base+"5.1.3.0.1", "integer", w), object1(base+"4.1.3.0.1", "integer", mA), object1(base+"3.1.2.0.1", "integer", mV),
		object1(base+"5.1.6.0.1", "integer", pf), object1(base+"5.1.2.0.1", "integer", va),
	}
}

func TestOutletsAboveTheirInletAreDoubted(t *testing.T) {
	t.Parallel()
	agent, o := apc(t, "2c")
	m := open(t, o)
	readings(t, m)
	require.Empty(t, m.Doubts())
	agent.Set(object1(deviceKW, "integer", "20"))
	readings(t, m)
	require.Len(t, m.Doubts(), 1)
	require.Contains(t, m.Doubts()[0], "inlet")
}

func TestStallIsAGapAndTheMeterLivesOn(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"2c", "3"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			agent, o := apc(t, version)
			o.Timeout = 500 * time.Millisecond
			m, err := New(t.Context(), o)
			require.NoError(t, err)
			t.Cleanup(func() { _ = m.Close() })
			agent.Stall(true)
			for _, r := range readings(t, m) {
				require.Equal(t, bench.ReadingMissing, r.State)
				require.Contains(t, why(m, r), "no answer")
			}
			agent.Stall(false)
			eventually(t, m)
		})
	}
}

// eventually reads until the device answers again.
func eventually(t *testing.T, m *Meter) {
	t.Helper()
	var r bench.Reading
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		if r = readings(t, m)["pdu.rack.power"]; r.State == bench.ReadingOK {
			return
		}
	}
	t.Fatalf("the meter does not come back: %s", why(m, r))
}

func TestAgentIsKilledAndComesBack(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"1", "2c", "3"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			agent, o := apc(t, version)
			o.Timeout = 500 * time.Millisecond
			m, err := New(t.Context(), o)
			require.NoError(t, err)
			t.Cleanup(func() { _ = m.Close() })
			agent.Kill()
			for _, r := range readings(t, m) {
				require.Equal(t, bench.ReadingMissing, r.State)
				require.NotEmpty(t, why(m, r))
			}
			agent.Restart()
			eventually(t, m)
		})
	}
}

func TestLostPacketsAreGaps(t *testing.T) {
	t.Parallel()
	agent, o := apc(t, "2c")
	var lossy atomic.Bool
	o.Address = snmpagent.Lossy(t, agent.Address, func(n int, answer bool) bool { return lossy.Load() && n%3 == 0 && answer })
	o.Timeout = 300 * time.Millisecond
	m := open(t, o)
	lossy.Store(true)
	good, lost := 0, 0
	for range 12 {
		switch r := readings(t, m)["pdu.rack.power"]; r.State {
		case bench.ReadingOK:
			good++
			require.InDelta(t, 442, r.Value, 1e-9)
		case bench.ReadingMissing:
			lost++
		default:
			t.Fatalf("state %s: %s", r.State, why(m, r))
		}
	}
	require.GreaterOrEqual(t, lost, 4)
	require.GreaterOrEqual(t, good, 2)
}

// ownProfile writes a profile of the user's own whose counter wraps at 1000.
func ownProfile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "mine.yaml")
	require.NoError(t, os.WriteFile(file, []byte(plainProfile), 0o600))
	return file
}

func TestWrapAndReset(t *testing.T) {
	t.Parallel()
	const count, watt = enterprises + "99999.2.1", enterprises + "99999.1.1"
	agent := snmpagent.Start(t, snmpagent.Config{Objects: []snmpagent.Object{object1(watt, "gauge", "5"), object1(count, "counter", "960")}})
	o := access("2c", agent.Address)
	o.ProfileFile = ownProfile(t)
	m := open(t, o)
	for _, c := range []struct {
		raw   int
		state bench.ReadingState
	}{{960, bench.ReadingOK}, {990, bench.ReadingOK}, {8, bench.ReadingWrapped}, {500, bench.ReadingOK}, {3, bench.ReadingReset}, {9, bench.ReadingOK}} {
		agent.Set(object1(count, "counter", strconv.Itoa(c.raw)))
		r := readings(t, m)["pdu.rack.energy"]
		require.Equal(t, c.state, r.State, c.raw)
		require.InDelta(t, float64(c.raw)*3600, r.Value, 1e-6)
	}
	require.InDelta(t, 3.6e6, m.Channels()[1].WrapAt, 1e-6, "the range is in J")
}

func TestRaritanTellsRepeatedValues(t *testing.T) {
	t.Parallel()
	const at = enterprises + "13742.6."
	stamp := at + "5.2.3.1.5.1.1.5"
	agent := snmpagent.Start(t, snmpagent.Config{ObjectID: enterprises + "13742.6", Objects: []snmpagent.Object{
		object1(at+"5.2.3.1.4.1.1.5", "gauge", "1384"), object1(at+"3.3.4.1.7.1.1.5", "gauge", "1"),
		object1(at+"5.2.3.1.2.1.1.5", "integer", "1"), object1(stamp, "gauge", "1700000000"),
	}})
	m := open(t, access("2c", agent.Address))
	r := readings(t, m)["pdu.rack.power"]
	require.Equal(t, bench.ReadingOK, r.State)
	require.InDelta(t, 138.4, r.Value, 1e-9)
	r = readings(t, m)["pdu.rack.power"]
	require.Equal(t, bench.ReadingStale, r.State)
	require.Equal(t, whyStale, why(m, r))
	agent.Set(object1(stamp, "gauge", "1700000003"))
	require.Equal(t, bench.ReadingOK, readings(t, m)["pdu.rack.power"].State)
	agent.Set(object1(at+"5.2.3.1.2.1.1.5", "integer", "2"))
	r = readings(t, m)["pdu.rack.power"]
	require.Equal(t, bench.ReadingMissing, r.State)
	require.Equal(t, whySensorOff, why(m, r))
}

func TestAmperesBecomeWattsOnlyWhenStated(t *testing.T) {
	t.Parallel()
	const thesis = enterprises + "318.1.1.12.2.3.1.1.2.1"
	agent := snmpagent.Start(t, snmpagent.Config{ObjectID: enterprises + "318.1.3.4.5", Objects: []snmpagent.Object{object1(thesis, "gauge", "23")}})
	o := access("1", agent.Address)
	m := open(t, o)
	require.Len(t, m.Channels(), 1)
	require.InDelta(t, 2.3, readings(t, m)["pdu.rack.current"].Value, 1e-9)
	o.VoltageV, o.PowerFactor = 230, 0.95
	m = open(t, o)
	require.InEpsilon(t, 2.3*230*0.95, readings(t, m)["pdu.rack.power"].Value, 1e-12)
	c := m.Channels()[0]
	require.True(t, c.Estimated)
	require.Contains(t, c.Method, "current × 230 V stated × power factor 0.95 stated")
	require.InDelta(t, 230*0.95, c.Floor, 1e-9)
	agent.Set(object1(thesis, "gauge", "0"))
	require.Equal(t, bench.ReadingOutOfRange, readings(t, m)["pdu.rack.power"].State)
}

func TestWrongSettingsAreRefused(t *testing.T) {
	t.Parallel()
	good := Options{Name: "rack", Address: "127.0.0.1", Community: "x"}
	for _, c := range []struct {
		name, says string
		set        func(*Options)
	}{
		{"name", "name", func(o *Options) { o.Name = "Rack 3" }},
		{"address", "address", func(o *Options) { o.Address = "a b" }},
		{"port", "address", func(o *Options) { o.Address = "host:99999" }},
		{"version", "version", func(o *Options) { o.Version = "4" }},
		{"community", "community", func(o *Options) { o.Community = "" }},
		{"user", "user", func(o *Options) { o.Version = "3" }},
		{"short passphrase", "auth_passphrase", func(o *Options) { o.User, o.AuthPassphrase = "u", "short" }},
		{"privacy alone", "auth_passphrase", func(o *Options) { o.User, o.PrivPassphrase = "u", "long-enough" }},
		{"protocol", "auth_protocol", func(o *Options) { o.User, o.AuthProtocol = "u", "ROT13" }},
		{"cipher", "priv_protocol", func(o *Options) { o.User, o.PrivProtocol = "u", "ROT13" }},
		{"voltage alone", "voltage_v", func(o *Options) { o.VoltageV = 230 }},
		{"mixed", "outlets", func(o *Options) { o.Outlets, o.Inlets = []string{"1"}, []string{"1"} }},
		{"two profiles", "profile", func(o *Options) { o.Profile, o.ProfileFile = "a", "b" }},
		{"object", "objects[0].oid", func(o *Options) { o.Objects = []Object{{Name: "a", OID: "x", Unit: "W"}} }},
		{"object unit", "objects[0].unit", func(o *Options) { o.Objects = []Object{{Name: "a", OID: "1.3.6.1", Unit: "hp"}} }},
		{"object counter", "objects[0].counter", func(o *Options) { o.Objects = []Object{{Name: "a", OID: "1.3.6.1", Unit: "Wh"}} }},
	} {
		o := good
		c.set(&o)
		_, err := New(t.Context(), o)
		require.ErrorContains(t, err, c.says, c.name)
		require.Equal(t, fault.Invalid, fault.KindOf(err), c.name)
		require.NotContains(t, err.Error(), "long-enough")
	}
}

func TestWhatIsNotThereIsRefused(t *testing.T) {
	t.Parallel()
	_, o := apc(t, "2c")
	for _, c := range []struct {
		says string
		set  func(*Options)
	}{
		{"outlet 99", func(o *Options) { o.Outlets = []string{"99"} }},
		{"named twice", func(o *Options) { o.Outlets = []string{"3", "3"} }},
		{"unknown", func(o *Options) { o.Profile = "acme" }},
		{"read PDU profile", func(o *Options) { o.ProfileFile = "not-there.yaml" }},
		{"left", func(o *Options) {
			o.Outlets, o.Objects = nil, []Object{{Name: "left", OID: enterprises + "318.1.1.26.77", Unit: "W"}}
		}},
	} {
		one := o
		c.set(&one)
		_, err := New(t.Context(), one)
		require.ErrorContains(t, err, c.says)
		require.Equal(t, fault.Invalid, fault.KindOf(err), c.says)
		var gone *meters.Missing
		require.NotErrorAs(t, err, &gone)
	}
}

func TestManyObjectsAreAskedInParts(t *testing.T) {
	t.Parallel()
	var objects []snmpagent.Object
	o := Options{}
	want := 0
	for i := range 3*maxChunk/2 + 1 {
		oid := enterprises + "99999.5." + strconv.Itoa(i+1)
		objects = append(objects, object1(oid, "gauge", strconv.Itoa(i)))
		o.Objects = append(o.Objects, Object{Name: "psu" + strconv.Itoa(i), OID: oid, Unit: "W"})
		want += i
	}
	agent := snmpagent.Start(t, snmpagent.Config{Objects: objects})
	for _, version := range []string{"1", "2c"} {
		one := access(version, agent.Address)
		one.Objects = o.Objects
		m := open(t, one)
		require.InDelta(t, want, readings(t, m)["pdu.rack.power"].Value, 1e-9)
	}
}
