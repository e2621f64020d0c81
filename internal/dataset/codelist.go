package dataset

import (
	"maps"
	"slices"
)

// CodeList says which codes of one code system exist.
type CodeList struct {
	// Name is what reports call the list; a share of codes that do not exist is
	// always shown with it.
	Name string
	// System is the national version, such as ICD-10-SE.
	System string
	// Complete is false for a list that holds only some of the system's codes:
	// a code it lacks may exist.
	Complete bool
	// Noticed counts rows that were passed over by rule, by reason.
	Noticed map[string]int

	codes      map[string]codeEntry
	categories map[string]bool
}

// codeEntry is what a list says about one code.
type codeEntry struct {
	billable bool
	titles   map[string]string // by language
}

// Has reports whether the list holds the code, as a code or as a heading over
// finer codes. The code may be written with or without dot, in any case.
func (l CodeList) Has(code string) bool {
	code, ok := NormaliseCode(code)
	if !ok {
		return false
	}
	_, there := l.codes[code]
	return there
}

// Billable reports whether the list holds the code as one that may be set on a
// record, not only as a heading.
func (l CodeList) Billable(code string) bool {
	code, ok := NormaliseCode(code)
	return ok && l.codes[code].billable
}

// HasCategory reports whether any code of the list begins with the three
// characters.
func (l CodeList) HasCategory(category string) bool {
	category, ok := NormaliseCode(category)
	return ok && l.categories[Category(category)]
}

// Title is the list's own words for the code in the language, "" where it has
// none. Titles of national lists are protected: show them, do not ship them.
func (l CodeList) Title(code, lang string) string {
	code, ok := NormaliseCode(code)
	if !ok {
		return ""
	}
	return l.codes[code].titles[lang]
}

// Len is the number of codes, headings included.
func (l CodeList) Len() int { return len(l.codes) }

// Codes are all codes of the list, sorted.
func (l CodeList) Codes() []string { return slices.Sorted(maps.Keys(l.codes)) }

// Hash is the SHA-256, in hex, of system, completeness, and the codes with
// their billable flags in sorted order; titles do not change it.
func (l CodeList) Hash() string {
	e := newEncoder("wattsweep code list v1")
	e.str(l.System)
	e.flag(l.Complete)
	e.num(len(l.codes))
	for _, code := range l.Codes() {
		e.str(code)
		e.flag(l.codes[code].billable)
	}
	return e.sum()
}

func (e encoder) flag(b bool) {
	if b {
		e.num(1)
	} else {
		e.num(0)
	}
}

// NotListed counts the codes of the set that the list lacks, by journal id; a
// set and a list of different systems should not be compared.
func (l CodeList) NotListed(d Dataset) map[string][]string {
	missing := make(map[string][]string)
	for _, j := range d.Journals {
		for _, code := range j.Codes {
			if !l.Has(code) {
				missing[j.ID] = append(missing[j.ID], code)
			}
		}
	}
	return missing
}
