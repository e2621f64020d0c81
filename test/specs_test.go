package test

import "strings"

// baseSpec measures the smallest demo model over a few journals; HOST is
// replaced by the lab's own, the rest by spec.
const baseSpec = `
name: NAME
hosts: [HOST]
runtimes:
  - {name: ollama, kind: ollama, max_output_tokens: 24, call_timeout: 1m, threads: 1}
models:
  - name: wattsweep-icd10-0.2m
    gguf: builtin:wattsweep-icd10-0.2m-f16.gguf
    template: "{{ .Prompt }}"
    context_tokens: CONTEXT
task: {name: icd10, max_codes: 5, code_list: demo-codes}
datasets:
  - DATASET
runs: RUNS
phases: {baseline: 1s, idle: 1s, warm_up_calls: 1}
meters:
  interval: 10ms
  host: true
  estimate: {idle_power_w: 20, power_per_busy_core_w: 8, source: stated by the test}
prices: {energy_per_kwh: 0.386, currency: SEK, pue: 1.0}
seed: 1
`

func spec(name, dataset, runs, context string) string {
	return strings.NewReplacer("NAME", name, "DATASET", dataset, "RUNS", runs, "CONTEXT", context).Replace(baseSpec)
}

// tinySpec is two cells of 12 calls.
func tinySpec() string {
	return spec("tiny", "{name: demo-journals, languages: [sv, en], limit: 6}", "2", "2048")
}

// longSpec has enough calls in one run to be interrupted in the middle.
func longSpec() string {
	return spec("long", "{name: demo-journals, languages: [sv], limit: 60}", "2", "2048")
}

// privateSpec asks about a user's own journals; the context is too small for
// some of them, so that the outcome of long prompts is seen too.
func privateSpec() string {
	return spec("private", "{name: own, format: wattsweep-jsonl, path: own/journals.jsonl, code_system: ICD-10-SE, languages: [sv]}", "1", "512")
}
