package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
	"github.com/stretchr/testify/require"
)

// commentMap holds the doc comments of this package by type and field.
type commentMap map[string]string

func comments(t *testing.T) commentMap {
	t.Helper()
	var reader jsonschema.Reflector
	require.NoError(t, reader.AddGoComments(thisPackage, "./"))
	out := commentMap{}
	for key, text := range reader.CommentMap {
		// The reader prefixes the folder's own name where it walks ".".
		out[key[strings.LastIndex(key, "/")+1:]] = strings.Join(strings.Fields(text), " ")
	}
	return out
}

// of gives the comment of a type or field as a user reads it: without Go's
// name, or with the key in its place.
func (m commentMap) of(kind reflect.Type, fieldName string) string {
	name, key := kind.Name(), kind.Name()
	text := m["config."+name]
	if kind.Kind() != reflect.Struct {
		return ""
	}
	if f, ok := kind.FieldByName(fieldName); ok {
		name, text = fieldName, m["config."+kind.Name()+"."+fieldName]
		key, _, _ = strings.Cut(f.Tag.Get("json"), ",")
	}
	rest, begins := strings.CutPrefix(text, name+" ")
	if !begins {
		return text
	}
	verb, object, _ := strings.Cut(rest, " ")
	switch verb {
	case "is", "are":
		return capital(object)
	case "of", "that", "to", "behind", "where":
		if strings.EqualFold(name, key) {
			return text
		}
		return key + " " + rest
	}
	return capital(rest)
}

func capital(text string) string {
	return strings.ToUpper(text[:min(1, len(text))]) + text[min(1, len(text)):]
}

// docs/config.md is made of the types and their comments (rewrite it with
// go test ./config -run TestDocsAreFresh -update).
func TestDocsAreFresh(t *testing.T) {
	t.Parallel()
	require.NoError(t, os.MkdirAll(filepath.Join("..", "docs"), 0o755))
	golden(t, filepath.Join("..", "docs", "config.md"), []byte(generateDocs(t)))
}

func TestEveryKeyIsExplained(t *testing.T) {
	t.Parallel()
	comments := comments(t)
	for _, kind := range append(specTypes(), settingTypes()...) {
		for _, f := range fieldsOf(kind) {
			require.NotEmpty(t, comments.of(kind, kind.Field(f.index).Name), "%s.%s", kind.Name(), f.key)
		}
	}
}

func settingTypes() []reflect.Type {
	return []reflect.Type{
		reflect.TypeFor[Settings](), reflect.TypeFor[DatabaseSettings](), reflect.TypeFor[TemporalSettings](),
		reflect.TypeFor[WorkerSettings](), reflect.TypeFor[DriftSettings](), reflect.TypeFor[HookSettings](), reflect.TypeFor[RuntimeServer](),
		reflect.TypeFor[MeterSettings](), reflect.TypeFor[NVMLSettings](), reflect.TypeFor[RAPLSettings](),
		reflect.TypeFor[PDUSettings](), reflect.TypeFor[ObjectSettings](), reflect.TypeFor[PlugSettings](), reflect.TypeFor[RedfishSettings](),
	}
}

const docsHead = `# Configuration

<!-- Made from the code by: go test ./config -run TestDocsAreFresh -update -->

## Settings

Settings say where things are on this machine. They are taken from, first to last: flags, environment variables, one
file, defaults. The file is the one named by ` + "`--config`" + ` or ` + "`WATTSWEEP_CONFIG`" + `, else ` + "`wattsweep.yaml`" + ` in the working
folder, else ` + "`wattsweep.yaml`" + ` in the user's configuration folder (` + "`~/.config/wattsweep`" + `). Unknown keys refuse. An empty
variable counts as not set. A list in a variable is written as in the file:
` + "`WATTSWEEP_RUNTIMES='[{name: ollama, kind: ollama, url: \"http://ollama:11434\"}]'`" + `.

| key | variable | flag | type | default | meaning |
|---|---|---|---|---|---|
`

const docsSpec = `
Times are written with their unit: ` + "`500ms`, `30s`, `2m`, `1h`" + `.

## Sweep spec

A spec says what to measure: hosts × runtimes × models × datasets × languages. Unknown keys, repeated keys and wrong types
refuse, and all problems are reported at once. The same spec is the same sweep: comments, formatting, the order of keys and
the folder do not matter; any value and the content of the files it names do. A spec is one YAML document of at most 1 MiB
and describes at most 100,000 cells. Anchors and aliases work, merge keys (` + "`<<`" + `) do not. Editors complete and check it
with ` + "`config/sweep.schema.json`" + `: put ` + "`# yaml-language-server: $schema=…`" + ` with its path on the first line. Complete specs
are in ` + "`config/examples`" + `.
`

