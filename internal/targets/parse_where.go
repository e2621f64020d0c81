package targets

import (
	"slices"
	"strings"
)

// whereWord begins the scope of a rule.
const whereWord = "where"

// scopeForm is what a scope looks like, for hints.
const scopeForm = "write where KEY=VALUE, such as where language=sv"

// where reads the scope, if there is one.
func (p *parser) where(out *Rule) error {
	w, ok := p.next()
	if !ok {
		return nil
	}
	if w.text != whereWord || w.quoted {
		return wrong(p.rule, w.column, scopeForm, "%q is not expected after the value", cut(w.text))
	}
	for {
		f, err := p.filter(*out)
		if err != nil {
			return err
		}
		out.Where = append(out.Where, f)
		comma, more := p.next()
		if !more {
			return nil
		}
		if comma.text != "," || comma.quoted {
			return wrong(p.rule, comma.column, `put a comma between two, and quotation marks around a value with spaces`, "%q is not expected here", cut(comma.text))
		}
	}
}

// filter reads KEY=VALUE.
func (p *parser) filter(out Rule) (Filter, error) {
	key, ok := p.next()
	if !ok {
		return Filter{}, wrong(p.rule, key.column, scopeForm, "what the rule is limited to is not said")
	}
	name := key.text
	if name == "load" {
		name = "load_pattern"
	}
	if key.sign || !slices.Contains(Keys(), name) {
		return Filter{}, wrong(p.rule, key.column, meant(key.text, Keys(), "write one of "), "a rule cannot be limited to a %q", cut(key.text))
	}
	if slices.ContainsFunc(out.Where, func(f Filter) bool { return f.Key == name }) {
		return Filter{}, wrong(p.rule, key.column, "write a rule for each, or a value with a *", "%s is named twice", name)
	}
	equals, _ := p.next()
	if equals.text != "=" && equals.text != "==" {
		return Filter{}, wrong(p.rule, equals.column, scopeForm, "= is expected after %s", name)
	}
	value, ok := p.next()
	if !ok || value.sign || strings.TrimSpace(value.text) == "" {
		return Filter{}, wrong(p.rule, value.column, scopeForm, "the value of %s is not said", name)
	}
	return Filter{Key: name, Pattern: value.text}, nil
}
