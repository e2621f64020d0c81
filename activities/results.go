package activities

import (
	"context"
	"errors"
	"fmt"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/cost"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/papers"
	"github.com/wattsweep/wattsweep/internal/stats"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/tasks/icd10"
	"github.com/wattsweep/wattsweep/internal/units"
)

// Results is the work on what is stored: pure functions that can be re-run at
// any time over old data.
type Results struct {
	Store *store.Store
	// Figures are the ones that rows carry with the interval that targets are
	// judged by; nil for none.
	Figures []bench.FigureKey
	// Memo keeps what many cells share while their rows are made one after the
	// other; nil reads it for each. It serves one goroutine.
	Memo *Memo
}

// Score reads codes from a cell's answers and scores them against the gold
// codes of their journals.
func (r *Results) Score(ctx context.Context, in contract.PublishIn) (contract.Note, error) {
	return staged(ctx, r.Store, in.CellRef, bench.StageScore, func() (contract.Note, error) {
		cell, err := r.Store.GetCell(ctx, in.Cell)
		if err != nil {
			return contract.Note{}, err
		}
		calls, err := r.Store.Calls(ctx, cell.ID, cell.Epoch)
		if err != nil {
			return contract.Note{}, err
		}
		scores, rules, err := r.score(ctx, cell, calls)
		if err != nil {
			return contract.Note{}, err
		}
		if err := r.Store.PutScores(ctx, cell.Epoch, rules, scores); err != nil {
			return contract.Note{}, err
		}
		measured, err := r.measure(ctx, cell, calls)
		if err != nil {
			return contract.Note{}, err
		}
		return note("%d answers scored by %s; %s", len(scores), rules, measured), nil
	})
}

// measure stores what the traces of a finished cell tell of each call and over
// time, so that later figures need not read them again.
func (r *Results) measure(ctx context.Context, cell store.Cell, calls []bench.Call) (text string, err error) {
	phases, err := r.Store.PhaseReadings(ctx, cell.ID, cell.Epoch)
	if err != nil {
		return "", err
	}
	c, err := r.course(ctx, cell, calls, phases)
	if err != nil {
		return "", err
	}
	if err := r.Store.PutCallReadings(ctx, cell.ID, cell.Epoch, c.Calls); err != nil {
		return "", err
	}
	if err := r.Store.PutCourse(ctx, cell.ID, cell.Epoch, c.Course); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d readings of channels during calls", len(c.Calls)), nil
}

// rulesVersion changes when the reading of codes or the score does.
const rulesVersion = "icd10/1"

// score scores every call. A call without a trusted answer scores 0 with all
// its gold codes missed: failed calls stay in the denominator.
func (r *Results) score(ctx context.Context, cell store.Cell, calls []bench.Call) ([]bench.CallScore, string, error) {
	cfg := cell.Config
	gold, err := r.gold(ctx, cfg.Dataset)
	if err != nil {
		return nil, "", err
	}
	list, err := r.codeList(ctx, cfg.Task.CodeList)
	if err != nil {
		return nil, "", err
	}
	scores := make([]bench.CallScore, 0, len(calls))
	for _, c := range calls {
		var codes []string
		if c.Outcome.Answered() {
			codes = icd10.ReadCodes(c.Output, cfg.Task.MaxCodes)
		}
		s := icd10.Score(gold[c.Item], codes, list)
		s.CallKey, s.JournalID = c.CallKey, c.JournalID
		scores = append(scores, s)
	}
	return scores, rulesOf(cfg.Task, list), nil
}

func (r *Results) codeList(ctx context.Context, name string) (icd10.CodeList, error) {
	if name == "" {
		return nil, nil //nolint:nilnil // no list was asked for
	}
	if r.Memo != nil {
		if list, known := r.Memo.lists[name]; known {
			return list, nil
		}
	}
	list, err := r.Store.GetCodeList(ctx, name)
	if err == nil && r.Memo != nil {
		r.Memo.lists[name] = list
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil, fault.New(fault.Invalid, "", "run the spec again, which stores the list anew", "score against code list %s: %w", name, err)
	}
	return list, err
}

func rulesOf(task bench.TaskConfig, list icd10.CodeList) string {
	text := fmt.Sprintf("%s max=%d", rulesVersion, task.MaxCodes)
	if stored, ok := list.(store.CodeList); ok {
		text += fmt.Sprintf(" list=%s@%.12s", stored.Title, stored.Hash)
	}
	return text
}

// Cost prices a cell's energy under the stated assumptions.
func (r *Results) Cost(ctx context.Context, in contract.PublishIn) (contract.Note, error) {
	return staged(ctx, r.Store, in.CellRef, bench.StageCost, func() (contract.Note, error) {
		row, cell, err := r.unpriced(ctx, in.Cell, in.State, in.Reason)
		if err != nil {
			return contract.Note{}, err
		}
		price := priceOf(cost.Priced(row, cell.Config.Prices))
		if err := r.Store.PutCost(ctx, cell.ID, cell.Epoch, pricesOf(cell.Config.Prices), price); err != nil {
			return contract.Note{}, err
		}
		if price.Per100 == nil {
			return note("no cost: %s", price.Missing), nil
		}
		m := units.Money{Amount: price.Per100.Amount, Currency: units.Currency(price.Per100.Currency)}
		return note("%s per 100 calls: %s", m, price.Per100.Basis), nil
	})
}

