package icd10

import (
	"regexp"
	"strings"
)

// codeShape is a whole code after blanks and marks are gone. The third
// character is a letter in seven ICD-10-CM categories such as C4A and Z3A.
var codeShape = regexp.MustCompile(`^([A-Z][0-9][0-9AB])\.?([0-9A-Z]{0,4})$`)

// Normalise writes one code the way codes are compared: upper case, no blanks,
// a dot after the third character where more follow. Dagger, asterisk, plus and
// exclamation marks at the end, the ".-" of a category and a tail of nothing
// but X are dropped. ok is false where text is not one code.
func Normalise(text string) (code string, ok bool) {
	if len(text) > 32 {
		return "", false
	}
	text = strings.ToUpper(strings.Join(strings.Fields(text), ""))
	text = strings.TrimRight(text, "*†+!")
	text = strings.TrimSuffix(strings.TrimSuffix(text, ".-"), ".–")
	m := codeShape.FindStringSubmatch(text)
	if m == nil || strings.HasSuffix(text, ".") {
		return "", false
	}
	return join(m[1], m[2]), true
}

// join puts category and tail together, both upper case.
func join(category, tail string) string {
	if strings.Trim(tail, "X") == "" {
		return category
	}
	return category + "." + tail
}

// Category is the first three characters of a normalised code.
func Category(code string) string {
	if len(code) < 3 {
		return code
	}
	return code[:3]
}

// chapterRange is a stretch of categories, both ends included.
type chapterRange struct{ first, last, chapter string }

// chapterRanges gives the chapters of ICD-10 by their true bounds. The bounds
// are the widest of the WHO, Swedish and US versions, which differ only where
// the others have no categories: D49, K94 to K95, V00, Y99 and O9A are US
// ones, E90 and T89 to T98 are not.
func chapterRanges() [22]chapterRange {
	return [...]chapterRange{
		{"A00", "B99", "I"},
		{"C00", "D49", "II"},
		{"D50", "D89", "III"},
		{"E00", "E90", "IV"},
		{"F00", "F99", "V"},
		{"G00", "G99", "VI"},
		{"H00", "H59", "VII"},
		{"H60", "H95", "VIII"},
		{"I00", "I99", "IX"},
		{"J00", "J99", "X"},
		{"K00", "K95", "XI"},
		{"L00", "L99", "XII"},
		{"M00", "M99", "XIII"},
		{"N00", "N99", "XIV"},
		{"O00", "O9A", "XV"},
		{"P00", "P96", "XVI"},
		{"Q00", "Q99", "XVII"},
		{"R00", "R99", "XVIII"},
		{"S00", "T98", "XIX"},
		{"V00", "Y99", "XX"},
		{"Z00", "Z99", "XXI"},
		{"U00", "U99", "XXII"},
	}
}

// Chapter gives the chapter of a normalised code, I to XXII, or "" where no
// chapter holds it. The letter alone does not tell: D48 and D50, H59 and H60
// lie in different chapters, A and B, S and T, V to Y in one.
func Chapter(code string) string {
	category := Category(code)
	if len(category) < 3 {
		return ""
	}
	for _, r := range chapterRanges() {
		if r.first <= category && category <= r.last {
			return r.chapter
		}
	}
	return ""
}
