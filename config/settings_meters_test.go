package config

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/fault"
)

const wholeMeters = `meters:
  nvml: {library: /opt/nv/libnvidia-ml.so.1}
  rapl: {max_power_w: 350, sysfs: /host/sys}
  pdus:
    - name: rack3
      address: 192.0.2.10:1161
      community: hunter2-community
      unit: 2
      outlets: [4, "B 12"]
      voltage_v: 230
      power_factor: 0.95
      timeout: 800ms
      interval: 1s
      refresh: 2s
      feed: left
      objects:
        - {name: amps, oid: .1.3.6.1.4.1.318.1.1.12.2.3.1.1.2.1, unit: A, scale: 0.1}
    - {name: v3, address: "pdu.example", version: v3, user: bench, auth_protocol: sha-256, auth_passphrase: hunter2-auth,
       priv_protocol: aes, priv_passphrase: hunter2-priv, profile_file: own.yaml, phases: [1, L2], simulated: true}
  plugs:
    - {name: desk, kind: tasmota, url: "http://u:hunter2@192.0.2.7", password_file: /run/secrets/plug, switch: 1, feed: Left 1}
  redfish:
    - {name: bmc, url: "https://192.0.2.8", user: ro, password_env: BMC_PASSWORD, fingerprint: "` + fingerprint + `", chassis: "1", feed: left}
`

const fingerprint = "ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab"

func wantMeters() MeterSettings {
	return MeterSettings{
		NVML: NVMLSettings{Library: "/opt/nv/libnvidia-ml.so.1"},
		RAPL: RAPLSettings{MaxPowerW: 350, SysFS: "/host/sys"},
		PDUs: []PDUSettings{
			{
				Name: "rack3", Address: "192.0.2.10:1161", Version: snmpV2c, Community: "hunter2-community",
				Unit: 2, Outlets: []ConnectionName{"4", "B 12"}, VoltageV: 230, PowerFactor: 0.95, Timeout: 800 * time.Millisecond, Interval: time.Second, Refresh: 2 * time.Second, Feed: "left",
				Objects: []ObjectSettings{{Name: "amps", OID: ".1.3.6.1.4.1.318.1.1.12.2.3.1.1.2.1", Unit: "A", Scale: 0.1, Scope: "outlet"}},
			},
			{
				Name: "v3", Address: "pdu.example", Version: snmpV3, User: "bench", AuthProtocol: "sha-256", AuthPassphrase: "hunter2-auth",
				PrivProtocol: "aes", PrivPassphrase: "hunter2-priv", ProfileFile: "own.yaml", Phases: []ConnectionName{"1", "L2"}, Simulated: true,
			},
		},
		Plugs:   []PlugSettings{{Name: "desk", Kind: "tasmota", URL: "http://u:hunter2@192.0.2.7", PasswordFile: "/run/secrets/plug", Switch: 1, Feed: "Left 1"}},
		Redfish: []RedfishSettings{{Name: "bmc", URL: "https://192.0.2.8", User: "ro", PasswordEnv: "BMC_PASSWORD", Fingerprint: fingerprint, Chassis: "1", Feed: "left"}},
	}
}

// Every setting of a meter reaches the program as it was written, from the
// file and from variables, capital letters and dots included.
func TestMeterSettingsAreRead(t *testing.T) {
	t.Parallel()
	fromFile, _, err := Load(at(t, wholeMeters))
	require.NoError(t, err)
	require.Equal(t, wantMeters(), fromFile.Meters)

	_, pdus, _ := strings.Cut(wholeMeters, "  pdus:\n")
	pdus, _, _ = strings.Cut(pdus, "  plugs:")
	fromVariables, warnings, err := Load(at(t, "meters: {pdus: [{name: other, address: h, community: c}], rapl: {max_power_w: 1}}\n",
		"WATTSWEEP_METERS_PDUS="+pdus, "WATTSWEEP_METERS_NVML_LIBRARY=/opt/nv/libnvidia-ml.so.1", "WATTSWEEP_METERS_RAPL_MAX_POWER_W=350",
		"WATTSWEEP_METERS_RAPL_SYSFS=/host/sys",
		`WATTSWEEP_METERS_PLUGS=[{name: desk, kind: tasmota, url: "http://u:hunter2@192.0.2.7", password_file: /run/secrets/plug, switch: 1, feed: Left 1}]`,
		`WATTSWEEP_METERS_REDFISH=[{name: bmc, url: "https://192.0.2.8", user: ro, password_env: BMC_PASSWORD, fingerprint: "`+fingerprint+`", chassis: "1", feed: left}]`))
	require.NoError(t, err)
	require.Empty(t, warnings)
	require.Equal(t, wantMeters(), fromVariables.Meters)
}

