package test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/drift"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/test/harness"
)

// Reference cells on real servers: pinned, measured again by hand and by a
// schedule, compared; a past that was faster is drift, by exit code and by hook.
// The tolerance is wide: a busy test machine does drift by itself.
func TestDriftEndToEnd(t *testing.T) {
	told := filepath.Join(t.TempDir(), "told")
	lab := harness.NewLab(t, "e2e-drift",
		`WATTSWEEP_DRIFT_HOOK_COMMAND=["/bin/sh", "-c", "cat >> `+told+` && echo >> `+told+` && env >> `+told+`.env"]`)
	lab.Must("run", lab.Spec(spec("reference", "{name: demo-journals, languages: [sv], limit: 6}", "4", "2048")), "--wait")
	out := lab.Must("drift", "pin", "ref", "reference", "--tolerance", "0.9")
	require.Contains(t, out, "1 cell(s)")
	require.Equal(t, out, lab.Must("drift", "pin", "ref", "reference", "--tolerance", "0.9"), "the same pin again changes nothing")

	first := measuredAgain(t, lab)
	unlike(t, lab)
	require.NoFileExists(t, told, "nobody is told of a host that does what it did")

	// The host was far faster, so we say, when the baseline was measured.
	b, err := lab.Store.GetBaseline(t.Context(), "ref")
	require.NoError(t, err)
	db, err := pgx.Connect(t.Context(), lab.Stack.PostgresDSN)
	require.NoError(t, err)
	defer func() { _ = db.Close(context.WithoutCancel(t.Context())) }()
	_, err = db.Exec(t.Context(), `UPDATE calls SET latency_ns = greatest(latency_ns / 20, 1) WHERE cell_id = $1`, b.Cells[0].Cell)
	require.NoError(t, err)
	stdout, stderr, code := lab.Run("drift", "compare", "ref", "--output", "json")
	require.Equal(t, 3, code, "%s\n%s", stdout, stderr)
	report := comparisonOf(t, stdout)
	require.Equal(t, first.Sweep, report.Sweep, "the newest run")
	require.Equal(t, drift.Drifted, report.Verdict)
	require.Greater(t, *figureOf(t, report, drift.Latency).Shift, 5.0)
	require.Empty(t, report.Changes(), "the same host, driver, runtime, model, prompt and dataset")

	second := scheduled(t, lab, first.Sweep)
	require.Equal(t, string(drift.Drifted), second.Verdict)
	heard(t, told, second)
	raw, err := os.ReadFile(told + ".env")
	require.NoError(t, err)
	require.NotContains(t, string(raw), "WATTSWEEP_", "the hook does not get our settings")
	show := lab.Must("drift", "show", "ref")
	require.Contains(t, show, "drifted")
	require.Contains(t, show, "exit status 0")

	lab.Must("drift", "unpin", "ref")
	_, err = lab.Temporal().ScheduleClient().GetHandle(t.Context(), "drift/ref").Describe(t.Context())
	_, gone := errors.AsType[*serviceerror.NotFound](err)
	require.True(t, gone, "the schedule goes with the baseline: %v", err)
	_, stderr, code = lab.Run("drift", "run", "ref")
	require.Equal(t, 2, code)
	require.Contains(t, stderr, `no baseline is called "ref"`)
	require.Len(t, driftRuns(t, lab), 2, "what was measured stays")
}

// unlike compares with a sweep in which the same cell is asked for otherwise: that
// is neither drift nor steadiness, and the reason names the setting.
func unlike(t *testing.T, lab *harness.Lab) {
	t.Helper()
	lab.Must("run", lab.Spec(spec("unlike", "{name: demo-journals, languages: [sv], limit: 6}", "2", "1024")), "--wait")
	stdout, stderr, code := lab.Run("drift", "compare", "ref", "unlike", "--output", "json")
	require.Equal(t, 4, code, "%s\n%s", stdout, stderr)
	report := comparisonOf(t, stdout)
	require.Equal(t, drift.Undecided, report.Verdict)
	require.Empty(t, report.Cells)
	require.Len(t, report.Missing, 1)
	require.Contains(t, report.Missing[0].Reason, "model.context_tokens (2048 → 1024)")
}

// compared is what drift compare prints.
type compared struct {
	Baseline string        `json:"baseline"`
	Sweep    bench.SweepID `json:"sweep"`
	drift.Report
}

func comparisonOf(t *testing.T, text string) compared {
	t.Helper()
	var c compared
	require.NoError(t, json.Unmarshal([]byte(text), &c), text)
	require.Equal(t, "ref", c.Baseline)
	return c
}

func figureOf(t *testing.T, c compared, m drift.Metric) drift.Figure {
	t.Helper()
	require.Len(t, c.Cells, 1)
	for _, f := range c.Cells[0].Figures {
		if f.Metric == m {
			return f
		}
	}
	require.Fail(t, "no figure of "+string(m))
	return drift.Figure{}
}

func driftRuns(t *testing.T, lab *harness.Lab) []store.DriftRun {
	t.Helper()
	runs, err := lab.Store.DriftRuns(t.Context(), "ref")
	require.NoError(t, err)
	return runs
}

