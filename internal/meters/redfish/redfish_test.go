package redfish

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "hunter2"

func sample(t testing.TB, m *Meter) map[string]bench.Reading {
	t.Helper()
	anchor := time.Now().Add(-time.Hour)
	dst := make([]bench.Reading, len(m.Channels()))
	require.NoError(t, m.Read(t.Context(), func() time.Duration { return time.Since(anchor) }, dst))
	byName := map[string]bench.Reading{}
	for i, c := range m.Channels() {
		byName[strings.TrimPrefix(c.Name, m.Name()+".")] = dst[i]
	}
	return byName
}

func channel(t testing.TB, m *Meter, name string) bench.Channel {
	t.Helper()
	for _, c := range m.Channels() {
		if c.Name == m.Name()+"."+name {
			return c
		}
	}
	t.Fatalf("no channel %s", name)
	return bench.Channel{}
}

func TestConforms(t *testing.T) {
	taken := "2026-11-20T10:00:00Z"
	for name, resources := range map[string]map[string]any{
		"environment metrics": with(collection("1"), environment("1")),
		"sensors":             with(collection("1"), sensed("1", &taken)),
		"power":               with(collection("1"), older("1", plainControl)),
	} {
		t.Run(name, func(t *testing.T) {
			metertest.Run(t, func(t *testing.T) meters.Meter {
				return opened(t, serve(t, &bmc{resources: resources, password: secret}))
			}, metertest.Without(metertest.CheckAllocations, "HTTP allocates"))
		})
	}
}

func TestEnvironmentMetrics(t *testing.T) {
	t.Parallel()
	m := opened(t, serve(t, &bmc{resources: with(collection("1"), environment("1"))}))
	got := sample(t, m)
	require.Len(t, got, 2)
	require.InDelta(t, 374.5, got["power"].Value, 1e-9)
	require.InDelta(t, 325.75*3.6e6, got["energy"].Value, 1e-3)
	power, energy := channel(t, m, "power"), channel(t, m, "energy")
	require.Equal(t, bench.ScopePSU, power.Scope)
	require.InDelta(t, 0.1, power.Resolution, 1e-12)
	require.InDelta(t, 36000, energy.Resolution, 1e-6)
	require.Equal(t, power.Device, energy.Device, "two views of one supply")
	require.Contains(t, power.PeriodBasis, "assumed")
	require.Contains(t, power.Method, "/redfish/v1/Chassis/1/EnvironmentMetrics")
	require.Contains(t, power.Identity, "92384634-2938-2342-8820-489239905423")
	require.Len(t, m.feeds, 1, "one request for both")
	require.Equal(t, 2500*time.Millisecond, m.Interval())
}

func TestSensorsTellTheirPeriod(t *testing.T) {
	t.Parallel()
	taken := "2026-11-20T10:00:00Z"
	b := &bmc{resources: with(collection("1"), sensed("1", &taken))}
	m := opened(t, serve(t, b))
	power, energy := channel(t, m, "power"), channel(t, m, "energy")
	require.Equal(t, 2*time.Second, power.UpdatePeriod)
	require.Contains(t, power.PeriodBasis, "SensingInterval")
	require.Equal(t, bench.SensorAveraged, power.Sensor)
	require.Equal(t, 4*time.Second, power.Window)
	require.InDelta(t, 0.025, power.RelAccuracy, 1e-9)
	require.Equal(t, time.Second, m.Interval())
	require.Equal(t, bench.SensorCounter, energy.Sensor)

	require.InDelta(t, 3265.75*3.6e6, sample(t, m)["energy"].Value, 1e-3, "the count over its life, which nobody resets")
	stale := sample(t, m)
	for name, r := range stale {
		require.Equal(t, bench.ReadingStale, r.State, name)
		require.Equal(t, reasons()[reasonOld], m.Reasons()[r.Reason])
	}
	b.set(func(*bmc) { taken = "2026-11-20T10:00:02Z" })
	require.Equal(t, bench.ReadingOK, sample(t, m)["power"].State, "the same value taken anew is a reading")
}

