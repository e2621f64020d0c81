package test

// tinySpec measures the smallest demo model over a few journals; HOST is
// replaced by the lab's own.
const tinySpec = `
name: tiny
hosts: [HOST]
runtimes:
  - {name: ollama, kind: ollama, max_output_tokens: 24, call_timeout: 1m, threads: 1}
models:
  - name: wattsweep-icd10-0.2m
    gguf: builtin:wattsweep-icd10-0.2m-f16.gguf
    template: "{{ .Prompt }}"
    context_tokens: 2048
task: {name: icd10, max_codes: 5, code_list: demo-codes}
datasets:
  - {name: demo-journals, languages: [sv, en], limit: 6}
runs: 2
phases: {baseline: 1s, idle: 1s, warm_up_calls: 1}
meters:
  interval: 50ms
  host: true
  estimate: {idle_power_w: 20, power_per_busy_core_w: 8, source: stated by the test}
prices: {energy_per_kwh: 0.386, currency: SEK, pue: 1.0}
seed: 1
`

// longSpec has enough calls in one run to be interrupted in the middle.
const longSpec = `
name: long
hosts: [HOST]
runtimes:
  - {name: ollama, kind: ollama, max_output_tokens: 24, call_timeout: 1m, threads: 1}
models:
  - name: wattsweep-icd10-0.2m
    gguf: builtin:wattsweep-icd10-0.2m-f16.gguf
    template: "{{ .Prompt }}"
    context_tokens: 2048
task: {name: icd10, max_codes: 5, code_list: demo-codes}
datasets:
  - {name: demo-journals, languages: [sv], limit: 60}
runs: 2
phases: {baseline: 1s, idle: 1s, warm_up_calls: 1}
meters: {interval: 50ms, host: true, estimate: {idle_power_w: 20, power_per_busy_core_w: 8, source: stated by the test}}
seed: 2
`
