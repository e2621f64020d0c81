package app

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/wattsweep/wattsweep/activities"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/drift"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/hook"
	"github.com/wattsweep/wattsweep/internal/store"
)

// DriftActivities measure reference cells again, compare them, and tell the hook
// of the settings.
func (a *App) DriftActivities() *activities.Drift {
	h := a.Settings.Drift.Hook
	return &activities.Drift{Store: a.Store, Hook: hook.Options{
		Command: h.Command, URL: h.URL, Timeout: h.Timeout, Env: hookEnv(os.Environ()), Secrets: a.secrets(), //nolint:forbidigo // what a hook is given is a part of it
	}}
}

// hookEnv is the environment of a hook's command: ours without what tells of our
// servers and their passwords.
func hookEnv(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		return strings.HasPrefix(v, "WATTSWEEP_") || strings.HasPrefix(v, "TEMPORAL_") || strings.HasPrefix(v, "PGPASS")
	})
}

// secrets are what no text that others made may repeat.
func (a *App) secrets() []string {
	out := []string{a.DSN}
	if u, err := url.Parse(a.DSN); err == nil {
		if password, has := u.User.Password(); has {
			out = append(out, password)
		}
	}
	return out
}

// Pinning says what is pinned as a baseline.
type Pinning struct {
	Name      string
	Sweep     bench.SweepID
	Cells     []bench.CellID // none: all that are done
	Tolerance float64        // 0 takes drift.DefaultTolerance
	By        string
}

// baselineName is what a baseline may be called: it is part of workflow ids and
// of the names of sweeps.
var baselineName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// PinBaseline makes measured cells the reference that later runs are compared
// with.
func (a *App) PinBaseline(ctx context.Context, p Pinning) (store.Baseline, error) {
	if !baselineName.MatchString(p.Name) {
		return store.Baseline{}, fault.New(fault.Invalid, "", "small letters, digits, dot, dash and underscore, at most 63",
			"pin baseline: %q is no name for one", p.Name)
	}
	if p.Tolerance == 0 {
		p.Tolerance = drift.DefaultTolerance
	}
	if !(p.Tolerance > 0 && p.Tolerance < 1) {
		return store.Baseline{}, fault.New(fault.Invalid, "", "0.05 is 5 %", "pin baseline %s: tolerance %g, expected above 0 and below 1", p.Name, p.Tolerance)
	}
	cells, err := a.DriftActivities().Pin(ctx, p.Sweep, p.Cells)
	if err != nil {
		return store.Baseline{}, err
	}
	err = a.Store.PutBaseline(ctx, store.Baseline{
		Name: p.Name, Sweep: p.Sweep, Cells: cells, Tolerance: p.Tolerance, PinnedBy: p.By,
	})
	if err != nil {
		return store.Baseline{}, err
	}
	return a.Store.GetBaseline(ctx, p.Name)
}

// UnpinBaseline forgets a baseline and its schedule; what was measured stays.
func (a *App) UnpinBaseline(ctx context.Context, name string) error {
	if _, err := a.Baseline(ctx, name); err != nil {
		return err
	}
	if err := a.UnscheduleDrift(ctx, name); err != nil {
		return err
	}
	return a.Store.DeleteBaseline(ctx, name)
}

// Baseline finds a baseline by name.
func (a *App) Baseline(ctx context.Context, name string) (store.Baseline, error) {
	b, err := a.Store.GetBaseline(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return b, fault.New(fault.Invalid, "", "wattsweep drift list shows what is pinned", "no baseline is called %q", name)
	}
	return b, err
}

// driftWorkflowID is that of a run that a person asked for; a schedule's runs
// have the time behind it.
func driftWorkflowID(name string) string { return "drift/" + name }

// DriftRun is a started run.
type DriftRun struct {
	// Joined is true when a run that a person asked for earlier still goes on.
	Joined bool
	// Waiting names the hosts of the baseline that take no cells now, with why.
	Waiting []string
	run     client.WorkflowRun
}

// RunDrift measures a baseline's cells again and compares them.
func (a *App) RunDrift(ctx context.Context, name string) (DriftRun, error) {
	b, err := a.Baseline(ctx, name)
	if err != nil {
		return DriftRun{}, err
	}
	id := driftWorkflowID(name)
	opts := client.StartWorkflowOptions{
		ID: id, TaskQueue: contract.QueueControl,
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            "drift of " + name, TypedSearchAttributes: driftAttributes(),
	}
	out := DriftRun{}
	out.run, err = a.Temporal.ExecuteWorkflow(ctx, opts, contract.WorkflowDrift, contract.DriftIn{V: contract.Shape, Name: name})
	if temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		out.Joined, out.run, err = true, a.Temporal.GetWorkflow(ctx, id, ""), nil
	}
	if err != nil {
		return out, fmt.Errorf("start drift run of %s: %w", name, err)
	}
	out.Waiting, err = a.closedHosts(ctx, b)
	return out, err
}

func driftAttributes() temporal.SearchAttributes {
	return temporal.NewSearchAttributes(temporal.NewSearchAttributeKeyKeyword(contract.AttrState).ValueSet(string(bench.StateQueued)))
}

// closedHosts names a baseline's hosts that take no cells now.
func (a *App) closedHosts(ctx context.Context, b store.Baseline) ([]string, error) {
	var out []string
	seen := map[string]bool{}
	for _, pinned := range b.Cells {
		cell, err := a.Store.GetCell(ctx, pinned.Cell)
		if err != nil {
			return nil, err
		}
		if seen[cell.At.Host] {
			continue
		}
		seen[cell.At.Host] = true
		lane, err := a.Store.Lane(ctx, cell.At.Host)
		if err != nil {
			return nil, err
		}
		if lane.State != bench.LaneOpen && lane.State != "" {
			text := fmt.Sprintf("host %s is %s", lane.Host, lane.State)
			if lane.Reason != "" {
				text += ": " + lane.Reason
			}
			out = append(out, text)
		}
	}
	return out, nil
}

// Wait waits for the end of a run and tells what it found.
func (r DriftRun) Wait(ctx context.Context) (contract.DriftOut, error) {
	var out contract.DriftOut
	if err := r.run.Get(ctx, &out); err != nil {
		return out, fmt.Errorf("wait for drift run %s: %w", r.run.GetID(), err)
	}
	return out, nil
}

// CompareDrift compares a sweep with a baseline from what is stored; without a
// sweep the newest run of the baseline.
func (a *App) CompareDrift(ctx context.Context, name string, sweep bench.SweepID) (drift.Report, bench.SweepID, error) {
	if _, err := a.Baseline(ctx, name); err != nil {
		return drift.Report{}, "", err
	}
	if sweep == "" {
		runs, err := a.Store.DriftRuns(ctx, name)
		if err != nil {
			return drift.Report{}, "", err
		}
		if len(runs) == 0 {
			return drift.Report{}, "", fault.New(fault.Invalid, "", "wattsweep drift run "+name+" makes one, or name a sweep",
				"compare with baseline %s: it was never measured again", name)
		}
		sweep = runs[0].Sweep
	}
	report, err := a.DriftActivities().Report(ctx, name, sweep)
	return report, sweep, err
}

// unknownToTemporal reports whether Temporal knows no such thing.
func unknownToTemporal(err error) bool {
	_, notFound := errors.AsType[*serviceerror.NotFound](err)
	return notFound
}
