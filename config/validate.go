package config

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// What a spec may name today. Messages list them.
const (
	orderPlanned      = "planned"
	orderShuffled     = "shuffled"
	orderBlocked      = "blocked"
	orderAlternated   = "alternated"
	patternSequential = "sequential"
	kindOllama        = "ollama"
	taskICD10         = "icd10"
	formatBuiltin     = "builtin"
	datasetDemo       = "demo-journals"
	builtinPrefix     = "builtin:"
)

func knownOrders() []string {
	return []string{orderPlanned, orderShuffled, orderBlocked, orderAlternated}
}

func knownPatterns() []string  { return []string{patternSequential} }
func knownKinds() []string     { return []string{kindOllama} }
func knownTasks() []string     { return []string{taskICD10} }
func knownLanguages() []string { return []string{"sv", "en", "es", "de"} }
func knownForeign() []string   { return []string{string(bench.ForeignFlag), string(bench.ForeignVoid)} }

func knownFormats() []string {
	return []string{formatBuiltin, "wattsweep-jsonl", "openchart-se", "codiesp", "csv"}
}

// checker reports problems of values under a key path.
type checker struct{ found *findings }

// validate checks the values of a decoded spec. It reports nothing where
// reading already found a mistake.
func validate(s *Spec, found *findings) {
	c := checker{found: found}
	c.name("name", s.Name, namePattern, nameRule)
	c.between("runs", s.Runs, 1, 1000)
	c.oneOf("order", s.Order, knownOrders())
	c.turns(s)
	c.between("priority", s.Priority, bench.PriorityFirst, bench.PriorityLast)
	c.targets(s.Targets)
	c.hosts(s)
	c.runtimes(s)
	c.models(s)
	c.oneOf("task.name", s.Task.Name, knownTasks())
	c.between("task.max_codes", s.Task.MaxCodes, 1, 20)
	if s.Task.CodeList != "" {
		c.name("task.code_list", s.Task.CodeList, namePattern, nameRule)
	}
	c.datasets(s)
	c.oneOf("load_pattern.kind", s.LoadPattern.Kind, knownPatterns())
	c.span("phases.baseline", s.Phases.Baseline, 0, time.Hour)
	c.span("phases.idle", s.Phases.Idle, 0, time.Hour)
	c.between("phases.warm_up_calls", s.Phases.WarmUpCalls, 0, 1000)
	c.span("phases.cool_down", s.Phases.CoolDown, 0, time.Hour)
	c.thermalGate(s.Phases.ThermalGate)
	c.meters(s.Meters)
	if s.Prices != nil {
		c.prices(*s.Prices)
	}
	c.cells(s)
}

const (
	inRange   = "choose a value in that range"
	nameRule  = "letters, digits, dots, dashes and underscores, beginning with a letter or digit, at most 64"
	hostRule  = "lower-case letters, digits, dots and dashes, beginning and ending with a letter or digit, at most 63"
	modelRule = "a name as the runtime knows it: letters, digits and . _ : / @ + -, beginning with a letter or digit, at most 200"
)

var (
	namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	// hostPattern is narrow because a host's name becomes part of a task queue.
	hostPattern     = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$`)
	modelPattern    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}$`)
	currencyPattern = regexp.MustCompile(`^[A-Z]{3}$`)
	digestPattern   = regexp.MustCompile(`^(sha256:)?[0-9a-f]{12,64}$`)
)

func (c checker) name(path, value string, pattern *regexp.Regexp, rule string) {
	switch {
	case c.found.broken(path):
	case value == "" && !c.found.given(path):
		c.found.add(path, "add "+path[strings.LastIndex(path, ".")+1:], "is missing, expected %s", rule)
	case !pattern.MatchString(value) || strings.Contains(value, ".."):
		c.found.add(path, "write it that way", "is %s, expected %s", shown(value), rule)
	}
}

func (c checker) oneOf(path, value string, known []string) {
	switch {
	case c.found.broken(path) || slices.Contains(known, value):
	case value == "" && !c.found.given(path):
		c.found.add(path, "add it", "is missing, expected %s", alternatives(known))
	default:
		mend := "use " + known[0]
		if near := nearest(value, known); near != "" {
			mend = "did you mean " + near + "?"
		} else if len(known) > 1 {
			mend = "use one of them"
		}
		c.found.add(path, mend, "is %s, expected %s", shown(value), alternatives(known))
	}
}

func alternatives(known []string) string {
	if len(known) == 1 {
		return known[0] + ", the only one known today"
	}
	return "one of " + strings.Join(known, ", ")
}

func (c checker) between(path string, value, low, high int) {
	if !c.found.broken(path) && (value < low || value > high) {
		c.found.add(path, inRange, "is %d, expected %d to %d", value, low, high)
	}
}

func (c checker) span(path string, value, low, high time.Duration) {
	if !c.found.broken(path) && (value < low || value > high) {
		c.found.add(path, inRange, "is %v, expected %s to %s", value, plain(low), plain(high))
	}
}

// plain prints a duration as people write it: 1h, not 1h0m0s.
func plain(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func (c checker) number(path string, value, low, high float64) {
	if !c.found.broken(path) && (value < low || value > high) {
		c.found.add(path, inRange, "is %s, expected %s to %s", decimal(value), decimal(low), decimal(high))
	}
}

// decimal prints a number without an exponent.
func decimal(value float64) string { return strconv.FormatFloat(value, 'f', -1, 64) }

// nonEmpty reports a missing or empty list.
func (c checker) nonEmpty(path string, count int, mend string) {
	switch {
	case count > 0 || c.found.broken(path):
	case c.found.given(path):
		c.found.add(path, mend, "is an empty list, expected at least one")
	default:
		c.found.add(path, mend, "is missing, expected at least one")
	}
}

// unique reports values that repeat in a list; name gives what must not repeat.
func unique[T any](c checker, path, key string, list []T, name func(T) string) {
	first := map[string]int{}
	for i, item := range list {
		value := name(item)
		at, twice := first[value]
		if !twice {
			first[value] = i
			continue
		}
		where := index(path, i)
		if key != "" && c.found.given(join(where, key)) {
			where = join(where, key)
		}
		if value != "" && !c.found.broken(where) {
			c.found.add(where, "keep one of the two", "is the same as %s", index(path, at))
		}
	}
}

// text reports an empty or overlong free text.
func (c checker) text(path, value string, most int, mend string) {
	switch {
	case c.found.broken(path):
	case strings.TrimSpace(value) == "":
		c.found.add(path, mend, "is missing, expected text")
	case len(value) > most:
		c.found.add(path, "shorten it", "is %d bytes, expected at most %d", len(value), most)
	}
}

// known reports entries that name nothing in a list.
func (c checker) known(path string, entries, names []string, what string) {
	for i, entry := range entries {
		if slices.Contains(names, entry) || c.found.broken(index(path, i)) {
			continue
		}
		mend := "name one of " + strings.Join(names[:min(len(names), 8)], ", ")
		if near := nearest(entry, names); near != "" {
			mend = "did you mean " + near + "?"
		}
		c.found.add(index(path, i), cmp.Or(mend, "take it out"), "is %s, expected a %s of this spec", shown(entry), what)
	}
	unique(c, path, "", entries, func(s string) string { return s })
}
