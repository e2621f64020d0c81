package icd10

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is a code as it stands in a text.
type token struct {
	code       string // normalised
	start, end int    // byte offsets
	dotted     bool   // holds a dot before more characters, or the dash of a category
	dashed     bool   // ends in the dash of a category, as D16.-
	lower      bool   // the letter is lower case
}

// tokenAt reads a code that begins at offset i.
func tokenAt(text string, i int) (token, bool) {
	if i >= len(text) || !isASCIILetter(rune(text[i])) || !wordStart(text, i) {
		return token{}, false
	}
	t := token{start: i, lower: text[i] >= 'a'}
	gap := blankRun(text[i+1:])
	at := i + 1 + gap
	if at+2 > len(text) || !isDigit(text[at]) {
		return token{}, false
	}
	category := strings.ToUpper(string(text[i]) + text[at:at+2])
	if !isDigit(text[at+1]) && !lettered(category) {
		return token{}, false
	}
	tail, end, ok := tailAt(text, at+2, &t)
	if !ok || (gap > 0 && (t.lower || !t.dotted || temperature(category))) || (!t.dotted && !isDigit(text[at+1])) {
		return token{}, false
	}
	t.code, t.end = join(category, tail), end
	return t, true
}

// tailAt reads what follows a category at offset at: nothing, a dotted tail,
// the ".-" of a category, or a tail without its dot. ok is false where the
// characters there mean that no code stands here at all.
func tailAt(text string, at int, t *token) (tail string, end int, ok bool) {
	dot := dotAt(text, at)
	if dot == 0 {
		run := alnumRun(text[at:])
		if run == 0 {
			return "", at, !isLetter(text, at)
		}
		tail, width := tailOf(text[at : at+run])
		whole := width == run && !isLetter(text, at+run) && (isDigit(tail[0]) || tail[0] == 'X')
		return tail, at + run, whole
	}
	from := at + dot
	if dash := dashWidth(text[from:]); dash > 0 && dot == 1 && alnumRun(text[from+dash:]) == 0 {
		t.dotted, t.dashed = true, true
		return "", from + dash, true
	}
	run := alnumRun(text[from:])
	if run == 0 {
		return "", at, true // the dot ends a sentence
	}
	tail, width := tailOf(text[from : from+run])
	if width == 0 {
		// A word after the dot, as in "I10.Hypertoni", is not part of the code;
		// a long number means that this is no code.
		return "", at, !isDigit(text[from])
	}
	t.dotted = true
	return tail, from + width, true
}

// dotAt gives the width of a dot at offset at, with the blanks around it where
// there is a blank before it ("48 . 9", "48 .9"); 0 where there is none. A
// blank after a dot alone ends a sentence or numbers a list.
func dotAt(text string, at int) int {
	before := blankRun(text[at:])
	if at+before >= len(text) || text[at+before] != '.' {
		return 0
	}
	if before == 0 {
		return 1
	}
	width := before + 1 + blankRun(text[at+before+1:])
	if at+width < len(text) && isDigit(text[at+width]) {
		return width
	}
	return 0
}

// tailOf reads the one to four characters after the category at the start of
// a run of letters and digits: digits and X, at most one other letter, a
// letter first only as A or B before a digit or the end (I21.A1, I21.B). Where
// a word is glued to the digits ("4och") the digits alone are taken. width is 0
// where nothing fits.
func tailOf(run string) (tail string, width int) {
	digits := 0
	for digits < len(run) && isDigit(run[digits]) {
		digits++
	}
	if digits > 4 {
		return "", 0
	}
	upper := strings.ToUpper(run)
	letters := 0
	for _, c := range []byte(upper) {
		if !isDigit(c) && c != 'X' {
			letters++
		}
	}
	first := isDigit(upper[0]) || upper[0] == 'X' ||
		(run[0] == 'A' || run[0] == 'B') && (len(run) == 1 || isDigit(run[1]))
	if len(run) <= 4 && letters <= 1 && first {
		return upper, len(run)
	}
	return upper[:digits], digits
}

// lettered reports whether a category is one of those of ICD-10-CM whose third
// character is a letter; they count only with a dot.
func lettered(category string) bool {
	switch category {
	case "C4A", "C7A", "C7B", "D3A", "M1A", "O9A", "Z3A":
		return true
	}
	return false
}

// temperature reports whether a category written with a blank is rather a body
// temperature, as in "T 38.9".
func temperature(category string) bool {
	return category[0] == 'T' && category >= "T30" && category <= "T43"
}

// wordStart reports whether offset i does not lie inside a word. A letter that
// ends an escape of a JSON string (\n) belongs to no word.
func wordStart(text string, i int) bool {
	if i == 0 {
		return true
	}
	if i > 1 && text[i-2] == '\\' && strings.IndexByte("nrt", text[i-1]) >= 0 {
		return true
	}
	return !endsInLetter(text[:i]) && !isDigit(text[i-1])
}

func endsInLetter(text string) bool {
	r, _ := utf8.DecodeLastRuneInString(text)
	return unicode.IsLetter(r) || unicode.Is(unicode.Mn, r)
}

// isLetter reports whether a letter stands at offset i.
func isLetter(text string, i int) bool {
	if i >= len(text) {
		return false
	}
	r, _ := utf8.DecodeRuneInString(text[i:])
	return unicode.IsLetter(r)
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// alnumRun counts the ASCII letters and digits that text begins with.
func alnumRun(text string) int {
	n := 0
	for n < len(text) && (isDigit(text[n]) || isASCIILetter(rune(text[n]))) {
		n++
	}
	return n
}

// blankRun gives the width of at most two blanks that text begins with.
func blankRun(text string) int {
	width := 0
	for range 2 {
		switch {
		case width < len(text) && (text[width] == ' ' || text[width] == '\t'):
			width++
		case strings.HasPrefix(text[width:], "\u00a0"), strings.HasPrefix(text[width:], "\u2009"), strings.HasPrefix(text[width:], "\u202f"):
			_, n := utf8.DecodeRuneInString(text[width:])
			width += n
		}
	}
	return width
}

// dashWidth gives the width of the hyphen or dash that text begins with, or 0.
func dashWidth(text string) int {
	for _, dash := range []string{"-", "‐", "‑", "–", "—"} {
		if strings.HasPrefix(text, dash) {
			return len(dash)
		}
	}
	return 0
}
