package app

import (
	"cmp"
	"context"
	"fmt"

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
	// Priority and Paused are as stored, which for a sweep of before may be
	// others than asked.
	Priority int
	Paused   *bench.Pause
}

// LaunchOptions say for whom a sweep is launched.
type LaunchOptions struct {
	// Owner is who launches it; hosts are shared fairly between owners.
	Owner string
	// Priority goes before the spec's; 0 takes that. A sweep that is stored
	// already keeps its own.
	Priority int
}

// Launch stores a spec's plan with its datasets and code lists, and starts its
// sweep. Launching the same spec again joins the sweep, or finds it done.
func (a *App) Launch(ctx context.Context, spec *config.Spec, opts LaunchOptions) (Launched, error) {
	plan, err := spec.Plan()
	if err != nil {
		return Launched{}, err
	}
	plan.Priority = cmp.Or(opts.Priority, plan.Priority)
	items, err := a.prepare(ctx, plan.Cells)
	if err != nil {
		return Launched{}, err
	}
	out := Launched{Plan: plan}
	if out.Created, err = a.Store.PutOwnedPlan(ctx, opts.Owner, plan, items); err != nil {
		return out, err
	}
	sw, err := a.Store.GetSweep(ctx, plan.Sweep)
	if err != nil {
		return out, err
	}
	out.Priority, out.Paused = sw.Priority, sw.Pause
	if sw.Finished() == sw.Total() && sw.State.Final() {
		out.Already, out.State = true, sw.State
		out.Undone = sw.Total() - sw.Counts[bench.StateDone]
		return out, nil
	}
	return out, a.StartSweep(ctx, plan.Sweep, plan.Name)
}

// StartSweep starts the workflow of a stored sweep; one that runs is joined.
func (a *App) StartSweep(ctx context.Context, id bench.SweepID, name string) error {
	_, err := a.Temporal.ExecuteWorkflow(ctx, sweepOptions(id, name), contract.WorkflowSweep,
		contract.SweepIn{V: contract.Shape, Sweep: id, Name: name})
	if err != nil {
		return fmt.Errorf("start sweep %s: %w", id, err)
	}
	return nil
}

// prepare reads the datasets and code lists of cells into the store, pins their
// hashes in the cells, and tells how many journals a cell asks about.
func (a *App) prepare(ctx context.Context, cells []bench.Cell) (func(bench.Cell) int, error) {
	sets, err := pinDatasets(ctx, cells)
	if err != nil {
		return nil, err
	}
	for _, d := range sets {
		if err := a.Store.PutDataset(ctx, storable(d)); err != nil {
			return nil, err
		}
	}
	lists := map[string]bool{}
	for _, c := range cells {
		if name := c.Config.Task.CodeList; name != "" && !lists[name] {
			lists[name] = true
			if err := a.putCodeList(ctx, name); err != nil {
				return nil, err
			}
		}
	}
	return func(c bench.Cell) int {
		n := len(sets[c.Config.Dataset.Name].Journals)
		if limit := c.Config.Dataset.Limit; limit > 0 {
			n = min(n, limit)
		}
		return n
	}, nil
}

// pinDatasets opens the datasets of cells, by their names, and pins their
// hashes in the cells.
func pinDatasets(ctx context.Context, cells []bench.Cell) (map[string]dataset.Dataset, error) {
	sets := map[string]dataset.Dataset{}
	for i := range cells {
		c := &cells[i].Config.Dataset
		if _, ok := sets[c.Name]; !ok {
			d, err := openDataset(ctx, *c)
			if err != nil {
				return nil, err
			}
			sets[c.Name] = d
		}
		d := sets[c.Name]
		if !d.HasLanguage(c.Language) {
			return nil, fault.New(fault.Invalid, "", "ask for a language that the dataset has",
				"dataset %s has no journals in %s; it has %v", d.Name, c.Language, d.Languages)
		}
		if _, err := icd10.PromptHash(c.Language); err != nil {
			return nil, err
		}
		c.Hash = d.Hash()
	}
	return sets, nil
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