func TestOlderPower(t *testing.T) {
	t.Parallel()
	m := opened(t, serve(t, &bmc{resources: with(collection("1"), older("1", plainControl))}))
	require.InDelta(t, 344, sample(t, m)["power"].Value, 0)
	require.Equal(t, bench.SensorInstant, channel(t, m, "power").Sensor)
	require.Contains(t, channel(t, m, "power").Method, "PowerConsumedWatts")

	averaged := strings.Replace(plainControl, `"PowerConsumedWatts":344`, `"PowerConsumedWatts":null`, 1)
	m = opened(t, serve(t, &bmc{resources: with(collection("1"), older("1", averaged))}))
	require.InDelta(t, 319, sample(t, m)["power"].Value, 0)
	power := channel(t, m, "power")
	require.Equal(t, bench.SensorAveraged, power.Sensor)
	require.Equal(t, 30*time.Minute, power.Window)
	require.Contains(t, power.Method, "AverageConsumedWatts")
}

func TestWhichChassis(t *testing.T) {
	t.Parallel()
	two := with(collection("Self", "HGX_Chassis_0", "Fan"), environment("Self"), environment("HGX_Chassis_0"))
	opts := serve(t, &bmc{resources: two})
	_, err := New(t.Context(), opts)
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	require.ErrorContains(t, err, "Self, HGX_Chassis_0")
	opts.Chassis = "Self"
	require.Contains(t, channel(t, opened(t, opts), "power").Device, "/redfish/v1/Chassis/Self")

	require.Len(t, sample(t, opened(t, serve(t, &bmc{resources: with(collection("A", "Self"), environment("Self"))}))), 2, "the only one that tells power")
	for name, o := range map[string]Options{
		"tells none": serve(t, &bmc{resources: with(collection("1"))}),
		"no chassis": serve(t, &bmc{resources: with()}),
		"not there":  {Name: "bmc", URL: opts.URL, Fingerprint: opts.Fingerprint, Chassis: "X"},
		"Fan":        {Name: "bmc", URL: opts.URL, Fingerprint: opts.Fingerprint, Chassis: "Fan"},
		"zero watts": serve(t, &bmc{resources: with(collection("1"), older("1", `{"PowerConsumedWatts":0}`))}),
		"links away": serve(t, &bmc{resources: with(map[string]any{"/redfish/v1/Chassis": `{"Members":[{"@odata.id":"https://192.0.2.1/redfish/v1/Chassis/1"},{"@odata.id":"/redfish/../x"},7]}`})}),
	} {
		_, err := New(t.Context(), o)
		missing, ok := errors.AsType[*meters.Missing](err)
		require.True(t, ok, "%s: %v", name, err)
		require.NotEmpty(t, missing.Mend)
	}
}

