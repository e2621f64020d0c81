package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/invopop/jsonschema"
	check "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const thisPackage = "github.com/wattsweep/wattsweep/config"

// The schema that editors complete from is made of the spec's types (rewrite
// it with go test ./config -run TestSchemaIsFresh -update).
func TestSchemaIsFresh(t *testing.T) {
	t.Parallel()
	golden(t, "sweep.schema.json", generateSchema(t))
}

func TestEmbeddedSchema(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("sweep.schema.json")
	require.NoError(t, err)
	require.Equal(t, file, SweepSchema())
}

// golden compares with a file, or writes it with -update.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(string(want), string(got)), "%s is not what the code makes; run this test with -update", path)
}

func generateSchema(t *testing.T) []byte {
	t.Helper()
	comments := comments(t)
	reflector := &jsonschema.Reflector{
		RequiredFromJSONSchemaTags: true,
		LookupComment:              comments.of,
		Mapper: func(kind reflect.Type) *jsonschema.Schema {
			if kind != durationType {
				return nil
			}
			return &jsonschema.Schema{Type: "string", Pattern: `^\+?([0-9]+(\.[0-9]*)?|\.[0-9]+) *(ns|us|µs|μs|ms|s|m|h) *(([0-9]+(\.[0-9]*)?|\.[0-9]+) *(ns|us|µs|μs|ms|s|m|h) *)*$`}
		},
	}
	schema := reflector.Reflect(&Spec{})
	schema.ID = "" // it has no address, only its place in the repository
	schema.Title = "wattsweep sweep spec"
	for _, kind := range specTypes() {
		refine(t, schema.Definitions[kind.Name()], kind)
	}
	out, err := json.MarshalIndent(schema, "", "  ")
	require.NoError(t, err)
	return append(out, '\n')
}

// specTypes lists the spec's sections in the order of reading.
func specTypes() []reflect.Type {
	return []reflect.Type{
		reflect.TypeFor[Spec](), reflect.TypeFor[HostSpec](), reflect.TypeFor[RuntimeSpec](), reflect.TypeFor[ModelSpec](),
		reflect.TypeFor[RungSpec](), reflect.TypeFor[TaskSpec](), reflect.TypeFor[DatasetSpec](), reflect.TypeFor[LoadPatternSpec](),
		reflect.TypeFor[PhaseSpec](), reflect.TypeFor[ThermalGateSpec](), reflect.TypeFor[MeterSpec](), reflect.TypeFor[EstimateSpec](), reflect.TypeFor[PriceSpec](),
	}
}

// refine adds what tags cannot say: defaults, patterns, plain names.
func refine(t *testing.T, schema *jsonschema.Schema, kind reflect.Type) {
	t.Helper()
	require.NotNil(t, schema, kind.Name())
	value := reflect.New(kind).Elem()
	preset(value)
	for _, f := range fieldsOf(kind) {
		property, ok := schema.Properties.Get(f.key)
		require.True(t, ok, f.key)
		if shown, ok := defaultOf(kind, f, value); ok && property.Ref == "" {
			property.Default = shown
		}
		if f.key == "languages" {
			property.Items.Enum = anyList(knownLanguages())
		}
		if pattern := patternOf(kind, f.key); pattern != "" {
			property.Pattern = pattern
		}
		if element := kind.Field(f.index).Type; element.Kind() == reflect.Slice && reflect.PointerTo(element.Elem()).Implements(reflect.TypeFor[shorthand]()) {
			name := &jsonschema.Schema{Type: "string", Pattern: patternOf(element.Elem(), "name")}
			property.Items = &jsonschema.Schema{AnyOf: []*jsonschema.Schema{name, {Ref: property.Items.Ref}}}
		}
	}
}

func anyList(words []string) []any {
	list := make([]any, 0, len(words))
	for _, word := range words {
		list = append(list, word)
	}
	return list
}

func patternOf(kind reflect.Type, key string) string {
	switch kind.Name() + "." + key {
	case "Spec.name", "RuntimeSpec.name", "RungSpec.name", "DatasetSpec.name":
		return namePattern.String()
	case "HostSpec.name":
		return hostPattern.String()
	case "ModelSpec.name":
		return modelPattern.String()
	case "PriceSpec.currency":
		return currencyPattern.String()
	case "EstimateSpec.source":
		return `\S`
	}
	return ""
}

// defaultOf gives the default of a key, in the form a spec is written in; not
// for required keys, sections, and keys whose absence means something else.
func defaultOf(kind reflect.Type, f field, preset reflect.Value) (any, bool) {
	structField, value := kind.Field(f.index), preset.Field(f.index)
	switch {
	case strings.HasPrefix(structField.Tag.Get("jsonschema"), "required"),
		value.Kind() == reflect.Struct, value.Kind() == reflect.Pointer,
		value.IsZero() && (strings.Contains(structField.Tag.Get("json"), "omitempty") && value.Kind() != reflect.Int || value.Kind() == reflect.String):
		return nil, false
	case value.Kind() == reflect.Slice:
		return value.Interface(), value.Len() > 0
	case value.Type() == durationType:
		return plain(time.Duration(value.Int())), true
	}
	return value.Interface(), true
}

func compiled(t *testing.T) *check.Schema {
	t.Helper()
	document, err := check.UnmarshalJSON(bytes.NewReader(SweepSchema()))
	require.NoError(t, err)
	compiler := check.NewCompiler()
	require.NoError(t, compiler.AddResource("sweep.json", document))
	schema, err := compiler.Compile("sweep.json")
	require.NoError(t, err)
	return schema
}

