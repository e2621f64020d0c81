package dataset

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// cleanText is the text with Unix line ends and without white space around it.
// reason is not empty where the text is refused; it never quotes the text.
func cleanText(text string, limit int) (clean, reason string) {
	if len(text) > limit {
		return "", fmt.Sprintf("%d bytes, the limit is %d", len(text), limit)
	}
	if !utf8.ValidString(text) {
		return "", "not valid UTF-8"
	}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	for i, r := range text {
		if refusedRune(r) {
			return "", fmt.Sprintf("control character U+%04X at byte %d", r, i)
		}
	}
	return strings.TrimSpace(text), ""
}

// refusedRune holds for control characters other than line end and tab, for
// the replacement character (the trace of a lost letter) and for the marks
// that turn the direction of text and so hide what a reader sees.
func refusedRune(r rune) bool {
	switch {
	case r == '\n', r == '\t':
		return false
	case r < 0x20, r >= 0x7f && r <= 0x9f, r == utf8.RuneError:
		return true
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0xfeff:
		return true
	}
	return false
}
