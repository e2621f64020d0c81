package targets

import (
	"slices"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Op compares a figure with a limit.
type Op string

// The comparisons that a rule may make.
const (
	AtLeast Op = ">="
	AtMost  Op = "<="
	Above   Op = ">"
	Below   Op = "<"
)

// Rule is one target, as parsed.
type Rule struct {
	// Text is the rule as it was written, spaces evened out.
	Text   string
	Metric Metric
	Stat   bench.Stat
	Op     Op
	// Limit is in the metric's own unit; Written is the limit as it was written,
	// with its unit.
	Limit   float64
	Written string
	// Currency is the one that the rule names, "" for that of each cell.
	Currency string
	Where    []Filter
}

// Filter holds one coordinate of a cell against a text.
type Filter struct {
	Key     string // a key of Keys
	Pattern string // a * stands for any text
}

// Keys lists what a rule may be limited to.
func Keys() []string {
	return []string{"host", "runtime", "model", "task", "dataset", "language", "load_pattern"}
}

// coordinate is what a cell has under a key of Keys.
func coordinate(at bench.Coordinates, key string) string {
	switch key {
	case "host":
		return at.Host
	case "runtime":
		return at.Runtime
	case "model":
		return at.Model
	case "task":
		return at.Task
	case "dataset":
		return at.Dataset
	case "language":
		return at.Language
	case "load_pattern":
		return at.Load
	default:
		return ""
	}
}

// String gives the rule as it was written.
func (r Rule) String() string { return r.Text }

// Covers reports whether the rule is about a cell.
func (r Rule) Covers(at bench.Coordinates) bool {
	return !slices.ContainsFunc(r.Where, func(f Filter) bool { return !matches(f.Pattern, coordinate(at, f.Key)) })
}

// matches reports whether text fits a pattern in which * stands for any text.
func matches(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(text) < len(first)+len(last) || !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return true
}

// upward reports whether the rule asks for values above the limit.
func (r Rule) upward() bool { return r.Op == AtLeast || r.Op == Above }

// met reports whether a value is on the good side of the limit.
func (r Rule) met(v float64) bool {
	switch r.Op {
	case AtLeast:
		return v >= r.Limit
	case AtMost:
		return v <= r.Limit
	case Above:
		return v > r.Limit
	case Below:
		return v < r.Limit
	default:
		return false
	}
}
