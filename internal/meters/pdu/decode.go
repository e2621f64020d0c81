package pdu

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gosnmp/gosnmp"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// sample is one decoded value in the channel's unit, or why there is none.
type sample struct {
	value  float64
	state  bench.ReadingState
	reason string
}

func (s sample) ok() bool { return s.state == bench.ReadingOK }

func missing(reason string) sample { return sample{state: bench.ReadingMissing, reason: reason} }

func outOfRange(reason string) sample {
	return sample{state: bench.ReadingOutOfRange, reason: reason}
}

// The reasons that decoding gives.
const (
	whyNoObject  = "the device has no such object"
	whyNoAnswer  = "the device gave no answer for this object"
	whyNA        = "the device says that the value is not available"
	whyNegative  = "the device gave a negative value, which stands for not available"
	whyText      = "the device gave text that is no number"
	whyType      = "the device gave a value of a type that is no number"
	whyNotFinite = "the device gave no finite number"
	whyTooLarge  = "the device gave a value beyond what can be"
	whySensorOff = "the device says that the sensor is not available"
	whyQuality   = "the device says that the value is not good"
	whyStale     = "the device has not renewed the value"
	whyNotCount  = "the device gave a counter that is no whole number"
)

// maxText is the longest text that may be a number.
const maxText = 32

// number reads a raw value. The type is looked at before the value: what is
// not there has the value 0 in the library, and would become a figure.
func number(v gosnmp.SnmpPDU) sample {
	switch v.Type {
	case gosnmp.NoSuchObject, gosnmp.NoSuchInstance, gosnmp.EndOfMibView, gosnmp.Null:
		return missing(whyNoObject)
	case gosnmp.UnknownType:
		return missing(whyNoAnswer)
	case gosnmp.Integer, gosnmp.Gauge32, gosnmp.Counter32, gosnmp.Counter64, gosnmp.Uinteger32:
		return whole(v.Value)
	case gosnmp.OpaqueFloat, gosnmp.OpaqueDouble:
		return floating(v.Value)
	case gosnmp.OctetString:
		raw, ok := v.Value.([]byte)
		if !ok {
			return outOfRange(whyType)
		}
		return text(raw)
	default:
		return outOfRange(whyType)
	}
}

func whole(x any) sample {
	switch n := x.(type) {
	case int:
		return sample{value: float64(n)}
	case int32:
		return sample{value: float64(n)}
	case int64:
		return sample{value: float64(n)}
	case uint:
		return sample{value: float64(n)}
	case uint32:
		return sample{value: float64(n)}
	case uint64:
		return sample{value: float64(n)}
	default:
		return outOfRange(whyType)
	}
}

func floating(x any) sample {
	var f float64
	switch n := x.(type) {
	case float32:
		f = float64(n)
	case float64:
		f = n
	default:
		return outOfRange(whyType)
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return outOfRange(whyNotFinite)
	}
	return sample{value: f}
}

// text reads a decimal number and nothing else: no exponent, no hexadecimal,
// no unit.
func text(raw []byte) sample {
	s := strings.Trim(string(raw), " \x00")
	if s == "" || len(s) > maxText {
		return outOfRange(whyText)
	}
	digits := strings.TrimPrefix(strings.TrimPrefix(s, "-"), "+")
	before, after, point := strings.Cut(digits, ".")
	if len(s)-len(digits) > 1 || !decimal(before) || (point && !decimal(after)) {
		return outOfRange(whyText)
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return outOfRange(whyText)
	}
	return sample{value: f}
}

func decimal(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// notAvailable reports whether a raw value stands for no value: those the
// profile lists, all negative ones, and -1 as an unsigned count.
func notAvailable(raw float64, na []int64, q quantity) string {
	switch {
	case slices.ContainsFunc(na, func(n int64) bool { return raw == float64(n) }):
		return whyNA
	case raw < 0:
		return whyNegative
	case q != energy && (raw == math.MaxUint32 || raw == math.MaxInt32):
		return whyNA
	}
	return ""
}

// decode turns what the device said of an object into the channel's unit.
func (o *object) decode(v gosnmp.SnmpPDU) sample {
	s := number(v)
	if !s.ok() {
		return s
	}
	if why := notAvailable(s.value, o.na, o.q); why != "" {
		return missing(why)
	}
	if o.q == energy && v.Type != gosnmp.OctetString && s.value != math.Trunc(s.value) {
		return outOfRange(whyNotCount)
	}
	s.value *= o.factor
	if _, most := o.q.siUnit(); math.IsInf(s.value, 0) || (most > 0 && s.value > most) {
		return outOfRange(whyTooLarge)
	}
	return s
}
