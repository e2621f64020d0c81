package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/drift"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/hook"
	"github.com/wattsweep/wattsweep/internal/store"
)

// doDrift runs one attempt of an activity of drift.
func doDrift[T any](t *testing.T, d *Drift, name string, in any) (T, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(hush{})
	env := suite.NewTestActivityEnvironment()
	env.SetTestTimeout(time.Minute)
	RegisterDrift(env, d)
	value, err := env.ExecuteActivity(name, in)
	var out T
	if err == nil {
		require.NoError(t, value.Get(&out))
	}
	return out, err
}

// pinned is a measured cell that is the baseline "ref".
func pinned(t *testing.T) (*rig, *Drift) {
	t.Helper()
	r := measured(t)
	r.energy(8)
	ctx := t.Context()
	must[contract.Note](r, contract.ActPinDataset, r.ref())
	require.NoError(t, r.store.PutHostFacts(ctx, r.cell.ID, bench.HostFacts{
		Host: "bench1", Driver: "550", Runtime: "ollama 0.6.5", GPUFacts: []bench.GPUFacts{{UUID: "GPU-1", Name: "H100", PowerLimitW: 700}},
	}))
	warm := 31.5
	require.NoError(t, r.store.PutPhaseReadings(ctx, 1, []bench.PhaseReading{{
		Cell: r.cell.ID, Phase: bench.PhaseBaseline, No: 1, Started: time.Now(), Window: time.Second, Mean: &warm,
		Channel: bench.Channel{Name: "gpu0.temperature", Unit: bench.UnitCelsius, Scope: bench.ScopeGPU},
	}}))
	require.NoError(t, r.store.CloseCell(ctx, r.cell.ID, bench.StateDone, ""))
	d := &Drift{Store: r.store}
	cells, err := d.Pin(ctx, r.cell.Sweep, nil)
	require.NoError(t, err)
	require.NoError(t, r.store.PutBaseline(ctx, store.Baseline{Name: "ref", Sweep: r.cell.Sweep, Cells: cells, Tolerance: 0.05, PinnedBy: "anna"}))
	return r, d
}

// What is pinned are cells that were measured, with the conditions of then.
func TestPin(t *testing.T) {
	t.Parallel()
	r, d := pinned(t)
	b, err := r.store.GetBaseline(t.Context(), "ref")
	require.NoError(t, err)
	require.Len(t, b.Cells, 1)
	require.Equal(t, 1, b.Cells[0].Epoch)
	var c drift.Conditions
	require.NoError(t, json.Unmarshal(b.Cells[0].Conditions, &c))
	require.Equal(t, "550", c.Driver)
	require.Equal(t, map[string]float64{"gpu0.temperature": 31.5}, c.StartC)
	require.Equal(t, []drift.GPU{{UUID: "GPU-1", Name: "H100", PowerLimitW: 700}}, c.GPUs)
	require.NotEmpty(t, c.PromptHash)
	require.Equal(t, "d5", c.DatasetHash)

	_, err = d.Pin(t.Context(), r.cell.Sweep, []bench.CellID{"none"})
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	require.ErrorContains(t, err, "none of that id")
	other := newRig(t)
	od := &Drift{Store: other.store}
	_, err = od.Pin(t.Context(), other.cell.Sweep, nil)
	require.ErrorContains(t, err, "none of its 1 cells is done")
	_, err = od.Pin(t.Context(), other.cell.Sweep, []bench.CellID{other.cell.ID})
	require.ErrorContains(t, err, "it is running")
}

// The same time is the same sweep; its cells are those of the baseline under ids
// of their own, first on their hosts.
func TestPlanDrift(t *testing.T) {
	t.Parallel()
	r, d := pinned(t)
	at := time.Date(2026, 11, 21, 2, 0, 0, 123, time.UTC)
	in := contract.PlanDriftIn{V: 2, Name: "ref", At: at}
	plan, err := doDrift[contract.DriftPlan](t, d, contract.ActPlanDrift, in)
	require.NoError(t, err)
	require.Equal(t, "ref-20261121T020000Z", plan.Name)
	require.Equal(t, 1, plan.Cells)
	again, err := doDrift[contract.DriftPlan](t, d, contract.ActPlanDrift, in)
	require.NoError(t, err)
	require.Equal(t, plan, again)
	in.At = at.Add(time.Hour)
	later, err := doDrift[contract.DriftPlan](t, d, contract.ActPlanDrift, in)
	require.NoError(t, err)
	require.NotEqual(t, plan.Sweep, later.Sweep)

	ctx := t.Context()
	sw, err := r.store.GetSweep(ctx, plan.Sweep)
	require.NoError(t, err)
	require.Equal(t, []any{"drift", bench.PriorityFirst, int64(7)}, []any{sw.Owner, sw.Priority, sw.Seed})
	cells, err := r.store.Cells(ctx, plan.Sweep)
	require.NoError(t, err)
	require.Len(t, cells, 1)
	require.NotEqual(t, r.cell.ID, cells[0].ID)
	require.Equal(t, r.cell.At, cells[0].At)
	require.Equal(t, r.cell.Config, cells[0].Config)
	require.Equal(t, items, cells[0].Items)
	run, err := r.store.GetDriftRun(ctx, plan.Sweep)
	require.NoError(t, err)
	require.True(t, at.Truncate(time.Second).Equal(run.At))
	require.Equal(t, r.cell.Sweep, run.Baseline)

	_, err = doDrift[contract.DriftPlan](t, d, contract.ActPlanDrift, contract.PlanDriftIn{V: 2, Name: "none", At: at})
	require.ErrorContains(t, err, "NotFound")
	require.ErrorContains(t, err, "retryable: false")
}

