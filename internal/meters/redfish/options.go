package redfish

import (
	"cmp"
	"encoding/hex"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/fault"
)

const (
	defaultTimeout = 5 * time.Second
	defaultWatch   = 20 * time.Second
	maxOutlets     = 64
)

// Options say which BMC or PDU to read and how.
type Options struct {
	Name     string // the meter is called redfish.NAME
	URL      string // https://192.0.2.8
	User     string
	Password string
	// Fingerprint is the SHA-256 of the certificate in hex, colons allowed, for
	// one that no authority signed; "" leaves it to the system's authorities.
	Fingerprint string
	// Chassis whose power is read; "" takes the only one that tells power.
	Chassis string
	// PDU reads a rack PDU instead of a chassis, by its id below
	// PowerEquipment/RackPDUs: the whole of it, or Outlets where they are given.
	PDU      string
	Outlets  []string
	Timeout  time.Duration // of one request; 0 is 5 s
	Interval time.Duration // between reads; 0 is half of the update period that is told or found
	// Feed names the supply line of the chassis or PDU, "" where that is not
	// known.
	Feed string
	// Watch is how long Characterise looks for the update period; 0 is 20 s.
	Watch time.Duration
	// Simulated marks every channel as made up, for a test server.
	Simulated bool
}

// refuse makes the error of options that cannot be.
func (o *Options) refuse(hint, format string, args ...any) error {
	return fault.New(fault.Invalid, "", hint, "redfish meter %q: "+format, append([]any{o.Name}, args...)...)
}

// check refuses what cannot be, and fills what was left out.
func (o *Options) check() (*url.URL, error) {
	if o.Name == "" || len(o.Name) > 64 || strings.Trim(o.Name, letters) != "" {
		return nil, o.refuse("name the BMC with letters, digits, - and _", "name cannot be used in the name of a channel")
	}
	base, err := o.checkAddress()
	if err != nil {
		return nil, err
	}
	if err := o.checkPlace(); err != nil {
		return nil, err
	}
	if o.Timeout < 0 || o.Interval < 0 || o.Watch < 0 {
		return nil, o.refuse("0 leaves a time to the meter", "a time is negative")
	}
	o.Timeout = cmp.Or(o.Timeout, defaultTimeout)
	o.Watch = cmp.Or(o.Watch, defaultWatch)
	return base, nil
}

// checkAddress takes a login out of the address, and lets no password go over
// a network unencrypted.
func (o *Options) checkAddress() (*url.URL, error) {
	base, err := url.Parse(o.URL)
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, o.refuse("give the address as https://192.0.2.8", "address is not one of https") // may hold a password: not quoted
	}
	if base.User != nil {
		secret, _ := base.User.Password()
		o.User, o.Password = cmp.Or(o.User, base.User.Username()), cmp.Or(o.Password, secret)
	}
	if base.Scheme == "http" && o.Password != "" && !loopback(base.Hostname()) {
		return nil, o.refuse("use https and give the fingerprint of the certificate", "a password would go over the network unencrypted")
	}
	o.Fingerprint = strings.ToLower(strings.ReplaceAll(o.Fingerprint, ":", ""))
	if raw, err := hex.DecodeString(o.Fingerprint); err != nil || (len(raw) != 32 && o.Fingerprint != "") {
		return nil, o.refuse("give the SHA-256 of the certificate in 64 hex digits", "fingerprint is not a SHA-256")
	}
	return &url.URL{Scheme: base.Scheme, Host: base.Host}, nil
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

// checkPlace checks the ids, which become parts of paths.
func (o *Options) checkPlace() error {
	for _, id := range append([]string{o.Chassis, o.PDU}, o.Outlets...) {
		if strings.Trim(id, letters+".~+") != "" || strings.Contains(id, "..") {
			return o.refuse("give an id as the BMC lists it", "id %q cannot be part of a path", id)
		}
	}
	if (len(o.Outlets) > 0 && o.PDU == "") || (o.Chassis != "" && o.PDU != "") || len(o.Outlets) > maxOutlets {
		return o.refuse("give either a chassis, or a PDU with up to 64 of its outlets", "chassis, PDU and outlets do not fit together")
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
