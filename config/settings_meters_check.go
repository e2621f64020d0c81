package config

import (
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The versions of SNMP.
const (
	snmpV1  = "v1"
	snmpV2c = "v2c"
	snmpV3  = "v3"
)

func knownVersions() []string { return []string{snmpV1, snmpV2c, snmpV3} }
func knownAuth() []string     { return []string{"md5", "sha", "sha-224", "sha-256", "sha-384", "sha-512"} }

func knownPriv() []string {
	return []string{"des", "aes", "aes-192", "aes-256", "aes-192-c", "aes-256-c"}
}

func knownObjectUnits() []string {
	return []string{"W", "kW", "mW", "J", "Wh", "kWh", "A", "mA", "V", "mV", "VA", "kVA", "1", "%"}
}
func knownObjectScopes() []string { return []string{"outlet", "inlet", "phase"} }
func knownPlugs() []string        { return []string{"shelly-gen1", "shelly-gen2", "tasmota"} }

var (
	oidPattern         = regexp.MustCompile(`^\.?[0-2](\.[0-9]{1,10})+$`)
	variablePattern    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)
	connectionPattern  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._/:-]{0,63}$`)
	meterPattern       = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)
	fingerprintPattern = regexp.MustCompile(`^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$`)
	chassisPattern     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)
)

const meterRule = "small letters, digits, dashes and underscores, at most 32"

// minPassphrase is what USM of SNMP v3 (RFC 3414) asks for.
const minPassphrase = 8

func (c checker) meterSettings(m MeterSettings) {
	c.number("meters.rapl.max_power_w", m.RAPL.MaxPowerW, 0, 1e5)
	for i, p := range m.PDUs {
		c.pdu(index("meters.pdus", i), p)
	}
	for i, p := range m.Plugs {
		path := index("meters.plugs", i)
		c.name(join(path, "name"), p.Name, meterPattern, meterRule)
		if p.Kind != "" {
			c.oneOf(join(path, "kind"), p.Kind, knownPlugs())
		}
		c.url(join(path, "url"), p.URL)
		c.secret(path, "password", "", p.PasswordFile, p.PasswordEnv)
		c.between(join(path, "switch"), p.Switch, 0, 63)
		c.pace(path, p.Timeout, p.Interval)
		c.feed(path, p.Feed)
	}
	for i, r := range m.Redfish {
		c.redfish(index("meters.redfish", i), r)
	}
	unique(c, "meters.pdus", "name", m.PDUs, func(p PDUSettings) string { return p.Name })
	unique(c, "meters.plugs", "name", m.Plugs, func(p PlugSettings) string { return p.Name })
	unique(c, "meters.redfish", "name", m.Redfish, func(r RedfishSettings) string { return r.Name })
}

func (c checker) redfish(path string, r RedfishSettings) {
	c.name(join(path, "name"), r.Name, meterPattern, meterRule)
	c.url(join(path, "url"), r.URL)
	c.secret(path, "password", "", r.PasswordFile, r.PasswordEnv)
	if r.Fingerprint != "" {
		c.name(join(path, "fingerprint"), r.Fingerprint, fingerprintPattern, "the SHA-256 of the certificate in 64 hex digits")
	}
	for _, one := range []struct{ key, id string }{{"chassis", r.Chassis}, {"pdu", r.PDU}} {
		if one.id != "" {
			c.name(join(path, one.key), one.id, chassisPattern, "an id as the device lists it")
		}
	}
	if here := join(path, "pdu"); r.PDU != "" && r.Chassis != "" && !c.found.broken(here) {
		c.found.add(here, "keep one of the two", "is given beside chassis")
	}
	here := join(path, "outlets")
	if len(r.Outlets) > 0 && r.PDU == "" && !c.found.broken(here) {
		c.found.add(here, "name the PDU, or take the outlets out", "are given without pdu")
	}
	for i, name := range r.Outlets {
		c.name(index(here, i), string(name), connectionPattern, "a number or the name that the device has for it")
	}
	unique(c, here, "", r.Outlets, func(n ConnectionName) string { return string(n) })
	c.pace(path, r.Timeout, r.Interval)
	c.feed(path, r.Feed)
}

// feed checks the name of a supply line.
func (c checker) feed(path string, feed ConnectionName) {
	if feed != "" {
		c.name(join(path, "feed"), string(feed), connectionPattern, "a number or the name that you have for the supply line")
	}
}

// pace checks how often and how long a meter over the network is asked.
func (c checker) pace(path string, timeout, interval time.Duration) {
	if timeout != 0 {
		c.span(join(path, "timeout"), timeout, 10*time.Millisecond, time.Minute)
	}
	if interval != 0 {
		c.span(join(path, "interval"), interval, 50*time.Millisecond, 10*time.Minute)
	}
}

func (c checker) pdu(path string, p PDUSettings) {
	c.name(join(path, "name"), p.Name, meterPattern, meterRule)
	c.agent(join(path, "address"), p.Address)
	c.oneOf(join(path, "version"), p.Version, knownVersions())
	c.snmpSecrets(path, p)
	if p.Profile != "" {
		c.name(join(path, "profile"), p.Profile, namePattern, nameRule)
	}
	if here := join(path, "objects"); len(p.Objects) > 0 && (p.Profile != "" || p.ProfileFile != "") && !c.found.broken(here) {
		c.found.add(here, "keep one of the two", "is given beside a profile")
	}
	if here := join(path, "profile_file"); p.ProfileFile != "" && p.Profile != "" && !c.found.broken(here) {
		c.found.add(here, "keep one of the two", "is given beside profile")
	}
	c.between(join(path, "unit"), p.Unit, 0, 1000)
	c.connections(path, p)
	c.number(join(path, "voltage_v"), p.VoltageV, 0, 1000)
	c.number(join(path, "power_factor"), p.PowerFactor, 0, 1)
	if here := join(path, "power_factor"); (p.VoltageV > 0) != (p.PowerFactor > 0) && !c.found.broken(here) {
		c.found.add(here, "state voltage_v and power_factor together, or neither",
			"and voltage_v make power of a current together, but only one of them is stated")
	}
	c.pace(path, p.Timeout, p.Interval)
	if p.Refresh != 0 {
		c.span(join(path, "refresh"), p.Refresh, 50*time.Millisecond, time.Hour)
	}
	c.feed(path, p.Feed)
	c.objects(join(path, "objects"), p.Objects)
}

// connections checks what of a device feeds the host.
func (c checker) connections(path string, p PDUSettings) {
	first := ""
	for _, list := range []struct {
		key   string
		names []ConnectionName
	}{{"outlets", p.Outlets}, {"inlets", p.Inlets}, {"phases", p.Phases}} {
		here := join(path, list.key)
		if c.found.given(here) {
			c.nonEmpty(here, len(list.names), "name one, or take the key out")
		}
		for i, name := range list.names {
			c.name(index(here, i), string(name), connectionPattern, "a number or the name that the device has for it")
		}
		unique(c, here, "", list.names, func(n ConnectionName) string { return string(n) })
		if len(list.names) == 0 || c.found.broken(here) {
			continue
		}
		if first != "" {
			c.found.add(here, "name the one kind that feeds this machine", "is given beside %s, and they overlap", first)
		}
		first = list.key
	}
}

func (c checker) objects(path string, objects []ObjectSettings) {
	for i, o := range objects {
		here := index(path, i)
		c.name(join(here, "name"), o.Name, meterPattern, meterRule)
		c.name(join(here, "oid"), o.OID, oidPattern, "an OID in numbers with its index, e.g. 1.3.6.1.4.1.318.1.1.12.1.16.0")
		c.oneOf(join(here, "unit"), o.Unit, knownObjectUnits())
		c.oneOf(join(here, "scope"), o.Scope, knownObjectScopes())
		c.above(join(here, "scale"), o.Scale, 1e9)
		c.number(join(here, "wrap_at"), o.WrapAt, 0, 1e18)
		c.number(join(here, "resolution"), o.Resolution, 0, 1e18)
		c.number(join(here, "floor"), o.Floor, 0, 1e18)
		c.number(join(here, "rel_accuracy"), o.RelAccuracy, 0, 1)
		if counter := join(here, "counter"); o.Counter && !o.Energy() && !c.found.broken(counter) {
			c.found.add(counter, "take it out, or write unit: Wh, kWh or J", "is true for %s, and only energy accumulates", shown(o.Unit))
		}
	}
	unique(c, path, "name", objects, func(o ObjectSettings) string { return o.Name })
}

// agent wants host or host:port.
func (c checker) agent(path, value string) {
	if c.found.broken(path) {
		return
	}
	host, port := value, ""
	if h, p, err := net.SplitHostPort(value); err == nil {
		host, port = h, p
	} else if strings.Count(value, ":") == 1 {
		host = "" // a colon without a port
	}
	number, err := strconv.Atoi(port)
	switch {
	case value == "" && !c.found.given(path):
		c.found.add(path, "add the address of its SNMP agent", "is missing, expected host or host:port")
	case host == "" || strings.ContainsAny(host, "/ @") || (port != "" && (err != nil || number < 1 || number > 65535)):
		c.found.add(path, "e.g. 192.0.2.5 or pdu3.example:161", "is %s, expected host or host:port", shown(value))
	}
}

// snmpSecrets checks that what the version needs is there, and nothing that it
// would ignore. No secret is repeated.
func (c checker) snmpSecrets(path string, p PDUSettings) {
	if c.found.broken(join(path, "version")) {
		return
	}
	community := c.secret(path, "community", p.Community, p.CommunityFile, p.CommunityEnv)
	auth := c.secret(path, "auth_passphrase", p.AuthPassphrase, p.AuthPassphraseFile, p.AuthPassphraseEnv)
	priv := c.secret(path, "priv_passphrase", p.PrivPassphrase, p.PrivPassphraseFile, p.PrivPassphraseEnv)
	if p.Version != snmpV3 {
		if here := join(path, "community"); !community && !c.found.broken(here) {
			c.found.add(here, "add community_file, community_env or community", "is missing, expected the community of SNMP %s", p.Version)
		}
		for _, only := range []struct {
			key   string
			given bool
		}{{"user", p.User != ""}, {"auth_protocol", p.AuthProtocol != ""}, {"auth_passphrase", auth}, {"priv_protocol", p.PrivProtocol != ""}, {"priv_passphrase", priv}} {
			if here := join(path, only.key); only.given && !c.found.broken(here) {
				c.found.add(here, "write version: v3, or take it out", "belongs to SNMP v3, and the version is %s", p.Version)
			}
		}
		return
	}
	if here := join(path, "community"); community && !c.found.broken(here) {
		c.found.add(here, "take it out, or write version: v2c", "belongs to SNMP v1 and v2c, and the version is v3")
	}
	c.name(join(path, "user"), p.User, userPattern, "the user's name, at most 32 characters")
	c.protocol(path, "auth", p.AuthProtocol, knownAuth(), auth, p.AuthPassphrase)
	c.protocol(path, "priv", p.PrivProtocol, knownPriv(), priv, p.PrivPassphrase)
	if here := join(path, "priv_protocol"); p.PrivProtocol != "" && p.AuthProtocol == "" && !c.found.broken(here) {
		c.found.add(here, "add auth_protocol and its passphrase", "is given without auth_protocol, which SNMP v3 does not know")
	}
}

var userPattern = regexp.MustCompile(`^[!-~]{1,32}$`)

// protocol checks that a protocol of v3 comes with its passphrase.
func (c checker) protocol(path, kind, protocol string, known []string, given bool, inline string) {
	proto, pass := join(path, kind+"_protocol"), join(path, kind+"_passphrase")
	if protocol != "" {
		c.oneOf(proto, protocol, known)
	}
	switch {
	case c.found.broken(proto) || c.found.broken(pass):
	case protocol != "" && !given:
		c.found.add(pass, "add "+kind+"_passphrase_file", "is missing, expected the passphrase of %s_protocol", kind)
	case protocol == "" && given:
		c.found.add(proto, "name it, e.g. "+known[len(known)/2], "is missing, but its passphrase is given")
	case inline != "" && len(inline) < minPassphrase:
		c.found.add(pass, "choose a longer one on the device", "has fewer than the %d characters that SNMP v3 asks for", minPassphrase)
	}
}

// secret checks that a secret comes from one place only, and tells whether it
// comes from any.
func (c checker) secret(path, key, inline, file, variable string) bool {
	ways := 0
	for _, way := range []string{inline, file, variable} {
		if way != "" {
			ways++
		}
	}
	if here := join(path, key); ways > 1 && !c.found.broken(here) {
		c.found.add(here, "keep one of them", "comes from more than one of text, _file and _env")
	}
	if variable != "" {
		c.name(join(path, key+"_env"), variable, variablePattern, "the name of an environment variable")
	}
	return ways > 0
}
