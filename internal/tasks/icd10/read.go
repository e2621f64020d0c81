package icd10

import (
	"slices"
	"strings"
)

// MaxCodes is how many codes of an answer count unless a task says otherwise.
// Without a cap a model that lists forty codes would win on recall alone.
const MaxCodes = 5

// ReadCodes reads the ICD-10 codes of an answer in the order they are said,
// each once, in the form of [Normalise], at most limit of them (below 1: MaxCodes).
//
// The answer may be free text, a list, JSON, fenced or cut-off JSON. Codes may
// lack the dot, stand in any case, hold blanks (I 48.9), and carry marks (†, *)
// or the dash of a category (D16.-, read as D16). What is not a code:
//
//   - anything in a reasoning section: <think>…</think> and its kin, closed or
//     not; channels other than final; text under a heading such as "Reasoning:"
//     up to a heading such as "Answer:" or a line of codes alone; JSON strings
//     under keys such as "reasoning";
//   - a range: two codes joined by a dash without blanks (I21.0-I21.4), a
//     shortened one (S72.0-9), or two bare categories with a dash between them
//     (A00 – A09). A range names a block, neither end of it is meant;
//   - a letter and one digit: T4, C3, L5, V6;
//   - B12 without more digits: the category does not exist, the vitamin does;
//   - a bare category or dotless code glued to a word by a hyphen (HLA-B27) or
//     after a word that names something else with such numbers (vitamin D10,
//     vertebra T12, coenzyme Q10, ward K12), and any code given as an example;
//   - a lower-case code without a dot inside a sentence (p53, "i 48"); at the
//     start of a line or list entry it is one;
//   - a temperature (T 38.9, T38.9 °C);
//   - a JSON string that the answer's end cuts inside a code ("R61.).
//
// A comma is never a dot: I48,9 is read as I48. Codes that exist in no list are
// read all the same and counted by [Score]. A denied code ("not I20.0") counts
// as said: the task asks for codes only.
func ReadCodes(answer string, limit int) []string {
	if limit < 1 {
		limit = MaxCodes
	}
	var codes []string
	for _, f := range scan(answerOf(answer)) {
		if slices.Contains(codes, f.code) {
			continue
		}
		if codes = append(codes, f.code); len(codes) == limit {
			break
		}
	}
	return codes
}

// scan finds every code of a text, in order.
func scan(text string) []token {
	var found []token
	for i := 0; i < len(text); {
		t, ok := tokenAt(text, i)
		if !ok {
			i++
			continue
		}
		if end := rangeEnd(text, t); end > 0 {
			i = end
			continue
		}
		if !setAside(text, t) {
			found = append(found, t)
		}
		i = t.end
	}
	return found
}

// rangeEnd gives the offset after a range that t begins, or 0 where t stands
// alone.
func rangeEnd(text string, t token) int {
	if t.dashed {
		return 0
	}
	rest := text[t.end:]
	blanks := blankRun(rest)
	dash := dashWidth(rest[blanks:])
	if dash == 0 {
		return 0
	}
	after := t.end + blanks + dash
	gap := blankRun(text[after:])
	if blanks+gap > 0 {
		other, ok := tokenAt(text, after+gap)
		if ok && len(t.code) == 3 && len(other.code) == 3 && !t.dotted && !other.dotted {
			return other.end
		}
		return 0
	}
	if other, ok := tokenAt(text, after); ok {
		return other.end
	}
	digits := 0
	for after+digits < len(text) && isDigit(text[after+digits]) {
		digits++
	}
	if digits > 0 && !isLetter(text, after+digits) {
		return after + digits
	}
	return 0
}

// setAside reports whether a token that looks like a code is something else,
// by what stands around it.
func setAside(text string, t token) bool {
	before, rest := text[:t.start], text[t.end:]
	word := wordBefore(before)
	switch {
	case isExample(word):
		return true
	case strings.HasPrefix(strings.TrimLeft(rest, " \u00a0"), "°"):
		return true
	case strings.HasSuffix(before, `"`) && (rest == "" || rest == "."):
		return true // cut off inside a JSON string
	case t.dotted:
		return false
	case t.code == "B12", gluedByHyphen(before), namesOther(word):
		return true
	default:
		return t.lower && !listPlace(before)
	}
}

// gluedByHyphen reports whether text ends in a word and a hyphen.
func gluedByHyphen(before string) bool {
	for _, dash := range []string{"-", "‐", "‑"} {
		if head, ok := strings.CutSuffix(before, dash); ok {
			return head != "" && (endsInLetter(head) || isDigit(head[len(head)-1]))
		}
	}
	return false
}

// listPlace reports whether text ends where an entry of a list may begin: at
// the start of a line, after a separator, a quote, a bullet or a list number.
func listPlace(before string) bool {
	before = strings.TrimRight(before, " \t\u00a0")
	if before == "" {
		return true
	}
	switch last := before[len(before)-1]; last {
	case '.', ')':
		return len(before) > 1 && isDigit(before[len(before)-2])
	case 'n', 'r', 't':
		return strings.HasSuffix(before[:len(before)-1], `\`)
	default:
		return strings.IndexByte("\r\n,;:\"'([{|/*_-`>&=+", last) >= 0
	}
}

// wordBefore gives the word that text ends in, lower case, past blanks, an
// opening bracket and the dot of an abbreviation; "" where there is none.
func wordBefore(before string) string {
	const window = 48 // bytes; no word of interest is longer
	before = before[max(0, len(before)-window):]
	before = strings.TrimRight(before, " \t\u00a0([:")
	before = strings.TrimSuffix(before, ".")
	at := strings.LastIndexFunc(before, func(r rune) bool { return !isWordRune(r) })
	if at >= 0 {
		before = before[at:]
		before = strings.TrimLeftFunc(before, func(r rune) bool { return !isWordRune(r) })
	}
	return strings.ToLower(before)
}

func isExample(word string) bool {
	switch word {
	case "example", "exempel", "instance":
		return true
	}
	return false
}

// namesOther reports whether a word announces a vitamin, vertebra, antigen,
// marker, place or isotope rather than a code.
func namesOther(word string) bool {
	switch word {
	case "vitamin", "vitamins", "vit", "coenzyme", "koenzym", "enzym", "cytochrome", "cytokrom", "cyp",
		"hla", "antigen", "anti", "coli", "serotyp", "serotype",
		"vertebra", "vertebrae", "vertebral", "kota", "kotan", "kotor", "kotkropp", "disc", "disk", "nivå", "nivån", "level",
		"ward", "room", "bed", "rum", "sal", "avd", "avdelning", "säng",
		"jod", "iodine", "radiojod":
		return true
	}
	return false
}