func TestRackPDU(t *testing.T) {
	t.Parallel()
	opts := serve(t, &bmc{resources: with(rackPDU())})
	opts.PDU = "1"
	m := opened(t, opts)
	require.InDelta(t, 6438, sample(t, m)["power"].Value, 0)
	require.Equal(t, bench.ScopeInlet, channel(t, m, "power").Scope)

	opts.Outlets = []string{"A1", "A2"}
	m = opened(t, opts)
	got := sample(t, m)
	require.Len(t, got, 3, "an outlet without a counter has no such channel")
	require.InDelta(t, 197.4, got["outletA1.power"].Value, 0)
	require.InDelta(t, 36166*3.6e6, got["outletA1.energy"].Value, 0)
	require.InDelta(t, 181.2, got["outletA2.power"].Value, 0)
	require.Equal(t, bench.ScopeOutlet, channel(t, m, "outletA2.power").Scope)
	require.NotEqual(t, channel(t, m, "outletA1.power").Device, channel(t, m, "outletA2.power").Device)

	for _, o := range []Options{{PDU: "9"}, {PDU: "1", Outlets: []string{"B7"}}} {
		o.Name, o.URL, o.Fingerprint = "p", opts.URL, opts.Fingerprint
		_, err := New(t.Context(), o)
		_, ok := errors.AsType[*meters.Missing](err)
		require.True(t, ok, "%v", err)
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	b := &bmc{resources: with(collection("1"), environment("1")), password: secret}
	opts := serve(t, b)
	m, err := New(t.Context(), opts)
	require.NoError(t, err)
	require.Equal(t, 1, b.logins)
	_ = sample(t, m)
	require.Equal(t, 1, b.logins, "a session is kept")
	b.set(func(b *bmc) { b.token = "ended" })
	require.Equal(t, bench.ReadingOK, sample(t, m)["power"].State, "a session that has ended is opened anew within one read")
	require.Equal(t, 2, b.logins)
	require.Zero(t, b.basic)
	b.set(func(b *bmc) { b.password = "changed"; b.token = "ended" })
	r := sample(t, m)["power"]
	require.Equal(t, bench.ReadingMissing, r.State)
	require.Equal(t, reasons()[reasonAuth], m.Reasons()[r.Reason])
	b.set(func(b *bmc) { b.password = secret })
	require.Equal(t, bench.ReadingOK, sample(t, m)["power"].State)
	require.NoError(t, m.Close())
	require.Equal(t, 1, b.ended, "a BMC has few places for sessions")

	opts.Password = "wrong"
	_, err = New(t.Context(), opts)
	missing, ok := errors.AsType[*meters.Missing](err)
	require.True(t, ok, "%v", err)
	require.Contains(t, missing.Mend, "password")

	plain := &bmc{resources: with(collection("1"), environment("1")), password: secret, noSession: true}
	require.Equal(t, bench.ReadingOK, sample(t, opened(t, serve(t, plain)))["power"].State)
	require.Positive(t, plain.basic)
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	b := &bmc{resources: with(collection("1"), environment("1")), password: secret}
	opts := serve(t, b)
	pin := opts.Fingerprint
	opts.Fingerprint = ""
	_, err := New(t.Context(), opts)
	missing, ok := errors.AsType[*meters.Missing](err)
	require.True(t, ok, "%v", err)
	require.Contains(t, missing.Why, pin, "what there is to compare")
	require.Contains(t, missing.Mend, "fingerprint")

	opts.Fingerprint = strings.Repeat("ab", 32)
	_, err = New(t.Context(), opts)
	missing, ok = errors.AsType[*meters.Missing](err)
	require.True(t, ok, "%v", err)
	require.Contains(t, missing.Why, "another one")
	require.Zero(t, b.logins, "no password goes to a stranger")

	var colons []string
	for at := 0; at < len(pin); at += 2 {
		colons = append(colons, strings.ToUpper(pin[at:at+2]))
	}
	opts.Fingerprint = strings.Join(colons, ":")
	require.Equal(t, bench.ReadingOK, sample(t, opened(t, opts))["power"].State)
}

func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	say := func(text string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
	}
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		state  bench.ReadingState
		reason uint8
	}{
		"empty":    {say(""), bench.ReadingMissing, reasonJSON},
		"garbage":  {say("<html>"), bench.ReadingMissing, reasonJSON},
		"list":     {say("[]"), bench.ReadingMissing, reasonJSON},
		"no field": {say(`{"Id":"x"}`), bench.ReadingMissing, reasonField},
		"null":     {say(`{"PowerWatts":{"Reading":null}}`), bench.ReadingMissing, reasonField},
		"scalar":   {say(`{"PowerWatts":374}`), bench.ReadingMissing, reasonField},
		"text":     {say(`{"PowerWatts":{"Reading":"374"}}`), bench.ReadingOutOfRange, reasonType},
		"negative": {say(`{"PowerWatts":{"Reading":-1}}`), bench.ReadingOutOfRange, reasonRange},
		"huge":     {say(`{"PowerWatts":{"Reading":1e300}}`), bench.ReadingOutOfRange, reasonRange},
		"zero":     {say(`{"PowerWatts":{"Reading":0}}`), bench.ReadingOutOfRange, reasonZero},
		"disabled": {say(`{"PowerWatts":{"Reading":3,"Status":{"State":"UnavailableOffline"}}}`), bench.ReadingMissing, reasonDisabled},
		"oversize": {say(`{"x":"` + strings.Repeat("x", maxBody) + `"}`), bench.ReadingMissing, reasonTooLong},
		"error":    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, bench.ReadingMissing, reasonHTTP},
		"elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://192.0.2.1/redfish/v1/steal", http.StatusFound)
		}, bench.ReadingMissing, reasonRedirect},
		"loop":     {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, bench.ReadingMissing, reasonRedirect},
		"hangs up": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, bench.ReadingMissing, reasonUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &bmc{resources: with(collection("1"), environment("1"))}
			m := opened(t, serve(t, b))
			b.set(func(b *bmc) { b.instead = c.answer })
			r := sample(t, m)["power"]
			require.Equal(t, c.state, r.State)
			require.Equal(t, reasons()[c.reason], m.Reasons()[r.Reason])
			b.set(func(b *bmc) { b.instead = nil })
			require.Equal(t, bench.ReadingOK, sample(t, m)["power"].State, "it recovers")
		})
	}
}

