package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// PutPhaseReadings stores or renews what channels showed over phase windows. A
// window still open is stored again as it grows, so a crash loses little.
func (s *Store) PutPhaseReadings(ctx context.Context, epoch int, readings []bench.PhaseReading) error {
	batch := &pgx.Batch{}
	for _, r := range readings {
		flags := r.Flags
		if flags == nil {
			flags = []string{}
		}
		batch.Queue(`INSERT INTO phase_readings (cell_id, epoch, phase, run, no, channel, started_at, window_ns, samples, missed,
			coverage, mean, min, max, energy_j, method, missing, about, states, uncertainty, disagreement, flags)
			VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22)
			ON CONFLICT (cell_id, epoch, phase, run, no, channel) DO UPDATE SET started_at = excluded.started_at,
			window_ns = excluded.window_ns, samples = excluded.samples, missed = excluded.missed, coverage = excluded.coverage,
			mean = excluded.mean, min = excluded.min, max = excluded.max, energy_j = excluded.energy_j,
			method = excluded.method, missing = excluded.missing, about = excluded.about, states = excluded.states,
			uncertainty = excluded.uncertainty, disagreement = excluded.disagreement, flags = excluded.flags`,
			r.Cell, epoch, r.Phase, r.Run, r.No, r.Channel.Name, r.Started, int64(r.Window), r.Samples, r.Missed,
			r.Coverage, r.Mean, r.Min, r.Max, r.EnergyJ, r.Method, r.Missing, r.Channel,
			r.States, r.Uncertainty, r.Disagreement, flags)
	}
	return wrap("store phase readings", s.pool.SendBatch(ctx, batch).Close())
}

// BeginWindow forgets what an earlier try of the same phase window left: its
// readings and its traces. A window is what one try saw, never parts of two.
func (s *Store) BeginWindow(ctx context.Context, k bench.TraceKey) error {
	batch := &pgx.Batch{}
	for _, table := range []string{"phase_readings", "trace_series"} {
		batch.Queue(`DELETE FROM `+table+` WHERE cell_id = $1 AND epoch = $2 AND phase = $3 AND run = $4 AND no = $5`,
			k.Cell, k.Epoch, k.Phase, k.Run, k.No)
	}
	return wrap("begin a window of cell "+string(k.Cell), s.pool.SendBatch(ctx, batch).Close())
}

// PhaseReadings lists a cell's readings of one epoch, and of epoch 0, the cell as a
// whole, in time order.
func (s *Store) PhaseReadings(ctx context.Context, cell bench.CellID, epoch int) ([]bench.PhaseReading, error) {
	rows, err := s.pool.Query(ctx, `SELECT cell_id, run, phase, no, about, started_at, window_ns, samples, missed, coverage,
		mean, min, max, energy_j, method, missing, states, uncertainty, disagreement, NULLIF(flags, '{}')
		FROM phase_readings WHERE cell_id = $1 AND epoch IN (0, $2) ORDER BY started_at, channel`, cell, epoch)
	if err != nil {
		return nil, wrap("list phase readings of cell "+string(cell), err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (bench.PhaseReading, error) {
		var r bench.PhaseReading
		err := row.Scan(&r.Cell, &r.Run, &r.Phase, &r.No, &r.Channel, &r.Started, &r.Window, &r.Samples, &r.Missed,
			&r.Coverage, &r.Mean, &r.Min, &r.Max, &r.EnergyJ, &r.Method, &r.Missing, &r.States, &r.Uncertainty, &r.Disagreement, &r.Flags)
		return r, err
	})
	return out, wrap("list phase readings of cell "+string(cell), err)
}

// PutScores stores the scores of a cell under a set of rules.
func (s *Store) PutScores(ctx context.Context, epoch int, rules string, scores []bench.CallScore) error {
	batch := &pgx.Batch{}
	for _, sc := range scores {
		batch.Queue(`INSERT INTO scores (cell_id, epoch, run, item, rules, weighted, score) VALUES ($1,$2,$3,$4,$5,$6,$7)
			ON CONFLICT (cell_id, epoch, run, item, rules) DO UPDATE SET weighted = excluded.weighted, score = excluded.score`,
			sc.Cell, epoch, sc.Run, sc.Item, rules, sc.Weighted, sc)
	}
	return wrap("store scores", s.pool.SendBatch(ctx, batch).Close())
}

// Scores reads a cell's scores of one epoch under a set of rules.
func (s *Store) Scores(ctx context.Context, cell bench.CellID, epoch int, rules string) ([]bench.CallScore, error) {
	rows, err := s.pool.Query(ctx, `SELECT score FROM scores WHERE cell_id = $1 AND epoch = $2 AND rules = $3 ORDER BY run, item`,
		cell, epoch, rules)
	if err != nil {
		return nil, wrap("read scores of cell "+string(cell), err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[bench.CallScore])
	return out, wrap("read scores of cell "+string(cell), err)
}

// Cost is what a cell costs under stated prices.
type Cost struct {
	Per100  *bench.CostFigure `json:"per_100_calls"`
	CarbonG *float64          `json:"co2e_g_per_100_calls"`
	// Missing and CarbonMissing say why a figure is nil.
	Missing       string `json:"missing,omitempty"`
	CarbonMissing string `json:"carbon_missing,omitempty"`
}

// PutCost stores a cell's cost under a set of rules.
func (s *Store) PutCost(ctx context.Context, cell bench.CellID, epoch int, rules string, c Cost) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO costs (cell_id, epoch, rules, cost) VALUES ($1,$2,$3,$4)
		ON CONFLICT (cell_id, epoch, rules) DO UPDATE SET cost = excluded.cost`, cell, epoch, rules, c)
	return wrap("store cost of cell "+string(cell), err)
}

// GetCost reads a cell's cost; ErrNotFound when it was not priced.
func (s *Store) GetCost(ctx context.Context, cell bench.CellID, epoch int, rules string) (Cost, error) {
	var c Cost
	err := s.pool.QueryRow(ctx, `SELECT cost FROM costs WHERE cell_id = $1 AND epoch = $2 AND rules = $3`,
		cell, epoch, rules).Scan(&c)
	return c, wrap("read cost of cell "+string(cell), err)
}

// GetPulled reads how a cell's model was had; nil when it never was.
func (s *Store) GetPulled(ctx context.Context, cell bench.CellID) (*bench.Pulled, error) {
	var p bench.Pulled
	err := s.pool.QueryRow(ctx, `SELECT pulled FROM pulls WHERE cell_id = $1`, cell).Scan(&p)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // absence is a fact here, not an error
	}
	return &p, wrap("read pull of cell "+string(cell), err)
}

// PutCellResult publishes a cell's row.
func (s *Store) PutCellResult(ctx context.Context, epoch int, r bench.CellResult) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO cell_results (cell_id, epoch, result, published_at) VALUES ($1,$2,$3,$4)
		ON CONFLICT (cell_id) DO UPDATE SET epoch = excluded.epoch, result = excluded.result, published_at = excluded.published_at`,
		r.Cell, epoch, r, time.Now())
	return wrap("publish cell "+string(r.Cell), err)
}
