package config

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

const (
	// maxNodes caps how many nodes are visited, so that aliases of aliases
	// cannot make a small file expand without end.
	maxNodes = 200_000
	maxDepth = 24
	// maxEntries caps a list.
	maxEntries = 10_000
)

// decoder reads a YAML tree into a struct by its json tags, strictly, and goes
// on after a problem so that all of them are found at once.
type decoder struct {
	found   *findings
	visited int
}

// decode fills into, a pointer to a struct; problems go to found.
func decode(root *yaml.Node, into any, found *findings) {
	d := &decoder{found: found}
	target := reflect.ValueOf(into).Elem()
	preset(target)
	if root != nil {
		d.value(root, target, "", 0)
	}
}

// preset puts the defaults of a section in place.
func preset(target reflect.Value) {
	if section, ok := reflect.TypeAssert[defaulter](target.Addr()); ok {
		section.setDefaults()
	}
}

// value reads one node into target.
func (d *decoder) value(node *yaml.Node, target reflect.Value, path string, depth int) {
	line := node.Line
	for hops := 0; node.Kind == yaml.AliasNode && node.Alias != nil && hops < maxDepth; hops++ {
		node = node.Alias
	}
	d.visited++
	if d.visited > maxNodes || depth > maxDepth {
		if d.visited <= maxNodes || d.visited == maxNodes+1 {
			d.found.addAt(line, path, "write it out plainly", "is nested or repeated by aliases beyond all use")
		}
		return
	}
	if _, ok := d.found.lines[path]; !ok || path == "" {
		d.found.lines[path] = line
	}
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" {
		d.found.addAt(line, path, "give it a value or take the key out", "is empty, expected %s", expected(target.Type()))
		return
	}
	switch target.Kind() {
	case reflect.Pointer:
		fresh := reflect.New(target.Type().Elem())
		preset(fresh.Elem())
		target.Set(fresh)
		d.value(node, fresh.Elem(), path, depth)
	case reflect.Struct:
		d.section(node, target, path, depth)
	case reflect.Slice:
		d.list(node, target, path, depth)
	default:
		d.scalar(node, target, path)
	}
}

// section reads a mapping, or a plain name where the type allows it.
func (d *decoder) section(node *yaml.Node, target reflect.Value, path string, depth int) {
	if short, ok := reflect.TypeAssert[shorthand](target.Addr()); ok && node.Kind == yaml.ScalarNode {
		var text string
		d.found.plain[path] = true
		d.scalar(node, reflect.ValueOf(&text).Elem(), path)
		short.setShorthand(text)
		return
	}
	if node.Kind != yaml.MappingNode {
		d.wrong(node, target.Type(), path)
		return
	}
	fields := fieldsOf(target.Type())
	seen := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		name, here := key.Value, join(path, shownKey(key.Value))
		if d.visited++; d.visited > maxNodes {
			return
		}
		if first, twice := seen[name]; twice {
			d.found.addAt(key.Line, here, "keep one of the two", "is given twice, first on line %d", first)
			continue
		}
		seen[name] = key.Line
		at := slices.IndexFunc(fields, func(f field) bool { return f.key == name })
		if key.Kind != yaml.ScalarNode || at < 0 {
			d.unknown(key, here, fields)
			continue
		}
		d.found.lines[here] = key.Line
		d.value(value, target.Field(fields[at].index), here, depth+1)
	}
}

func (d *decoder) unknown(key *yaml.Node, path string, fields []field) {
	known := make([]string, 0, len(fields))
	for _, f := range fields {
		known = append(known, f.key)
	}
	if key.Value == "<<" {
		d.found.addAt(key.Line, path, "write the keys out", "merge keys are not read")
		return
	}
	mend := "take it out; known here: " + strings.Join(known, ", ")
	if near := nearest(key.Value, known); near != "" {
		mend = "did you mean " + near + "?"
	}
	d.found.addAt(key.Line, path, mend, "is not a known key")
}

// list reads a sequence into fresh elements; it replaces a default list.
func (d *decoder) list(node *yaml.Node, target reflect.Value, path string, depth int) {
	if node.Kind != yaml.SequenceNode {
		d.wrong(node, target.Type(), path)
		return
	}
	if len(node.Content) > maxEntries {
		d.found.add(path, "split it into several sweeps", "has %d entries, expected at most %d", len(node.Content), maxEntries)
		return
	}
	out := reflect.MakeSlice(target.Type(), 0, len(node.Content))
	for i, item := range node.Content {
		element := reflect.New(target.Type().Elem()).Elem()
		preset(element)
		d.value(item, element, index(path, i), depth+1)
		if d.visited > maxNodes {
			break
		}
		out = reflect.Append(out, element)
	}
	target.Set(out)
}

// wrong reports a node of the wrong shape.
func (d *decoder) wrong(node *yaml.Node, want reflect.Type, path string) {
	mend := "write a list, e.g. [a, b]"
	switch want.Kind() {
	case reflect.Struct, reflect.Pointer:
		mend = "write its keys below it, indented"
	case reflect.Slice:
	default:
		mend = "write one value"
	}
	d.found.add(path, mend, "is %s, expected %s", described(node), expected(want))
}

// field is a key of a section and the place of its struct field.
type field struct {
	key   string
	index int
}

func fieldsOf(t reflect.Type) []field {
	fields := make([]field, 0, t.NumField())
	for i := range t.NumField() {
		key, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if key != "" && key != "-" {
			fields = append(fields, field{key: key, index: i})
		}
	}
	return fields
}

var durationType = reflect.TypeFor[time.Duration]()