// asJSON turns a YAML text into the values a JSON Schema is checked against.
func asJSON(t *testing.T, text string) any {
	t.Helper()
	var loose any
	require.NoError(t, yaml.Unmarshal([]byte(text), &loose))
	encoded, err := json.Marshal(loose)
	require.NoError(t, err)
	value, err := check.UnmarshalJSON(bytes.NewReader(encoded))
	require.NoError(t, err)
	return value
}

func TestExamplesAreValid(t *testing.T) {
	t.Parallel()
	schema := compiled(t)
	paths, err := filepath.Glob("examples/*.yaml")
	require.NoError(t, err)
	require.Len(t, paths, 3)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, schema.Validate(asJSON(t, string(text))), path)
		spec, err := LoadSpec(path, builtins())
		require.NoError(t, err)
		plan, err := spec.Plan()
		require.NoError(t, err)
		require.NotEmpty(t, plan.Cells)
	}
}

// The schema and the reader agree on values at and beside every limit.
func TestSchemaAgreesWithReader(t *testing.T) {
	t.Parallel()
	schema := compiled(t)
	const spec = "name: small\nhosts: [%s]\nruntimes: [{name: ollama, kind: %s%s}]\nmodels: [{name: m%s}]\ntask: {name: %s%s}\n" +
		"datasets: [{name: demo-journals, languages: [%s]%s}]\n%s"
	type slots [9]string
	base := slots{"local", "ollama", "", "", "icd10", "", "sv", "", ""}
	for _, c := range []struct {
		slot  int
		value string
		ok    bool
	}{
		{0, "local", true},
		{0, "{name: a.b-c}", true},
		{0, "Local", false},
		{0, "", false},
		{0, "-a", false},
		{1, "nim", false},
		{2, ", top_k: 1", true},
		{2, ", top_k: 0", false},
		{2, ", top_p: 1", true},
		{2, ", top_p: 0", false},
		{2, ", temperature: 2", true},
		{2, ", temperature: 2.1", false},
		{2, ", repeat_penalty: 2.5", false},
		{2, ", max_output_tokens: 0", false},
		{2, ", call_timeout: 5", false},
		{2, ", call_timeout: 5m", true},
		{2, ", prompt_cache: 1", false},
		{2, ", threads: 4097", false},
		{2, ", tok_k: 3", false},
		{3, ", context_tokens: 15", false},
		{3, ", context_tokens: 257", true},
		{3, ", ladder: []", false},
		{3, ", hosts: []", false},
		{3, ", ladder: [{name: a, gpu_layers: -1}]", true},
		{3, ", ladder: [{name: a, gpu_layers: -2}]", false},
		{4, "hle", false},
		{5, ", max_codes: 20", true},
		{5, ", max_codes: 21", false},
		{6, "sv, en, es, de", true},
		{6, "fr", false},
		{6, "", false},
		{7, ", limit: -1", false},
		{7, ", format: xml", false},
		{8, "runs: 1000", true},
		{8, "runs: 1001", false},
		{8, "runs: 0", false},
		{8, "order: random", false},
		{8, "order: shuffled", true},
		{8, "order: blocked", true},
		{8, "order: alternated\nruns_per_turn: 10", true},
		{8, "order: alternated\nruns_per_turn: 0", false},
		{8, "order: alternated\nruns: 1000\nruns_per_turn: 1001", false},
		{8, "priority: 5", true},
		{8, "priority: 0", false},
		{8, "priority: 6", false},
		{8, "targets: [\"latency_s p95 <= 2\"]", true},
		{8, "targets: []", true},
		{8, "targets: latency", false},
		{8, "phases: {cool_down: 1h, clear_caches: true}", true},
		{8, "phases: {cool_down: 60}", false},
		{8, "phases: {clear_caches: 1}", false},
		{8, "phases: {baseline: 0s, idle: 1.5m, warm_up_calls: 1000}", true},
		{8, "phases: {warm_up_calls: 1001}", false},
		{8, "load_pattern: {kind: poisson}", false},
		{8, "phases: {thermal_gate: {below_c: 45}}", true},
		{8, "phases: {thermal_gate: {below_c: 45.5, timeout: 20m}}", true},
		{8, "phases: {thermal_gate: {below_c: 0}}", false},
		{8, "phases: {thermal_gate: {below_c: 151}}", false},
		{8, "phases: {thermal_gate: {timeout: 1m}}", false},
		{8, "meters: {nvml: true}", true},
		{8, "meters: {nvml: false, rapl: false, wall: false, foreign_process: void}", true},
		{8, "meters: {foreign_process: kill}", false},
		{8, "meters: {dcgm: true}", false},
		{8, "meters: {estimate: {idle_power_w: 1, power_per_busy_core_w: 2, source: x}}", true},
		{8, "meters: {estimate: {idle_power_w: 1, power_per_busy_core_w: 2}}", false},
		{8, "prices: {energy_per_kwh: 0, currency: SEK}", true},
		{8, "prices: {energy_per_kwh: 1, currency: kr}", false},
		{8, "prices: {energy_per_kwh: -1, currency: SEK}", false},
		{8, "prices: {currency: SEK}", false},
		{8, "prices: {energy_per_kwh: 1, currency: SEK, pue: 0.9}", false},
		{8, "seed: x", false},
		{8, "seed: -5", true},
	} {
		filled := base
		filled[c.slot] = c.value
		args := make([]any, 0, len(filled))
		for _, s := range filled {
			args = append(args, s)
		}
		text := fmt.Sprintf(spec, args...)
		_, err := ParseSpec("case.yaml", []byte(text), builtins())
		require.Equal(t, c.ok, err == nil, "reader on %q: %v", c.value, err)
		err = schema.Validate(asJSON(t, text))
		require.Equal(t, c.ok, err == nil, "schema on %q: %v", c.value, err)
	}
}
