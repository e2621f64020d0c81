package app

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/config"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/meters/pdu"
)

func poolOf(s config.MeterSettings, variables map[string]string) *MeterPool {
	return NewMeterPool(MeterPoolOptions{Settings: s, LookupEnv: func(name string) (string, bool) {
		value, ok := variables[name]
		return value, ok
	}})
}

// Every setting of a PDU reaches its meter, with secrets from where they are.
func TestPDUSettingsReachTheMeter(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "auth")
	require.NoError(t, os.WriteFile(file, []byte("authpass12\n"), 0o600))
	p := poolOf(config.MeterSettings{}, map[string]string{"PRIV": "privpass12"})
	got, err := p.pduOptions("meters.pdus[0]", config.PDUSettings{
		Name: "a", Address: "h:1161", Version: "v3", User: "u", AuthProtocol: "sha-256", AuthPassphraseFile: file,
		PrivProtocol: "aes-192-c", PrivPassphraseEnv: "PRIV", Profile: "apc", ProfileFile: "f", Unit: 2,
		Outlets: []config.ConnectionName{"4"}, Inlets: []config.ConnectionName{"1"}, Phases: []config.ConnectionName{"L1"},
		VoltageV: 230, PowerFactor: 0.9, Timeout: time.Second, Interval: 2 * time.Second, Refresh: 3 * time.Second, Feed: "left", Simulated: true,
		Objects: []config.ObjectSettings{{Name: "e", OID: "1.3.6.1", Unit: "Wh", Scale: 10, Scope: "inlet", WrapAt: 5, Resolution: 1, Floor: 2, RelAccuracy: 0.1}},
	})
	require.NoError(t, err)
	require.Equal(t, pdu.Options{
		Name: "a", Address: "h:1161", Version: "3", User: "u", AuthProtocol: "SHA-256", AuthPassphrase: "authpass12",
		PrivProtocol: "AES-192-C", PrivPassphrase: "privpass12", Profile: "apc", ProfileFile: "f", Unit: 2,
		Outlets: []string{"4"}, Inlets: []string{"1"}, Phases: []string{"L1"}, VoltageV: 230, PowerFactor: 0.9,
		Timeout: time.Second, Interval: 2 * time.Second, Refresh: 3 * time.Second, Feed: "left", Simulated: true,
		Objects: []pdu.Object{{Name: "e", OID: "1.3.6.1", Unit: "Wh", Scale: 10, Scope: "inlet", Counter: true, WrapAt: 5, Resolution: 1, Floor: 2, RelAccuracy: 0.1}},
	}, got)
}

// What settings may say of a version and of protocols, the meter takes: the
// two lists are held together.
func TestPDUTakesEveryProtocol(t *testing.T) {
	t.Parallel()
	for _, auth := range []string{"md5", "sha", "sha-224", "sha-256", "sha-384", "sha-512"} {
		for _, priv := range []string{"des", "aes", "aes-192", "aes-256", "aes-192-c", "aes-256-c"} {
			p := poolOf(config.MeterSettings{PDUs: []config.PDUSettings{{
				Name: "a", Address: "127.0.0.1:1", Version: "v3", User: "u", AuthProtocol: auth, AuthPassphrase: "authpass12",
				PrivProtocol: priv, PrivPassphrase: "privpass12", Profile: "nonsense", Timeout: 10 * time.Millisecond,
			}}}, nil)
			_, _, err := p.Borrow(t.Context(), bench.MeterConfig{Wall: true}, nil)
			if err != nil {
				require.NotContains(t, err.Error(), "protocol", "%s %s", auth, priv)
			}
		}
	}
}

// A device that does not answer is missing; a setting that is wrong is an
// error that names its key.
func TestWallMetersThatAreAway(t *testing.T) {
	t.Parallel()
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	p := poolOf(config.MeterSettings{
		PDUs:    []config.PDUSettings{{Name: "a", Address: "127.0.0.1:1", Version: "v2c", Community: "hunter2", Timeout: 50 * time.Millisecond}},
		Plugs:   []config.PlugSettings{{Name: "b", Kind: "tasmota", URL: away.URL, Timeout: 200 * time.Millisecond}},
		Redfish: []config.RedfishSettings{{Name: "c", URL: away.URL, Timeout: 200 * time.Millisecond}},
	}, nil)
	open, missing, err := p.Borrow(t.Context(), bench.MeterConfig{Interval: time.Second, Wall: true}, nil)
	require.NoError(t, err)
	require.Empty(t, open)
	require.Len(t, missing, 3)
	for i, name := range []string{"pdu.a", "plug.b", "redfish.c"} {
		require.Equal(t, name, missing[i].Meter)
		require.True(t, IsWallMeter(missing[i].Meter))
		require.NotEmpty(t, missing[i].Mend)
		require.NotContains(t, missing[i].Error(), "hunter2")
	}
	require.False(t, IsWallMeter("nvml"))
	require.NoError(t, p.Close())

	for want, s := range map[string]config.MeterSettings{
		"meters.pdus[0].community_env: variable NONE is not set": {PDUs: []config.PDUSettings{{Name: "a", Address: "127.0.0.1:1", CommunityEnv: "NONE"}}},
		"meters.plugs[0].password_file: ":                        {Plugs: []config.PlugSettings{{Name: "b", URL: away.URL, PasswordFile: "/does/not/exist"}}},
		"meters.redfish[0]: ":                                    {Redfish: []config.RedfishSettings{{Name: "c", URL: "ftp://h"}}},
	} {
		_, _, err := poolOf(s, nil).Borrow(t.Context(), bench.MeterConfig{Wall: true}, nil)
		require.ErrorContains(t, err, want)
		require.Equal(t, fault.Invalid, fault.KindOf(err))
	}
}

// A plug in the settings is found, read and given back.
func TestPlugFromTheSettings(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"StatusSNS":{"Time":"2026-11-21T10:00:00","ENERGY":{"Total":12.345,"Power":61,"Voltage":230,"Current":0.27}}}`))
	}))
	defer server.Close()
	p := poolOf(config.MeterSettings{Plugs: []config.PlugSettings{{Name: "desk", Kind: "tasmota", URL: server.URL, Simulated: true, Feed: "desk left", Timeout: 10 * time.Second}}}, nil)
	open, missing, err := p.Borrow(t.Context(), bench.MeterConfig{Interval: time.Second, Wall: true}, nil)
	require.NoError(t, err)
	require.Empty(t, missing)
	require.Equal(t, []string{"plug.desk"}, names(open))
	dst := make([]bench.Reading, len(open[0].Channels()))
	require.NoError(t, open[0].Read(t.Context(), func() time.Duration { return time.Second }, dst))
	found := false
	for i, c := range open[0].Channels() {
		require.True(t, c.Simulated)
		if c.Unit == bench.UnitWatt {
			found = true
			require.Equal(t, "desk left", c.Feed)
			require.InDelta(t, 61, dst[i].Value, 1e-9)
		}
	}
	require.True(t, found)
	closeEach(t, open)
	require.NoError(t, p.Close())
}
