package plug

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
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

const secret = "hunter2&more=1"

func opened(t testing.TB, opts Options) *Meter {
	t.Helper()
	m, err := New(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// sample reads once and gives the readings by what they measure.
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

func TestConforms(t *testing.T) {
	for _, kind := range []string{ShellyGen1, ShellyGen2, "PM1", "EM1", Tasmota} {
		t.Run(kind, func(t *testing.T) {
			metertest.Run(t, func(t *testing.T) meters.Meter {
				return opened(t, serve(t, &device{kind: kind, powerW: 143, energyWh: 1170.2}))
			}, metertest.Without(metertest.CheckAllocations, "HTTP allocates"))
		})
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	for kind, c := range map[string]struct {
		want     map[string]float64
		steps    map[string]float64
		identity string
	}{
		ShellyGen1: {map[string]float64{"power": 143.2, "energy": 70212 * 60}, map[string]float64{"power": 0.01, "energy": 60}, "Shelly SHPLG-S AABBCCDDEEFF, switch 0"},
		ShellyGen2: {
			map[string]float64{"power": 143.2, "energy": 1170.2 * 3600, "voltage": 231.8, "current": 0.617},
			map[string]float64{"power": 0.1, "energy": 3.6},
			"Shelly SNPL-00112EU shellyplusplugs-aabbccddeeff AABBCCDDEEFF, switch 0",
		},
		"PM1":   {map[string]float64{"power": 143.2, "energy": 1170.2 * 3600, "voltage": 231.8, "current": 0.617}, nil, ""},
		"EM1":   {map[string]float64{"power": 143.2, "voltage": 234.9, "current": 2.598}, nil, ""},
		Tasmota: {map[string]float64{"power": 143, "energy": 1.170 * 3.6e6, "voltage": 229, "current": 0.662}, map[string]float64{"power": 1, "energy": 3600, "current": 0.001}, "Tasmota tasmota-5A9AE8 2C:3A:E8:5A:9A:E8, switch 0"},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			m := opened(t, serve(t, &device{kind: kind, powerW: 143.2, energyWh: 1170.2}))
			require.Equal(t, "plug.desk", m.Name())
			got := sample(t, m)
			require.Len(t, got, len(c.want))
			for name, want := range c.want {
				require.Equal(t, bench.ReadingOK, got[name].State)
				require.InDelta(t, want, got[name].Value, 1e-6*want, name)
			}
			for _, ch := range m.Channels() {
				require.Equal(t, bench.ScopeOutlet, ch.Scope)
				require.Equal(t, "plug.desk", ch.Device)
				require.True(t, ch.Simulated)
				require.Positive(t, ch.StampError)
				require.Contains(t, ch.Identity, c.identity)
				require.Equal(t, ch.Unit == bench.UnitJoule, ch.Counter)
				if want, ok := c.steps[strings.TrimPrefix(ch.Name, "plug.desk.")]; ok {
					require.InDelta(t, want, ch.Resolution, 1e-9*want, ch.Name)
				}
			}
		})
	}
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{ShellyGen1, ShellyGen2, Tasmota} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			d := &device{kind: kind, powerW: 10, energyWh: 1, password: secret}
			opts := serve(t, d)
			m := opened(t, opts)
			require.Equal(t, bench.ReadingOK, sample(t, m)["power"].State)
			d.set(func(d *device) { d.refused = 0 })
			for range 3 {
				require.Equal(t, bench.ReadingOK, sample(t, m)["power"].State)
			}
			require.Zero(t, d.refused, "the challenge is asked for once")
			d.set(func(d *device) { d.nonce = "2222222222" })
			require.Equal(t, bench.ReadingOK, sample(t, m)["power"].State, "a new nonce is taken up within one read")

			for _, wrong := range []string{"wrong", ""} {
				bad := opts
				bad.Password = wrong
				bad.Kind = kind
				_, err := New(t.Context(), bad)
				missing, ok := errors.AsType[*meters.Missing](err)
				require.True(t, ok, "%v", err)
				require.Contains(t, missing.Why, "refused the user or the password")
				require.Contains(t, missing.Mend, "password")
			}
			d.set(func(d *device) { d.password = "changed" })
			r := sample(t, m)["power"]
			require.Equal(t, bench.ReadingMissing, r.State)
			require.Equal(t, reasons()[reasonAuth], m.Reasons()[r.Reason])
		})
	}
	d := &device{kind: ShellyGen2, password: secret}
	opts := serve(t, d)
	opts.Password = ""
	opts.URL = strings.Replace(opts.URL, "http://", "http://admin:hunter2%26more=1@", 1)
	require.Equal(t, bench.ReadingOK, sample(t, opened(t, opts))["power"].State, "a password in the address is taken out of it")
}

