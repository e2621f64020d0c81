package redfish

import (
	"strconv"
	"strings"
	"time"
)

// longest is the longest duration that is believed of a sensor.
const longest = 30 * 24 * time.Hour

// parseDuration reads an ISO 8601 duration as Redfish writes it: PT1S, PT0.5S,
// P1DT2H. Months and years, whose length varies, are refused.
func parseDuration(text string) (time.Duration, bool) {
	rest, ok := strings.CutPrefix(text, "P")
	if !ok || len(text) > 64 {
		return 0, false
	}
	days, clock, timed := strings.Cut(rest, "T")
	total, some, ok := sum(days, "D")
	if !ok {
		return 0, false
	}
	if timed {
		part, found, ok := sum(clock, "HMS")
		if !ok || !found {
			return 0, false
		}
		total, some = total+part, true
	}
	if !some || total < 0 || total > longest.Seconds() {
		return 0, false
	}
	return time.Duration(total * float64(time.Second)), true
}

// sum adds numbers each followed by one of units, in that order, in s.
func sum(text, units string) (seconds float64, some, ok bool) {
	length := map[byte]float64{'D': 86400, 'H': 3600, 'M': 60, 'S': 1}
	for text != "" {
		at := strings.IndexFunc(text, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
		if at < 1 {
			return 0, false, false
		}
		place := strings.IndexByte(units, text[at])
		if place < 0 {
			return 0, false, false
		}
		v, err := strconv.ParseFloat(text[:at], 64)
		if err != nil {
			return 0, false, false
		}
		seconds += v * length[text[at]]
		units, text, some = units[place+1:], text[at+1:], true
	}
	return seconds, some, true
}
