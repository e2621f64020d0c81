package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Specs that ask for nothing new are the sweeps that they were in release 0.1:
// the files beside them were written by the code of commit 55dc4f3 and are
// never rewritten.
func TestIDsStay(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/ids/*.yaml")
	require.NoError(t, err)
	require.Len(t, paths, 3)
	for _, path := range paths {
		want, err := os.ReadFile(strings.TrimSuffix(path, ".yaml") + ".want")
		require.NoError(t, err)
		spec, err := LoadSpec(path, builtins())
		require.NoError(t, err)
		plan, err := spec.Plan()
		require.NoError(t, err)
		got := &strings.Builder{}
		fmt.Fprintf(got, "sweep %s\n", plan.Sweep)
		for _, c := range plan.Cells {
			fmt.Fprintf(got, "%d %s %s · %s\n", c.Seq, c.ID, c.At, c.At.Dataset)
		}
		require.Equal(t, string(want), got.String(), path)
	}
}

// Targets and priority decide nothing about what is measured.
func TestTargetsAndPriorityAreNoPartOfIDs(t *testing.T) {
	t.Parallel()
	first := planOf(t, smallSpec)
	require.Equal(t, []any{"planned", 3, []string(nil)}, []any{first.Order, first.Priority, first.Targets})
	other := planOf(t, smallSpec+"priority: 1\ntargets: [\"tokens_per_wh p95 >= 250\", \"latency_s  p95 <= 2\"]\n")
	require.Equal(t, first.Sweep, other.Sweep)
	require.Equal(t, first.Cells, other.Cells)
	require.Equal(t, 1, other.Priority)
	require.Equal(t, []string{"tokens_per_wh p95 >= 250", "latency_s  p95 <= 2"}, other.Targets, "as written")
}

func TestNewKeysMakeOtherSweeps(t *testing.T) {
	t.Parallel()
	seen := map[bench.SweepID]string{}
	for _, more := range []string{
		"", "order: shuffled\n", "order: blocked\n", "order: alternated\n", "order: alternated\nruns_per_turn: 2\n",
		"phases: {cool_down: 1m}\n", "phases: {cool_down: 2m}\n", "phases: {clear_caches: true}\n",
	} {
		plan := planOf(t, smallSpec+more)
		require.Empty(t, seen[plan.Sweep], more)
		seen[plan.Sweep] = more + "."
	}
	for _, same := range [][2]string{
		{"", "phases: {cool_down: 0s, clear_caches: false}\n"},
		{"order: alternated\n", "order: alternated\nruns_per_turn: 1\n"},
	} {
		require.Equal(t, planOf(t, smallSpec+same[0]).Cells, planOf(t, smallSpec+same[1]).Cells)
	}
}

func TestPrepareReachesCells(t *testing.T) {
	t.Parallel()
	cell := planOf(t, smallSpec+"phases: {cool_down: 90s, clear_caches: true}\norder: alternated\nruns_per_turn: 5\n").Cells[0].Config
	require.Equal(t, "1m30s", cell.Phases.CoolDown.String())
	require.True(t, cell.Phases.ClearCaches)
	require.Equal(t, 5, cell.RunsPerTurn)
	require.Zero(t, planOf(t, smallSpec+"order: shuffled\n").Cells[0].Config.RunsPerTurn)
}

// wideSpec is 2 hosts × 2 runtimes × 4 models × 3 languages.
const wideSpec = `
name: wide
hosts: [h1, h2]
runtimes: [{name: r1, kind: ollama}, {name: r2, kind: ollama}]
models: [a, b, c, d]
task: {name: icd10}
datasets: [{name: demo-journals, languages: [sv, en, de]}]
`

// blocks lists the runtime and model of each host's cells in order, and how
// many follow each other.
func blocks(plan bench.Plan, host string) []string {
	var out []string
	last := ""
	for _, c := range plan.Cells {
		if c.At.Host != host {
			continue
		}
		if block := c.At.Runtime + c.At.Model; block != last {
			out = append(out, block)
			last = block
		}
	}
	return out
}

func TestBlockedKeepsModelsTogether(t *testing.T) {
	t.Parallel()
	planned, one := planOf(t, wideSpec), planOf(t, wideSpec+"order: blocked\n")
	require.Len(t, one.Cells, 48)
	all := blocks(planned, "h1")
	require.Len(t, all, 8)
	for _, host := range []string{"h1", "h2"} {
		got := blocks(one, host)
		require.Len(t, got, 8, "each model of a runtime is one block")
		require.ElementsMatch(t, all, got)
		require.NotEqual(t, all, got)
	}
	require.NotEqual(t, blocks(one, "h1"), blocks(one, "h2"), "no model is first everywhere")
	require.NotEqual(t, blocks(one, "h1"), blocks(planOf(t, wideSpec+"order: blocked\nseed: 2\n"), "h1"))
	require.Equal(t, one, planOf(t, wideSpec+"order: blocked\n"))
	inside := map[string]bool{}
	for block := range slices.Chunk(one.Cells, 3) {
		inside[block[0].At.Language+block[1].At.Language+block[2].At.Language] = true
	}
	require.Greater(t, len(inside), 2, "cells of a block are shuffled, too")
}

// The order does not depend on how the spec lists things, and alternated cells
// begin in the shuffled order.
func TestOrderIsOfTheSeed(t *testing.T) {
	t.Parallel()
	places := func(text string) []bench.Coordinates {
		var out []bench.Coordinates
		for i, c := range planOf(t, text).Cells {
			require.Equal(t, i+1, c.Seq)
			out = append(out, c.At)
		}
		return out
	}
	for _, order := range []string{"shuffled", "blocked", "alternated"} {
		text := wideSpec + "order: " + order + "\n"
		turned := strings.Replace(text, "[a, b, c, d]", "[d, b, a, c]", 1)
		turned = strings.Replace(turned, "[h1, h2]", "[h2, h1]", 1)
		require.Equal(t, places(text), places(turned), order)
	}
	require.Equal(t, places(wideSpec+"order: shuffled\n"), places(wideSpec+"order: alternated\n"))
}

// The example that docs/method.md shows is a spec.
func TestExampleOfTheMethod(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "docs", "method.md"))
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "A comparison of two models with everything on:\n\n")
	require.True(t, found)
	example, _, _ := strings.Cut(rest, "\n\n")
	lines := strings.Split(example, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, "    ")
	}
	plan := planOf(t, strings.Replace(smallSpec, "models: [\"llama3.2:1b\"]\n", strings.Join(lines, "\n")+"\n", 1))
	require.Len(t, plan.Cells, 2)
	require.Equal(t, []any{"alternated", 2}, []any{plan.Order, len(plan.Targets)})
	cell := plan.Cells[0].Config
	require.Equal(t, 2, cell.RunsPerTurn)
	require.True(t, cell.Phases.ClearCaches)
	require.NotNil(t, cell.Phases.ThermalGate)
}
