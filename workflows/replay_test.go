package workflows_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/workflows"
)

var historyDir = filepath.Join("testdata", "histories")

// Runs that were open before an upgrade go on after it: today's code makes the
// same decisions over every stored history.
func TestStoredHistoriesReplay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(historyDir, "*.json"))
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, file := range files {
		seen[strings.TrimSuffix(filepath.Base(file), ".json")] = true
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			replayer := worker.NewWorkflowReplayer()
			workflows.Register(replayer)
			require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(quiet{}, file))
		})
	}
	for name := range scenarios() {
		require.True(t, seen[name], "no stored history of %s: see testdata/README.md", name)
	}
}

// The check bites: a benchmark that leaves out its stages does not replay.
func TestReplayNoticesAChange(t *testing.T) {
	t.Parallel()
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflowWithOptions(func(workflow.Context, contract.BenchmarkIn) (contract.BenchmarkOut, error) {
		return contract.BenchmarkOut{V: 1}, nil
	}, workflow.RegisterOptions{Name: contract.WorkflowBenchmark})
	err := replayer.ReplayWorkflowHistoryFromJSONFile(quiet{}, filepath.Join(historyDir, "normal.1.json"))
	require.ErrorContains(t, err, "TMPRL1100", "the SDK's number for nondeterminism")
}

// Stored histories name no machine.
func TestStoredHistoriesNameNoMachine(t *testing.T) {
	t.Parallel()
	host, err := os.Hostname()
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(historyDir, "*.json"))
	require.NoError(t, err)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NotContains(t, string(raw), "@"+host, file)
	}
}