func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	say := func(text string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
	}
	for name, c := range map[string]struct {
		kind   string
		answer func(http.ResponseWriter, *http.Request)
		state  bench.ReadingState
		reason uint8
	}{
		"empty":       {ShellyGen2, say(""), bench.ReadingMissing, reasonJSON},
		"garbage":     {ShellyGen2, say("<html>hello</html>"), bench.ReadingMissing, reasonJSON},
		"cut off":     {ShellyGen2, say(`{"apower":14`), bench.ReadingMissing, reasonJSON},
		"list":        {ShellyGen2, say(`[1,2]`), bench.ReadingMissing, reasonJSON},
		"no field":    {ShellyGen2, say(`{"id":0}`), bench.ReadingMissing, reasonField},
		"null":        {ShellyGen2, say(`{"apower":null}`), bench.ReadingMissing, reasonField},
		"text":        {ShellyGen2, say(`{"apower":"143"}`), bench.ReadingOutOfRange, reasonType},
		"bool":        {ShellyGen1, say(`{"power":true,"is_valid":true}`), bench.ReadingOutOfRange, reasonType},
		"negative":    {ShellyGen2, say(`{"apower":-3.5}`), bench.ReadingOutOfRange, reasonRange},
		"huge":        {ShellyGen2, say(`{"apower":1e308}`), bench.ReadingOutOfRange, reasonRange},
		"too huge":    {ShellyGen2, say(`{"apower":1e999}`), bench.ReadingOutOfRange, reasonRange},
		"chip failed": {ShellyGen2, say(`{"apower":0,"errors":["power_meter_failure"]}`), bench.ReadingMissing, reasonInvalid},
		"not valid":   {ShellyGen1, say(`{"power":0,"is_valid":false,"total":5}`), bench.ReadingMissing, reasonInvalid},
		"no sensor":   {Tasmota, say(`{"StatusSNS":{"Time":"2026"}}`), bench.ReadingMissing, reasonField},
		"wrong sns":   {Tasmota, say(`{"StatusSNS":7}`), bench.ReadingMissing, reasonField},
		"oversize":    {ShellyGen2, say(`{"apower":1,"x":"` + strings.Repeat("x", maxBody) + `"}`), bench.ReadingMissing, reasonTooLong},
		"error": {ShellyGen2, func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"code":-105}`, http.StatusInternalServerError)
		}, bench.ReadingMissing, reasonHTTP},
		"elsewhere": {ShellyGen2, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://192.0.2.1/steal", http.StatusFound)
		}, bench.ReadingMissing, reasonRedirect},
		"hangs up": {ShellyGen2, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, bench.ReadingMissing, reasonUnreachable},
		"md5": {ShellyGen2, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Digest qop="auth", realm="x", nonce="1", algorithm=MD5`)
			w.WriteHeader(http.StatusUnauthorized)
		}, bench.ReadingMissing, reasonAuth},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &device{kind: c.kind, powerW: 143, energyWh: 1}
			m := opened(t, serve(t, d))
			d.set(func(d *device) { d.instead = c.answer })
			r := sample(t, m)["power"]
			require.Equal(t, c.state, r.State)
			require.Equal(t, reasons()[c.reason], m.Reasons()[r.Reason])
			d.set(func(d *device) { d.instead = nil })
			require.Equal(t, bench.ReadingOK, sample(t, m)["power"].State, "it recovers")
		})
	}
}