// A cell compared with itself has not moved; the calls' figures are those that
// were stored. Measured anew, the pinned calls stay the baseline.
func TestReportFromTheStore(t *testing.T) {
	t.Parallel()
	r, d := pinned(t)
	report, err := d.Report(t.Context(), "ref", r.cell.Sweep)
	require.NoError(t, err)
	require.Len(t, report.Cells, 1)
	figures := map[drift.Metric]drift.Figure{}
	for _, f := range report.Cells[0].Figures {
		require.NotNil(t, f.Shift, "%s: %s", f.Metric, f.Missing)
		require.Zero(t, *f.Shift, f.Metric)
		figures[f.Metric] = f
	}
	require.InDelta(t, 1, *figures[drift.Latency].Now, 1e-9)
	require.Equal(t, 3, figures[drift.Latency].Journals, "a failed call has no latency")
	require.InDelta(t, 2, *figures[drift.EnergyPer].Now, 1e-9, "8 J over four calls of a second each")
	require.InDelta(t, 10.0/(2.0/3600), *figures[drift.TokensPerWh].Now, 1e-6)
	require.InDelta(t, (1+0.75)/4, *figures[drift.Weighted].Now, 1e-9)
	require.InDelta(t, 0.75, *figures[drift.OKShare].Now, 1e-9)
	require.Empty(t, report.Changes())

	_, err = r.store.RestartEpoch(t.Context(), r.cell.ID, 1)
	require.NoError(t, err)
	report, err = d.Report(t.Context(), "ref", r.cell.Sweep)
	require.NoError(t, err)
	for _, f := range report.Cells[0].Figures {
		require.Equal(t, "there is none now", strings.SplitN(f.Missing, ":", 2)[0], f.Metric)
	}
}

// toldRun is a run whose report says that it drifted.
func toldRun(t *testing.T, r *rig, d *Drift, verdict drift.Verdict) contract.CompareDriftIn {
	t.Helper()
	plan, err := doDrift[contract.DriftPlan](t, d, contract.ActPlanDrift, contract.PlanDriftIn{V: 2, Name: "ref", At: time.Unix(1, 0)})
	require.NoError(t, err)
	in := contract.CompareDriftIn{V: 2, Name: "ref", Sweep: plan.Sweep}
	out, err := doDrift[contract.DriftOut](t, d, contract.ActCompareDrift, in)
	require.NoError(t, err)
	require.Equal(t, "not decided", out.Verdict, "nothing was measured yet")
	raw, err := json.Marshal(drift.Report{V: 1, Verdict: verdict, Text: string(verdict) + ": figures"})
	require.NoError(t, err)
	require.NoError(t, r.store.SetDriftReport(context.Background(), plan.Sweep, string(verdict), raw))
	return in
}

// The hook is told once; one that fails is recorded and tried again.
func TestAlarmDrift(t *testing.T) {
	t.Parallel()
	r, d := pinned(t)
	in := toldRun(t, r, d, drift.Drifted)
	note, err := doDrift[contract.Note](t, d, contract.ActAlarmDrift, in)
	require.NoError(t, err)
	require.Equal(t, "nobody was told: drift.hook is not set", note.Text)

	dir := t.TempDir()
	file := filepath.Join(dir, "told")
	d.Hook = hook.Options{Command: []string{"/bin/sh", "-c", "test -e " + filepath.Join(dir, "open") + " || { echo closed; exit 7; }; cat >> " + file}}
	_, err = doDrift[contract.Note](t, d, contract.ActAlarmDrift, in)
	require.ErrorContains(t, err, "exit status 7; it printed: closed")
	require.ErrorContains(t, err, "retryable: true")
	run, err := r.store.GetDriftRun(t.Context(), in.Sweep)
	require.NoError(t, err)
	require.Nil(t, run.AlarmedAt)
	require.Contains(t, run.AlarmOutcome, "exit status 7")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "open"), nil, 0o600))
	for _, want := range []string{"sh ended with exit status 0", "told already: sh ended with exit status 0"} {
		note, err = doDrift[contract.Note](t, d, contract.ActAlarmDrift, in)
		require.NoError(t, err)
		require.Equal(t, want, note.Text)
	}
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	var got toldOfDrift
	require.NoError(t, json.Unmarshal(raw, &got), "told once")
	require.Equal(t, []any{"drift", "ref", in.Sweep, r.cell.Sweep, "drifted", "drifted: figures"},
		[]any{got.Event, got.Baseline, got.Sweep, got.Of, got.Verdict, got.Text})
	require.NotContains(t, string(raw), canary)

	d.Hook = hook.Options{Command: []string{"/nowhere/at/all"}}
	other, od := pinned(t)
	in = toldRun(t, other, od, drift.Steady)
	od.Hook = d.Hook
	note, err = doDrift[contract.Note](t, od, contract.ActAlarmDrift, in)
	require.NoError(t, err)
	require.Equal(t, "steady: nobody needs to be told", note.Text)
	other, od = pinned(t)
	in = toldRun(t, other, od, drift.Drifted)
	od.Hook = d.Hook
	_, err = doDrift[contract.Note](t, od, contract.ActAlarmDrift, in)
	require.ErrorContains(t, err, "retryable: false", "a hook that is written wrongly is not tried again")
}

