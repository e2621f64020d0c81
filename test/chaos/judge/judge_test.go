package judge

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func good() Evidence {
	return Evidence{
		Fault: "kill-worker", Stage: "infer", Seed: 7, SweepState: "done", Cells: 4, CellsDone: 4,
		Expected: 96, Stored: 96, Again: 1, Resumed: true, Resume: 7900 * time.Millisecond,
	}
}

func TestASurvivedFaultIsOK(t *testing.T) {
	t.Parallel()
	row, why := Judge(good())
	require.Empty(t, why)
	require.Equal(t, Row{Fault: "kill-worker", Stage: "infer", Seed: 7, Complete: true, RemeasuredCalls: 1, ResumeS: 7.9, OK: true}, row)
}

// Every way in which a fault can have done harm must turn the verdict.
func TestEveryHarmIsSeen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		harm func(*Evidence)
		row  func(*Row)
		want string
	}{
		"sweep not ended": {func(e *Evidence) { e.SweepState = "running" }, func(r *Row) { r.Complete = false }, `the sweep is "running" with 4 of 4`},
		"store not read":  {func(e *Evidence) { e.SweepState = "" }, func(r *Row) { r.Complete = false }, `the sweep is ""`},
		"a cell failed":   {func(e *Evidence) { e.CellsDone = 3 }, func(r *Row) { r.Complete = false }, "3 of 4 cells"},
		"no cells": {
			func(e *Evidence) { e.Cells, e.CellsDone, e.Expected, e.Stored = 0, 0, 0, 0 },
			func(r *Row) { r.Complete = false }, "no call was planned",
		},
		"a call missing":          {func(e *Evidence) { e.Stored = 95 }, func(r *Row) { r.LostCalls = 1 }, "1 of 96 calls are missing"},
		"a stored call vanished":  {func(e *Evidence) { e.Vanished = 2 }, func(r *Row) { r.LostCalls = 2 }, "2 calls stored before"},
		"a call twice":            {func(e *Evidence) { e.Extra = 1 }, func(r *Row) { r.DuplicateCalls = 1 }, "more than once"},
		"two at the same time":    {func(e *Evidence) { e.Overlaps = 3 }, func(r *Row) { r.DuplicateCalls = 3 }, "overlap"},
		"two measured again":      {func(e *Evidence) { e.Again = 2 }, func(r *Row) { r.RemeasuredCalls = 2 }, "2 calls were measured again"},
		"never resumed":           {func(e *Evidence) { e.Resumed = false }, func(r *Row) { r.ResumeS = -1 }, "no call was measured after"},
		"resumed before":          {func(e *Evidence) { e.Resume = -time.Second }, func(r *Row) { r.ResumeS = -1 }, "before the restart"},
		"an orphan process":       {func(e *Evidence) { e.Strays = []string{"12 runner"} }, func(*Row) {}, "process 12 runner"},
		"a model left in memory":  {func(e *Evidence) { e.Loaded = []string{"m"} }, func(*Row) {}, "model m"},
		"the fault's own finding": {func(e *Evidence) { e.Wrong = []string{"a window says zero"} }, func(*Row) {}, "a window says zero"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := good()
			want, _ := Judge(e)
			c.harm(&e)
			c.row(&want)
			want.OK = false
			row, why := Judge(e)
			require.Equal(t, want, row)
			require.Contains(t, strings.Join(why, "; "), c.want)
		})
	}
}

func TestFieldsOfTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "out", "faults.json")
	row, _ := Judge(good())
	bad := row
	bad.OK = false
	require.NoError(t, Write(path, []Row{row, bad}))
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	var list []map[string]any
	require.NoError(t, json.Unmarshal(raw, &list))
	require.Len(t, list, 2)
	require.Equal(t, map[string]any{
		"fault": "kill-worker", "stage": "infer", "seed": 7.0, "complete": true, "lost_calls": 0.0, "duplicate_calls": 0.0,
		"remeasured_calls": 1.0, "resume_s": 7.9, "ok": true,
	}, list[0])
	require.Equal(t, 1, Failed([]Row{row, bad}))
	require.NoError(t, Write(path, nil))
	raw, err = os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "[]\n", string(raw))
}

func TestTable(t *testing.T) {
	t.Parallel()
	row := func(fault, stage string, resume float64, again int, ok bool) Row {
		return Row{Fault: fault, Stage: stage, ResumeS: resume, RemeasuredCalls: again, OK: ok}
	}
	text := Table([]Row{
		row("kill-worker", "infer", 8, 1, true), row("kill-worker", "load", 3, 0, true), row("kill-worker", "infer", 6, 0, true),
		row("cut-temporal", "infer", -1, 0, false),
	}, []string{"load", "infer"})
	lines := strings.Split(strings.TrimSpace(text), "\n")
	require.Equal(t, []string{
		"| cut-temporal | infer | 1 | 0 | never | never | 0 | 0 | 0 |",
		"| kill-worker | load | 1 | 1 | 3.0 | 3.0 | 0 | 0 | 0 |",
		"| kill-worker | infer | 2 | 2 | 7.0 | 8.0 | 1 | 0 | 0 |",
	}, lines[2:])
}

func TestRenderKeepsTheRestOfThePage(t *testing.T) {
	t.Parallel()
	page := []byte("# A\n" + Begin + "\nold\n" + End + "\nB\n")
	out, err := Render(page, "new")
	require.NoError(t, err)
	require.Equal(t, "# A\n"+Begin+"\nnew\n"+End+"\nB\n", string(out))
	_, err = Render([]byte("no markers"), "x")
	require.ErrorContains(t, err, "has no")
	path := filepath.Join(t.TempDir(), "page.md")
	require.Error(t, RenderFile(path, "x"))
	require.NoError(t, os.WriteFile(path, page, 0o600))
	require.NoError(t, RenderFile(path, "x"))
}