func TestSlashesByRedirect(t *testing.T) {
	t.Parallel()
	inner := &bmc{resources: with(collection("1"), environment("1")), password: secret}
	opts := serve(t, inner)
	inner.set(func(b *bmc) {
		b.resources["/redfish/v1/Chassis/1/EnvironmentMetrics/"] = b.resources["/redfish/v1/Chassis/1"+metrics]
		b.instead = func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, metrics) {
				http.Redirect(w, r, r.URL.Path+"/", http.StatusPermanentRedirect)
				return
			}
			text, ok := b.resources[r.URL.Path].(string)
			if !ok {
				w.WriteHeader(http.StatusNotFound)
			}
			_, _ = w.Write([]byte(text))
		}
	})
	require.Equal(t, bench.ReadingOK, sample(t, opened(t, opts))["power"].State)
}

func TestTimeoutIsAGap(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	b := &bmc{resources: with(collection("1"), environment("1"))}
	m := opened(t, serve(t, b))
	t.Cleanup(func() { close(release) })
	m.client.timeout = 20 * time.Millisecond
	b.set(func(b *bmc) {
		b.instead = func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-release:
			}
		}
	})
	for name, r := range sample(t, m) {
		require.Equal(t, bench.ReadingMissing, r.State, name)
		require.Equal(t, reasons()[reasonTimeout], m.Reasons()[r.Reason])
	}
	m.client.timeout = time.Minute
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	require.ErrorIs(t, m.Read(ctx, func() time.Duration { return 1 }, make([]bench.Reading, 2)), context.Canceled)
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	pin := strings.Repeat("ab", 32)
	for name, o := range map[string]Options{
		"no name":        {URL: "https://h"},
		"no url":         {Name: "a"},
		"scheme":         {Name: "a", URL: "snmp://u:hunter2@h"},
		"bad url":        {Name: "a", URL: "https://u:hunter2@[::1"},
		"in the clear":   {Name: "a", URL: "http://u:hunter2@192.0.2.8"},
		"fingerprint":    {Name: "a", URL: "https://h", Fingerprint: "abcd"},
		"no hex":         {Name: "a", URL: "https://h", Fingerprint: strings.Repeat("zz", 32)},
		"chassis":        {Name: "a", URL: "https://h", Fingerprint: pin, Chassis: "../Managers"},
		"chassis, query": {Name: "a", URL: "https://h", Chassis: "1?x=1"},
		"both":           {Name: "a", URL: "https://h", Chassis: "1", PDU: "1"},
		"outlets alone":  {Name: "a", URL: "https://h", Outlets: []string{"A1"}},
		"time":           {Name: "a", URL: "https://h", Watch: -1},
	} {
		_, err := New(t.Context(), o)
		require.Equal(t, fault.Invalid, fault.KindOf(err), name)
		require.NotEmpty(t, fault.HintOf(err), name)
		require.NotContains(t, err.Error(), "hunter2", name)
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	address := gone.URL
	gone.Close()
	_, err := New(t.Context(), Options{Name: "a", URL: address, User: "ro", Password: secret})
	missing, ok := errors.AsType[*meters.Missing](err)
	require.True(t, ok, "%v", err)
	require.NotContains(t, missing.Why, secret)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = New(ctx, Options{Name: "a", URL: address})
	require.ErrorIs(t, err, context.Canceled)
}