func TestMeterSettingsRefuse(t *testing.T) {
	t.Parallel()
	pdu := func(rest string) string {
		return "meters: {pdus: [{name: p, address: h, " + rest + "}]}\n"
	}
	for name, c := range map[string]struct{ file, where, msg string }{
		"unknown key":        {pdu("comunity: hunter2"), "meters.pdus[0].comunity", "did you mean community?"},
		"no address":         {"meters: {pdus: [{name: p, community: hunter2}]}\n", "meters.pdus[0].address", "is missing"},
		"bad port":           {"meters: {pdus: [{name: p, address: \"h:x\", community: c}]}\n", "meters.pdus[0].address", "expected host or host:port"},
		"url as address":     {"meters: {pdus: [{name: p, address: \"http://h/\", community: c}]}\n", "meters.pdus[0].address", "expected host or host:port"},
		"twice":              {"meters: {pdus: [{name: p, address: h, community: c}, {name: p, address: i, community: c}]}\n", "meters.pdus[1].name", "is the same as meters.pdus[0]"},
		"no community":       {pdu("unit: 1"), "meters.pdus[0].community", "is missing"},
		"two communities":    {pdu("community: hunter2, community_file: f"), "meters.pdus[0].community", "more than one"},
		"community number":   {pdu("community: 773141990027153"), "meters.pdus[0].community", "expected text"},
		"version":            {pdu("version: v4, community: c"), "meters.pdus[0].version", "did you mean"},
		"v3 without user":    {pdu("version: v3"), "meters.pdus[0].user", "is missing"},
		"v3 with community":  {pdu("version: v3, user: u, community: hunter2"), "meters.pdus[0].community", "belongs to SNMP v1 and v2c"},
		"v2c with user":      {pdu("community: c, user: u"), "meters.pdus[0].user", "belongs to SNMP v3"},
		"auth, no secret":    {pdu("version: v3, user: u, auth_protocol: sha"), "meters.pdus[0].auth_passphrase", "is missing"},
		"secret, no auth":    {pdu("version: v3, user: u, auth_passphrase: hunter2hunter2"), "meters.pdus[0].auth_protocol", "is missing"},
		"short passphrase":   {pdu("version: v3, user: u, auth_protocol: sha, auth_passphrase: hunter2"), "meters.pdus[0].auth_passphrase", "fewer than the 8"},
		"priv without auth":  {pdu("version: v3, user: u, priv_protocol: aes, priv_passphrase: hunter2hunter2"), "meters.pdus[0].priv_protocol", "without auth_protocol"},
		"auth unknown":       {pdu("version: v3, user: u, auth_protocol: sha-265, auth_passphrase: hunter2hunter2"), "meters.pdus[0].auth_protocol", "did you mean sha-256?"},
		"bad variable":       {pdu("community_env: \"A B\""), "meters.pdus[0].community_env", "environment variable"},
		"outlets empty":      {pdu("community: c, outlets: []"), "meters.pdus[0].outlets", "is an empty list"},
		"outlet twice":       {pdu("community: c, outlets: [3, 3]"), "meters.pdus[0].outlets[1]", "is the same as"},
		"outlet as section":  {pdu("community: c, outlets: [{a: 1}]"), "meters.pdus[0].outlets[0]", "expected a number or a name"},
		"kinds mixed":        {pdu("community: c, outlets: [1], phases: [2]"), "meters.pdus[0].phases", "is given beside outlets"},
		"name":               {"meters: {pdus: [{name: Rack 3, address: h, community: c}]}\n", "meters.pdus[0].name", "small letters"},
		"objects, profile":   {pdu("community: c, profile: a, objects: [{name: a, oid: 1.3.6, unit: W}]"), "meters.pdus[0].objects", "is given beside a profile"},
		"counter of watts":   {pdu("community: c, objects: [{name: a, oid: 1.3.6, unit: W, counter: true}]"), "meters.pdus[0].objects[0].counter", "only energy accumulates"},
		"voltage alone":      {pdu("community: c, voltage_v: 230"), "meters.pdus[0].power_factor", "only one of them is stated"},
		"power factor":       {pdu("community: c, voltage_v: 230, power_factor: 95"), "meters.pdus[0].power_factor", "expected 0 to 1"},
		"interval":           {pdu("community: c, interval: 1ms"), "meters.pdus[0].interval", "expected 50ms to 10m"},
		"refresh":            {pdu("community: c, refresh: 2h"), "meters.pdus[0].refresh", "expected 50ms to 1h"},
		"feed":               {pdu("community: c, feed: \"left\\nright\""), "meters.pdus[0].feed", "a number or the name"},
		"feed of a plug":     {"meters: {plugs: [{name: a, url: \"http://h\", feed: \"%\"}]}\n", "meters.plugs[0].feed", "a number or the name"},
		"feed of a BMC":      {"meters: {redfish: [{name: a, url: \"https://h\", feed: \"%\"}]}\n", "meters.redfish[0].feed", "a number or the name"},
		"profile twice":      {pdu("community: c, profile: a, profile_file: b"), "meters.pdus[0].profile_file", "is given beside profile"},
		"object without oid": {pdu("community: c, objects: [{name: a, unit: W}]"), "meters.pdus[0].objects[0].oid", "is missing"},
		"object oid":         {pdu("community: c, objects: [{name: a, oid: 1.3.x, unit: W}]"), "meters.pdus[0].objects[0].oid", "an OID in numbers"},
		"object unit":        {pdu("community: c, objects: [{name: a, oid: 1.3.6, unit: dBm}]"), "meters.pdus[0].objects[0].unit", "expected one of W, kW"},
		"object scale":       {pdu("community: c, objects: [{name: a, oid: 1.3.6, unit: W, scale: 0}]"), "meters.pdus[0].objects[0].scale", "expected above 0"},
		"plug kind":          {"meters: {plugs: [{name: a, kind: shelly, url: \"http://h\"}]}\n", "meters.plugs[0].kind", "expected one of"},
		"plug url":           {"meters: {plugs: [{name: a, kind: tasmota, url: \"u:hunter2@h\"}]}\n", "meters.plugs[0].url", "expected the address"},
		"plug password":      {"meters: {plugs: [{name: a, kind: tasmota, url: \"http://h\", password: hunter2}]}\n", "meters.plugs[0].password", "is not a known key"},
		"fingerprint":        {"meters: {redfish: [{name: a, url: \"https://h\", fingerprint: abc}]}\n", "meters.redfish[0].fingerprint", "64 hex digits"},
		"outlets, no PDU":    {"meters: {redfish: [{name: a, url: \"https://h\", outlets: [1]}]}\n", "meters.redfish[0].outlets", "without pdu"},
		"PDU and chassis":    {"meters: {redfish: [{name: a, url: \"https://h\", pdu: \"1\", chassis: \"1\"}]}\n", "meters.redfish[0].pdu", "beside chassis"},
		"rapl":               {"meters: {rapl: {max_power_w: -5}}\n", "meters.rapl.max_power_w", "expected 0 to 100000"},
		"passphrase as list": {pdu("version: v3, user: u, auth_protocol: sha, auth_passphrase: [hunter2]"), "meters.pdus[0].auth_passphrase", "expected text"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := Load(at(t, c.file))
			requireRefusal(t, err)
			require.ErrorContains(t, err, "line 1: "+c.where+": ")
			require.ErrorContains(t, err, c.msg)
			require.NotContains(t, err.Error(), "hunter2", "a refusal repeats no secret")
			require.NotContains(t, err.Error(), "773141990027153", "a refusal repeats no secret")
		})
	}
	_, _, err := Load(at(t, "", "WATTSWEEP_METERS_RAPL_MAX_POWER_W=much"))
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	require.ErrorContains(t, err, "WATTSWEEP_METERS_RAPL_MAX_POWER_W: is \"much\", expected a number")
	_, _, err = Load(at(t, "", "WATTSWEEP_METERS_PDUS=[{nam: a}]"))
	require.ErrorContains(t, err, "WATTSWEEP_METERS_PDUS: meters.pdus[0].nam: is not a known key; did you mean name?")
}

func TestMeterSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	s, _, err := Load(at(t, wholeMeters))
	require.NoError(t, err)
	shown := s.Redacted()
	require.NotContains(t, strings.Join(texts(reflect.ValueOf(shown)), "\n"), "hunter2")
	require.Equal(t, redacted, shown.Meters.PDUs[0].Community)
	require.Equal(t, "192.0.2.10:1161", shown.Meters.PDUs[0].Address)
	require.Equal(t, "/run/secrets/plug", shown.Meters.Plugs[0].PasswordFile, "where a secret lies is none")
	require.Equal(t, wantMeters(), s.Meters, "the original stays")
}

// A key that is named like a secret is tagged as one, so that no new secret
// is forgotten.
func TestSecretsAreTagged(t *testing.T) {
	t.Parallel()
	tagged := 0
	for _, kind := range settingTypes() {
		for _, f := range fieldsOf(kind) {
			if f.key == "dsn" || kind.Field(f.index).Type.Kind() != reflect.String {
				continue // redactDSN
			}
			tag := kind.Field(f.index).Tag.Get("secret") != ""
			require.Equal(t, isSecret(f.key), tag, "%s.%s", kind.Name(), f.key)
			if tag {
				tagged++
			}
		}
	}
	require.Equal(t, 3, tagged)
}

// texts collects every text inside a value.
func texts(v reflect.Value) []string {
	switch v.Kind() {
	case reflect.String:
		return []string{v.String()}
	case reflect.Struct:
		var all []string
		for _, field := range v.Fields() {
			all = append(all, texts(field)...)
		}
		return all
	case reflect.Slice:
		var all []string
		for i := range v.Len() {
			all = append(all, texts(v.Index(i))...)
		}
		return all
	}
	return nil
}
