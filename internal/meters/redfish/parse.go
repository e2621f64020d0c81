package redfish

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// field is one value out of an answer, or why there is none.
type field struct {
	value    float64
	state    bench.ReadingState
	reason   uint8
	decimals int    // digits behind the point
	taken    string // the BMC's own time of the value, "" when it tells none
}

func absent(reason uint8) field  { return field{state: bench.ReadingMissing, reason: reason} }
func outside(reason uint8) field { return field{state: bench.ReadingOutOfRange, reason: reason} }
func (f field) told() bool       { return f.state == bench.ReadingOK }

const (
	joulesPerKWh = 3.6e6
	mostW        = 1e6
	mostJ        = 1e16
)

// object reads a JSON object, nil when raw is none.
func object(raw json.RawMessage) map[string]json.RawMessage {
	var o map[string]json.RawMessage
	if json.Unmarshal(raw, &o) != nil {
		return nil
	}
	return o
}

// text reads a short JSON string, "" when raw is none.
func text(raw json.RawMessage) string {
	var s string
	if len(raw) > 512 || json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// number reads a JSON number strictly: nothing and null are missing, any other
// type is out of range, as is what lies outside 0 to most.
func number(raw json.RawMessage, scale, most float64) field {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return absent(reasonField)
	}
	if c := raw[0]; c != '-' && (c < '0' || c > '9') {
		return outside(reasonType)
	}
	v, err := strconv.ParseFloat(string(raw), 64)
	v *= scale
	if err != nil || math.IsNaN(v) || v < 0 || v > most {
		return outside(reasonRange)
	}
	digits := 0
	if at := bytes.IndexByte(raw, '.'); at >= 0 && !bytes.ContainsAny(raw, "eE") {
		digits = len(raw) - at - 1
	}
	return field{value: v, decimals: digits}
}

// power reads watts. A machine that answers draws more than nothing: 0 W is
// what a BMC says that does not know.
func power(raw json.RawMessage) field {
	f := number(raw, 1, mostW)
	if f.told() && f.value == 0 {
		return outside(reasonZero)
	}
	return f
}

// how a resource holds a value.
type form string

const (
	formExcerpt form = "excerpt" // {"PowerWatts":{"Reading":344}}
	formSensor  form = "sensor"  // {"Reading":344,"ReadingTime":"…"}
	formControl form = "control" // {"PowerControl":[{"PowerConsumedWatts":344}]}
	formAverage form = "average" // {"PowerControl":[{"PowerMetrics":{"AverageConsumedWatts":340}}]}
)

// item is one value in a resource.
type item struct {
	form   form
	energy bool
}

// read takes the value out of a resource.
func (i item) read(resource map[string]json.RawMessage) field {
	if resource == nil {
		return absent(reasonJSON)
	}
	switch i.form {
	case formExcerpt:
		name := "PowerWatts"
		if i.energy {
			name = "EnergykWh"
		}
		return i.sensor(object(resource[name]))
	case formSensor:
		return i.sensor(resource)
	case formControl:
		return power(control(resource)["PowerConsumedWatts"])
	case formAverage:
		return power(object(control(resource)["PowerMetrics"])["AverageConsumedWatts"])
	}
	return absent(reasonField)
}

// sensor reads a sensor or an excerpt of one. Of an energy the count over the
// sensor's life is taken where there is one, as the other can be reset.
func (i item) sensor(s map[string]json.RawMessage) field {
	if state := text(object(s["Status"])["State"]); state != "" && state != "Enabled" {
		return absent(reasonDisabled)
	}
	if !i.energy {
		f := power(s["Reading"])
		f.taken = text(s["ReadingTime"])
		return f
	}
	f := number(s["LifetimeReading"], joulesPerKWh, mostJ)
	if !f.told() {
		f = number(s["Reading"], joulesPerKWh, mostJ)
	}
	f.taken = text(s["ReadingTime"])
	return f
}

// control is the first entry of PowerControl: that of the chassis.
func control(resource map[string]json.RawMessage) map[string]json.RawMessage {
	var list []json.RawMessage
	if json.Unmarshal(resource["PowerControl"], &list) != nil || len(list) == 0 {
		return nil
	}
	return object(list[0])
}

// traits are what a sensor tells of itself.
type traits struct {
	period, window time.Duration // 0 when not told
	accuracy       float64       // relative, 0 when not told
	timed          bool          // tells when its value was taken
}

func readTraits(s map[string]json.RawMessage) traits {
	var t traits
	t.period, _ = parseDuration(text(s["SensingInterval"]))
	t.window, _ = parseDuration(text(s["AveragingInterval"]))
	if f := number(s["Accuracy"], 0.01, 1); f.told() { // percent
		t.accuracy = f.value
	}
	t.timed = text(s["ReadingTime"]) != ""
	return t
}

// link reads {"@odata.id":"/redfish/v1/…"}; only paths on the same BMC count.
func link(raw json.RawMessage) string {
	if o := object(raw); o != nil {
		return path(text(o["@odata.id"]))
	}
	return path(text(raw))
}

// path keeps what is a path of Redfish, "" else.
func path(s string) string {
	if !strings.HasPrefix(s, "/redfish/") || strings.ContainsAny(s, "?\\ \r\n\t") || strings.Contains(s, "..") {
		return ""
	}
	for _, r := range s {
		if r < 0x21 || r > 0x7e {
			return ""
		}
	}
	return s
}

// maxMembers bounds the chassis that are looked at.
const maxMembers = 32

// members lists the links of a collection.
func members(resource map[string]json.RawMessage) []string {
	var list []json.RawMessage
	if json.Unmarshal(resource["Members"], &list) != nil {
		return nil
	}
	var all []string
	for _, m := range list[:min(len(list), maxMembers)] {
		if p := link(m); p != "" {
			all = append(all, p)
		}
	}
	return all
}