func generateDocs(t *testing.T) string {
	t.Helper()
	comments, out := comments(t), &strings.Builder{}
	out.WriteString(docsHead)
	settingRows(out, comments, reflect.TypeFor[Settings](), "")
	for _, list := range []struct {
		key  string
		kind reflect.Type
	}{
		{"runtimes", reflect.TypeFor[RuntimeServer]()},
		{"meters.pdus", reflect.TypeFor[PDUSettings]()},
		{"meters.pdus[].objects", reflect.TypeFor[ObjectSettings]()},
		{"meters.plugs", reflect.TypeFor[PlugSettings]()},
		{"meters.redfish", reflect.TypeFor[RedfishSettings]()},
	} {
		fmt.Fprintf(out, "\nEach entry of `%s`: %s\n\n", list.key, comments.of(list.kind, ""))
		section(out, comments, list.kind)
	}
	out.WriteString(docsSpec)
	headings := map[string]string{
		"Spec": "The whole", "HostSpec": "hosts[]", "RuntimeSpec": "runtimes[]", "ModelSpec": "models[]", "RungSpec": "models[].ladder[]", "TaskSpec": "task",
		"DatasetSpec": "datasets[]", "LoadPatternSpec": "load_pattern", "PhaseSpec": "phases", "ThermalGateSpec": "phases.thermal_gate", "MeterSpec": "meters", "EstimateSpec": "meters.estimate", "PriceSpec": "prices",
	}
	for _, kind := range specTypes() {
		fmt.Fprintf(out, "\n### %s\n\n%s\n\n", headings[kind.Name()], comments.of(kind, ""))
		section(out, comments, kind)
	}
	return out.String()
}

func settingRows(out *strings.Builder, comments commentMap, kind reflect.Type, prefix string) {
	value := reflect.New(kind).Elem()
	preset(value)
	for _, f := range fieldsOf(kind) {
		fieldType, path := kind.Field(f.index), join(prefix, f.key)
		if fieldType.Type.Kind() == reflect.Struct {
			settingRows(out, comments, fieldType.Type, path)
			continue
		}
		key, flag := settingKey{path: path}, ""
		if flagOf(path) != "" {
			flag = "`--" + flagOf(path) + "`"
		}
		fmt.Fprintf(out, "| `%s` | `%s` | %s | %s | %s | %s |\n", path, key.env(), flag,
			typeText(fieldType), defaultText(kind, f, value), cell(comments.of(kind, fieldType.Name)))
	}
}

func section(out *strings.Builder, comments commentMap, kind reflect.Type) {
	out.WriteString("| key | type | default | meaning |\n|---|---|---|---|\n")
	value := reflect.New(kind).Elem()
	preset(value)
	for _, f := range fieldsOf(kind) {
		fieldType := kind.Field(f.index)
		fmt.Fprintf(out, "| `%s` | %s | %s | %s |\n", f.key, typeText(fieldType), defaultText(kind, f, value), cell(comments.of(kind, fieldType.Name)))
	}
}

// typeText says what a key takes, with its choices or range.
func typeText(f reflect.StructField) string {
	base := ""
	switch kind := f.Type; {
	case kind == durationType:
		base = "time"
	case kind.Kind() == reflect.Slice && kind.Elem().Kind() == reflect.Struct:
		base = "list of sections"
		if reflect.PointerTo(kind.Elem()).Implements(reflect.TypeFor[shorthand]()) {
			base = "list of names or sections"
		}
	case kind.Kind() == reflect.Slice && kind.Elem() == reflect.TypeFor[ConnectionName]():
		base = "list of numbers or names"
	case kind.Kind() == reflect.Slice:
		base = "list of texts"
	case kind.Kind() == reflect.Struct, kind.Kind() == reflect.Pointer:
		base = "section"
	default:
		base = expected(kind)
		for _, article := range []string{"a ", "an "} {
			base = strings.TrimPrefix(base, article)
		}
	}
	limits := map[string][]string{}
	for part := range strings.SplitSeq(f.Tag.Get("jsonschema"), ",") {
		if name, value, ok := strings.Cut(part, "="); ok {
			limits[name] = append(limits[name], value)
		}
	}
	switch {
	case limits["enum"] != nil:
		return base + ": " + strings.Join(limits["enum"], ", ")
	case limits["exclusiveMinimum"] != nil:
		return fmt.Sprintf("%s, above %s to %s", base, limits["exclusiveMinimum"][0], limits["maximum"][0])
	case limits["maximum"] != nil:
		return fmt.Sprintf("%s, %s to %s", base, limits["minimum"][0], limits["maximum"][0])
	}
	return base
}

func defaultText(kind reflect.Type, f field, preset reflect.Value) string {
	if strings.HasPrefix(kind.Field(f.index).Tag.Get("jsonschema"), "required") {
		return "required"
	}
	if ladder, ok := reflect.TypeAssert[[]RungSpec](preset.Field(f.index)); ok {
		names := make([]string, 0, len(ladder))
		for _, r := range ladder {
			names = append(names, fmt.Sprintf("`{name: %s, gpu_layers: %d}`", r.Name, r.GPULayers))
		}
		return strings.Join(names, ", ")
	}
	value, ok := defaultOf(kind, f, preset)
	if !ok {
		return ""
	}
	return fmt.Sprintf("`%v`", value)
}

// cell keeps a text inside one cell of a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
