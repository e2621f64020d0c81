package pdu

import (
	"fmt"
	"strconv"
	"strings"
)

// maxArcs is how many arcs an object identifier may have (RFC 2578).
const maxArcs = 128

// checkOID says what is wrong with an object identifier, "" when nothing is.
func checkOID(oid string) string {
	parts := strings.Split(strings.TrimPrefix(oid, "."), ".")
	switch {
	case oid == "":
		return "is empty"
	case len(parts) < 3:
		return "has fewer than three numbers"
	case len(parts) > maxArcs:
		return fmt.Sprintf("has more than %d numbers", maxArcs)
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 32)
		if err != nil || (len(p) > 1 && p[0] == '0') {
			return fmt.Sprintf("has %q where a number from 0 to 4294967295 belongs", clip(p))
		}
		if (i == 0 && n > 2) || (i == 1 && n > 39) {
			return "does not begin as an object identifier does (1.3.6...)"
		}
	}
	return ""
}

// checkTemplate says what is wrong with an OID that may hold {unit} and
// {index}.
func checkTemplate(oid string) string {
	return checkOID(expand(oid, 1, "1"))
}

// expand fills {unit} and {index} of an OID.
func expand(oid string, unit int, index string) string {
	oid = strings.ReplaceAll(oid, "{unit}", strconv.Itoa(unit))
	return strings.ReplaceAll(oid, "{index}", index)
}

// fullIndex turns what the user wrote for an outlet into the profile's index.
// A bare number goes into the pattern; one that has as many numbers as the
// pattern is taken as it is.
func fullIndex(pattern, given string, unit int) (string, error) {
	parts := strings.Split(given, ".")
	for _, p := range parts {
		if _, err := strconv.ParseUint(p, 10, 32); err != nil {
			return "", fmt.Errorf("%q is no number", clip(given))
		}
	}
	if pattern == "" {
		pattern = "{n}"
	}
	if !strings.Contains(pattern, "{n}") && given != "1" {
		return "", fmt.Errorf("%q is not there: the device has one only (unit chooses the device of a chain)", clip(given))
	}
	want := strings.Count(pattern, ".") + 1
	switch len(parts) {
	case want:
		if want > 1 {
			return given, nil
		}
		return strings.ReplaceAll(expand(pattern, unit, ""), "{n}", given), nil
	case 1:
		return strings.ReplaceAll(expand(pattern, unit, ""), "{n}", given), nil
	default:
		return "", fmt.Errorf("%q has %d numbers, this device takes 1 or %d (%s)", clip(given), len(parts), want, pattern)
	}
}

// clip shortens foreign text for a message.
func clip(text string) string {
	const most = 40
	if len(text) > most {
		return text[:most] + "..."
	}
	return text
}

// later reports whether OID a comes after b.
func later(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		m, errM := strconv.ParseUint(x[i], 10, 32)
		n, errN := strconv.ParseUint(y[i], 10, 32)
		if errM != nil || errN != nil {
			return false
		}
		if m != n {
			return m > n
		}
	}
	return len(x) > len(y)
}