// pricesOf names a set of prices, so that another one is another row.
func pricesOf(p bench.PriceConfig) string {
	return fmt.Sprintf("%g %s/kWh PUE %g %g g/kWh", p.EnergyPerKWh, p.Currency, p.PUE, p.CarbonGPerKWh)
}

func priceOf(row bench.CellResult) store.Cost {
	return store.Cost{Per100: row.Cost, Missing: row.CostMissing, CarbonG: row.CarbonG, CarbonMissing: row.CarbonMissing}
}

// Publish makes the cell's row of the results durable.
func (r *Results) Publish(ctx context.Context, in contract.PublishIn) (contract.Note, error) {
	return staged(ctx, r.Store, in.CellRef, bench.StagePublish, func() (contract.Note, error) {
		row, cell, err := r.Row(ctx, in.Cell, in.State, in.Reason)
		if err != nil {
			return contract.Note{}, err
		}
		if err := r.Store.PutCellResult(ctx, cell.Epoch, row); err != nil {
			return contract.Note{}, err
		}
		return note("%d calls, %d failed, %s", row.Calls, row.FailedCalls, row.State), nil
	})
}

// Row computes a cell's row from what is stored, also while it is measured.
func (r *Results) Row(ctx context.Context, id bench.CellID, state bench.State, reason string) (bench.CellResult, store.Cell, error) {
	f, err := r.Find(ctx, id, state, reason)
	return f.Row, f.Cell, err
}

func (r *Results) unpriced(ctx context.Context, id bench.CellID, state bench.State, reason string) (bench.CellResult, store.Cell, error) {
	f, err := r.found(ctx, id, state, reason)
	return f.Row, f.Cell, err
}

// found is all about a cell but its price.
func (r *Results) found(ctx context.Context, id bench.CellID, state bench.State, reason string) (Found, error) {
	in, cell, err := r.input(ctx, id)
	f := Found{Cell: cell, Answers: stats.Answers{Calls: in.Calls, Scores: in.Scores}}
	if err != nil {
		return f, err
	}
	in.State, in.Reason = state, reason
	f.Row = stats.Cell(in)
	f.Row.Intervals = stats.Intervals(f.Row, in, r.Figures)
	return f, r.asPapers(ctx, &f.Row, in, cell)
}

// asPapers adds the metrics of the white paper and of the thesis.
func (r *Results) asPapers(ctx context.Context, row *bench.CellResult, in stats.CellInput, cell store.Cell) error {
	readings, err := r.Store.CallReadings(ctx, cell.ID, cell.Epoch)
	if err != nil {
		return err
	}
	facts, err := r.Store.CellHostFacts(ctx, cell.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	paper := papers.Input{
		Result: cost.Priced(*row, cell.Config.Prices), Calls: in.Calls, Readings: readings, Phases: in.Phases,
		Config: cell.Config, Host: facts,
	}
	row.WhitePaper, row.Thesis = papers.WhitePaper(paper), papers.Thesis(paper)
	return nil
}

// fillCourse gives the curves of a cell and how sampling went: as stored when it
// was scored, or from its traces while it is measured.
func (r *Results) fillCourse(ctx context.Context, in *stats.CellInput, cell store.Cell) error {
	stored, err := r.Store.GetCourse(ctx, cell.ID, cell.Epoch)
	if errors.Is(err, store.ErrNotFound) {
		var c told
		c, err = r.course(ctx, cell, nil, in.Phases)
		stored = c.Course
	}
	if err != nil {
		return err
	}
	in.Curves, in.CurvesMissing, in.Sampling = stored.Curves, stored.Missing, stored.Sampling
	return nil
}

// input gathers all that is stored about a cell. Scores are computed anew:
// they are a pure function of the answers, and a report of a running cell has
// none stored yet.
func (r *Results) input(ctx context.Context, id bench.CellID) (stats.CellInput, store.Cell, error) {
	cell, err := r.Store.GetCell(ctx, id)
	if err != nil {
		return stats.CellInput{}, cell, err
	}
	in := stats.CellInput{
		Cell: cell.Cell, PromptHash: cell.PromptHash, DatasetHash: cell.Config.Dataset.Hash,
		CodeList: cell.Config.Task.CodeList, StartedAt: cell.StartedAt, FinishedAt: cell.FinishedAt,
	}
	if in.Calls, err = r.Store.Calls(ctx, id, cell.Epoch); err != nil {
		return in, cell, err
	}
	if in.Scores, _, err = r.score(ctx, cell, in.Calls); err != nil {
		return in, cell, err
	}
	if in.Segments, err = r.Store.Segments(ctx, id, cell.Epoch); err != nil {
		return in, cell, err
	}
	if in.Phases, err = r.Store.PhaseReadings(ctx, id, cell.Epoch); err != nil {
		return in, cell, err
	}
	if err := r.fillCourse(ctx, &in, cell); err != nil {
		return in, cell, err
	}
	if in.LoadAttempts, err = r.Store.LoadAttempts(ctx, id); err != nil {
		return in, cell, err
	}
	if in.Pull, err = r.Store.GetPulled(ctx, id); err != nil {
		return in, cell, err
	}
	for _, a := range in.LoadAttempts {
		if a.Loaded != nil {
			in.Loaded = a.Loaded // the last load that succeeded
		}
	}
	return in, cell, nil
}

// Answers gives a cell's calls with their scores, for comparisons between
// cells on the same journals.
func (r *Results) Answers(ctx context.Context, id bench.CellID) (stats.Answers, error) {
	in, _, err := r.input(ctx, id)
	return stats.Answers{Calls: in.Calls, Scores: in.Scores}, err
}
