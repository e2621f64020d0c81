package app

import (
	"context"
	"errors"
	"time"

	"github.com/wattsweep/wattsweep/activities"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/stats"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/targets"
	"github.com/wattsweep/wattsweep/internal/version"
)

// Results gathers what a sweep has found so far, computed from what is stored,
// with all its cells in memory. It is judged by the sweep's own targets.
func (a *App) Results(ctx context.Context, id bench.SweepID) (bench.Results, error) {
	return a.Judged(ctx, id, nil)
}

// Judged is [App.Results] judged by more rules than the sweep's own.
func (a *App) Judged(ctx context.Context, id bench.SweepID, more []targets.Rule) (bench.Results, error) {
	w, err := a.walk(ctx, id, more)
	if err != nil {
		return bench.Results{}, err
	}
	cells := make([]bench.CellResult, 0, len(w.cells))
	err = w.each(ctx, func(f activities.Found) error {
		cells = append(cells, f.Row)
		return nil
	})
	out := w.results()
	out.Cells = cells
	return out, err
}

// Targets judges a sweep by its own targets and more. Of the cells that it
// gives back only what names them is kept.
func (a *App) Targets(ctx context.Context, id bench.SweepID, more []targets.Rule) (bench.Results, error) {
	w, err := a.walk(ctx, id, more)
	if err != nil {
		return bench.Results{}, err
	}
	cells := make([]bench.CellResult, 0, len(w.cells))
	err = w.each(ctx, func(f activities.Found) error {
		cells = append(cells, bench.CellResult{Cell: f.Row.Cell, State: f.Row.State, Coordinates: f.Row.Coordinates})
		return nil
	})
	out := w.results()
	out.Cells = cells
	return out, err
}

// walk goes over the cells of a sweep one at a time.
type walk struct {
	head  bench.Results // without cells
	cells []store.Cell
	find  activities.Results
	panel *targets.Panel
}

// walk prepares to go over a sweep's cells: all is read but the cells
// themselves.
func (a *App) walk(ctx context.Context, id bench.SweepID, more []targets.Rule) (*walk, error) {
	sw, err := a.Store.GetSweep(ctx, id)
	if err != nil {
		return nil, err
	}
	rules, err := rulesOf(sw, more)
	if err != nil {
		return nil, err
	}
	w := &walk{
		head: bench.Results{Sweep: infoOf(sw)}, panel: targets.NewPanel(rules),
		find: activities.Results{Store: a.Store, Figures: targets.Needs(rules), Memo: activities.NewMemo()},
	}
	if w.cells, err = a.Store.Cells(ctx, id); err != nil {
		return nil, err
	}
	if w.head.Sweep.Superseded, err = a.Store.CountSuperseded(ctx, id); err != nil {
		return nil, err
	}
	if w.head.Control, err = a.Store.ControlEvents(ctx, id); err != nil {
		return nil, err
	}
	if w.head.Turns, err = a.Store.SweepTurns(ctx, id); err != nil {
		return nil, err
	}
	w.head.Provenance, err = a.provenance(ctx, id, w.cells)
	return w, err
}

// rulesOf reads a sweep's targets and adds more. A rule that both have counts
// once.
func rulesOf(sw store.Sweep, more []targets.Rule) ([]targets.Rule, error) {
	rules, err := targets.ParseAll(sw.Targets)
	if err != nil {
		return nil, fault.New(fault.Corrupt, "", "run the spec again, which stores its targets anew", "read the stored targets of sweep %s: %w", sw.ID, err)
	}
	seen := map[string]bool{}
	var out []targets.Rule
	for _, r := range append(rules, more...) {
		if !seen[r.Text] {
			seen[r.Text] = true
			out = append(out, r)
		}
	}
	return out, nil
}

func infoOf(sw store.Sweep) bench.SweepInfo {
	return bench.SweepInfo{
		ID: sw.ID, Name: sw.Name, State: sw.State, SpecHash: bench.Hash(sw.SpecYAML), CreatedAt: sw.CreatedAt.UTC(),
		FinishedAt: sw.FinishedAt, Cells: sw.Total(), CellsDone: sw.Counts[bench.StateDone], Seed: sw.Seed,
		Owner: sw.Owner, Order: sw.Order, Priority: sw.Priority, Pause: sw.Pause,
	}
}

// each computes every cell's row in the order of the sweep and judges it.
func (w *walk) each(ctx context.Context, visit func(activities.Found) error) error {
	for _, c := range w.cells {
		f, err := w.find.Find(ctx, c.ID, c.State, c.Reason)
		if err != nil {
			return err
		}
		mark(&w.head.Provenance, f.Row)
		w.panel.Add(f.Row)
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}

// results are the results without cells, once every cell was visited.
func (w *walk) results() bench.Results {
	out := w.head
	out.Targets = w.panel.Results()
	return out
}

// mark says in the provenance on what a row rests.
func mark(p *bench.Provenance, row bench.CellResult) {
	if row.Energy != nil {
		p.Estimated = p.Estimated || row.Energy.Estimated
		p.Simulated = p.Simulated || row.Energy.Simulated
	}
	for _, ph := range row.Phases {
		p.Estimated = p.Estimated || ph.Channel.Estimated
		p.Simulated = p.Simulated || ph.Channel.Simulated
	}
}

func (a *App) provenance(ctx context.Context, id bench.SweepID, cells []store.Cell) (bench.Provenance, error) {
	p := bench.Provenance{Wattsweep: version.String(), GeneratedAt: time.Now().UTC().Truncate(time.Second), Method: method()}
	var err error
	if p.Hosts, err = a.Store.SweepHostFacts(ctx, id); err != nil {
		return p, err
	}
	seen := map[string]bool{}
	for _, c := range cells {
		hash := c.Config.Dataset.Hash
		if seen[hash] {
			continue
		}
		seen[hash] = true
		info, err := a.Store.GetDataset(ctx, hash)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return p, err
		}
		p.Datasets = append(p.Datasets, info)
	}
	return p, nil
}

// method says in sentences how the figures are made: how they were measured
// and, from package stats, how they were summed up.
func method() []string {
	return append([]string{
		"Latency is measured by the monotonic clock of the measuring host, from the start of the request to its last byte; time to first token ends with the first non-empty content.",
		"Nothing is retried inside a measured call. A failed call is an outcome with its time and energy. A call that a crash cut short left no result; it was measured again, once, and is counted as remeasured.",
		"Every prompt begins with a nonce line that never repeats, so that no prompt cache answers, unless the spec allows the cache.",
		"Weighted score of a call: the best over all pairs of predicted and true code of 1.0 for the same code, 0.75 for the same first three characters, 0.25 for the same first letter, else 0. At most five codes of an answer count.",
		"Energy of a window is the difference of an energy counter, or the trapezoid over power samples, with linear interpolation at both edges.",
		"Estimated energy is idle power × time + power per busy core × CPU time, with the watts that the spec states; it is no measurement of power.",
		"Cost is energy × PUE × price of electricity. Hardware, cooling beyond the PUE and people are not in it.",
	}, stats.Method()...)
}
