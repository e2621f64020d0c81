package dataset

import (
	"regexp"
	"strings"
)

var (
	codeShape = regexp.MustCompile(`^([A-Z][0-9][0-9A-Z])\.?([0-9A-Z]{0,4})$`)
	// labelShape reads a code at the start of a label written by hand, such as
	// "K379 Appendicit" or "I 48.9 Förmaksflimmer".
	labelShape = regexp.MustCompile(`^([A-Za-z])[ ]?([0-9][0-9A-Za-z])(?:[ ]?\.[ ]?([0-9X][0-9A-Za-z]{0,3})|([0-9X][0-9A-Za-z]{0,3}))?(?:$|[^0-9A-Za-z.])`)
)

// NormaliseCode writes an ICD-10 code the one way it is compared here: upper
// case, no spaces, a dot after the third character where more follow. A
// trailing dagger, asterisk or plus (the mark of a pair) and the ".-" of a
// category are dropped. ok is false where the text is not one code.
func NormaliseCode(text string) (code string, ok bool) {
	if len(text) > 32 {
		return "", false
	}
	text = strings.ToUpper(strings.Join(strings.Fields(text), ""))
	text = strings.TrimRight(text, "*†+")
	text = strings.TrimSuffix(text, ".-")
	m := codeShape.FindStringSubmatch(text)
	if m == nil || strings.HasSuffix(text, ".") {
		return "", false
	}
	if m[2] == "" {
		return m[1], true
	}
	return m[1] + "." + m[2], true
}

// ParseLabel reads the code at the start of a label that a person wrote, such
// as "R002 Hjärtklappning", "I 48.9 Förmaksflimmer" or "S4220".
func ParseLabel(label string) (code string, ok bool) {
	m := labelShape.FindStringSubmatch(strings.TrimSpace(label))
	if m == nil {
		return "", false
	}
	return NormaliseCode(m[1] + m[2] + m[3] + m[4])
}

// Category is the first three characters of a normalised code.
func Category(code string) string {
	if len(code) < 3 {
		return code
	}
	return code[:3]
}
