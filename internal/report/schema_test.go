package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

const schemaFile = "../../docs/results.schema.json"

// reasonFields names the field that holds the reason of a null figure, where
// it is not <name>_missing, by type and figure.
func reasonFields() map[string]map[string]string {
	interval := map[string]string{"ci95_low": "ci95_missing", "ci95_high": "ci95_missing"}
	return map[string]map[string]string{
		"Summary": interval, "Estimate": interval, "EnergyFigure": interval,
		"CellResult": {
			"full_code": "f1_missing", "category": "f1_missing", "chapter": "f1_missing",
			"no_code_share": "shares_missing", "unknown_code_share": "shares_missing",
		},
	}
}

// resultsSchema makes the JSON Schema of results.json from [bench.Results]
// and its comments.
func resultsSchema() ([]byte, error) {
	r := &jsonschema.Reflector{}
	if err := r.AddGoComments("github.com/wattsweep/wattsweep/internal/report", "../bench"); err != nil {
		return nil, fmt.Errorf("read the comments of package bench: %w", err)
	}
	s := r.Reflect(&bench.Results{})
	s.ID, s.Title = "", "wattsweep results.json"
	s.Description = "What a sweep found. A figure that does not exist is null, with its reason in a field beside it."
	refine(s.Definitions, reflect.TypeFor[bench.Results](), map[string]bool{})
	s.Definitions["PhaseReading"].AllOf = append(s.Definitions["PhaseReading"].AllOf, phaseRules()...)
	out, err := json.MarshalIndent(s, "", "  ")
	return append(out, '\n'), err
}

// refine lets pointers be null and asks for a reason beside each null figure.
func refine(defs jsonschema.Definitions, t reflect.Type, seen map[string]bool) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	def := defs[t.Name()]
	if def == nil || t.Kind() != reflect.Struct || seen[t.Name()] {
		return
	}
	seen[t.Name()] = true
	for _, field := range reflect.VisibleFields(t) {
		if field.Anonymous {
			continue
		}
		refine(defs, field.Type, seen)
		key, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if field.Type.Kind() != reflect.Pointer || options == "omitempty" {
			continue
		}
		property, _ := def.Properties.Get(key)
		def.Properties.Set(key, nullable(property))
		reason := reasonFields()[t.Name()][key]
		if _, found := def.Properties.Get(key + "_missing"); found {
			reason = key + "_missing"
		}
		if reason != "" {
			def.AllOf = append(def.AllOf, needs(object(key, &jsonschema.Schema{Type: "null"}), reason))
		}
	}
}

func nullable(s *jsonschema.Schema) *jsonschema.Schema {
	value := *s
	description := value.Description
	value.Description = ""
	return &jsonschema.Schema{Description: description, OneOf: []*jsonschema.Schema{&value, {Type: "null"}}}
}

func object(key string, s *jsonschema.Schema) *jsonschema.Schema {
	properties := jsonschema.NewProperties()
	properties.Set(key, s)
	return &jsonschema.Schema{Properties: properties}
}

func needs(condition *jsonschema.Schema, reason string) *jsonschema.Schema {
	then := object(reason, &jsonschema.Schema{MinLength: ptr(uint64(1))})
	then.Required = []string{reason}
	return &jsonschema.Schema{If: condition, Then: then}
}

// phaseRules ask for a reason where a power or energy channel has no energy,
// and for a method where it has one.
func phaseRules() []*jsonschema.Schema {
	condition := object("energy_j", &jsonschema.Schema{Type: "null"})
	condition.Properties.Set("channel", object("unit", &jsonschema.Schema{Enum: []any{bench.UnitWatt, bench.UnitJoule}}))
	withEnergy := object("energy_j", &jsonschema.Schema{Type: "number"})
	return []*jsonschema.Schema{needs(condition, "missing"), needs(withEnergy, "method")}
}

func compiled(t *testing.T) *validator.Schema {
	t.Helper()
	raw, err := resultsSchema()
	require.NoError(t, err)
	doc, err := validator.UnmarshalJSON(bytes.NewReader(raw))
	require.NoError(t, err)
	c := validator.NewCompiler()
	require.NoError(t, c.AddResource("results.schema.json", doc))
	s, err := c.Compile("results.schema.json")
	require.NoError(t, err)
	return s
}

