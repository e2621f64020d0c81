package workflows_test

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// What a workflow does about a code is replayed from histories of its shape, so
// a code that a release knew keeps its action until the shape is counted up:
// then this file stays and a new one joins it. Codes may be added.
func TestActionsOfAShapeStay(t *testing.T) {
	t.Parallel()
	require.Equal(t, 2, contract.Shape, "a new shape needs a file of its own here, and the old one's actions kept in benchmark.action")
	const path = "testdata/actions.2.txt"
	if os.Getenv("WATTSWEEP_RECORD_ACTIONS") != "" {
		require.NoFileExists(t, path, "recorded actions are never written again")
		require.NoError(t, os.WriteFile(path, []byte(actionsToday()), 0o644))
	}
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	seen := map[fault.Code]bool{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		code, action, ok := strings.Cut(lines.Text(), "\t")
		require.True(t, ok, "%s: %q is no code and action", path, lines.Text())
		require.EqualValues(t, action, fault.ActionOf(fault.Code(code)),
			"a stored history of shape 2 replays %s otherwise: keep it, or count the shape up", code)
		seen[fault.Code(code)] = true
	}
	for _, rule := range fault.Table() {
		require.True(t, seen[rule.Code], "%s is new: add %q to %s", rule.Code, string(rule.Code)+"\t"+string(fault.ActionOf(rule.Code)), path)
	}
}

func actionsToday() string {
	var lines []string
	for _, rule := range fault.Table() {
		lines = append(lines, string(rule.Code)+"\t"+string(fault.ActionOf(rule.Code))+"\n")
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "")
}
