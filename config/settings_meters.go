package config

import "time"

// MeterSettings say how this machine's meters are reached. What the machine
// brings itself (NVML, RAPL, the operating system) needs nothing here; what
// stands at the wall has to be named.
type MeterSettings struct {
	// NVML is NVIDIA's own library.
	NVML NVMLSettings `json:"nvml" mapstructure:"nvml"`
	// RAPL is the energy counters of the CPU.
	RAPL RAPLSettings `json:"rapl" mapstructure:"rapl"`
	// PDUs, UPSs and other SNMP devices that this machine's power runs through. Only outlets, inlets or phases that feed this machine alone belong here.
	PDUs []PDUSettings `json:"pdus,omitempty" mapstructure:"pdus"`
	// Plugs are smart plugs between the wall and this machine.
	Plugs []PlugSettings `json:"plugs,omitempty" mapstructure:"plugs"`
	// Redfish is the BMCs that tell this machine's power.
	Redfish []RedfishSettings `json:"redfish,omitempty" mapstructure:"redfish"`
}

// NVMLSettings say where NVIDIA's library is.
type NVMLSettings struct {
	// Library is the path of libnvidia-ml.so.1. Empty looks where the system's loader does.
	Library string `json:"library" mapstructure:"library"`
}

// RAPLSettings say where the CPU's energy counters are.
type RAPLSettings struct {
	// SysFS is where /sys is mounted. Empty is /sys.
	SysFS string `json:"sysfs" mapstructure:"sysfs"`
	// MaxPowerW is the most that one CPU package draws, in watt; a counter is read at least twice in the time that it takes to wrap at this power. 0 is 1000.
	MaxPowerW float64 `json:"max_power_w" mapstructure:"max_power_w"`
}

// PDUSettings are one SNMP device. A secret is given as text, as a file or as
// an environment variable; a file or variable is read when the meter is opened.
type PDUSettings struct {
	// Name of the device; its channels are called pdu.NAME.
	Name string `json:"name" jsonschema:"required" mapstructure:"name"`
	// Address of its SNMP agent, host or host:port; the port is 161 if left out.
	Address string `json:"address" jsonschema:"required" mapstructure:"address"`
	// Version of SNMP. v3 alone encrypts.
	Version string `json:"version" jsonschema:"enum=v1,enum=v2c,enum=v3" mapstructure:"version"`
	// Community of v1 and v2c, a secret.
	Community string `json:"community,omitempty" mapstructure:"community" secret:"true"`
	// CommunityFile holds the community on its first line.
	CommunityFile string `json:"community_file,omitempty" mapstructure:"community_file"`
	// CommunityEnv names the environment variable that holds the community.
	CommunityEnv string `json:"community_env,omitempty" mapstructure:"community_env"`
	// User of v3.
	User string `json:"user,omitempty" mapstructure:"user"`
	// AuthProtocol of v3; left out, requests are not signed.
	AuthProtocol string `json:"auth_protocol,omitempty" jsonschema:"enum=md5,enum=sha,enum=sha-224,enum=sha-256,enum=sha-384,enum=sha-512" mapstructure:"auth_protocol"`
	// AuthPassphrase of v3, a secret, at least 8 characters.
	AuthPassphrase string `json:"auth_passphrase,omitempty" mapstructure:"auth_passphrase" secret:"true"`
	// AuthPassphraseFile holds the authentication passphrase on its first line.
	AuthPassphraseFile string `json:"auth_passphrase_file,omitempty" mapstructure:"auth_passphrase_file"`
	// AuthPassphraseEnv names the environment variable that holds the authentication passphrase.
	AuthPassphraseEnv string `json:"auth_passphrase_env,omitempty" mapstructure:"auth_passphrase_env"`
	// PrivProtocol of v3; left out, requests are not encrypted. aes-192-c and aes-256-c are Cisco's variants.
	PrivProtocol string `json:"priv_protocol,omitempty" jsonschema:"enum=des,enum=aes,enum=aes-192,enum=aes-256,enum=aes-192-c,enum=aes-256-c" mapstructure:"priv_protocol"`
	// PrivPassphrase of v3, a secret, at least 8 characters.
	PrivPassphrase string `json:"priv_passphrase,omitempty" mapstructure:"priv_passphrase" secret:"true"`
	// PrivPassphraseFile holds the privacy passphrase on its first line.
	PrivPassphraseFile string `json:"priv_passphrase_file,omitempty" mapstructure:"priv_passphrase_file"`
	// PrivPassphraseEnv names the environment variable that holds the privacy passphrase.
	PrivPassphraseEnv string `json:"priv_passphrase_env,omitempty" mapstructure:"priv_passphrase_env"`
	// Profile of the device family. Left out, the device is asked what it is.
	Profile string `json:"profile,omitempty" mapstructure:"profile"`
	// ProfileFile is a profile of your own, in the form of the built-in ones.
	ProfileFile string `json:"profile_file,omitempty" mapstructure:"profile_file"`
	// Unit of the device that is meant, where units are chained, as the device counts.
	Unit int `json:"unit,omitempty" jsonschema:"minimum=0,maximum=1000" mapstructure:"unit"`
	// Outlets that feed this machine, by number, or by name where the device names them; several, as for two power supplies, are added up. Of outlets, inlets and phases only one kind is named, as they overlap; none at all is the first inlet.
	Outlets []ConnectionName `json:"outlets,omitempty" mapstructure:"outlets"`
	// Inlets that feed this machine and nothing else.
	Inlets []ConnectionName `json:"inlets,omitempty" mapstructure:"inlets"`
	// Phases are the phases or banks that feed this machine and nothing else.
	Phases []ConnectionName `json:"phases,omitempty" mapstructure:"phases"`
	// VoltageV turns the current of a device that tells no power into power, together with power_factor; every such figure says so. In volt, up to 1000.
	VoltageV float64 `json:"voltage_v,omitempty" mapstructure:"voltage_v"`
	// PowerFactor of the load, for the same purpose. Above 0, at most 1.
	PowerFactor float64 `json:"power_factor,omitempty" mapstructure:"power_factor"`
	// Timeout of one request. 0s leaves it to the meter; else 10ms to 1m.
	Timeout time.Duration `json:"timeout,omitempty" mapstructure:"timeout"`
	// Interval between requests. 0s polls at half of the device's refresh period, which is found by watching; else 50ms to 10m. It says nothing of how often the device renews its values.
	Interval time.Duration `json:"interval,omitempty" mapstructure:"interval"`
	// Refresh is how often the device renews its values, where its maker or a measurement tells; watching corrects it. 0s leaves it to watching, and to what is usual of PDUs until a changing load was seen; else 50ms to 1h.
	Refresh time.Duration `json:"refresh,omitempty" mapstructure:"refresh"`
	// Feed names the supply line that the device watches. Meters of one feed are views of the same power and checked against each other; those of different feeds are added up.
	Feed ConnectionName `json:"feed,omitempty" mapstructure:"feed"`
	// Objects to read by their OID, for a device without a profile.
	Objects []ObjectSettings `json:"objects,omitempty" mapstructure:"objects"`
	// Simulated marks every figure of this device as simulated: for a test agent.
	Simulated bool `json:"simulated,omitempty" mapstructure:"simulated"`
}

