package plug

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// field is one value out of an answer, or why there is none.
type field struct {
	value  float64
	state  bench.ReadingState
	reason uint8
	// decimals is how many digits stood behind the point.
	decimals int
}

func absent(reason uint8) field { return field{state: bench.ReadingMissing, reason: reason} }
func outside(reason uint8) field {
	return field{state: bench.ReadingOutOfRange, reason: reason}
}

// number reads a JSON number strictly: nothing and null are missing, any other
// type is out of range, as is what lies outside 0 to most. The result is the
// number times scale.
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
	return field{value: v, decimals: decimals(raw)}
}

// decimals counts the digits behind the point.
func decimals(raw []byte) int {
	at := bytes.IndexByte(raw, '.')
	if at < 0 || bytes.ContainsAny(raw, "eE") {
		return 0
	}
	return len(raw) - at - 1
}

// object reads a JSON object, nil when raw is none.
func object(raw json.RawMessage) map[string]json.RawMessage {
	var o map[string]json.RawMessage
	if json.Unmarshal(raw, &o) != nil {
		return nil
	}
	return o
}

// element gives one element where raw is a list, as meters of several phases
// give, and raw itself where it is none.
func element(raw json.RawMessage, at int) json.RawMessage {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || raw[0] != '[' {
		return raw
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil || at >= len(list) {
		return nil
	}
	return list[at]
}
