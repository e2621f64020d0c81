// Package test holds the tests that run the whole program against real
// servers, and the rules of the tree.
package test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/test/harness"
)

// A sweep on real Temporal, Postgres and Ollama: every call once, results that
// fit their schema, and the same spec again measures nothing.
func TestSweepEndToEnd(t *testing.T) {
	lab := harness.NewLab(t, "e2e-sweep")
	spec := lab.Spec(tinySpec())
	out := lab.Must("run", spec, "--wait")
	require.Contains(t, out, "2/2 cells")
	id := lab.Launch(spec)

	exactlyOnce(t, lab, id, 6, 2)
	cells, err := lab.Store.Cells(t.Context(), id)
	require.NoError(t, err)
	require.Len(t, cells, 2)
	for _, c := range cells {
		require.Equal(t, bench.StateDone, c.State, c.Reason)
		stages, err := lab.Store.Stages(t.Context(), c.ID)
		require.NoError(t, err)
		seen := map[bench.Stage]bool{}
		for _, s := range stages {
			require.Equal(t, "done", s.State, "%s: %s", s.Stage, s.Detail)
			seen[s.Stage] = true
		}
		for _, stage := range bench.Stages() {
			require.True(t, seen[stage], "stage %s has no row", stage)
		}
	}

	begun, committed, err := lab.Store.CallCounts(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, []int{24, 24}, []int{begun, committed})
	again := lab.Must("run", spec)
	require.Contains(t, again, "done already")
	begun, _, err = lab.Store.CallCounts(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, 24, begun, "nothing is measured twice")

	checkReport(t, lab, id)
}

func checkReport(t *testing.T, lab *harness.Lab, id bench.SweepID) {
	t.Helper()
	table := lab.Must("report", "tiny", "--dir", "out")
	require.Contains(t, table, "estimated")
	dir := filepath.Join(lab.Dir, "out")
	raw, err := os.ReadFile(filepath.Join(dir, "results.json"))
	require.NoError(t, err)
	schema, err := jsonschema.NewCompiler().Compile("../docs/results.schema.json")
	require.NoError(t, err)
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(raw)))
	require.NoError(t, err)
	require.NoError(t, schema.Validate(value))
	var results bench.Results
	require.NoError(t, json.Unmarshal(raw, &results))
	require.Equal(t, id, results.Sweep.ID)
	for _, c := range results.Cells {
		require.Equal(t, 12, c.Calls)
		require.Zero(t, c.FailedCalls)
		require.NotNil(t, c.TTFT)
		require.Less(t, c.TTFT.P50, c.Latency.P50)
		require.NotNil(t, c.Energy)
		require.True(t, c.Energy.Estimated)
		require.Positive(t, c.Energy.Mean)
		require.NotNil(t, c.Cost)
		require.Equal(t, "SEK", c.Cost.Currency)
		require.NotNil(t, c.WeightedScore)
		require.NotNil(t, c.ProcMemory, c.ProcMemoryMissing)
		require.True(t, results.Provenance.Estimated)
	}
	calls, err := os.ReadFile(filepath.Join(dir, "calls.csv"))
	require.NoError(t, err)
	require.Len(t, strings.Split(strings.TrimSpace(string(calls)), "\n"), 1+24)
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	require.NoError(t, err)
	require.Contains(t, string(page), "wattsweep-icd10-0.2m")
}

// exactlyOnce checks that every (run, item) of every cell has one call.
func exactlyOnce(t *testing.T, lab *harness.Lab, id bench.SweepID, items, runs int) {
	t.Helper()
	cells, err := lab.Store.Cells(t.Context(), id)
	require.NoError(t, err)
	for _, c := range cells {
		calls, err := lab.Store.Calls(t.Context(), c.ID, c.Epoch)
		require.NoError(t, err)
		seen := map[bench.CallKey]int{}
		nonces := map[string]bool{}
		for _, call := range calls {
			seen[call.CallKey]++
			require.False(t, nonces[call.Nonce], "nonce used twice")
			nonces[call.Nonce] = true
		}
		for run := 1; run <= runs; run++ {
			for item := range items {
				require.Equal(t, 1, seen[bench.CallKey{Cell: c.ID, Run: run, Item: item}], "run %d item %d", run, item)
			}
		}
		require.Len(t, calls, items*runs)
	}
}

// A cancelled sweep keeps what it measured; retry measures only what is left.
func TestCancelAndRetry(t *testing.T) {
	lab := harness.NewLab(t, "e2e-cancel", "WATTSWEEP_WORKER_HEARTBEAT_TIMEOUT=6s")
	id := lab.Launch(lab.Spec(longSpec()))
	lab.Until("calls", func(ctx context.Context) bool { return lab.Calls(ctx, id) >= 10 })
	lab.Must("cancel", string(id))
	lab.Until("the cancelled state", func(ctx context.Context) bool { return lab.SweepState(ctx, id) == bench.StateCancelled })
	kept := lab.Calls(t.Context(), id)
	require.Less(t, kept, 120)
	require.GreaterOrEqual(t, kept, 10)
	lab.Must("retry", string(id))
	lab.Until("the end", func(ctx context.Context) bool { return lab.SweepState(ctx, id) == bench.StateDone })
	exactlyOnce(t, lab, id, 60, 2)
	begun, committed, err := lab.Store.CallCounts(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, begun, committed, "a cancellation finishes its call")
}