// ConnectionName is an outlet, inlet or phase of a PDU: a number or a name.
type ConnectionName string

// ObjectSettings are one SNMP object with its unit and scale.
type ObjectSettings struct {
	// Name of the object; where there are several, it stands in the channel's name.
	Name string `json:"name" jsonschema:"required" mapstructure:"name"`
	// OID of the object with its index, e.g. 1.3.6.1.4.1.318.1.1.12.1.16.0.
	OID string `json:"oid" jsonschema:"required" mapstructure:"oid"`
	// Unit of the value after scaling; 1 and % are power factors.
	Unit string `json:"unit" jsonschema:"required,enum=W,enum=kW,enum=mW,enum=J,enum=Wh,enum=kWh,enum=A,enum=mA,enum=V,enum=mV,enum=VA,enum=kVA,enum=1,enum=%" mapstructure:"unit"`
	// Scale is what the object's number is multiplied by, e.g. 0.1 for tenths. Above 0.
	Scale float64 `json:"scale" mapstructure:"scale"`
	// Scope of the value.
	Scope string `json:"scope" jsonschema:"enum=outlet,enum=inlet,enum=phase" mapstructure:"scope"`
	// Counter says that the value accumulates; energy always does, nothing else may.
	Counter bool `json:"counter,omitempty" mapstructure:"counter"`
	// WrapAt is where a counter starts anew from 0, in the unit. Left out, a fall is a reset.
	WrapAt float64 `json:"wrap_at,omitempty" mapstructure:"wrap_at"`
	// Resolution is the smallest step, in the unit. Left out, one count of the object.
	Resolution float64 `json:"resolution,omitempty" mapstructure:"resolution"`
	// Floor is the value below which the device shows 0, in the unit.
	Floor float64 `json:"floor,omitempty" mapstructure:"floor"`
	// RelAccuracy is the limit of the device's error as a share of the value, 0 to 1.
	RelAccuracy float64 `json:"rel_accuracy,omitempty" mapstructure:"rel_accuracy"`
}

