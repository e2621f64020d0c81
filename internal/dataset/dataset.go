package dataset

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// Journal is one patient record and the codes that describe it.
type Journal struct {
	// ID names the journal inside its set; it is safe to print.
	ID string
	// Specialty is the ward or clinic, in English lower case; it may be empty.
	Specialty string
	// Difficulty is easy, medium or hard; it may be empty.
	Difficulty string
	// Codes are the gold codes in the form NormaliseCode gives, main code
	// first where the source says which is the main one. It is empty where the
	// source has no gold for the journal.
	Codes []string
	// Text is the journal by language tag ("sv", "en").
	Text map[string]string
}

// MainCode is the first gold code, or "" where there is none.
func (j Journal) MainCode() string {
	if len(j.Codes) == 0 {
		return ""
	}
	return j.Codes[0]
}

// Dataset is a verified set of journals under one code system.
type Dataset struct {
	// Name is what specs and reports call the set.
	Name string
	// Version is the maker's own; empty where the source has none.
	Version string
	// CodeSystem is the national version that Codes belong to, such as
	// ICD-10-SE. Codes of two systems are not comparable code by code.
	CodeSystem string
	// Licence is an SPDX expression, empty where the source does not say.
	Licence string
	// Author says who wrote the journals, empty where the source does not say.
	Author string
	// Split names the part of a larger set ("all", "dev", "test").
	Split string
	// Languages are the tags that every journal is promised in, sorted.
	Languages []string
	// Journals are in the source's order.
	Journals []Journal
	// Noticed counts what the reader saw and did not refuse, such as rows left
	// out by the format's own rule; by reason.
	Noticed map[string]int
}

// Find returns the journal with the id.
func (d Dataset) Find(id string) (Journal, bool) {
	i := slices.IndexFunc(d.Journals, func(j Journal) bool { return j.ID == id })
	if i < 0 {
		return Journal{}, false
	}
	return d.Journals[i], true
}

// HasLanguage reports whether every journal is promised in the language.
func (d Dataset) HasLanguage(lang string) bool {
	return slices.Contains(d.Languages, lang)
}

// Head is the set with its first n journals in the source's order; with n
// below 0 or above the count it is the set itself.
func (d Dataset) Head(n int) Dataset {
	if n < 0 || n >= len(d.Journals) {
		return d
	}
	d.Journals = slices.Clone(d.Journals[:n])
	return d
}

// Sample is the set with n journals chosen by seed, in the source's order.
//
// The choice ranks journals by a hash of seed and id, so it is the same on
// every machine and Go version, does not depend on the order of the file, and
// is nested: Sample(10, s) is contained in Sample(20, s).
func (d Dataset) Sample(n int, seed uint64) Dataset {
	if n < 0 || n >= len(d.Journals) {
		return d
	}
	type ranked struct {
		at   int
		rank [sha256.Size]byte
	}
	order := make([]ranked, len(d.Journals))
	for i, j := range d.Journals {
		key := binary.BigEndian.AppendUint64([]byte("wattsweep sample\x00"), seed)
		order[i] = ranked{at: i, rank: sha256.Sum256(append(key, j.ID...))}
	}
	slices.SortFunc(order, func(a, b ranked) int {
		return cmp.Or(slices.Compare(a.rank[:], b.rank[:]), cmp.Compare(a.at, b.at))
	})
	order = order[:n]
	slices.SortFunc(order, func(a, b ranked) int { return cmp.Compare(a.at, b.at) })
	chosen := make([]Journal, 0, n)
	for _, r := range order {
		chosen = append(chosen, d.Journals[r.at])
	}
	d.Journals = chosen
	return d
}
