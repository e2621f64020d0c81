package app

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/wattsweep/wattsweep/activities"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/report"
	"github.com/wattsweep/wattsweep/internal/stats"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/version"
)

// Results gathers what a sweep has found so far, computed from what is stored.
func (a *App) Results(ctx context.Context, id bench.SweepID) (bench.Results, error) {
	sw, err := a.Store.GetSweep(ctx, id)
	if err != nil {
		return bench.Results{}, err
	}
	out := bench.Results{Sweep: bench.SweepInfo{
		ID: sw.ID, Name: sw.Name, State: sw.State, SpecHash: bench.Hash(sw.SpecYAML), CreatedAt: sw.CreatedAt.UTC(),
		FinishedAt: sw.FinishedAt, Cells: sw.Total(), CellsDone: sw.Counts[bench.StateDone], Seed: sw.Seed,
	}}
	cells, err := a.Store.Cells(ctx, id)
	if err != nil {
		return out, err
	}
	results := activities.Results{Store: a.Store}
	out.Cells = make([]bench.CellResult, 0, len(cells))
	hashes := map[string]bool{}
	for _, c := range cells {
		row, _, err := results.Row(ctx, c.ID, c.State, c.Reason)
		if err != nil {
			return out, err
		}
		out.Cells = append(out.Cells, row)
		hashes[c.Config.Dataset.Hash] = true
	}
	out.Provenance, err = a.provenance(ctx, id, hashes, out.Cells)
	return out, err
}

func (a *App) provenance(ctx context.Context, id bench.SweepID, hashes map[string]bool, rows []bench.CellResult) (bench.Provenance, error) {
	p := bench.Provenance{Wattsweep: version.String(), GeneratedAt: time.Now().UTC().Truncate(time.Second), Method: method()}
	var err error
	if p.Hosts, err = a.Store.SweepHostFacts(ctx, id); err != nil {
		return p, err
	}
	for hash := range hashes {
		info, err := a.Store.GetDataset(ctx, hash)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return p, err
		}
		p.Datasets = append(p.Datasets, info)
	}
	for _, row := range rows {
		if row.Energy != nil {
			p.Estimated = p.Estimated || row.Energy.Estimated
			p.Simulated = p.Simulated || row.Energy.Simulated
		}
		for _, ph := range row.Phases {
			p.Estimated = p.Estimated || ph.Channel.Estimated
			p.Simulated = p.Simulated || ph.Channel.Simulated
		}
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

// Languages compares the languages of each model on the journals that both
// were asked.
func (a *App) Languages(ctx context.Context, id bench.SweepID) ([]report.PairedDifference, error) {
	cells, err := a.Store.Cells(ctx, id)
	if err != nil {
		return nil, err
	}
	results := activities.Results{Store: a.Store}
	var out []report.PairedDifference
	for i, first := range cells {
		for _, second := range cells[i+1:] {
			if !sameButLanguage(first.At, second.At) || first.CallsDone == 0 || second.CallsDone == 0 {
				continue
			}
			pair, err := difference(ctx, &results, first, second)
			if err != nil {
				return nil, err
			}
			out = append(out, pair)
		}
	}
	return out, nil
}

func sameButLanguage(a, b bench.Coordinates) bool {
	la, lb := a.Language, b.Language
	a.Language, b.Language = "", ""
	return a == b && la != lb
}

func difference(ctx context.Context, results *activities.Results, first, second store.Cell) (report.PairedDifference, error) {
	out := report.PairedDifference{At: first.At, A: first.At.Language, B: second.At.Language, Metric: "weighted score"}
	a, err := results.Answers(ctx, first.ID)
	if err != nil {
		return out, err
	}
	b, err := results.Answers(ctx, second.ID)
	if err != nil {
		return out, err
	}
	d, err := stats.ScoreDifference(a, b, uint64(first.Config.Seed)) //nolint:gosec // any 64 bits seed
	if err != nil {
		out.Missing = err.Error()
		return out, nil
	}
	out.Difference, out.Journals = &d.Weighted, d.Journals
	out.MeanA, out.MeanB = d.WeightedFirst, d.WeightedSecond
	out.FirstCode = &report.RightOrWrong{OnlyA: d.McNemar.OnlyFirst, OnlyB: d.McNemar.OnlySecond, MidP: d.McNemar.MidP}
	out.HedgesG = d.HedgesG
	return out, nil
}

// CallRows walks a sweep's calls for calls.csv, cell by cell.
func (a *App) CallRows(ctx context.Context, id bench.SweepID) iter.Seq2[report.CallRow, error] {
	return func(yield func(report.CallRow, error) bool) {
		cells, err := a.Store.Cells(ctx, id)
		if err != nil {
			yield(report.CallRow{}, err)
			return
		}
		results := activities.Results{Store: a.Store}
		for _, c := range cells {
			if !a.cellRows(ctx, &results, c, yield) {
				return
			}
		}
	}
}

func (a *App) cellRows(ctx context.Context, results *activities.Results, c store.Cell, yield func(report.CallRow, error) bool) bool {
	answers, err := results.Answers(ctx, c.ID)
	if err != nil {
		return yield(report.CallRow{}, err) && false
	}
	row, _, err := results.Row(ctx, c.ID, c.State, c.Reason)
	if err != nil {
		return yield(report.CallRow{}, err) && false
	}
	scores := map[bench.CallKey]*bench.CallScore{}
	for i := range answers.Scores {
		scores[answers.Scores[i].CallKey] = &answers.Scores[i]
	}
	readings, channels, err := a.callReadings(ctx, c)
	if err != nil {
		return yield(report.CallRow{}, err) && false
	}
	energy := attributed(c, answers.Calls, row.Phases)
	for _, call := range answers.Calls {
		row := report.CallRow{
			Sweep: c.Sweep, At: c.At, Call: call, Score: scores[call.CallKey], Readings: readings[call.CallKey], Channels: channels,
			Energy: row.Energy,
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

// attributed shares the energy of each inference window that the cell's energy
// rests on out to the calls in it; other calls have none of their own.
func attributed(cell store.Cell, calls []bench.Call, phases []bench.PhaseReading) map[bench.CallKey]float64 {
	out := map[bench.CallKey]float64{}
	windows, _ := stats.WindowsOf(stats.CellInput{Cell: cell.Cell, Calls: calls, Phases: phases}) // none: the cell's row says why
	for _, w := range windows {
		durations := make([]time.Duration, len(w.Calls))
		for i, c := range w.Calls {
			durations[i] = c.Latency
		}
		shares, _ := meters.Attribute(bench.PhaseReading{EnergyJ: &w.EnergyJ, Window: w.Window}, durations)
		for i := range shares {
			out[w.Calls[i].CallKey] = shares[i]
		}
	}
	return out
}

// WriteReport writes the report's files into dir.
func (a *App) WriteReport(ctx context.Context, id bench.SweepID, dir string) (bench.Results, error) {
	results, err := a.Results(ctx, id)
	if err != nil {
		return results, err
	}
	pairs, err := a.Languages(ctx, id)
	if err != nil {
		return results, err
	}
	_, err = report.Write(dir, results, a.CallRows(ctx, id), report.HTMLOptions{PairedDifferences: pairs})
	if err != nil {
		return results, fmt.Errorf("write report of sweep %s: %w", id, err)
	}
	return results, nil
}