func TestSeveralPhases(t *testing.T) {
	t.Parallel()
	body := []byte(`{"StatusSNS":{"ENERGY":{"Total":[1.5,2.5],"Power":[10,20],"Voltage":230,"Current":[0.1]}}}`)
	got := readTasmota(body, 1)
	require.InDelta(t, 20, got[power].value, 0)
	require.InDelta(t, 9e6, got[energy].value, 0)
	require.InDelta(t, 230, got[voltage].value, 0)
	require.Equal(t, bench.ReadingMissing, got[current].state)
	old := readTasmota([]byte(`{"StatusPWR":{"Total":0.520,"Power":27}}`), 0)
	require.InDelta(t, 27, old[power].value, 0)
}

func TestTimeoutIsAGap(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	d := &device{kind: ShellyGen2, powerW: 143}
	opts := serve(t, d)
	t.Cleanup(func() { close(release) })
	m := opened(t, opts)
	m.client.timeout = 20 * time.Millisecond
	d.set(func(d *device) {
		d.instead = func(_ http.ResponseWriter, r *http.Request) {
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
	err := m.Read(ctx, func() time.Duration { return 1 }, make([]bench.Reading, 4))
	require.ErrorIs(t, err, context.Canceled, "the caller's own end is no gap")
}

func TestNothingThere(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	address := gone.URL
	gone.Close()
	for _, kind := range []string{"", ShellyGen1, ShellyGen2, Tasmota} {
		for _, at := range []string{address, other.URL} {
			_, err := New(t.Context(), Options{Name: "a", Kind: kind, URL: at, Password: secret})
			missing, ok := errors.AsType[*meters.Missing](err)
			require.True(t, ok, "%v", err)
			require.NotEmpty(t, missing.Mend)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := New(ctx, Options{Name: "a", URL: other.URL})
	require.ErrorIs(t, err, context.Canceled)
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"no name":    {URL: "http://h"},
		"name":       {Name: "a.b", URL: "http://h"},
		"no url":     {Name: "a"},
		"scheme":     {Name: "a", URL: "ftp://u:" + "hunter2" + "@h"},
		"bad url":    {Name: "a", URL: "http://u:hunter2@[::1"},
		"kind":       {Name: "a", URL: "http://h", Kind: "wemo"},
		"switch":     {Name: "a", URL: "http://h", Switch: -1},
		"time":       {Name: "a", URL: "http://h", Timeout: -1},
		"user":       {Name: "a", URL: "http://h", User: "a\r\nb", Password: "hunter2"},
		"user in it": {Name: "a", URL: "http://a%22b:hunter2@h"},
	} {
		_, err := New(t.Context(), o)
		require.Equal(t, fault.Invalid, fault.KindOf(err), name)
		require.NotEmpty(t, fault.HintOf(err), name)
		require.NotContains(t, err.Error(), "hunter2", name)
	}
}

// leaky fails with an error that holds the whole address, as the library's do.
type leaky struct{}

func (leaky) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("dial %s: refused", r.URL)
}

func TestPasswordIsInNoError(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{ShellyGen1, ShellyGen2, Tasmota, ""} {
		_, err := open(t.Context(), Options{Name: "a", Kind: kind, URL: "http://admin:" + "hunter2" + "@192.0.2.7", Password: "hunter2&x"}, leaky{})
		require.Error(t, err)
		require.NotContains(t, err.Error(), "hunter2")
		missing, ok := errors.AsType[*meters.Missing](err)
		require.True(t, ok)
		require.NotContains(t, missing.Why+missing.Mend, "hunter2")
	}
	for _, r := range reasons() {
		require.NotContains(t, r, "%")
	}
}

func TestConnectionIsKept(t *testing.T) {
	t.Parallel()
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(&device{kind: ShellyGen2, powerW: 5})
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	m := opened(t, Options{Name: "a", URL: server.URL, Timeout: 10 * time.Second})
	for range 3 {
		require.Equal(t, bench.ReadingOK, sample(t, m)["power"].State)
	}
	require.Equal(t, int32(1), connections.Load())
}