// measuredAgain runs drift by hand: the same cells in a sweep of their own, with
// all calls paired.
func measuredAgain(t *testing.T, lab *harness.Lab) compared {
	t.Helper()
	stdout, stderr, code := lab.Run("drift", "run", "ref", "--wait", "--output", "json")
	require.Contains(t, []int{0, 4}, code, "steady or not decided\n%s\n%s", stdout, stderr)
	report := comparisonOf(t, stdout)
	require.Contains(t, []drift.Verdict{drift.Steady, drift.Undecided}, report.Verdict)
	exactlyOnce(t, lab, report.Sweep, 6, 4)
	sw, err := lab.Store.GetSweep(t.Context(), report.Sweep)
	require.NoError(t, err)
	require.Equal(t, []any{"drift", bench.PriorityFirst, bench.StateDone}, []any{sw.Owner, sw.Priority, sw.State})
	require.True(t, strings.HasPrefix(sw.Name, "ref-20"), sw.Name)
	f := figureOf(t, report, drift.Latency)
	require.Equal(t, []int{6, 4, 4}, []int{f.Journals, f.RunsBefore, f.RunsNow})
	require.NotNil(t, f.Low, f.Missing)
	energy := figureOf(t, report, drift.EnergyPer)
	require.True(t, energy.Estimated)
	require.NotNil(t, energy.Shift, energy.Missing)
	require.Equal(t, drift.Steady, figureOf(t, report, drift.OKShare).Verdict)
	require.Empty(t, report.Missing)
	runs := driftRuns(t, lab)
	require.Len(t, runs, 1)
	require.Equal(t, string(report.Verdict), runs[0].Verdict)
	require.Nil(t, runs[0].AlarmedAt)
	return report
}

// scheduled sets a schedule, sees it in Temporal, has it run once, and gives
// that run when it has ended.
func scheduled(t *testing.T, lab *harness.Lab, before bench.SweepID) store.DriftRun {
	t.Helper()
	_, stderr, code := lab.Run("drift", "schedule", "ref", "--every", "now and then")
	require.Equal(t, 2, code, stderr)
	_, stderr, code = lab.Run("drift", "schedule", "ref", "--every", "61 25 * * *")
	require.Equal(t, 2, code, stderr)
	lab.Must("drift", "schedule", "ref", "--every", "weekly")
	lab.Must("drift", "schedule", "ref", "--every", "nightly", "--time-zone", "Europe/Stockholm")
	handle := lab.Temporal().ScheduleClient().GetHandle(t.Context(), "drift/ref")
	d, err := handle.Describe(t.Context())
	require.NoError(t, err)
	require.Equal(t, enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE, d.Schedule.Policy.Overlap)
	require.Equal(t, 6*time.Hour, d.Schedule.Policy.CatchupWindow)
	require.False(t, d.Schedule.Policy.PauseOnFailure)
	require.Equal(t, 10*time.Minute, d.Schedule.Spec.Jitter)
	require.Equal(t, "Europe/Stockholm", d.Schedule.Spec.TimeZoneName)
	require.Len(t, d.Schedule.Spec.Calendars, 1)
	require.NotEmpty(t, d.Info.NextActionTimes)
	next := d.Info.NextActionTimes[0].In(time.FixedZone("at least one hour east", 3600))
	require.Contains(t, []int{1, 2}, next.Hour(), "at two, by winter or summer time")

	var list []struct {
		Name     string     `json:"name"`
		Schedule string     `json:"schedule"`
		Next     *time.Time `json:"next"`
	}
	require.NoError(t, json.Unmarshal([]byte(lab.Must("drift", "list", "--output", "json")), &list))
	require.Len(t, list, 1)
	require.Equal(t, "nightly (Europe/Stockholm)", list[0].Schedule)
	require.WithinDuration(t, d.Info.NextActionTimes[0], *list[0].Next, 0)

	require.NoError(t, handle.Trigger(t.Context(), client.ScheduleTriggerOptions{}))
	var run store.DriftRun
	lab.Until("the scheduled run", func(context.Context) bool {
		run = driftRuns(t, lab)[0]
		return run.Sweep != before && run.AlarmedAt != nil
	})
	d, err = handle.Describe(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, d.Info.NumActions)
	return run
}

// heard checks that the hook was told once, of this run, with figures and ids.
func heard(t *testing.T, file string, run store.DriftRun) {
	t.Helper()
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Len(t, strings.Split(strings.TrimSpace(string(raw)), "\n"), 1, "once")
	var got struct {
		Event, Baseline, Verdict, Text string
		Sweep                          bench.SweepID
		Report                         drift.Report
	}
	require.NoError(t, json.Unmarshal(raw, &got))
	require.Equal(t, []string{"drift", "ref", "drifted"}, []string{got.Event, got.Baseline, got.Verdict})
	require.Equal(t, run.Sweep, got.Sweep)
	require.Equal(t, got.Text, got.Report.Text)
	require.Equal(t, 1, run.AlarmTries)
}
