package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/drift"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/hook"
	"github.com/wattsweep/wattsweep/internal/store"
)

// Drift measures reference cells again and compares them with their baseline.
type Drift struct {
	Store *store.Store
	// Hook is told of drift; one that is not set tells nobody.
	Hook hook.Options
}

// RegisterDrift tells a worker of the control queue of the activities of drift.
func RegisterDrift(r worker.ActivityRegistry, d *Drift) {
	for name, f := range map[string]any{
		contract.ActPlanDrift:    d.PlanDrift,
		contract.ActCompareDrift: d.CompareDrift,
		contract.ActAlarmDrift:   d.AlarmDrift,
	} {
		r.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
}

// driftOwner is whose sweeps drift runs are, so that they share hosts fairly
// with those of people.
const driftOwner = "drift"

// PlanDrift stores the sweep that measures a baseline's cells again. The same
// time is the same sweep.
func (d *Drift) PlanDrift(ctx context.Context, in contract.PlanDriftIn) (contract.DriftPlan, error) {
	plan, err := d.plan(ctx, in)
	return plan, typed(ctx, err)
}

func (d *Drift) plan(ctx context.Context, in contract.PlanDriftIn) (contract.DriftPlan, error) {
	b, err := d.Store.GetBaseline(ctx, in.Name)
	if err != nil {
		return contract.DriftPlan{}, err
	}
	at := in.At.UTC().Truncate(time.Second)
	spec := driftSpec(b, at)
	plan := bench.Plan{
		Sweep: bench.NewSweepID([]byte(spec)), Name: b.Name + "-" + at.Format("20060102T150405Z"), SpecYAML: spec,
		Order: "planned", Priority: bench.PriorityFirst,
	}
	items := map[bench.CellID]int{}
	for i, pinned := range b.Cells {
		cell, err := d.Store.GetCell(ctx, pinned.Cell)
		if err != nil {
			return contract.DriftPlan{}, err
		}
		encoded, err := json.Marshal(cell.Config)
		if err != nil {
			return contract.DriftPlan{}, fmt.Errorf("encode configuration of cell %s: %w", cell.ID, err)
		}
		again := bench.Cell{ID: bench.NewCellID(plan.Sweep, cell.At, encoded), Sweep: plan.Sweep, Seq: i + 1, At: cell.At, Config: cell.Config}
		items[again.ID] = cell.Items
		plan.Seed = cell.Config.Seed
		plan.Cells = append(plan.Cells, again)
	}
	if _, err := d.Store.PutOwnedPlan(ctx, driftOwner, plan, func(c bench.Cell) int { return items[c.ID] }); err != nil {
		return contract.DriftPlan{}, err
	}
	err = d.Store.PutDriftRun(ctx, store.DriftRun{Sweep: plan.Sweep, Name: b.Name, Baseline: b.Sweep, At: at})
	return contract.DriftPlan{V: contract.Shape, Sweep: plan.Sweep, Name: plan.Name, Cells: len(plan.Cells)}, err
}

// driftSpec stands where a sweep has its spec: what it measures, and why.
func driftSpec(b store.Baseline, at time.Time) string {
	var text strings.Builder
	fmt.Fprintf(&text, "# drift of baseline %s: the cells of sweep %s, measured again\n", b.Name, b.Sweep)
	fmt.Fprintf(&text, "drift: {baseline: %q, sweep: %q, at: %q}\ncells:\n", b.Name, b.Sweep, at.Format(time.RFC3339))
	for _, c := range b.Cells {
		fmt.Fprintf(&text, "  - {cell: %q, epoch: %d}\n", c.Cell, c.Epoch)
	}
	return text.String()
}

// CompareDrift compares a measured sweep with its baseline and stores what it
// found.
func (d *Drift) CompareDrift(ctx context.Context, in contract.CompareDriftIn) (contract.DriftOut, error) {
	out, err := d.compare(ctx, in)
	return out, typed(ctx, err)
}

func (d *Drift) compare(ctx context.Context, in contract.CompareDriftIn) (contract.DriftOut, error) {
	report, err := d.Report(ctx, in.Name, in.Sweep)
	if err != nil {
		return contract.DriftOut{}, err
	}
	raw, err := json.Marshal(report)
	if err != nil {
		return contract.DriftOut{}, fmt.Errorf("encode comparison of sweep %s: %w", in.Sweep, err)
	}
	if err := d.Store.SetDriftReport(ctx, in.Sweep, string(report.Verdict), raw); err != nil {
		return contract.DriftOut{}, err
	}
	return contract.DriftOut{
		V: contract.Shape, Name: in.Name, Sweep: in.Sweep, Verdict: string(report.Verdict), Text: report.Text,
	}, nil
}

// toldOfDrift is what a hook gets: figures, ids and hashes.
type toldOfDrift struct {
	V        int           `json:"v"`
	Event    string        `json:"event"`    // drift
	Baseline string        `json:"baseline"` // its name
	Of       bench.SweepID `json:"baseline_sweep"`
	// Sweep names the run; the same run told twice is the same event.
	Sweep   bench.SweepID   `json:"sweep"`
	At      time.Time       `json:"at"`
	Verdict string          `json:"verdict"`
	Text    string          `json:"text"`
	Report  json.RawMessage `json:"report"`
}

// AlarmDrift tells the hook of a run that calls for a person, once. How that
// went is recorded; a hook that fails is tried again by whoever called this.
func (d *Drift) AlarmDrift(ctx context.Context, in contract.CompareDriftIn) (contract.Note, error) {
	run, err := d.Store.GetDriftRun(ctx, in.Sweep)
	if err != nil {
		return contract.Note{}, typed(ctx, err)
	}
	if run.AlarmedAt != nil {
		return note("told already: %s", run.AlarmOutcome), nil
	}
	if activity.GetInfo(ctx).Attempt > 1 && run.AlarmTries >= hookTries { // what the last try came to was lost on its way
		return contract.Note{}, temporal.NewNonRetryableApplicationError(run.AlarmOutcome, string(fault.CodeHookFailed), nil)
	}
	var report drift.Report
	if err := json.Unmarshal(run.Report, &report); err != nil {
		return contract.Note{}, typed(ctx, fault.New(fault.Corrupt, "", "compare again: wattsweep drift compare",
			"tell of drift run %s: its report cannot be read", in.Sweep))
	}
	why, alarm := report.Alarming()
	if !alarm {
		return note("%s: nobody needs to be told", run.Verdict), nil
	}
	if !d.Hook.Set() {
		const nobody = "nobody was told: drift.hook is not set"
		return note(nobody), typed(ctx, d.Store.SetDriftAlarm(ctx, in.Sweep, false, nobody))
	}
	body, err := json.Marshal(toldOfDrift{1, "drift", run.Name, run.Baseline, run.Sweep, run.At, run.Verdict, why, run.Report})
	if err != nil {
		return contract.Note{}, typed(ctx, fmt.Errorf("encode alarm of drift run %s: %w", in.Sweep, err))
	}
	out, failure := hook.Call(ctx, d.Hook, body)
	if failure != nil && ctx.Err() != nil {
		return contract.Note{}, typed(ctx, failure)
	}
	err = keep(ctx, func(ctx context.Context) error { return d.Store.SetDriftAlarm(ctx, in.Sweep, failure == nil, out.Text) })
	switch {
	case err != nil: // not the hook's failure; it may be told twice, and of the same sweep
		return contract.Note{}, typed(ctx, err)
	case failure != nil:
		return contract.Note{}, again(failure, run.AlarmTries+1)
	}
	return note("%s", out.Text), nil
}

// hookTries is how often a hook that fails is tried. The store counts them:
// Temporal's attempts hold those that a database, which was away, spoilt.
const hookTries = 4

// again has a hook that failed tried again, unless it is written wrongly or was
// tried enough.
func again(failure error, tries int) error {
	code := string(fault.CodeOf(failure))
	if fault.KindOf(failure) == fault.Invalid || tries >= hookTries {
		return temporal.NewNonRetryableApplicationError(failure.Error(), code, nil)
	}
	return temporal.NewApplicationError(failure.Error(), code)
}
