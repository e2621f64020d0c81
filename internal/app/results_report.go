package app

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/wattsweep/wattsweep/activities"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/report"
	"github.com/wattsweep/wattsweep/internal/stats"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/targets"
)

// WriteReport writes the report's files into dir, cell by cell: the calls of no
// more than one cell are in memory. It is judged by the sweep's own targets and
// by more. Of the results that it gives back, cells beyond those that are shown
// have only what tables need.
func (a *App) WriteReport(ctx context.Context, id bench.SweepID, dir string, more []targets.Rule) (bench.Results, error) {
	w, err := a.walk(ctx, id, more)
	if err != nil {
		return bench.Results{}, err
	}
	out, err := report.NewWriter(dir, w.head)
	if err != nil {
		return bench.Results{}, fmt.Errorf("write report of sweep %s: %w", id, err)
	}
	defer out.Discard()
	err = w.each(ctx, func(f activities.Found) error {
		if err := out.Cell(f.Row); err != nil {
			return err
		}
		return out.Calls(func(yield func(report.CallRow, error) bool) { a.cellRows(ctx, f, yield) })
	})
	if err != nil {
		return bench.Results{}, fmt.Errorf("write report of sweep %s: %w", id, err)
	}
	pairs, left, err := languages(ctx, &w.find, w.cells)
	if err != nil {
		return bench.Results{}, err
	}
	results, _, err := out.End(w.results(), report.HTMLOptions{PairedDifferences: pairs, PairsLeft: left})
	if err != nil {
		return results, fmt.Errorf("write report of sweep %s: %w", id, err)
	}
	return results, nil
}

// CallRows walks a sweep's calls for calls.csv, cell by cell.
func (a *App) CallRows(ctx context.Context, id bench.SweepID) iter.Seq2[report.CallRow, error] {
	return func(yield func(report.CallRow, error) bool) {
		cells, err := a.Store.Cells(ctx, id)
		if err != nil {
			yield(report.CallRow{}, err)
			return
		}
		results := activities.Results{Store: a.Store, Memo: activities.NewMemo()}
		for _, c := range cells {
			f, err := results.Find(ctx, c.ID, c.State, c.Reason)
			if err != nil {
				yield(report.CallRow{}, err)
				return
			}
			if !a.cellRows(ctx, f, yield) {
				return
			}
		}
	}
}

// cellRows walks the calls of one cell.
func (a *App) cellRows(ctx context.Context, f activities.Found, yield func(report.CallRow, error) bool) bool {
	scores := map[bench.CallKey]*bench.CallScore{}
	for i := range f.Answers.Scores {
		scores[f.Answers.Scores[i].CallKey] = &f.Answers.Scores[i]
	}
	readings, channels, err := a.callReadings(ctx, f.Cell)
	if err != nil {
		return yield(report.CallRow{}, err) && false
	}
	energy := activities.AttributedJoules(stats.CellInput{Cell: f.Cell.Cell, Calls: f.Answers.Calls, Phases: f.Row.Phases})
	for _, call := range f.Answers.Calls {
		row := report.CallRow{
			Sweep: f.Cell.Sweep, At: f.Cell.At, Call: call, Score: scores[call.CallKey], Readings: readings[call.CallKey],
			Channels: channels, Energy: f.Row.Energy,
		}
		if e, ok := energy[call.CallKey]; ok {
			row.EnergyJ, row.EnergyMethod = &e, bench.EnergyAttributed
		}
		if !yield(row, nil) {
			return false
		}
	}
	return true
}

// callReadings gives what channels showed while each call of a cell ran, and
// what those channels are.
func (a *App) callReadings(ctx context.Context, c store.Cell) (map[bench.CallKey][]bench.CallReading, []bench.Channel, error) {
	list, err := a.Store.CallReadings(ctx, c.ID, c.Epoch)
	if err != nil {
		return nil, nil, err
	}
	facts, err := a.Store.CellHostFacts(ctx, c.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, nil, err
	}
	byCall := map[bench.CallKey][]bench.CallReading{}
	for _, r := range list {
		byCall[r.CallKey] = append(byCall[r.CallKey], r)
	}
	return byCall, facts.Meters, nil
}
