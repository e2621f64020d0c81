package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/config"
	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/drift"
	"github.com/wattsweep/wattsweep/internal/store"
)

func someDrift() drift.Report {
	v := func(x float64) *float64 { return &x }
	at := bench.Coordinates{Host: "gpu1", Runtime: "ollama", Model: "m:70B", Language: "sv"}
	return drift.Report{
		V: 1, Verdict: drift.Drifted, Text: "drifted: latency", Tolerance: 0.05, Tests: 2,
		Cells: []drift.CellReport{{
			At: at, Verdict: drift.Drifted, StartC: &drift.Temperatures{Before: 30, Now: 38.25, Channels: 2},
			Changes: []drift.Change{{What: "driver", Before: "550", Now: "560"}},
			Figures: []drift.Figure{
				{
					Metric: drift.Latency, Unit: "s", Ratio: true, Before: v(1), Now: v(1.12345), Shift: v(0.12345), Low: v(0.1), High: v(0.15), P: v(1e-5),
					PHolm: v(2e-5), Verdict: drift.Drifted, Journals: 60, RunsBefore: 3, RunsNow: 3,
				},
				{Metric: drift.EnergyPer, Unit: "J", Ratio: true, Verdict: drift.Undecided, Missing: "there is none now", Estimated: true, Simulated: true},
			},
		}},
		Missing: []drift.Missing{{At: at, Side: drift.SideNow, State: bench.StateFailed, Reason: "the cell is failed"}},
	}
}

func printed(t *testing.T, format string) string {
	t.Helper()
	var out bytes.Buffer
	s := &session{settings: config.Settings{Output: format}, out: &out, err: &out}
	require.NoError(t, printDrift(s, "ref", "5ee9", someDrift()))
	return out.String()
}

func TestDriftIsPrinted(t *testing.T) {
	t.Parallel()
	table := printed(t, "table")
	for _, want := range []string{
		"baseline ref, sweep 5ee9\ndrifted: latency\n", "+12.3 %", "+10.0 % to +15.0 %", "1.123", "2e-05", "there is none now; estimated; simulated",
		"changed: driver: 550 → 560\n", "38.2 °C at start, 30.0 °C then (2 channel(s))", "not compared: gpu1 · ollama · m:70B · sv (now): the cell is failed",
	} {
		require.Contains(t, table, want)
	}
	require.Equal(t, `host,runtime,model,lang,metric,unit,before,now,shift,95 %,p (Holm),journals,runs,verdict,note
gpu1,ollama,m:70B,sv,latency_s,s,1,1.123,+12.3 %,+10.0 % to +15.0 %,2e-05,60,3/3,drifted,
gpu1,ollama,m:70B,sv,energy_j_per_call,J,,,,,,0,0/0,not decided,there is none now; estimated; simulated
`, printed(t, "csv"))
	var got comparison
	require.NoError(t, json.Unmarshal([]byte(printed(t, "json")), &got))
	require.Equal(t, comparison{"ref", "5ee9", someDrift()}, got)
}

// Whatever the hook is told of has the exit code of drift.
func TestExitCodesOfDrift(t *testing.T) {
	t.Parallel()
	code := func(r drift.Report) int {
		err := verdictError(r)
		if err == nil {
			return 0
		}
		verdict, ok := errors.AsType[errVerdict](err)
		require.True(t, ok)
		return verdict.ExitCode()
	}
	require.Equal(t, 0, code(drift.Report{Verdict: drift.Steady}))
	require.Equal(t, 3, code(drift.Report{Verdict: drift.Drifted}))
	require.Equal(t, 4, code(drift.Report{Verdict: drift.Undecided}))
	require.Equal(t, 4, code(drift.Report{Verdict: "of a later version"}))
	require.EqualError(t, verdictError(drift.Report{Verdict: drift.Drifted, Text: "why"}), "why")
	lost := drift.Report{Verdict: drift.Undecided, Missing: []drift.Missing{{Side: drift.SideNow, State: bench.StateFailed}}}
	require.Equal(t, 3, code(lost), "a reference cell failed")
	lost.Missing[0].State = ""
	require.Equal(t, 4, code(lost))
}

func TestBaselinesAreListed(t *testing.T) {
	t.Parallel()
	next := time.Now().Add(time.Hour)
	d := app.DriftState{
		Baseline: store.Baseline{Name: "ref", Sweep: "5ee9", Tolerance: 0.05, Cells: []store.PinnedCell{{Cell: "c1", Epoch: 1}}, Schedule: "nightly (UTC)"},
		Next:     &next, Last: &store.DriftRun{Sweep: "aa", At: next},
	}
	row := baselineRow(d)
	require.Equal(t, []string{"ref", "5ee9", "1", "±5 %"}, row[:4])
	require.Equal(t, "under way", row[len(row)-1])
	line := baselineLineOf(d)
	require.Equal(t, []bench.CellID{"c1"}, line.Cells)
	require.Equal(t, bench.SweepID("aa"), line.Last.Sweep)
	d.Last, d.Next, d.NextMissing = nil, nil, "it is measured when asked"
	require.Equal(t, "never", baselineRow(d)[8])
	require.Equal(t, "it is measured when asked", baselineRow(d)[7])
}
