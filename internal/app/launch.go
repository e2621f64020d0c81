package app

import (
	"context"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/wattsweep/wattsweep/config"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/dataset"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/tasks/icd10"
	"github.com/wattsweep/wattsweep/models"
)

// SpecOptions tell the spec reader what is built into this program.
func SpecOptions() config.SpecOptions {
	return config.SpecOptions{
		BuiltinGGUF: models.Hash,
		BuiltinDataset: func(name string) (string, bool) {
			d, err := dataset.Open(context.Background(), dataset.Options{Source: name})
			if err != nil {
				return "", false
			}
			return d.Hash(), true
		},
	}
}

// Launched says what launching a spec did.
type Launched struct {
	Plan bench.Plan
	// Created is false when the same spec was launched before.
	Created bool
	// Already is true when the sweep had ended before and nothing was started;
	// State is how it ended, and Undone counts the cells that failed or were
	// cancelled.
	Already bool
	State   bench.State
	Undone  int
}

// Launch stores a spec's plan with its datasets and code lists, and starts its
// sweep. Launching the same spec again joins the sweep, or finds it done.
func (a *App) Launch(ctx context.Context, spec *config.Spec) (Launched, error) {
	plan, items, err := a.prepare(ctx, spec)
	if err != nil {
		return Launched{}, err
	}
	out := Launched{Plan: plan}
	if out.Created, err = a.Store.PutPlan(ctx, plan, items); err != nil {
		return out, err
	}
	sw, err := a.Store.GetSweep(ctx, plan.Sweep)
	if err != nil {
		return out, err
	}
	if sw.Finished() == sw.Total() && sw.State.Final() {
		out.Already, out.State = true, sw.State
		out.Undone = sw.Total() - sw.Counts[bench.StateDone]
		return out, nil
	}
	return out, a.StartSweep(ctx, plan.Sweep, plan.Name)
}

// StartSweep starts the workflow of a stored sweep; one that runs is joined.
func (a *App) StartSweep(ctx context.Context, id bench.SweepID, name string) error {
	_, err := a.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: contract.SweepWorkflowID(id), TaskQueue: contract.QueueControl,
		// The store knows what is left, so a sweep may start again after its
		// end when cells were put back on the plan.
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            "sweep " + name,
		TypedSearchAttributes: temporal.NewSearchAttributes(
			temporal.NewSearchAttributeKeyKeyword(contract.AttrSweep).ValueSet(string(id)),
			temporal.NewSearchAttributeKeyKeyword(contract.AttrState).ValueSet(string(bench.StateQueued))),
	}, contract.WorkflowSweep, contract.SweepIn{V: 1, Sweep: id, Name: name})
	if err != nil {
		return fmt.Errorf("start sweep %s: %w", id, err)
	}
	return nil
}

// Retry puts a sweep's failed and cancelled cells back on the plan and starts
// it again; it returns how many cells.
func (a *App) Retry(ctx context.Context, id bench.SweepID, name string) (int, error) {
	n, err := a.Store.RequeueFailed(ctx, id)
	if err != nil {
		return n, err
	}
	if n == 0 {
		// An earlier retry may have come just as the sweep's workflow ended.
		sw, err := a.Store.GetSweep(ctx, id)
		if err != nil || !sw.State.Final() || sw.Finished() == sw.Total() {
			return 0, err
		}
		n = sw.Total() - sw.Finished()
	}
	if err := a.Store.SetSweepState(ctx, id, bench.StateRunning); err != nil {
		return n, err
	}
	return n, a.StartSweep(ctx, id, name)
}

// prepare reads the spec's datasets and code lists into the store and pins
// their hashes in the plan.
func (a *App) prepare(ctx context.Context, spec *config.Spec) (bench.Plan, func(bench.Cell) int, error) {
	plan, err := spec.Plan()
	if err != nil {
		return plan, nil, err
	}
	sets := map[string]dataset.Dataset{}
	lists := map[string]bool{}
	for i := range plan.Cells {
		c := &plan.Cells[i].Config
		if _, ok := sets[c.Dataset.Name]; !ok {
			d, err := openDataset(ctx, c.Dataset)
			if err != nil {
				return plan, nil, err
			}
			if err := a.Store.PutDataset(ctx, storable(d)); err != nil {
				return plan, nil, err
			}
			sets[c.Dataset.Name] = d
		}
		d := sets[c.Dataset.Name]
		if !d.HasLanguage(c.Dataset.Language) {
			return plan, nil, fault.New(fault.Invalid, "", "ask for a language that the dataset has",
				"dataset %s has no journals in %s; it has %v", d.Name, c.Dataset.Language, d.Languages)
		}
		if _, err := icd10.PromptHash(c.Dataset.Language); err != nil {
			return plan, nil, err
		}
		c.Dataset.Hash = d.Hash()
		if name := c.Task.CodeList; name != "" && !lists[name] {
			lists[name] = true
			if err := a.putCodeList(ctx, name); err != nil {
				return plan, nil, err
			}
		}
	}
	return plan, func(c bench.Cell) int {
		n := len(sets[c.Config.Dataset.Name].Journals)
		if limit := c.Config.Dataset.Limit; limit > 0 {
			n = min(n, limit)
		}
		return n
	}, nil
}

func openDataset(ctx context.Context, c bench.DatasetConfig) (dataset.Dataset, error) {
	opts := dataset.Options{Source: c.Name}
	if c.Path != "" {
		opts = dataset.Options{Source: c.Path, Format: dataset.Format(c.Format), Name: c.Name, CodeSystem: c.CodeSystem}
	}
	d, err := dataset.Open(ctx, opts)
	if err != nil {
		return d, fmt.Errorf("open dataset %s: %w", c.Name, err)
	}
	return d, nil
}

func storable(d dataset.Dataset) store.Dataset {
	out := store.Dataset{Info: DatasetInfo(d), Journals: map[string][]store.Journal{}}
	for i, j := range d.Journals {
		for _, lang := range d.Languages {
			codes := j.Codes
			if codes == nil {
				codes = []string{}
			}
			out.Journals[lang] = append(out.Journals[lang], store.Journal{
				Item: i, ID: j.ID, Specialty: j.Specialty, Difficulty: j.Difficulty, Codes: codes,
				Body: j.Text[lang], BodyHash: bench.Hash(j.Text[lang]),
			})
		}
	}
	return out
}

// DatasetInfo is what pins a dataset.
func DatasetInfo(d dataset.Dataset) bench.DatasetInfo {
	return bench.DatasetInfo{
		Name: d.Name, Version: d.Version, Hash: d.Hash(), CodeSystem: d.CodeSystem, Licence: d.Licence, Journals: len(d.Journals),
	}
}

func (a *App) putCodeList(ctx context.Context, name string) error {
	list, err := dataset.OpenCodeList(ctx, dataset.CodeListOptions{Sources: []string{name}})
	if err == nil {
		return a.Store.PutCodeList(ctx, list.Name, list.System, list.Hash(), list.Codes())
	}
	// A list that was imported before may have another name than any built in.
	if _, stored := a.Store.GetCodeList(ctx, name); stored == nil {
		return nil
	}
	return fmt.Errorf("open code list %s: %w", name, err)
}