func TestCharacterise(t *testing.T) {
	t.Parallel()
	taken := "2026-11-20T10:00:00Z"
	m := opened(t, serve(t, &bmc{resources: with(collection("1"), sensed("1", &taken))}))
	m.opts.Watch = time.Nanosecond
	require.NoError(t, m.Characterise(t.Context(), meters.NewClock().Now))
	require.Equal(t, 2*time.Second, channel(t, m, "power").UpdatePeriod, "what the sensor tells stands")
	require.Contains(t, channel(t, m, "energy").PeriodBasis, "watching did not tell")

	m = opened(t, serve(t, &bmc{resources: with(collection("1"), environment("1"))}))
	seen := make([][]bench.Reading, 2)
	for at := time.Duration(0); at < 60*time.Second; at += leastInterval { // renewed every 3 s
		step := float64(at / (3 * time.Second))
		seen[0] = append(seen[0], bench.Reading{At: at, Value: 300 + step})
		seen[1] = append(seen[1], bench.Reading{At: at, Value: 1e9})
	}
	before := m.Channels()
	m.learn(seen, 20*time.Millisecond)
	power := channel(t, m, "power")
	require.InDelta(t, 3, power.UpdatePeriod.Seconds(), 0.1)
	require.Equal(t, 20*time.Millisecond, power.StampError)
	require.InDelta(t, 1.5, m.Interval().Seconds(), 0.05)
	require.Equal(t, assumedPeriod, before[0].UpdatePeriod, "what was handed out does not change")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, m.Characterise(ctx, meters.NewClock().Now), context.Canceled)
	require.NoError(t, m.Close())
	require.Error(t, m.Characterise(t.Context(), meters.NewClock().Now))
}

// At rest a BMC's period is not seen; the stage that follows shows it, and what
// sensors tell themselves stands.
func TestPeriodIsLearntFromABusyStage(t *testing.T) {
	t.Parallel()
	b := &bmc{resources: with(collection("1"), environment("1"))}
	opts := serve(t, b)
	opts.Feed = "left"
	m := opened(t, opts)
	m.Learn()
	require.Contains(t, channel(t, m, "power").PeriodBasis, "assumed")
	dst := make([]bench.Reading, len(m.Channels()))
	for at := time.Duration(0); at < 3*time.Minute; at += time.Second { // renewed every 8 s
		b.set(func(b *bmc) {
			b.resources["/redfish/v1/Chassis/1"+metrics] = fmt.Sprintf(`{"PowerWatts":{"Reading":%d},"EnergykWh":{"Reading":325.75}}`, 300+int(at/(8*time.Second))%5)
		})
		require.NoError(t, m.Read(t.Context(), func() time.Duration { return at }, dst))
	}
	m.Learn()
	power := channel(t, m, "power")
	require.InDelta(t, 8, power.UpdatePeriod.Seconds(), 0.2, power.PeriodBasis)
	require.Contains(t, power.PeriodBasis, "earlier stages")
	require.Equal(t, "left", power.Feed)
	require.Contains(t, channel(t, m, "energy").PeriodBasis, "assumed")
	m.opts.Watch = time.Nanosecond
	require.NoError(t, m.Characterise(t.Context(), meters.NewClock().Now))
	require.Equal(t, power.UpdatePeriod, channel(t, m, "power").UpdatePeriod, "watching at rest takes nothing away")
}
