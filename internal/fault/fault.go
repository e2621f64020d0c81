// Package fault types the errors that a caller decides on: a kind that says
// what sort of trouble it is, a code that names it, and a hint that says what
// the user can do. The command line turns kinds into exit codes; activities
// turn them into retry decisions. It imports the standard library only.
package fault

import (
	"errors"
	"fmt"
)

// Kind says what sort of trouble an error is.
type Kind string

// The kinds, each with what it means for a caller.
const (
	// Invalid is a mistake in what the user gave: retrying cannot help.
	Invalid Kind = "invalid"
	// Unsupported is a thing this host, runtime or build cannot do.
	Unsupported Kind = "unsupported"
	// Unavailable is a server, disk or network that does not answer now: retry.
	Unavailable Kind = "unavailable"
	// OutOfMemory is a model or request that does not fit: try the next rung.
	OutOfMemory Kind = "out of memory"
	// Corrupt is stored or received data that contradicts itself.
	Corrupt Kind = "corrupt"
	// Internal is our own mistake.
	Internal Kind = "internal"
)

// Error is a typed error. Msg never holds journal text, a prompt or an output.
type Error struct {
	Kind Kind
	Code Code   // may be empty
	Msg  string // what was tried, on what, what came back
	Hint string // what the user can do; may be empty
	Err  error  // the cause; may be nil
}

// Error gives the message and its cause, without the hint.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Msg
	}
	if _, ok := e.Err.(silent); ok { //nolint:errorlint // the wrapper itself is meant
		return e.Msg
	}
	return e.Msg + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes a typed error; format and args are as in fmt.Errorf, so %w keeps
// the cause.
func New(kind Kind, code Code, hint, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Code: code, Msg: err.Error(), Hint: hint, Err: quiet(errors.Unwrap(err))}
}

// silent keeps a cause reachable by errors.Is and errors.As although its text
// already stands in the message.
type silent struct{ err error }

func quiet(err error) error {
	if err == nil {
		return nil
	}
	return silent{err}
}

func (s silent) Error() string { return "" }
func (s silent) Unwrap() error { return s.err }

// KindOf gives the kind of the first typed error in the chain, or Internal.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// CodeOf gives the code of the first typed error in the chain, or "".
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// HintOf gives the first hint in the chain, or "".
func HintOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Hint
	}
	return ""
}

// Problem is one finding about what a user gave: where, what is wrong, and how
// to mend it.
type Problem struct {
	// Where is a key path ("models[2].name"), a file and line, or both.
	Where string `json:"where"`
	// Line is the 1-based line in the file, 0 when unknown.
	Line int `json:"line,omitempty"`
	// Msg says what is wrong and what was expected.
	Msg string `json:"msg"`
	// Mend says what to do.
	Mend string `json:"mend"`
}

// String prints the problem on one line.
func (p Problem) String() string {
	where := p.Where
	if p.Line > 0 {
		where = fmt.Sprintf("line %d: %s", p.Line, p.Where)
	}
	if p.Mend == "" {
		return where + ": " + p.Msg
	}
	return where + ": " + p.Msg + "; " + p.Mend
}

// Problems is a list of findings that together refuse an input.
type Problems struct {
	Subject string // the file or thing that was read
	List    []Problem
}

// Error prints every problem on a line of its own.
func (p *Problems) Error() string {
	text := fmt.Sprintf("%s: %d problem(s)", p.Subject, len(p.List))
	for _, one := range p.List {
		text += "\n  " + one.String()
	}
	return text
}
