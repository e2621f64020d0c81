package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// maxFindings caps how many problems are listed: a user mends a few at a time,
// and a hostile file must not make an endless message.
const maxFindings = 50

// findings collects problems and remembers the line of every key that was
// read, so that a check made later can still name it.
type findings struct {
	subject string
	lines   map[string]int // key path to line
	bad     map[string]bool
	plain   map[string]bool   // sections written as a plain name
	from    map[string]string // settings that a flag or variable gave, and which
	list    []fault.Problem
	omitted int
}

func newFindings(subject string) *findings {
	return &findings{subject: subject, lines: map[string]int{}, bad: map[string]bool{}, plain: map[string]bool{}, from: map[string]string{}}
}

// add reports a problem at a key path; the line is that of the key or of the
// nearest section around it.
func (f *findings) add(path, mend, format string, args ...any) {
	if from, ok := f.from[path]; ok {
		f.addAt(0, from, mend, format, args...)
		return
	}
	f.addAt(f.line(path), path, mend, format, args...)
}

func (f *findings) addAt(line int, path, mend, format string, args ...any) {
	f.bad[path] = true
	if len(f.list) >= maxFindings {
		f.omitted++
		return
	}
	where := path
	if where == "" {
		where = "file"
	}
	f.list = append(f.list, fault.Problem{Where: where, Line: line, Msg: fmt.Sprintf(format, args...), Mend: mend})
}

// broken tells whether a problem was already reported at the path or around
// it, so that one mistake is not reported twice.
func (f *findings) broken(path string) bool {
	for ; path != ""; path = parent(path) {
		if f.bad[path] {
			return true
		}
	}
	return false
}

// given tells whether the user wrote the key.
func (f *findings) given(path string) bool {
	_, ok := f.lines[path]
	return ok
}

func (f *findings) line(path string) int {
	for ; path != ""; path = parent(path) {
		if line, ok := f.lines[path]; ok {
			return line
		}
	}
	return f.lines[""]
}

// err gives all problems in the order of the file, or nil.
func (f *findings) err() error {
	if len(f.list) == 0 {
		return nil
	}
	slices.SortStableFunc(f.list, func(a, b fault.Problem) int { return cmp.Compare(a.Line, b.Line) })
	list := f.list
	if f.omitted > 0 {
		list = append(list, fault.Problem{
			Where: "file", Msg: fmt.Sprintf("%d more problems are not listed", f.omitted), Mend: "mend these first and check again",
		})
	}
	return &fault.Error{
		Kind: fault.Invalid, Msg: "refused", Hint: "mend the lines named above and try again",
		Err: &fault.Problems{Subject: f.subject, List: list},
	}
}

// parent cuts the last key or index off a path; "" has no parent.
func parent(path string) string {
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}

// join makes the path of a key inside a section.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// index makes the path of an element of a list.
func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

var userInfo = regexp.MustCompile(`://[^/\s]*@`)

// shown quotes what the user wrote for a message: short, and with nothing that
// a terminal would obey; a password in an address is not repeated.
func shown(text string) string {
	const most = 60
	clean := printable(userInfo.ReplaceAllString(text, "://"+redacted+"@"))
	if runes := []rune(clean); len(runes) > most {
		clean = string(runes[:most]) + "…"
	}
	return `"` + clean + `"`
}

// printable puts a question mark for what a terminal might obey.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}
