package config

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

var update = flag.Bool("update", false, "rewrite golden and generated files")

// builtins stands for a build with the demo's models and journals.
func builtins() SpecOptions {
	known := map[string]bool{
		"wattsweep-icd10-0.2m-f16.gguf": true, "wattsweep-icd10-0.8m-f16.gguf": true, "wattsweep-icd10-3m-f16.gguf": true,
		"demo-journals": true,
	}
	hash := func(name string) (string, bool) { return bench.Hash(name), known[name] }
	return SpecOptions{BuiltinGGUF: hash, BuiltinDataset: hash}
}

const smallSpec = `
name: small
hosts: [local]
runtimes: [{name: ollama, kind: ollama}]
models: ["llama3.2:1b"]
task: {name: icd10}
datasets: [{name: demo-journals, languages: [sv]}]
`

func parse(t *testing.T, text string) *Spec {
	t.Helper()
	spec, err := ParseSpec("test.yaml", []byte(text), builtins())
	require.NoError(t, err)
	return spec
}

func planOf(t *testing.T, text string) bench.Plan {
	t.Helper()
	plan, err := parse(t, text).Plan()
	require.NoError(t, err)
	return plan
}

func TestDemoPlan(t *testing.T) {
	t.Parallel()
	plan := planOf(t, string(DemoSpec()))
	require.Equal(t, "demo", plan.Name)
	require.Len(t, plan.Cells, 6)
	require.Equal(t, string(DemoSpec()), plan.SpecYAML)
	ids := map[bench.CellID]bool{}
	for i, c := range plan.Cells {
		require.Equal(t, i+1, c.Seq)
		require.Equal(t, plan.Sweep, c.Sweep)
		require.Len(t, string(c.ID), 16)
		ids[c.ID] = true
	}
	require.Len(t, ids, 6)
	first := plan.Cells[0]
	require.Equal(t, bench.Coordinates{
		Host: "local", Runtime: "ollama", Model: "wattsweep-icd10-0.2m", Task: "icd10",
		Dataset: "demo-journals", Language: "sv", Load: "sequential",
	}, first.At)
	require.Equal(t, "en", plan.Cells[1].At.Language)
	want := bench.CellConfig{
		Model: bench.ModelConfig{
			Name: "wattsweep-icd10-0.2m", GGUF: "builtin:wattsweep-icd10-0.2m-f16.gguf",
			GGUFHash: bench.Hash("wattsweep-icd10-0.2m-f16.gguf"), Template: "{{ .Prompt }}", ContextTokens: 2048,
			Ladder: []bench.Rung{{Name: "auto", GPULayers: -1}, {Name: "cpu"}},
		},
		Runtime: bench.RuntimeConfig{
			Name: "ollama", Kind: "ollama", TopK: 40, TopP: 0.9, RepeatPenalty: 1, MaxOutputTokens: 40, CallTimeout: 2 * time.Minute,
		},
		Dataset: bench.DatasetConfig{Name: "demo-journals", Format: "builtin", Language: "sv", Limit: 40},
		Task:    bench.TaskConfig{Name: "icd10", MaxCodes: 5, CodeList: "demo-codes"},
		Runs:    2,
		Phases:  bench.PhaseConfig{Baseline: 3 * time.Second, Idle: 2 * time.Second, WarmUpCalls: 2},
		Meters: bench.MeterConfig{
			Interval: 50 * time.Millisecond, Host: true, NVML: true, RAPL: true, Hwmon: true, Wall: true, Foreign: bench.ForeignFlag,
			Estimate: &bench.EstimateConfig{IdlePowerW: 20, PowerPerBusyCoreW: 8, Source: "stated by the demo, not measured", RelAccuracy: 0.5},
		},
		Prices: bench.PriceConfig{EnergyPerKWh: 0.386, Currency: "SEK", PUE: 1},
		Seed:   1,
	}
	require.Empty(t, cmp.Diff(want, first.Config))
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	cell := planOf(t, smallSpec).Cells[0].Config
	require.Equal(t, 10, cell.Runs)
	require.Equal(t, bench.PhaseConfig{Baseline: 30 * time.Second, Idle: 10 * time.Second, WarmUpCalls: 3}, cell.Phases)
	require.Equal(t, 4096, cell.Model.ContextTokens)
	require.Equal(t, bench.PriceConfig{}, cell.Prices)
	require.Equal(t, int64(1), cell.Seed)
}

// Names that viper would have broken come through untouched.
func TestNamesSurvive(t *testing.T) {
	t.Parallel()
	names := []string{"deepseek-r1:1.5B", "Qwen2.5-VL", "gemma3:27b-it-qat", "hf.co/Org/Model-3.2-GGUF:Q4_K_M", "no", "1.5"}
	text := strings.Replace(smallSpec, `"llama3.2:1b"`, `deepseek-r1:1.5B, Qwen2.5-VL, "gemma3:27b-it-qat", {name: "hf.co/Org/Model-3.2-GGUF:Q4_K_M"}, no, "1.5"`, 1)
	var got []string
	for _, c := range planOf(t, text).Cells {
		got = append(got, c.At.Model)
	}
	require.Equal(t, names, got)
}

