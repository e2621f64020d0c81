package pdu

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// Options say which device to read and what of it feeds the host.
type Options struct {
	Name    string // the meter is pdu.NAME
	Address string // host or host:port; the port is 161 where none is given
	// Version is "1", "2c" or "3"; "" is "3" where User is set, else "2c".
	Version   string
	Community string // of v1 and v2c; never shown
	// User, protocols and passphrases of v3; a passphrase that is empty leaves
	// its level out. AuthProtocol is MD5, SHA, SHA-224, SHA-256, SHA-384 or
	// SHA-512 ("" is SHA-256), PrivProtocol DES, AES, AES-192, AES-256,
	// AES-192-C or AES-256-C ("" is AES).
	User, AuthProtocol, AuthPassphrase, PrivProtocol, PrivPassphrase string

	// Profile names a built-in profile; "" finds it by what the device is.
	// ProfileFile is a profile of the user's own instead.
	Profile, ProfileFile string
	// Unit is the device of a chain; 0 is the profile's first.
	Unit int
	// Outlets, Inlets or Phases name what feeds the host: by number, or by the
	// sensor's name where the device names them. Several are summed. None at
	// all is the first inlet. They are not mixed, as they overlap.
	Outlets, Inlets, Phases []string
	// VoltageV and PowerFactor turn a device that tells only amperes into a
	// power, which is then marked as estimated.
	VoltageV, PowerFactor float64
	// Objects is a free profile: what to read, by OID.
	Objects []Object

	Timeout time.Duration // of one question; 0 is 1 s
	// Interval is how often the device is read; 0 is half of its refresh
	// period, once that is known.
	Interval time.Duration
	// Refresh is the refresh period where it is known beforehand; it stands
	// until watching shows another. 0 leaves it to the profile and to watching.
	Refresh time.Duration
	// Feed names the supply line that the device watches, "" where that is not
	// known.
	Feed string
	// WatchFor is how long Characterise watches the device, asking every
	// WatchEvery; 0 is 10 s and 200 ms. It goes on for up to three times as
	// long while renewals are seen, but too few.
	WatchFor, WatchEvery time.Duration
	// Simulated marks every channel as simulated; a sysDescr that holds the
	// word does too.
	Simulated bool
}

// Object is one object of a free profile: the device's count × Scale is in
// Unit. WrapAt, Resolution and Floor are in Unit too.
type Object struct {
	Name    string
	OID     string
	Unit    string  // W, kW, mW, J, Wh, kWh, A, mA, V, mV, VA, kVA, 1, %
	Scale   float64 // 0 is 1
	Scope   string  // inlet, phase or outlet; "" is outlet
	Counter bool    // of an energy
	WrapAt  float64 // 0: a fall is a reset
	// Resolution is the smallest step (0 is one count), Floor the value below
	// which the device shows 0, RelAccuracy the limit of its error as a share.
	Resolution, Floor, RelAccuracy float64
}

const (
	defaultTimeout    = time.Second
	defaultWatchFor   = 10 * time.Second
	defaultWatchEvery = 200 * time.Millisecond
	defaultPort       = 161
	minPassphrase     = 8
	maxRefresh        = time.Hour
)

