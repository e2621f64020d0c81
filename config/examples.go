package config

import (
	_ "embed"
	"slices"
)

//go:embed examples/demo.yaml
var demoSpec []byte

//go:embed sweep.schema.json
var sweepSchema []byte

// DemoSpec gives a copy of the demo's spec in YAML, for ParseSpec.
func DemoSpec() []byte { return slices.Clone(demoSpec) }

// SweepSchema gives a copy of the JSON Schema of sweep specs, which editors
// complete from. It is made of the types in this package.
func SweepSchema() []byte { return slices.Clone(sweepSchema) }