func TestSameSpecSameSweep(t *testing.T) {
	t.Parallel()
	first := planOf(t, smallSpec)
	same := map[string]string{
		"comments and order of keys": "# a comment\ndatasets:\n  - languages: [\"sv\"]\n    name: demo-journals\n\ntask:\n  name: icd10\nmodels:\n  - name: 'llama3.2:1b'\nruntimes:\n  - kind: ollama\n    name: ollama\nhosts:\n  - name: local\nname: small\n",
		"spelled-out defaults":       smallSpec + "runs: 10\nseed: 1\norder: planned\nload_pattern: {kind: sequential}\nmeters: {interval: 50ms, host: true}\nphases: {baseline: 0.5m, idle: 10000ms, warm_up_calls: 3}\n",
		"byte order mark":            "\xef\xbb\xbf" + smallSpec,
		"line ends of Windows":       strings.ReplaceAll(smallSpec, "\n", "\r\n"),
		"format builtin":             strings.Replace(smallSpec, "demo-journals,", "demo-journals, format: builtin,", 1),
		"anchors":                    strings.Replace(smallSpec, "hosts: [local]", "hosts: &h [local]", 1),
	}
	for name, text := range same {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan := planOf(t, text)
			require.Equal(t, first.Sweep, plan.Sweep)
			require.Equal(t, first.Cells, plan.Cells)
		})
	}
}

func TestChangedSpecOtherSweep(t *testing.T) {
	t.Parallel()
	first := planOf(t, smallSpec)
	for _, change := range [][2]string{
		{"name: small", "name: other"},
		{"[local]", "[gpu1]"},
		{"llama3.2:1b", "llama3.2:3b"},
		{"[sv]", "[en]"},
		{"[sv]", "[sv, en]"},
		{"kind: ollama", "kind: ollama, top_k: 1"},
		{"{name: icd10}", "{name: icd10}\nseed: 2"},
		{"{name: icd10}", "{name: icd10}\nruns: 3"},
		{"{name: icd10}", "{name: icd10}\nprices: {energy_per_kwh: 1, currency: EUR}"},
		{"[sv]", "[sv], limit: 3"},
	} {
		plan := planOf(t, strings.Replace(smallSpec, change[0], change[1], 1))
		require.NotEqual(t, first.Sweep, plan.Sweep, change)
		require.NotEqual(t, first.Cells[0].ID, plan.Cells[0].ID, change)
	}
}

func TestFilesCountByContent(t *testing.T) {
	t.Parallel()
	text := strings.Replace(smallSpec, `"llama3.2:1b"`, "{name: mine, gguf: m.gguf}", 1)
	text = strings.Replace(text, "demo-journals,", "own, format: codiesp, path: data,", 1)
	folder := func(gguf, row string) bench.Plan {
		dir := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(dir, "data"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "m.gguf"), []byte(gguf), 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "data", "a.tsv"), []byte(row), 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "spec.yaml"), []byte(text), 0o644))
		spec, err := LoadSpec(filepath.Join(dir, "spec.yaml"), SpecOptions{})
		require.NoError(t, err)
		plan, err := spec.Plan()
		require.NoError(t, err)
		require.Equal(t, filepath.Join(dir, "m.gguf"), plan.Cells[0].Config.Model.GGUF)
		require.Equal(t, bench.Hash(gguf), plan.Cells[0].Config.Model.GGUFHash)
		require.Equal(t, filepath.Join(dir, "data"), plan.Cells[0].Config.Dataset.Path)
		return plan
	}
	first, moved := folder("GGUF1", "x"), folder("GGUF1", "x")
	require.Equal(t, first.Sweep, moved.Sweep)
	require.Equal(t, first.Cells[0].ID, moved.Cells[0].ID)
	require.NotEqual(t, first.Sweep, folder("GGUF2", "x").Sweep)
	require.NotEqual(t, first.Sweep, folder("GGUF1", "y").Sweep)
}

func TestRestrictions(t *testing.T) {
	t.Parallel()
	text := strings.Replace(smallSpec, `"llama3.2:1b"`, "{name: big, hosts: [gpu1]}, small", 1)
	plan := planOf(t, strings.Replace(text, "[local]", "[local, gpu1]", 1))
	var got []string
	for _, c := range plan.Cells {
		got = append(got, c.At.Host+" "+c.At.Model)
	}
	require.Equal(t, []string{"local small", "gpu1 big", "gpu1 small"}, got)
}

func TestShuffledIsSeeded(t *testing.T) {
	t.Parallel()
	order := func(extra string) []string {
		var names []string
		for _, c := range planOf(t, strings.Replace(smallSpec, `"llama3.2:1b"`, "a, b, c, d, e, f, g, h", 1)+extra).Cells {
			names = append(names, c.At.Model)
		}
		return names
	}
	planned, one := order(""), order("order: shuffled\n")
	require.Equal(t, []string{"a", "b", "c", "d", "e", "f", "g", "h"}, planned)
	require.ElementsMatch(t, planned, one)
	require.NotEqual(t, planned, one)
	require.Equal(t, one, order("order: shuffled\n"))
	require.NotEqual(t, one, order("order: shuffled\nseed: 2\n"))
}

func TestCanonicalIsJSON(t *testing.T) {
	t.Parallel()
	require.True(t, json.Valid(parse(t, smallSpec).Canonical()))
}

func TestProblemsAreTyped(t *testing.T) {
	t.Parallel()
	_, err := ParseSpec("bad.yaml", []byte("nam: x"), builtins())
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	var problems *fault.Problems
	require.ErrorAs(t, err, &problems)
	require.Equal(t, "bad.yaml", problems.Subject)
	require.Greater(t, len(problems.List), 3)
}

func TestLoadSpecMissing(t *testing.T) {
	t.Parallel()
	_, err := LoadSpec(filepath.Join(t.TempDir(), "none.yaml"), SpecOptions{})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.Equal(t, fault.Invalid, fault.KindOf(err))
}
