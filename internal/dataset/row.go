package dataset

import (
	"fmt"
	"slices"
)

// rowReader turns the fields of one row into a journal and notes every
// problem under the row's place.
type rowReader struct {
	file    string
	line    int
	journal string
	limits  Limits
	found   *problems
}

func (r *rowReader) problem(kind Kind, field, message, mend string) {
	r.found.add(Problem{Kind: kind, File: r.file, Line: r.line, Journal: r.journal, Field: field, Message: message, Mend: mend})
}

// mark is a point in the list of problems; clean tells whether any came since.
func (p *problems) mark() int { return len(p.list) + p.omitted }

func (p *problems) clean(since int) bool { return p.mark() == since }

func (r *rowReader) id(id string) {
	if !idShape.MatchString(id) {
		message := "missing"
		if id != "" {
			message = fmt.Sprintf("%d bytes that are not an id", len(id))
		}
		r.problem(KindID, "id", message, "use 1 to 128 letters, digits, dot, dash, colon or underscore; no personal number")
		return
	}
	r.journal = id
}

// label checks a word that is printed in reports and used to group.
func (r *rowReader) label(field, value string) {
	if value != "" && !wordShape.MatchString(value) {
		r.problem(KindField, field, fmt.Sprintf("%d bytes that are not a plain word", len(value)), "use up to 32 letters, digits, dot, dash or underscore")
	}
}

func (r *rowReader) codes(raw []string) []string {
	if len(raw) > r.limits.Codes {
		r.problem(KindLimit, "codes", fmt.Sprintf("%d codes, the limit is %d", len(raw), r.limits.Codes), "keep the codes that describe the case")
		return nil
	}
	codes := make([]string, 0, len(raw))
	for _, text := range raw {
		code, ok := NormaliseCode(text)
		switch {
		case !ok:
			r.problem(KindCode, "codes", shownCode(text)+" is not an ICD-10 code", "write a letter, two characters, and after a dot up to four more")
		case slices.Contains(codes, code):
			r.problem(KindCode, "codes", code+" stands twice", "name each code once")
		default:
			codes = append(codes, code)
		}
	}
	return codes
}

// text checks one text and adds it.
func (r *rowReader) text(texts map[string]string, lang, text string) {
	field := "text." + lang
	if !langShape.MatchString(lang) {
		r.problem(KindField, "language", fmt.Sprintf("%d bytes that are not a language tag", len(lang)), "use tags such as sv, en")
		return
	}
	clean, reason := cleanText(text, r.limits.TextBytes)
	switch {
	case reason != "":
		r.problem(KindText, field, reason, "save the file as UTF-8 and remove control characters")
	case clean == "":
		r.problem(KindEmptyText, field, "empty", "write the journal's text or leave the journal out")
	default:
		texts[lang] = clean
	}
}
