package dataset

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// Report is what Verify found in one set.
type Report struct {
	Name          string         `json:"name"`
	Hash          string         `json:"hash"`
	Journals      int            `json:"journals"`
	Texts         map[string]int `json:"texts"`          // non-empty texts by language
	Words         map[string]int `json:"words"`          // words by language
	Codes         int            `json:"codes"`          // code mentions
	DistinctCodes int            `json:"distinct_codes"` // different codes
	WithoutCodes  int            `json:"without_codes"`  // journals with no gold code: counted, not refused
	Counts        map[Kind]int   `json:"counts"`         // problems by kind, those omitted included
	Problems      []Problem      `json:"problems"`       // at most the limit
	Omitted       int            `json:"omitted"`
}

// OK reports whether the set may be measured with.
func (r Report) OK() bool { return len(r.Problems)+r.Omitted == 0 }

// Verify checks what the type promises: at least one journal, unique ids, a
// code system, well-formed codes named once, every promised language with a
// text, and no text twice. At most limit problems are listed (0: 50); all are
// counted.
func Verify(d Dataset, limit int) Report {
	if limit <= 0 {
		limit = Limits{}.withDefaults().Problems
	}
	v := verifier{
		d: d, found: problems{limit: limit}, ids: make(map[string]int), texts: make(map[textKey]string),
		report: Report{
			Name: d.Name, Hash: d.Hash(), Journals: len(d.Journals),
			Texts: make(map[string]int), Words: make(map[string]int), Counts: make(map[Kind]int),
		},
	}
	v.set()
	codes := make(map[string]bool)
	for i, j := range d.Journals {
		v.journal(i, j)
		for _, code := range j.Codes {
			codes[code] = true
		}
	}
	v.report.DistinctCodes = len(codes)
	v.report.Problems, v.report.Omitted = v.found.list, v.found.omitted
	return v.report
}

type textKey struct {
	lang string
	sum  [sha256.Size]byte
}

type verifier struct {
	d      Dataset
	found  problems
	report Report
	ids    map[string]int     // id to first row
	texts  map[textKey]string // text to the first journal's id
	// languages are the promised ones that at least one journal has, so that a
	// mistyped tag is one problem and not one for each journal.
	languages []string
}

func (v *verifier) problem(kind Kind, row int, id, field, message, mend string) {
	v.report.Counts[kind]++
	v.found.add(Problem{Kind: kind, File: v.d.Name, Line: row, Journal: shownID(id), Field: field, Message: message, Mend: mend})
}

func (v *verifier) set() {
	if len(v.d.Journals) == 0 {
		v.problem(KindFile, 0, "", "", "holds no journals", "name a set with at least one")
	}
	if !systemShape.MatchString(v.d.CodeSystem) {
		v.problem(KindField, 0, "", "code_system", "missing or malformed", "write for example ICD-10-SE")
	}
	if len(v.d.Languages) == 0 {
		v.problem(KindLanguage, 0, "", "languages", "none", "name at least one language")
	}
	occurring := languagesOf(v.d.Journals)
	for _, lang := range v.d.Languages {
		switch {
		case !langShape.MatchString(lang):
			v.problem(KindLanguage, 0, "", "languages", shown(lang)+" is not a language tag", "use tags such as sv, en")
		case !slices.Contains(occurring, lang) && len(v.d.Journals) > 0:
			v.problem(KindLanguage, 0, "", "languages", lang+": no journal has a text in it", fmt.Sprintf("choose among %v", occurring))
		default:
			v.languages = append(v.languages, lang)
		}
	}
}

func (v *verifier) journal(i int, j Journal) {
	row := i + 1
	if first, twice := v.ids[j.ID]; twice {
		v.problem(KindID, row, j.ID, "id", fmt.Sprintf("is also the id of journal number %d", first), "give every journal its own id")
	} else {
		v.ids[j.ID] = row
	}
	if !idShape.MatchString(j.ID) {
		v.problem(KindID, row, j.ID, "id", fmt.Sprintf("missing or not an id (%d bytes)", len(j.ID)), "use letters, digits, dot, dash, colon or underscore")
	}
	if len(j.Codes) == 0 {
		v.report.WithoutCodes++
		v.report.Counts[KindNoCodes]++
	}
	v.report.Codes += len(j.Codes)
	for k, code := range j.Codes {
		if norm, ok := NormaliseCode(code); !ok || norm != code {
			v.problem(KindCode, row, j.ID, "codes", shownCode(code)+" is not a code in its usual form", "write upper case with a dot, such as I21.4")
		} else if slices.Index(j.Codes, code) < k {
			v.problem(KindCode, row, j.ID, "codes", code+" stands twice", "name each code once")
		}
	}
	for _, lang := range v.languages {
		v.language(row, j, lang)
	}
}

func (v *verifier) language(row int, j Journal, lang string) {
	field := "text." + lang
	text, there := j.Text[lang]
	if !there {
		v.problem(KindLanguage, row, j.ID, field, "missing", "add the text, or leave the language out of the set")
		return
	}
	if strings.TrimSpace(text) == "" {
		v.problem(KindEmptyText, row, j.ID, field, "empty", "write the text or leave the journal out")
		return
	}
	v.report.Texts[lang]++
	v.report.Words[lang] += len(strings.Fields(text))
	key := textKey{lang, comparable256(text)}
	if first, twice := v.texts[key]; twice {
		v.problem(KindDuplicate, row, j.ID, field, "has the same text as journal "+shownID(first), "keep one of the two")
		return
	}
	v.texts[key] = j.ID
}

// comparable256 hashes a text with case and white space levelled, so that a
// copy that was only laid out anew is still found.
func comparable256(text string) [sha256.Size]byte {
	return sha256.Sum256([]byte(strings.ToLower(strings.Join(strings.Fields(text), " "))))
}

// Shared is a text that stands in two sets.
type Shared struct {
	Language string `json:"language"`
	A        string `json:"a"` // journal id in the first set
	B        string `json:"b"` // journal id in the second set
}

// Overlap finds texts that stand in both sets in the same language, compared
// with case and white space levelled; in the first set's order. A model that
// was tuned on one of the sets must not be judged on those journals.
func Overlap(a, b Dataset) []Shared {
	seen := make(map[textKey]string)
	for _, j := range b.Journals {
		for lang, text := range j.Text {
			seen[textKey{lang, comparable256(text)}] = j.ID
		}
	}
	var shared []Shared
	for _, j := range a.Journals {
		for _, lang := range languagesOf([]Journal{j}) {
			if id, ok := seen[textKey{lang, comparable256(j.Text[lang])}]; ok {
				shared = append(shared, Shared{Language: lang, A: j.ID, B: id})
			}
		}
	}
	return shared
}
