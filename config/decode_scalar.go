package config

import (
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// scalar reads a plain value; the type of the target decides how, never the
// look of the value, so a model called 1.5 or no stays a name once quoted.
func (d *decoder) scalar(node *yaml.Node, target reflect.Value, path string) {
	if node.Kind != yaml.ScalarNode {
		d.wrong(node, target.Type(), path)
		return
	}
	ok := false
	switch {
	case target.Type() == durationType:
		var span time.Duration
		span, ok = readDuration(node)
		target.SetInt(int64(span))
	case target.Type() == reflect.TypeFor[ConnectionName]():
		ok = node.Tag == "!!str" || node.Tag == "!!int"
		target.SetString(node.Value)
	case target.Kind() == reflect.String:
		ok = node.Tag == "!!str" || node.Tag == "!!timestamp"
		target.SetString(node.Value)
	case target.Kind() == reflect.Bool:
		ok = node.Tag == "!!bool" && node.Decode(target.Addr().Interface()) == nil
	case target.CanInt():
		ok = node.Tag == "!!int" && node.Decode(target.Addr().Interface()) == nil
	case target.CanFloat():
		ok = readFloat(node, target)
	}
	if !ok {
		what := described(node)
		if isSecret(path) {
			what = "no text"
		}
		d.found.add(path, mendScalar(node, target.Type()), "is %s, expected %s", what, expected(target.Type()))
	}
}

// readDuration wants a unit: a bare number would leave open which.
func readDuration(node *yaml.Node) (time.Duration, bool) {
	if node.Tag != "!!str" {
		return 0, false
	}
	span, err := parseSpan(node.Value)
	return span, err == nil
}

// parseSpan reads a time with its unit; a space before the unit is allowed.
func parseSpan(text string) (time.Duration, error) {
	return time.ParseDuration(strings.ReplaceAll(text, " ", ""))
}

// readFloat takes finite numbers only: no price is infinite.
func readFloat(node *yaml.Node, target reflect.Value) bool {
	if node.Tag != "!!int" && node.Tag != "!!float" {
		return false
	}
	if node.Decode(target.Addr().Interface()) != nil {
		return false
	}
	if math.IsNaN(target.Float()) || math.IsInf(target.Float(), 0) {
		target.SetFloat(0)
		return false
	}
	return true
}

func mendScalar(node *yaml.Node, want reflect.Type) string {
	_, notNumber := strconv.ParseFloat(node.Value, 64)
	switch {
	case want == durationType && notNumber == nil:
		return "write the unit, e.g. " + shownKey(node.Value) + "s"
	case want.Kind() == reflect.String:
		return "put it in quotes"
	case node.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 && want != durationType:
		return "take the quotes away"
	}
	return "write " + expected(want)
}

// described says what a node is, for a message.
func described(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "a section of keys"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		switch node.Tag {
		case "!!int", "!!float":
			return "the number " + shownKey(node.Value)
		case "!!bool":
			return shownKey(node.Value)
		case "!!null":
			return "empty"
		}
		return "the text " + shown(node.Value)
	}
	return "something else"
}

// expected says what a type takes, for a message.
func expected(want reflect.Type) string {
	if want == durationType {
		return "a time with its unit such as 30s, 500ms or 2m"
	}
	if want == reflect.TypeFor[ConnectionName]() {
		return "a number or a name"
	}
	switch want.Kind() {
	case reflect.Pointer:
		return expected(want.Elem())
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list"
	case reflect.Struct:
		keys := make([]string, 0, want.NumField())
		for _, f := range fieldsOf(want) {
			keys = append(keys, f.key)
		}
		if reflect.PointerTo(want).Implements(reflect.TypeFor[shorthand]()) {
			return "a name or a section with the keys " + strings.Join(keys, ", ")
		}
		return "a section with the keys " + strings.Join(keys, ", ")
	}
	return want.String()
}

// shownKey cuts and cleans a key or number without quotes.
func shownKey(text string) string { return strings.Trim(shown(text), `"`) }