// The hook's own failures are counted in the store; the last one ends the tries.
func TestAlarmDriftGivesUp(t *testing.T) {
	t.Parallel()
	r, d := pinned(t)
	in := toldRun(t, r, d, drift.Drifted)
	d.Hook = hook.Options{Command: []string{"/bin/sh", "-c", "exit 7"}}
	for n := 1; n <= hookTries; n++ {
		_, err := doDrift[contract.Note](t, d, contract.ActAlarmDrift, in)
		require.ErrorContains(t, err, fmt.Sprintf("retryable: %v", n < hookTries), "try %d", n)
		run, err := r.store.GetDriftRun(t.Context(), in.Sweep)
		require.NoError(t, err)
		require.Equal(t, n, run.AlarmTries)
	}
}

// What was not known when a baseline was pinned stays unknown, whatever is known
// of its cells today.
func TestPinnedConditionsAreThoseOfThen(t *testing.T) {
	t.Parallel()
	r, d := pinned(t)
	ctx := t.Context()
	b, err := r.store.GetBaseline(ctx, "ref")
	require.NoError(t, err)
	b.Cells[0].Conditions = json.RawMessage(`{"os": "then"}`)
	b.Name = "then"
	require.NoError(t, r.store.PutBaseline(ctx, b))
	report, err := d.Report(ctx, "then", r.cell.Sweep)
	require.NoError(t, err)
	require.Contains(t, report.Changes(), drift.Change{What: "driver", Before: "", Now: "550"})
}

// The layers on the GPU are those of the epoch that is compared.
func TestLayersAreOfTheEpoch(t *testing.T) {
	t.Parallel()
	r, d := pinned(t)
	ctx := t.Context()
	attempts, err := r.store.LoadAttempts(ctx, r.cell.ID)
	require.NoError(t, err)
	segments, err := r.store.Segments(ctx, r.cell.ID, 1)
	require.NoError(t, err)
	load := bench.LoadAttempt{Cell: r.cell.ID, Rung: 1, Name: "all", Outcome: "loaded", StartedAt: time.Now()}
	if len(attempts) == 0 {
		load.Loaded = &bench.Loaded{Token: segments[0].LoadToken, LayersGPU: 12}
		_, err = r.store.PutLoadAttempt(ctx, 1, load)
		require.NoError(t, err)
	}
	load.Loaded, load.StartedAt = &bench.Loaded{Token: "of a later epoch", LayersGPU: 99}, time.Now().Add(time.Hour)
	_, err = r.store.PutLoadAttempt(ctx, 2, load)
	require.NoError(t, err)
	cell, err := r.store.GetCell(ctx, r.cell.ID)
	require.NoError(t, err)
	c, err := d.conditions(ctx, cell, nil)
	require.NoError(t, err)
	require.NotNil(t, c.LayersGPU)
	require.NotEqual(t, 99, *c.LayersGPU)
}

// Settings that decide what is measured are compared; money and meters are not,
// and a prompt's template stands as its hash.
func TestDriftSettings(t *testing.T) {
	t.Parallel()
	c := bench.CellConfig{Runs: 3, Seed: 7}
	c.Model.Template = strings.Repeat("secret template ", 5)
	c.Runtime.MaxOutputTokens = 64
	c.Prices.EnergyPerKWh = 2
	c.Meters.Interval = time.Second
	c.Model.Ladder = []bench.Rung{{Name: "all", GPULayers: -1}}
	got, err := driftSettings(c)
	require.NoError(t, err)
	require.Equal(t, "64", got["runtime.max_output_tokens"])
	require.Equal(t, "-1", got["model.ladder.1.gpu_layers"])
	require.Equal(t, "7", got["seed"])
	require.Regexp(t, "^sha256:[0-9a-f]{12}$", got["model.template"])
	for key := range got {
		require.NotContains(t, key, "prices")
		require.NotContains(t, key, "interval")
		require.NotEqual(t, "runs", key)
	}
	for _, key := range []string{"runtime.prompt_cache", "phases.warm_up_calls", "model.context_tokens", "task.max_codes", "dataset.language"} {
		require.Contains(t, got, key)
	}
}
