package activities

import (
	"context"
	"fmt"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/cost"
	"github.com/wattsweep/wattsweep/internal/stats"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/tasks/icd10"
)

// Found is a cell's row with what it was made of.
type Found struct {
	Row     bench.CellResult
	Cell    store.Cell
	Answers stats.Answers
}

// Find computes a cell's row from what is stored, as [Results.Row] does, and
// gives the calls and scores behind it too, so that nobody reads them twice.
func (r *Results) Find(ctx context.Context, id bench.CellID, state bench.State, reason string) (Found, error) {
	f, err := r.found(ctx, id, state, reason)
	if err != nil {
		return f, err
	}
	f.Row = cost.Priced(f.Row, f.Cell.Config.Prices)
	return f, nil
}

// Memo is what cells of a sweep share: gold codes and code lists. No text of a
// journal is in it.
type Memo struct {
	gold  map[string]map[int][]string
	lists map[string]icd10.CodeList
}

// NewMemo makes an empty one.
func NewMemo() *Memo {
	return &Memo{gold: map[string]map[int][]string{}, lists: map[string]icd10.CodeList{}}
}

// gold gives the gold codes of a dataset's journals by item.
func (r *Results) gold(ctx context.Context, d bench.DatasetConfig) (map[int][]string, error) {
	key := fmt.Sprintf("%s/%s/%d", d.Hash, d.Language, d.Limit)
	if r.Memo != nil {
		if codes, known := r.Memo.gold[key]; known {
			return codes, nil
		}
	}
	journals, err := r.Store.Journals(ctx, d.Hash, d.Language, d.Limit)
	if err != nil {
		return nil, err
	}
	codes := make(map[int][]string, len(journals))
	for _, j := range journals {
		codes[j.Item] = j.Codes
	}
	if r.Memo != nil {
		r.Memo.gold[key] = codes
	}
	return codes, nil
}
