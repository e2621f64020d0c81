package config

import _ "embed"

//go:embed examples/demo.yaml
var demoSpec []byte

// DemoSpec gives a copy of the demo's spec in YAML, for ParseSpec.
func DemoSpec() []byte { return append([]byte(nil), demoSpec...) }
