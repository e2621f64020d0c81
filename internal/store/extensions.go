package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// ExtensionCell is a cell that an extension adds, with how many journals it
// asks about.
type ExtensionCell struct {
	bench.Cell
	Items int `json:"items"`
}

// Extension is a spec by which a sweep was made larger after its launch.
type Extension struct {
	Sweep     bench.SweepID
	Hash      string // of the cells that it adds
	SpecYAML  string // as the user wrote it
	Cells     []ExtensionCell
	By        string
	At        time.Time
	AppliedAt *time.Time // when its cells came into the plan; nil before
}

// PutExtension stores an extension, which ControlSweep then applies, under the
// hash of its cells, and returns that. The same cells again are the same
// extension.
func (s *Store) PutExtension(ctx context.Context, e Extension) (string, error) {
	cells, err := json.Marshal(orEmpty(e.Cells))
	if err != nil {
		return "", fmt.Errorf("encode extension of sweep %s: %w", e.Sweep, err)
	}
	hash := bench.Hash(string(cells))[:16]
	_, err = s.pool.Exec(ctx, `INSERT INTO extensions (sweep_id, hash, spec_yaml, cells, by_whom) VALUES ($1,$2,$3,$4,$5)
		ON CONFLICT (sweep_id, hash) DO NOTHING`, e.Sweep, hash, clean(e.SpecYAML), cells, clean(e.By))
	return hash, wrap("store extension of sweep "+string(e.Sweep), err)
}

// Extensions lists a sweep's extensions in the order they came.
func (s *Store) Extensions(ctx context.Context, sweep bench.SweepID) ([]Extension, error) {
	doing := "list extensions of sweep " + string(sweep)
	rows, err := s.pool.Query(ctx, `SELECT sweep_id, hash, spec_yaml, cells, by_whom, at, applied_at
		FROM extensions WHERE sweep_id = $1 ORDER BY at, hash`, sweep)
	if err != nil {
		return nil, wrap(doing, err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Extension])
	return out, wrap(doing, err)
}

// applyExtension puts the cells of a stored extension on the plan and returns
// how many are new. Their places follow those of the cells that are there.
func applyExtension(ctx context.Context, tx pgx.Tx, sweep bench.SweepID, hash string) (int, error) {
	var cells []ExtensionCell
	err := tx.QueryRow(ctx, `SELECT cells FROM extensions WHERE sweep_id = $1 AND hash = $2`, sweep, hash).Scan(&cells)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, fault.New(fault.Invalid, "", "wattsweep extend stores the extension before it asks for it",
			"extend sweep %s: no extension %s is stored", sweep, hash)
	}
	if err != nil {
		return 0, err
	}
	known, last, err := placesOf(ctx, tx, sweep)
	if err != nil {
		return 0, err
	}
	var fresh []bench.Cell
	items := map[bench.CellID]int{}
	for _, c := range cells {
		switch id, taken := known[c.At]; {
		case taken && id == c.ID:
			continue
		case taken:
			return 0, fault.New(fault.Invalid, "", "give it the configuration that the sweep has, or measure it in a sweep of another name",
				"extend sweep %s: %s is there as cell %s with another configuration", sweep, c.At, id)
		}
		last++
		c.Sweep, c.Seq = sweep, last
		fresh, items[c.ID], known[c.At] = append(fresh, c.Cell), c.Items, c.ID
	}
	if err := putCells(ctx, tx, fresh, func(c bench.Cell) int { return items[c.ID] }); err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, `UPDATE extensions SET applied_at = coalesce(applied_at, now()) WHERE sweep_id = $1 AND hash = $2`, sweep, hash)
	return len(fresh), err
}

// placesOf gives a sweep's cells by coordinates, and the last place taken.
func placesOf(ctx context.Context, tx pgx.Tx, sweep bench.SweepID) (map[bench.Coordinates]bench.CellID, int, error) {
	rows, err := tx.Query(ctx, `SELECT id, seq, host, runtime, model, task, dataset, language, load_pattern
		FROM cells WHERE sweep_id = $1`, sweep)
	if err != nil {
		return nil, 0, err
	}
	known, last := map[bench.Coordinates]bench.CellID{}, 0
	var id bench.CellID
	var seq int
	var at bench.Coordinates
	_, err = pgx.ForEachRow(rows, []any{&id, &seq, &at.Host, &at.Runtime, &at.Model, &at.Task, &at.Dataset, &at.Language, &at.Load}, func() error {
		known[at], last = id, max(last, seq)
		return nil
	})
	return known, last, err
}