// withDefaults fills in what was left out.
func (o Options) withDefaults() Options {
	if o.Version == "" {
		o.Version = "2c"
		if o.User != "" {
			o.Version = "3"
		}
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.WatchFor == 0 {
		o.WatchFor = defaultWatchFor
	}
	if o.WatchEvery == 0 {
		o.WatchEvery = defaultWatchEvery
	}
	return o
}

// meterName is the meter's name.
func (o Options) meterName() string { return "pdu." + o.Name }

// check says everything that is wrong with the options, nil when nothing is.
func (o Options) check() error {
	var c checker
	if !plainName(o.Name) {
		c.add("name", "is empty or holds more than small letters, digits, dashes and underscores", "name the PDU, such as rack3")
	}
	if _, _, err := o.hostPort(); err != nil {
		c.add("address", err.Error(), "write host or host:port")
	}
	o.checkAccess(&c)
	if min(o.Timeout, o.Interval, o.Refresh, o.WatchFor, o.WatchEvery) < 0 || o.Timeout > time.Minute || o.Refresh > maxRefresh {
		c.add("timeout", "timeout, interval, refresh and watching are not negative, a timeout is at most a minute and a refresh an hour", "leave them out")
	}
	if (o.VoltageV > 0) != (o.PowerFactor > 0) || !(o.VoltageV >= 0 && o.VoltageV <= 1000) || !(o.PowerFactor >= 0 && o.PowerFactor <= 1) {
		c.add("voltage_v", "voltage (to 1000 V) and power factor (to 1) are stated together or not at all", "state both to turn a current into a power")
	}
	if o.Unit < 0 {
		c.add("unit", "is negative", "write the number of the device in its chain")
	}
	o.checkChoice(&c)
	o.checkObjects(&c)
	if len(c.list) == 0 {
		return nil
	}
	slices.SortFunc(c.list, func(a, b fault.Problem) int { return strings.Compare(a.Where, b.Where) })
	return fault.New(fault.Invalid, "", "correct the settings of this PDU", "open PDU: %w",
		&fault.Problems{Subject: "pdu " + clip(o.Name), List: c.list})
}

// checkChoice looks at what is to be read.
func (o Options) checkChoice(c *checker) {
	if kinds := min(1, len(o.Outlets)) + min(1, len(o.Inlets)) + min(1, len(o.Phases)); kinds > 1 || (kinds > 0 && len(o.Objects) > 0) {
		c.add("outlets", "outlets, phases, inlets and objects are mixed", "name the one kind that feeds this host: the others overlap it")
	}
	if o.Profile != "" && o.ProfileFile != "" || (len(o.Objects) > 0 && (o.Profile != "" || o.ProfileFile != "")) {
		c.add("profile", "more than one of profile, profile file and objects is given", "give one of them")
	}
}

func (o Options) checkAccess(c *checker) {
	switch o.Version {
	case "1", "2c":
		if o.Community == "" {
			c.add("community", "is empty", "SNMP v1 and v2c need one; keep it in a file or the environment")
		}
	case "3":
		if o.User == "" {
			c.add("user", "is empty", "SNMP v3 needs one")
		}
		if o.PrivPassphrase != "" && o.AuthPassphrase == "" {
			c.add("auth_passphrase", "is empty but there is one for privacy", "privacy needs authentication")
		}
		for where, text := range map[string]string{"auth_passphrase": o.AuthPassphrase, "priv_passphrase": o.PrivPassphrase} {
			if text != "" && len(text) < minPassphrase {
				c.add(where, fmt.Sprintf("is shorter than %d characters", minPassphrase), "SNMP v3 takes no shorter one")
			}
		}
		if _, ok := authProtocol(o.AuthProtocol); !ok {
			c.add("auth_protocol", "is unknown", "use MD5, SHA, SHA-224, SHA-256, SHA-384 or SHA-512")
		}
		if _, ok := privProtocol(o.PrivProtocol); !ok {
			c.add("priv_protocol", "is unknown", "use DES, AES, AES-192, AES-256, AES-192-C or AES-256-C")
		}
	default:
		c.add("version", "is none of 1, 2c and 3", "write 2c, or 3 with a user")
	}
}

func (o Options) checkObjects(c *checker) {
	names := map[string]bool{}
	for i, one := range o.Objects {
		where := fmt.Sprintf("objects[%d]", i)
		if !plainName(one.Name) || names[one.Name] {
			c.add(where+".name", "is empty, given twice, or holds more than small letters, digits, dashes and underscores", "name it, such as left")
		}
		names[one.Name] = true
		if msg := checkOID(one.OID); msg != "" {
			c.add(where+".oid", msg, "write numbers joined by dots")
		}
		u, ok := lookUnit(one.Unit)
		if !ok {
			c.add(where+".unit", fmt.Sprintf("%q is unknown", clip(one.Unit)), "units are "+strings.Join(unitNames(), ", "))
		}
		if ok && (u.q == energy) != one.Counter {
			c.add(where+".counter", "is true for an energy and for nothing else", "an energy counts up")
		}
		if one.Scale != 0 && !usableScale(one.Scale) {
			c.add(where+".scale", "is not above 0", "the device's count × scale is in unit")
		}
		known := one.WrapAt >= 0 && one.Resolution >= 0 && one.Floor >= 0 && one.RelAccuracy >= 0 && one.RelAccuracy <= 1
		if !known || (one.WrapAt > 0 && !one.Counter) {
			c.add(where, "wrap, resolution, floor and accuracy are not negative, and only a counter wraps", "leave out what is not known")
		}
		switch one.Scope {
		case "", "inlet", "phase", "outlet":
		default:
			c.add(where+".scope", "is no scope", "use inlet, phase or outlet")
		}
	}
}

// hostPort splits the address.
func (o Options) hostPort() (host string, port uint16, err error) {
	host, text, err := net.SplitHostPort(o.Address)
	if err != nil {
		host, text = strings.Trim(o.Address, "[]"), strconv.Itoa(defaultPort)
		if strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return "", 0, fmt.Errorf("%q is no address", clip(o.Address))
		}
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if host == "" || err != nil || n == 0 || strings.ContainsAny(host, " \t\n/@") {
		return "", 0, fmt.Errorf("%q is no address", clip(o.Address))
	}
	return host, uint16(n), nil
}
