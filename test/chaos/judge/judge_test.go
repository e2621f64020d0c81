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
		Requests: Requests{Watched: true, Calls: 97}, Latencies: calm(), Windows: windows(),
	}
}

func calm() Latencies {
	return Latencies{
		Calm:   []time.Duration{80 * time.Millisecond, 90 * time.Millisecond, 100 * time.Millisecond},
		Struck: []time.Duration{85 * time.Millisecond, 900 * time.Millisecond},
	}
}

// windows are two undisturbed ones of 12 calls in 1.2 s, and one that a fault cut.
func windows() []Window {
	one := func(channel string, calls int, length time.Duration, j float64, struck bool) Window {
		return Window{Of: "run 1", Channel: channel, Calls: calls, Length: length, EnergyJ: &j, Struck: struck, Flags: []string{"estimated from 12 ticks"}}
	}
	return []Window{
		one("host/power", 12, 1200*time.Millisecond, 36, false), one("host/power", 12, 1300*time.Millisecond, 38, false),
		one("host/power", 5, 700*time.Millisecond, 20, true),
	}
}

// struck changes the window that a fault cut, on a copy of its own.
func struck(e *Evidence, change func(*Window)) {
	e.Windows = windows()
	change(&e.Windows[2])
}

func joules(j float64) *float64 { return &j }

