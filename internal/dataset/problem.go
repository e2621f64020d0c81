package dataset

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// Kind says what a problem is about; it is stable and safe to count by.
type Kind string

// The kinds of problem.
const (
	KindFile      Kind = "file"              // the file cannot be read at all
	KindLimit     Kind = "limit"             // larger or more than allowed
	KindSyntax    Kind = "syntax"            // the row is not of the format
	KindField     Kind = "field"             // a field is missing, unknown, or not of its type
	KindID        Kind = "id"                // an id is missing, malformed or used twice
	KindEmptyText Kind = "empty text"        // a journal has no text in a language
	KindText      Kind = "text"              // a text is not clean UTF-8
	KindCode      Kind = "code"              // a code is malformed or named twice
	KindLanguage  Kind = "missing language"  // a promised language is missing
	KindDuplicate Kind = "duplicate text"    // two journals have the same text
	KindNoCodes   Kind = "missing gold code" // a journal has no gold code; counted, not refused
)

// Problem is one thing that is wrong with a set. It never holds journal text.
type Problem struct {
	Kind    Kind   `json:"kind"`
	File    string `json:"file,omitempty"`    // base name or path inside the set's folder
	Line    int    `json:"line,omitempty"`    // line or row, counted from 1; 0 where it is the file
	Journal string `json:"journal,omitempty"` // id, only where it has the shape of one
	Field   string `json:"field,omitempty"`
	Message string `json:"message"` // what was expected and what was there
	Mend    string `json:"mend"`    // what to do about it
}

// String is one line: where, which field, what, and the mend.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	if p.Journal != "" {
		fmt.Fprintf(&b, "journal %s: ", p.Journal)
	}
	if p.Field != "" {
		fmt.Fprintf(&b, "%s: ", p.Field)
	}
	b.WriteString(p.Message)
	if p.Mend != "" {
		fmt.Fprintf(&b, "; %s", p.Mend)
	}
	return b.String()
}

// InvalidError is a set or code list that was refused, with all its problems
// up to the limit that was asked for.
type InvalidError struct {
	Source   string // the name or path that was opened
	Problems []Problem
	Omitted  int // problems beyond the limit
}

// Error lists the problems, one per line.
func (e *InvalidError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "dataset %s: %d problem(s)", e.Source, len(e.Problems)+e.Omitted)
	for _, p := range e.Problems {
		b.WriteString("\n  ")
		b.WriteString(p.String())
	}
	if e.Omitted > 0 {
		fmt.Fprintf(&b, "\n  and %d more", e.Omitted)
	}
	return b.String()
}

// refuse is the typed error of a set that is not taken in.
func refuse(source string, list []Problem, omitted int) error {
	return fault.New(fault.Invalid, "", "mend what is named and open it again; nothing of it was taken in",
		"%w", &InvalidError{Source: source, Problems: list, Omitted: omitted})
}

// problems collects up to a limit and counts the rest.
type problems struct {
	limit   int
	list    []Problem
	omitted int
}

func (p *problems) add(problem Problem) {
	if len(p.list) >= p.limit {
		p.omitted++
		return
	}
	p.list = append(p.list, problem)
}

func (p *problems) none() bool { return len(p.list)+p.omitted == 0 }

var (
	idShape   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$`)
	langShape = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$`)
	// nearCode is what a mistyped code looks like; a word of a journal does not.
	nearCode  = regexp.MustCompile(`^[A-Za-z][0-9OIl][0-9A-Za-z.-]{0,8}$`)
	wordShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$`)
)

// shown quotes a short plain word and describes anything else by its length. It
// is for names of keys, columns and formats, never for a cell of a journal.
func shown(s string) string {
	if wordShape.MatchString(s) {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("a value of %d bytes", len(s))
}

// shownCode quotes what looks like a mistyped code and describes anything else
// by its length: a single word of a journal may be a name.
func shownCode(s string) string {
	if nearCode.MatchString(s) {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("a value of %d bytes", len(s))
}

// shownID is the id where it is safe to print, else "".
func shownID(id string) string {
	if idShape.MatchString(id) {
		return id
	}
	return ""
}
