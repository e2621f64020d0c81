package targets

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// word is one piece of a rule: an operator, a comma, a quoted or a plain word.
type word struct {
	text   string
	column int // of its first character, 1-based
	sign   bool
	quoted bool
}

// split cuts a rule into words.
func split(rule string) ([]word, error) {
	var words []word
	column, rest := 1, rule
	for rest != "" {
		r, size := utf8.DecodeRuneInString(rest)
		switch {
		case unicode.IsSpace(r):
			column, rest = column+1, rest[size:]
			continue
		case r == '"':
			text, after, ok := strings.Cut(rest[1:], `"`)
			if !ok {
				return nil, wrong(rule, column, "end it with another", `a quotation mark is not closed`)
			}
			words = append(words, word{text: text, column: column, quoted: true})
			column, rest = column+utf8.RuneCountInString(text)+2, after
			continue
		}
		w := word{text: plain(rest), column: column}
		if w.text == "" {
			w.text, w.sign = sign(rest), true
		}
		words = append(words, w)
		column, rest = column+utf8.RuneCountInString(w.text), rest[len(w.text):]
	}
	return words, nil
}

const signs = `<>=≤≥,"`

// plain is the word that text begins with, "" where it begins with a sign.
func plain(text string) string {
	end := strings.IndexFunc(text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(signs, r) })
	if end < 0 {
		return text
	}
	return text[:end]
}

// sign is the operator or comma that text begins with.
func sign(text string) string {
	_, size := utf8.DecodeRuneInString(text)
	for size < len(text) && strings.IndexByte("<>=", text[0]) >= 0 && text[size] == '=' {
		size++
	}
	return text[:size]
}

// shown is how much of a rule an error repeats.
const shown = 80

// wrong is an error about one place of a rule.
func wrong(rule string, column int, mend, format string, args ...any) error {
	text := strings.Join(strings.Fields(strings.ToValidUTF8(rule, "?")), " ")
	if utf8.RuneCountInString(text) > shown {
		text = string([]rune(text)[:shown]) + "…"
	}
	return fault.New(fault.Invalid, "", mend, "target %q, column %d: "+format, append([]any{text, column}, args...)...)
}

// cut shortens a word for an error.
func cut(text string) string {
	if utf8.RuneCountInString(text) > 40 {
		return string([]rune(text)[:40]) + "…"
	}
	return text
}

// nearest is the known word that differs from a written one in the fewest
// letters, "" where none is near.
func nearest(written string, known []string) string {
	best, least := "", max(2, len(written)/3)+1
	for _, k := range known {
		if d := distance(strings.ToLower(written), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	if best == "" && len(written) >= 3 {
		for _, k := range known {
			if strings.Contains(k, strings.ToLower(written)) {
				return k
			}
		}
	}
	return best
}

// distance is the number of letters to put in, take out, change or swap with
// their neighbour (optimal string alignment).
func distance(a, b string) int {
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last = last, row
		row = make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			differ := 1
			if a[i] == b[j] {
				differ = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+differ)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
