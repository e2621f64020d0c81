package dataset

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"maps"
	"slices"
)

// encoder feeds a hash with length-prefixed fields, so that no two different
// sequences of fields give the same bytes.
type encoder struct{ h hash.Hash }

func newEncoder(purpose string) encoder {
	e := encoder{sha256.New()}
	e.str(purpose)
	return e
}

func (e encoder) num(n int) {
	e.h.Write(binary.BigEndian.AppendUint64(nil, uint64(n))) //nolint:gosec // a length is never negative
}

func (e encoder) str(s string) {
	e.num(len(s))
	e.h.Write([]byte(s))
}

func (e encoder) strs(list []string) {
	e.num(len(list))
	for _, s := range list {
		e.str(s)
	}
}

func (e encoder) sum() string { return hex.EncodeToString(e.h.Sum(nil)) }

// Hash is the SHA-256, in hex, of what the set means: code system, and for
// each journal its id, specialty, difficulty, codes in order and texts. The
// journals are taken by id, so neither the order of the rows nor anything of
// the file's formatting changes it; name, licence and version do not either.
func (d Dataset) Hash() string {
	e := newEncoder("wattsweep dataset v1")
	e.str(d.CodeSystem)
	e.num(len(d.Journals))
	for _, j := range byID(d.Journals) {
		e.str(j.ID)
		e.str(j.Specialty)
		e.str(j.Difficulty)
		e.strs(j.Codes)
		e.num(len(j.Text))
		for _, lang := range slices.Sorted(maps.Keys(j.Text)) {
			e.str(lang)
			e.str(j.Text[lang])
		}
	}
	return e.sum()
}

// HashLanguage is the SHA-256, in hex, of the set as a model sees it in one
// language: code system, language, and each journal's id, codes and text.
func (d Dataset) HashLanguage(lang string) string {
	e := newEncoder("wattsweep dataset language v1")
	e.str(d.CodeSystem)
	e.str(lang)
	e.num(len(d.Journals))
	for _, j := range byID(d.Journals) {
		e.str(j.ID)
		e.strs(j.Codes)
		e.str(j.Text[lang])
	}
	return e.sum()
}

// TextHash is the SHA-256, in hex, of the journal's text in one language, byte
// for byte; of the empty text where the language is missing.
func TextHash(j Journal, lang string) string {
	sum := sha256.Sum256([]byte(j.Text[lang]))
	return hex.EncodeToString(sum[:])
}

// byID is a sorted copy; equal ids, which Verify refuses, keep their order.
func byID(journals []Journal) []Journal {
	return slices.SortedStableFunc(slices.Values(journals), func(a, b Journal) int {
		return cmp.Compare(a.ID, b.ID)
	})
}