func TestASurvivedFaultIsOK(t *testing.T) {
	t.Parallel()
	row, why := Judge(good())
	require.Empty(t, why)
	require.Equal(t, Row{Fault: "kill-worker", Stage: "infer", Seed: 7, Complete: true, RemeasuredCalls: 1, ResumeS: 7.9, RequestedCalls: 97, OK: true}, row)
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
		"a call missing":         {func(e *Evidence) { e.Stored = 95 }, func(r *Row) { r.LostCalls = 1 }, "1 of 96 calls are missing"},
		"a stored call vanished": {func(e *Evidence) { e.Vanished = 2 }, func(r *Row) { r.LostCalls = 2 }, "2 calls stored before"},
		"a call twice":           {func(e *Evidence) { e.Extra = 1 }, func(r *Row) { r.DuplicateCalls = 1 }, "more than once"},
		"two at the same time":   {func(e *Evidence) { e.Overlaps = 3 }, func(r *Row) { r.DuplicateCalls = 3 }, "overlap"},
		"two measured again":     {func(e *Evidence) { e.Again = 2 }, func(r *Row) { r.RemeasuredCalls = 2 }, "2 calls were measured again"},
		"never resumed":          {func(e *Evidence) { e.Resumed = false }, func(r *Row) { r.ResumeS = -1 }, "no call was measured after"},
		"resumed before":         {func(e *Evidence) { e.Resume = -time.Second }, func(r *Row) { r.ResumeS = -1 }, "before the restart"},
		"an orphan process":      {func(e *Evidence) { e.Strays = []string{"12 runner"} }, func(*Row) {}, "process 12 runner"},
		"a model left in memory": {func(e *Evidence) { e.Loaded = []string{"m"} }, func(*Row) {}, "model m"},
		"a call failed":          {func(e *Evidence) { e.Failed = 1 }, func(r *Row) { r.FailedCalls = 1 }, "1 calls failed, and this fault may fail 0"},
		"more failed than may":   {func(e *Evidence) { e.Failed, e.MayFail = 2, 1 }, func(r *Row) { r.FailedCalls = 2 }, "2 calls failed, and this fault may fail 1"},
		"a rung lower":           {func(e *Evidence) { e.Fallen = 1 }, func(*Row) {}, "1 cells were measured on a lower rung"},
		"asked twice":            {func(e *Evidence) { e.Requests.Twice = 1 }, func(r *Row) { r.ExtraRequests = 1 }, "Ollama got 1 requests for calls begun that it had got already"},
		"asked for nothing": {
			func(e *Evidence) { e.Requests.Strange = []string{"chaos-1-2"} }, func(r *Row) { r.ExtraRequests = 1 },
			"Ollama got 1 requests that no call and no warm-up explains, of [chaos-1-2]",
		},
		"stored and never asked": {func(e *Evidence) { e.Requests.Lacking = 2 }, func(r *Row) { r.LackingRequests = 2 }, "Ollama never got the requests of 2 stored calls"},
		"no witness":             {func(e *Evidence) { e.Requests = Requests{} }, func(r *Row) { r.RequestedCalls = 0 }, "nobody counted what Ollama was asked"},
		"an outage in a call": {
			func(e *Evidence) { e.Latencies.Struck = []time.Duration{80 * time.Millisecond, 8 * time.Second} },
			func(r *Row) { r.SlowCalls = 1 }, "1 calls took far longer than undisturbed ones, the longest 8s",
		},
		"no undisturbed call": {func(e *Evidence) { e.Latencies.Calm = nil }, func(*Row) {}, "no undisturbed call to compare with"},
		"an outage in a window": {
			func(e *Evidence) { struck(e, func(w *Window) { w.Length = 8 * time.Second }) },
			func(r *Row) { r.BadWindows = 1 }, "run 1 holds 8s for 5 calls",
		},
		"an outage beside failed calls": {
			func(e *Evidence) {
				struck(e, func(w *Window) { w.Calls, w.Failed, w.Length, w.EnergyJ = 6, 4*time.Second, 9*time.Second, joules(150) })
			},
			func(r *Row) { r.BadWindows = 1 }, "run 1 holds 9s for 6 calls",
		},
		"an outage's energy": {
			func(e *Evidence) { struck(e, func(w *Window) { w.EnergyJ = joules(220) }) },
			func(r *Row) { r.BadWindows = 1 }, "host/power over run 1 holds 220 J for 5 calls",
		},
		"an outage behind a flag that every window has": {
			func(e *Evidence) {
				struck(e, func(w *Window) { w.EnergyJ, w.Flags = joules(220), []string{"estimated from 1740 ticks"} })
			},
			func(r *Row) { r.BadWindows = 1 }, "220 J for 5 calls",
		},
		"an energy of nothing": {
			func(e *Evidence) { struck(e, func(w *Window) { w.EnergyJ = joules(0) }) },
			func(r *Row) { r.BadWindows = 1 }, "host/power over run 1 holds 0 J",
		},
		"no energy and no word why": {
			func(e *Evidence) { struck(e, func(w *Window) { w.EnergyJ = nil }) },
			func(r *Row) { r.BadWindows = 1 }, "host/power over run 1 has no energy and does not say why",
		},
		"no undisturbed window":   {func(e *Evidence) { e.Windows = windows()[2:] }, func(*Row) {}, "no undisturbed window"},
		"no window at all":        {func(e *Evidence) { e.Windows = nil }, func(*Row) {}, "no undisturbed window"},
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

// What a fault may do without harm: fail as many calls as it says, and leave a
// window that tells why its energy is none or doubtful.
func TestWhatAFaultMayDo(t *testing.T) {
	t.Parallel()
	for name, may := range map[string]func(*Evidence){
		"a call that it may fail": func(e *Evidence) { e.Failed, e.MayFail = 1, 1 },
		"a window that says why it has none": func(e *Evidence) {
			struck(e, func(w *Window) { w.EnergyJ, w.Missing = nil, "the PDU was silent" })
		},
		"a window that tells its outage": func(e *Evidence) {
			struck(e, func(w *Window) {
				w.EnergyJ, w.Length, w.Flags = joules(220), 8*time.Second, append(w.Flags, "the database was away for 7.2 s")
			})
		},
		"a window of which one channel tells its outage": func(e *Evidence) {
			struck(e, func(w *Window) {
				w.EnergyJ, w.Length, w.Flags = joules(220), 8*time.Second, append(w.Flags, "the database was away for 7.2 s")
			})
			e.Windows = append(e.Windows, Window{Of: "run 1", Channel: "cpu", Calls: 5, Length: 8 * time.Second, Struck: true})
		},
		"a channel that never has energy": func(e *Evidence) {
			e.Windows = append(windows(), Window{Of: "run 1", Channel: "temperature", Calls: 5, Length: time.Second, Struck: true})
		},
		"a call that waits for its timeout": func(e *Evidence) {
			e.Failed, e.MayFail = 1, 1
			struck(e, func(w *Window) {
				w.Calls, w.Failed, w.Length, w.EnergyJ = 6, 4*time.Second, 4700*time.Millisecond, joules(140)
			})
		},
		"a busy machine": func(e *Evidence) {
			struck(e, func(w *Window) { w.Length, w.EnergyJ = 1400*time.Millisecond, joules(40) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := good()
			may(&e)
			row, why := Judge(e)
			require.Empty(t, why)
			require.True(t, row.OK)
		})
	}
}

// A fault that was not played is a row that is not ok and says why; it did no
// harm either.
func TestASkippedFault(t *testing.T) {
	t.Parallel()
	row := Skip("disk-full", "infer", 3, "mounting a small disk takes root")
	require.Equal(t, Row{Fault: "disk-full", Stage: "infer", Seed: 3, ResumeS: -1, Skipped: "mounting a small disk takes root"}, row)
	played, _ := Judge(good())
	harm := played
	harm.OK = false
	rows := []Row{row, played, harm}
	require.Equal(t, []int{1, 1}, []int{Failed(rows), Skipped(rows)})
	text := Table(rows, []string{"infer"})
	require.Contains(t, text, "| disk-full | infer | 0 | 0 | never |")
	require.Contains(t, text, "\n\nNot played here: `disk-full` at infer: mounting a small disk takes root.\n")
	require.NotContains(t, Table(rows[1:], []string{"infer"}), "Not played")
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
		"failed_calls": 0.0, "slow_calls": 0.0, "bad_windows": 0.0, "requested_calls": 97.0, "extra_requests": 0.0, "lacking_requests": 0.0,
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
		"| cut-temporal | infer | 1 | 0 | never | never | 0 | 0 | 0 | 0 |",
		"| kill-worker | load | 1 | 1 | 3.0 | 3.0 | 0 | 0 | 0 | 0 |",
		"| kill-worker | infer | 2 | 2 | 7.0 | 8.0 | 1 | 0 | 0 | 0 |",
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