func TestSchemaIsCurrent(t *testing.T) {
	t.Parallel()
	raw, err := resultsSchema()
	require.NoError(t, err)
	golden(t, schemaFile, raw)
}

// decoded is the sample as any program would read it.
func decoded(t *testing.T, r bench.Results) map[string]any {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, JSON(&out, r))
	doc, err := validator.UnmarshalJSON(&out)
	require.NoError(t, err)
	object, ok := doc.(map[string]any)
	require.True(t, ok)
	return object
}

func TestSchemaAcceptsResults(t *testing.T) {
	t.Parallel()
	schema := compiled(t)
	for name, r := range shapes() {
		require.NoError(t, schema.Validate(decoded(t, r)), name)
	}
	raw, err := os.ReadFile(filepath.Join("testdata", "results.json"))
	require.NoError(t, err)
	doc, err := validator.UnmarshalJSON(bytes.NewReader(raw))
	require.NoError(t, err)
	require.NoError(t, schema.Validate(doc))
}

func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	schema := compiled(t)
	phase := func(d map[string]any, i int) map[string]any {
		return d["cells"].([]any)[0].(map[string]any)["phases"].([]any)[i].(map[string]any)
	}
	cell := func(doc map[string]any, i int) map[string]any { return doc["cells"].([]any)[i].(map[string]any) }
	sub := func(c map[string]any, key string) map[string]any { return c[key].(map[string]any) }
	cases := map[string]func(doc map[string]any){
		"no sweep":                    func(d map[string]any) { delete(d, "sweep") },
		"no provenance":               func(d map[string]any) { delete(d, "provenance") },
		"no cells":                    func(d map[string]any) { delete(d, "cells") },
		"cells null":                  func(d map[string]any) { d["cells"] = nil },
		"unknown key":                 func(d map[string]any) { d["journal"] = "text" },
		"latency as text":             func(d map[string]any) { cell(d, 0)["latency_s"] = "0.1" },
		"interval without reason":     func(d map[string]any) { sub(cell(d, 0), "latency_s")["ci95_low"] = nil },
		"energy interval no reason":   func(d map[string]any) { sub(cell(d, 0), "energy_j_per_call")["ci95_high"] = nil },
		"net energy without reason":   func(d map[string]any) { sub(cell(d, 0), "energy_j_per_call")["net_mean"] = nil },
		"spread without reason":       func(d map[string]any) { sub(cell(d, 0), "latency_s")["sd"] = nil },
		"null with an empty reason":   func(d map[string]any) { cell(d, 6)["latency_s_missing"] = "" },
		"f1 null without reason":      func(d map[string]any) { cell(d, 0)["full_code"] = nil },
		"shares null without reason":  func(d map[string]any) { cell(d, 0)["no_code_share"] = nil },
		"energy without method":       func(d map[string]any) { delete(sub(cell(d, 0), "energy_j_per_call"), "method") },
		"cost without currency":       func(d map[string]any) { delete(sub(cell(d, 0), "cost_per_100_calls"), "currency") },
		"phase energy without reason": func(d map[string]any) { delete(phase(d, 4), "missing") },
		"phase energy without method": func(d map[string]any) { delete(phase(d, 0), "method") },
	}
	for _, key := range []string{
		"host", "runtime", "model", "task", "dataset", "language", "runs", "calls", "failed_calls", "latency_s", "ttft_s",
		"tokens", "weighted_score", "exact_match", "energy_j_per_call", "cost_per_100_calls",
	} {
		cases["no "+key] = func(d map[string]any) { delete(cell(d, 0), key) }
	}
	for _, f := range figures(bench.CellResult{}) {
		if f.key != "f1" && f.key != "shares" {
			cases[f.key+" null without reason"] = func(d map[string]any) {
				cell(d, 0)[f.key] = nil
				delete(cell(d, 0), f.key+"_missing")
			}
		}
	}
	for _, key := range []string{"mean", "sd", "ci95_low", "ci95_high", "p50", "p95", "p99"} {
		cases["latency without "+key] = func(d map[string]any) { delete(sub(cell(d, 0), "latency_s"), key) }
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := decoded(t, sample())
			require.NoError(t, schema.Validate(doc), "before the change")
			cases[name](doc)
			require.Error(t, schema.Validate(doc))
		})
	}
}
