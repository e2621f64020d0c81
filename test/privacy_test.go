package test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/test/harness"
)

// canary stands in every journal of the private dataset and nowhere else.
const canary = "kanariefågel7391"

// No journal text reaches a Temporal payload, a log, a report or anything a
// command prints; a prompt that the server shortened is an outcome.
func TestJournalTextStaysInTheDatabase(t *testing.T) {
	lab := harness.NewLab(t, "e2e-private")
	writePrivateDataset(t, filepath.Join(lab.Dir, "own"))
	out, errOut, code := lab.Run("run", lab.Spec(privateSpec()), "--wait")
	require.Zero(t, code, out+errOut)
	sweeps, err := lab.Store.FindSweeps(t.Context(), "private")
	require.NoError(t, err)
	require.Len(t, sweeps, 1)
	id := sweeps[0].ID
	outcomes := outcomesOf(t, lab, id)
	require.Equal(t, 1, outcomes[bench.OutcomePromptTruncated], "%v", outcomes)
	require.Equal(t, 2, outcomes[bench.OutcomeOK]+outcomes[bench.OutcomeOutputCapped], "%v", outcomes)

	out2, errOut2, code := lab.Run("report", "private", "--dir", "out", "--output", "json")
	require.Zero(t, code, errOut2)
	status := lab.Must("status", "private", "--output", "json")
	for what, text := range map[string]string{"run": out + errOut, "report": out2 + errOut2, "status": status, "histories": histories(t, lab)} {
		require.NotContains(t, text, canary, "%s shows journal text", what)
		require.NotEmpty(t, text, what)
	}
	searched := 0
	for _, dir := range []string{filepath.Join(lab.Dir, "out"), filepath.Join(lab.State, "logs")} {
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, e := range entries {
			body, err := os.ReadFile(filepath.Join(dir, e.Name()))
			require.NoError(t, err)
			require.NotContains(t, string(body), canary, "%s shows journal text", e.Name())
			searched++
		}
	}
	require.GreaterOrEqual(t, searched, 6, "three report files and the logs of servers and worker")
	kept, err := lab.Store.Journals(t.Context(), firstCell(t, lab, id).Config.Dataset.Hash, "sv", 0)
	require.NoError(t, err)
	require.Contains(t, kept[0].Body, canary, "the canary is in the database, so the search could have found it")
}

func writePrivateDataset(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755)) //nolint:gosec // synthetic
	var lines []string
	for i, text := range []string{
		"Sökorsak: bröstsmärta. " + canary + " Status: opåverkad.",
		"Sökorsak: feber. " + canary + " Status: febril.",
		"Sökorsak: andfådd. " + canary + strings.Repeat(" Status: rassel bilateralt, benödem, trött.", 120),
	} {
		line, err := json.Marshal(map[string]any{
			"id": "own-" + string(rune('a'+i)), "specialty": "medicine", "difficulty": "easy",
			"codes": []string{"I50.9"}, "text": map[string]string{"sv": text},
		})
		require.NoError(t, err)
		lines = append(lines, string(line))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "journals.jsonl"), []byte(strings.Join(lines, "\n")+"\n"), 0o600))
}

func firstCell(t *testing.T, lab *harness.Lab, id bench.SweepID) bench.Cell {
	t.Helper()
	cells, err := lab.Store.Cells(t.Context(), id)
	require.NoError(t, err)
	require.NotEmpty(t, cells)
	return cells[0].Cell
}

func outcomesOf(t *testing.T, lab *harness.Lab, id bench.SweepID) map[bench.Outcome]int {
	t.Helper()
	calls, err := lab.Store.Calls(t.Context(), firstCell(t, lab, id).ID, 1)
	require.NoError(t, err)
	outcomes := map[bench.Outcome]int{}
	for _, c := range calls {
		outcomes[c.Outcome]++
	}
	return outcomes
}

// histories is every event of every workflow, as JSON.
func histories(t *testing.T, lab *harness.Lab) string {
	t.Helper()
	temporal := lab.Temporal()
	list, err := temporal.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{})
	require.NoError(t, err)
	var all strings.Builder
	for _, w := range list.GetExecutions() {
		all.WriteString(w.String())
		events := temporal.GetWorkflowHistory(t.Context(), w.GetExecution().GetWorkflowId(), w.GetExecution().GetRunId(), false,
			enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			e, err := events.Next()
			require.NoError(t, err)
			// Payload bytes are printed escaped, so the plain form is searched too.
			all.WriteString(e.String())
			raw, err := proto.Marshal(e)
			require.NoError(t, err)
			all.Write(raw)
		}
	}
	return all.String()
}