// PlugSettings are one smart plug.
type PlugSettings struct {
	// Name of the plug; its channels are called plug.NAME.
	Name string `json:"name" jsonschema:"required" mapstructure:"name"`
	// Kind of plug. Left out, the plug is asked.
	Kind string `json:"kind,omitempty" jsonschema:"enum=shelly-gen1,enum=shelly-gen2,enum=tasmota" mapstructure:"kind"`
	// URL where it answers, e.g. http://192.0.2.7.
	URL string `json:"url" jsonschema:"required" mapstructure:"url"`
	// User, where the plug asks for one.
	User string `json:"user,omitempty" mapstructure:"user"`
	// PasswordFile holds the password on its first line.
	PasswordFile string `json:"password_file,omitempty" mapstructure:"password_file"`
	// PasswordEnv names the environment variable that holds the password.
	PasswordEnv string `json:"password_env,omitempty" mapstructure:"password_env"`
	// Switch is the number of the switch, where there are several; from 0.
	Switch int `json:"switch,omitempty" jsonschema:"minimum=0,maximum=63" mapstructure:"switch"`
	// Timeout of one request. 0s leaves it to the meter; else 10ms to 1m.
	Timeout time.Duration `json:"timeout,omitempty" mapstructure:"timeout"`
	// Interval between requests. 0s polls at half of the plug's update period, which is found by watching; else 50ms to 10m.
	Interval time.Duration `json:"interval,omitempty" mapstructure:"interval"`
	// Feed names the supply line that it watches, as with pdus.
	Feed ConnectionName `json:"feed,omitempty" mapstructure:"feed"`
	// Simulated marks every figure of this plug as simulated: for a test server.
	Simulated bool `json:"simulated,omitempty" mapstructure:"simulated"`
}

// RedfishSettings are one BMC, or a rack PDU that speaks Redfish.
type RedfishSettings struct {
	// Name of the BMC; its channels are called redfish.NAME.
	Name string `json:"name" jsonschema:"required" mapstructure:"name"`
	// URL where it answers, e.g. https://192.0.2.8.
	URL string `json:"url" jsonschema:"required" mapstructure:"url"`
	// User is an account with the right to read.
	User string `json:"user,omitempty" mapstructure:"user"`
	// PasswordFile holds the password on its first line.
	PasswordFile string `json:"password_file,omitempty" mapstructure:"password_file"`
	// PasswordEnv names the environment variable that holds the password.
	PasswordEnv string `json:"password_env,omitempty" mapstructure:"password_env"`
	// Fingerprint is the SHA-256 of the BMC's certificate in 64 hex digits, colons allowed, for one that no authority signed. Left out, the system's authorities decide.
	Fingerprint string `json:"fingerprint,omitempty" mapstructure:"fingerprint"`
	// Chassis is the one whose power is read. Left out, the only one that tells power.
	Chassis string `json:"chassis,omitempty" mapstructure:"chassis"`
	// PDU reads a rack PDU by its id instead of a chassis.
	PDU string `json:"pdu,omitempty" mapstructure:"pdu"`
	// Outlets of that PDU that feed this machine, added up. Left out, the whole of it.
	Outlets []ConnectionName `json:"outlets,omitempty" mapstructure:"outlets"`
	// Timeout of one request. 0s leaves it to the meter; else 10ms to 1m.
	Timeout time.Duration `json:"timeout,omitempty" mapstructure:"timeout"`
	// Interval between requests. 0s polls at half of the update period, which is told or found by watching; else 50ms to 10m.
	Interval time.Duration `json:"interval,omitempty" mapstructure:"interval"`
	// Feed names the supply line that it watches, as with pdus.
	Feed ConnectionName `json:"feed,omitempty" mapstructure:"feed"`
	// Simulated marks every figure of this BMC as simulated: for a test server.
	Simulated bool `json:"simulated,omitempty" mapstructure:"simulated"`
}

// Energy tells whether the object is an energy, which accumulates.
func (o ObjectSettings) Energy() bool { return o.Unit == "J" || o.Unit == "Wh" || o.Unit == "kWh" }

func (p *PDUSettings) setDefaults() { p.Version = snmpV2c }

func (o *ObjectSettings) setDefaults() { o.Scale, o.Scope = 1, "outlet" }
