package pdu

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// profile is what is known of a family of devices; a file below profiles, or
// one of the user's.
type profile struct {
	Name   string `yaml:"name"`
	Title  string `yaml:"title"`
	Source string `yaml:"source"` // where the objects and units come from
	Match  match  `yaml:"match"`
	// Unit is the number of the first device of a chain.
	Unit     int              `yaml:"unit"`
	Identity identity         `yaml:"identity"`
	Refresh  statedRefresh    `yaml:"refresh"`
	Scopes   map[string]scope `yaml:"scopes"` // inlet, phase, outlet
	Table    *sensorTable     `yaml:"table"`  // instead of scopes: the device describes its sensors itself
}

// match says which devices a profile is for.
type match struct {
	SysObjectID []string `yaml:"sys_object_id"` // prefixes
	Probe       []string `yaml:"probe"`         // one of these must be there
	// Fallback profiles are standard MIBs, tried on a device that no other
	// profile is for.
	Fallback bool `yaml:"fallback"`
	// Prefer decides between profiles whose prefixes are equally long and
	// whose probes both answer: the higher wins.
	Prefer int `yaml:"prefer"`
}

// identity names the objects that tell what the device is.
type identity struct {
	Model    string `yaml:"model"`
	Firmware string `yaml:"firmware"`
	Serial   string `yaml:"serial"`
}

// statedRefresh is how often the device renews its values, where its maker says so.
type statedRefresh struct {
	Seconds float64 `yaml:"seconds"`
	Basis   string  `yaml:"basis"`
}

func (r statedRefresh) period() time.Duration { return time.Duration(r.Seconds * float64(time.Second)) }

// scope says how one kind of connection is read.
type scope struct {
	// Index is how a bare number becomes the object's index: "{n}",
	// "{unit}.1.{n}". "" is "{n}".
	Index string `yaml:"index"`
	// First is the one that is read when the user names none.
	First string `yaml:"first"`
	// VoltAmpere says that voltage and current belong to the same wires as
	// power, so that power cannot exceed their product.
	VoltAmpere bool `yaml:"volt_ampere"`
	// List is a column whose instances are all there are.
	List  string `yaml:"list"`
	State *state `yaml:"state"` // whether it is switched on

	Power         *value `yaml:"power"`
	Energy        *value `yaml:"energy"`
	Current       *value `yaml:"current"`
	Voltage       *value `yaml:"voltage"`
	PowerFactor   *value `yaml:"power_factor"`
	ApparentPower *value `yaml:"apparent_power"`
}

func (s scope) of(q quantity) *value {
	switch q {
	case power:
		return s.Power
	case energy:
		return s.Energy
	case current:
		return s.Current
	case voltage:
		return s.Voltage
	case powerFactor:
		return s.PowerFactor
	default:
		return s.ApparentPower
	}
}

// state is the object that tells whether an outlet is on.
type state struct {
	OID string  `yaml:"oid"`
	On  []int64 `yaml:"on"`
}

// value is one object: raw × scale is in Unit.
type value struct {
	OID   string  `yaml:"oid"`
	Unit  string  `yaml:"unit"`
	Scale float64 `yaml:"scale"`
	// Digits is an object that holds the number of decimal digits, read once
	// at the start; it takes the place of Scale.
	Digits string `yaml:"digits"`
	// Available is an object that is 1 while the sensor works; Timestamp one
	// that tells when the device took the value.
	Available string  `yaml:"available"`
	Timestamp string  `yaml:"timestamp"`
	NA        []int64 `yaml:"na"` // raw values that mean not available
	// WrapsAt is the raw count at which an energy counter starts from 0
	// again; 0: a fall is a reset by somebody.
	WrapsAt    float64  `yaml:"wraps_at"`
	Resolution float64  `yaml:"resolution"` // in Unit; 0: one raw count
	Floor      *floor   `yaml:"floor"`
	Accuracy   accuracy `yaml:"accuracy"`
	Window     float64  `yaml:"window_seconds"` // over which the device averages, where its maker says so
	// Assumed says that the device works the value out from settings instead
	// of measuring it; Method says how.
	Assumed bool    `yaml:"assumed"`
	Method  string  `yaml:"method"`
	Vector  *vector `yaml:"vector"`
}

// floor is the value below which the device shows 0.
type floor struct {
	Value  float64 `yaml:"value"`  // in the value's Unit
	Ampere float64 `yaml:"ampere"` // for a power: the current below which it is shown as 0
	Basis  string  `yaml:"basis"`
}

// accuracy is the limit of the error: a share of the value, and an amount in
// the value's Unit.
type accuracy struct {
	Relative float64 `yaml:"relative"`
	Absolute float64 `yaml:"absolute"`
	Source   string  `yaml:"source"`
}

// vector is a test of one row: what the device said, and what that is in the
// channel's unit. Every row has one.
type vector struct {
	Raw    int64   `yaml:"raw"`
	Digits int     `yaml:"digits"`
	Value  float64 `yaml:"value"`
	From   string  `yaml:"from"` // device and firmware of a recording, or worked out from the unit
}

// maxProfileBytes is more than any profile needs.
const maxProfileBytes = 256 << 10

// parseProfile reads a profile strictly: an unknown key, a bad OID or a missing
// figure refuses it, with every problem by file and field.
func parseProfile(file string, text []byte) (*profile, error) {
	if len(text) > maxProfileBytes {
		return nil, invalidProfile(file, "", fmt.Sprintf("holds %d bytes, expected at most %d", len(text), maxProfileBytes))
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	var p profile
	if err := dec.Decode(&p); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, invalidProfile(file, "", "is empty")
		}
		return nil, invalidProfile(file, "", "is no profile: "+err.Error())
	}
	if err := dec.Decode(&profile{}); !errors.Is(err, io.EOF) {
		return nil, invalidProfile(file, "", "holds more than one document")
	}
	if found := p.problems(); len(found) > 0 {
		return nil, refuse(&fault.Problems{Subject: file, List: found})
	}
	return &p, nil
}

func invalidProfile(file, where, msg string) error {
	if where == "" {
		where = "profile"
	}
	return refuse(&fault.Problems{Subject: file, List: []fault.Problem{{Where: where, Msg: msg, Mend: profileMend}}})
}

const profileMend = "copy one of the built-in profiles and change it: each holds every key that it needs"

func refuse(p *fault.Problems) error {
	return fault.New(fault.Invalid, "", profileMend, "read PDU profile: %w", p)
}
