package targets

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// MaxLength is how many characters a rule may have.
const MaxLength = 400

// form is what a rule looks like, for hints.
const form = "a target reads METRIC STAT OP VALUE, such as tokens_per_wh p95 >= 250"

// Parse reads a rule. An error names the place in the rule and, in its hint,
// what to write instead.
func Parse(rule string) (Rule, error) {
	if err := readable(rule); err != nil {
		return Rule{}, err
	}
	words, err := split(rule)
	if err != nil {
		return Rule{}, err
	}
	p := &parser{rule: rule, words: words}
	out := Rule{Text: evened(rule)}
	for _, step := range []func(*Rule) error{p.metric, p.stat, p.op, p.limit, p.where} {
		if err := step(&out); err != nil {
			return Rule{}, err
		}
	}
	return out, nil
}

// ParseAll reads several rules; the first that is wrong refuses them all.
func ParseAll(rules []string) ([]Rule, error) {
	out := make([]Rule, 0, len(rules))
	for _, text := range rules {
		r, err := Parse(text)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// evened is a rule with single spaces; what is quoted stays as it is.
func evened(rule string) string {
	if strings.Contains(rule, `"`) {
		return strings.TrimSpace(rule)
	}
	return strings.Join(strings.Fields(rule), " ")
}

// readable refuses what is no line of text.
func readable(rule string) error {
	odd := strings.IndexFunc(rule, func(r rune) bool { return r == utf8.RuneError || (unicode.IsControl(r) && r != '\t') })
	switch {
	case utf8.RuneCountInString(rule) > MaxLength:
		return wrong(rule, MaxLength+1, "shorten it", "it is longer than %d characters", MaxLength)
	case odd >= 0:
		return wrong("", utf8.RuneCountInString(rule[:odd])+1, form, "a character is not printable")
	case strings.TrimSpace(rule) == "":
		return wrong(rule, 1, form, "it is empty")
	}
	return nil
}

// parser walks the words of a rule.
type parser struct {
	rule  string
	words []word
	at    int
}

// next takes a word; at the end of the rule it is empty and stands after it.
func (p *parser) next() (word, bool) {
	if p.at < len(p.words) {
		p.at++
		return p.words[p.at-1], true
	}
	return word{column: utf8.RuneCountInString(strings.TrimRight(p.rule, " \t")) + 1}, false
}

func (p *parser) metric(out *Rule) error {
	w, _ := p.next()
	m, ok := find(w.text)
	if !ok || w.sign {
		return wrong(p.rule, w.column, meant(w.text, Names(), "the metrics are "), "no metric is called %q", cut(w.text))
	}
	out.Metric = m
	return nil
}

func (p *parser) stat(out *Rule) error {
	w, ok := p.next()
	known := make([]string, 0, len(out.Metric.Stats))
	for _, s := range out.Metric.Stats {
		known = append(known, string(s))
	}
	if !ok || w.sign {
		return wrong(p.rule, w.column, "write one of "+strings.Join(known, ", "), "which of %s is meant is not said", out.Metric.Name)
	}
	if !slices.Contains(known, w.text) {
		return wrong(p.rule, w.column, meant(w.text, known, "write one of "), "%s has no %q", out.Metric.Name, cut(w.text))
	}
	out.Stat = bench.Stat(w.text)
	return nil
}

func (p *parser) op(out *Rule) error {
	w, _ := p.next()
	switch w.text {
	case ">=", "≥":
		out.Op = AtLeast
	case "<=", "≤":
		out.Op = AtMost
	case ">", "<":
		out.Op = Op(w.text)
	default:
		return wrong(p.rule, w.column, "write one of >=, <=, >, <", "a comparison is expected, not %q", cut(w.text))
	}
	return nil
}

// limit reads the value and its unit, which may stand close to it.
func (p *parser) limit(out *Rule) error {
	w, ok := p.next()
	if !ok || w.sign {
		return wrong(p.rule, w.column, form, "a value is expected")
	}
	digits := strings.TrimRightFunc(w.text, func(r rune) bool { return !unicode.IsDigit(r) && r != '.' })
	v, err := strconv.ParseFloat(digits, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || !decimal(digits) {
		return wrong(p.rule, w.column, "write a number with a decimal point, such as 250 or 0.6", "%q is not a number", cut(w.text))
	}
	name, column := w.text[len(digits):], w.column+utf8.RuneCountInString(digits)
	if name == "" && p.at < len(p.words) && !p.words[p.at].sign && p.words[p.at].text != whereWord {
		next, _ := p.next()
		name, column = next.text, next.column
	}
	return p.scaled(out, v, name, column, w.column)
}

// decimal reports whether text is a plain decimal number.
func decimal(text string) bool { return strings.Trim(text, "0123456789.eE+-") == "" }

// scaled puts the limit into the rule in the metric's unit.
func (p *parser) scaled(out *Rule, v float64, name string, column, valueColumn int) error {
	factor, ok := out.unit(name)
	if !ok {
		var known []string
		for _, u := range out.Metric.units {
			known = append(known, strings.Replace(u.name, anyCurrency, "a currency's three letters", 1))
		}
		return wrong(p.rule, column, "write it in "+strings.Join(known, ", "), "%s is not in %q", out.Metric.Name, cut(name))
	}
	out.Limit = v * factor
	out.Written = strings.TrimSpace(strconv.FormatFloat(v, 'g', -1, 64) + " " + orWord(name, shownUnit(out.Metric.Unit)))
	if math.IsInf(out.Limit, 0) || (out.Metric.Share && (out.Limit < 0 || out.Limit > 1)) {
		return wrong(p.rule, valueColumn, "write a share such as 0.6, or 60 %", "%s lies between 0 and 1, not at %g", out.Metric.Name, v)
	}
	return nil
}

// shownUnit is a unit as it stands behind a number.
func shownUnit(u string) string {
	if u == "1" || u == anyCurrency {
		return ""
	}
	return u
}

func orWord(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}

// unit finds what one of a unit is in the metric's own.
func (r *Rule) unit(name string) (float64, bool) {
	if name == "" {
		return 1, true
	}
	for _, u := range r.Metric.units {
		if u.name == name {
			return u.factor, true
		}
		if u.name == anyCurrency && currency(name) {
			r.Currency = name
			return 1, true
		}
	}
	return 0, false
}

// currency reports whether text may be the code of a currency (ISO 4217).
func currency(text string) bool {
	return len(text) == 3 && strings.IndexFunc(text, func(r rune) bool { return r < 'A' || r > 'Z' }) < 0
}

// meant is a hint: the nearest word, else all of them.
func meant(written string, known []string, otherwise string) string {
	if near := nearest(written, known); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return otherwise + strings.Join(known, ", ")
}
