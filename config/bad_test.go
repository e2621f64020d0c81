package config

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// Every bad spec has its whole refusal beside it (rewrite with
// go test ./config -run TestBadSpecs -update).
func TestBadSpecs(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/bad/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			opts := builtins()
			opts.BaseDir = "testdata/bad"
			_, err = ParseSpec(filepath.Base(path), data, opts)
			requireRefusal(t, err)
			golden(t, strings.TrimSuffix(path, ".yaml")+".want", []byte(err.Error()+"\n"))
		})
	}
}

// requireRefusal checks that a refusal tells the user what to do about each
// problem and holds nothing that a terminal would obey.
func requireRefusal(t *testing.T, err error) {
	t.Helper()
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	problems, ok := errors.AsType[*fault.Problems](err)
	require.True(t, ok)
	require.NotEmpty(t, problems.List)
	require.LessOrEqual(t, len(problems.List), maxFindings+1)
	for _, p := range problems.List {
		require.NotEmpty(t, p.Where)
		require.NotEmpty(t, p.Msg)
		require.NotEmpty(t, p.Mend, p.String())
	}
	require.NotContains(t, err.Error(), "\x1b")
	require.Less(t, len(err.Error()), 64<<10)
}

func TestHugeSpecs(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"too large":     strings.Repeat("#", maxFileBytes+1),
		"deep flow":     strings.Repeat("[", 9000),
		"deep block":    "hosts: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000),
		"long key":      strings.Repeat("k", 1<<19) + ": 1",
		"long value":    "name: " + strings.Repeat("n", 1<<19),
		"many keys":     strings.Repeat("k: 1\n", 1<<17),
		"many hosts":    "hosts: [" + strings.Repeat("a,", 1<<18) + "]",
		"alias bomb":    "models: [&m {name: m, ladder: [" + strings.Repeat("{name: a}, ", 30) + "]}" + strings.Repeat(", *m", 1<<17) + "]",
		"many problems": "hosts: [" + strings.Repeat("{b: 1},", 1<<17) + "]",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseSpec("huge.yaml", []byte(text), builtins())
			requireRefusal(t, err)
		})
	}
}

func TestHostileFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "notes.gguf"), []byte("not a model"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "folder"), 0o755))
	require.NoError(t, os.Symlink("folder", filepath.Join(dir, "folder", "loop")))
	for path, want := range map[string]string{
		"notes.gguf": "which is not a GGUF file", "folder": "which cannot be read: not a regular file", "/dev/zero": "not a regular file",
		"absent.gguf": "no such file or directory",
	} {
		text := strings.Replace(smallSpec, `"llama3.2:1b"`, "{name: m, gguf: "+path+"}", 1)
		_, err := ParseSpec("spec.yaml", []byte(text), SpecOptions{BaseDir: dir})
		requireRefusal(t, err)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "models[0].gguf")
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"name", "hosts", "warm_up_calls", "max_output_tokens"}
	for word, want := range map[string]string{
		"nmae": "name", "Hosts": "hosts", "warm-up-calls": "warm_up_calls", "warmup_calls": "warm_up_calls", "max_tokens": "",
		"zzz": "", "": "", "max_ouput_token": "max_output_tokens", strings.Repeat("n", 100): "",
	} {
		require.Equal(t, want, nearest(word, known), word)
	}
}

// A spec is refused with a full report or gives the same valid plan twice.
func FuzzParseSpec(f *testing.F) {
	f.Add(DemoSpec())
	f.Add([]byte(smallSpec))
	f.Add([]byte(wideSpec + "order: alternated\nruns_per_turn: 2\npriority: 1\ntargets: [\"latency_s p95 <= 2\"]\nphases: {cool_down: 1m, clear_caches: true}\n"))
	seeds, err := filepath.Glob("testdata/bad/*.yaml")
	require.NoError(f, err)
	for _, path := range seeds {
		data, err := os.ReadFile(path)
		require.NoError(f, err)
		if len(data) < 4096 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.Contains(data, []byte("/")) {
			return // keeps the fuzzer from reading files of this machine
		}
		opts := builtins()
		opts.BaseDir = "testdata/none"
		spec, err := ParseSpec("fuzz.yaml", data, opts)
		if err != nil {
			requireRefusal(t, err)
			return
		}
		plan, err := spec.Plan()
		require.NoError(t, err)
		require.NotEmpty(t, plan.Cells)
		again, err := ParseSpec("fuzz.yaml", data, opts)
		require.NoError(t, err)
		second, err := again.Plan()
		require.NoError(t, err)
		require.Equal(t, plan, second)
		ids := map[bench.CellID]bool{}
		for _, c := range plan.Cells {
			require.False(t, ids[c.ID], "two cells with one id")
			ids[c.ID] = true
			require.Regexp(t, hostPattern, c.At.Host)
		}
		grown, err := spec.WithHosts("one-more")
		if err != nil {
			requireRefusal(t, err)
			return
		}
		more, err := grown.PlanInto(plan.Sweep)
		require.NoError(t, err)
		for _, c := range more.Cells {
			delete(ids, c.ID)
		}
		require.Empty(t, ids, "a larger spec has every cell of the smaller")
	})
}
