package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// RunSummary counts what a run has so far in one epoch.
type RunSummary struct {
	Done       int // committed calls of the items asked about
	Segments   int
	Remeasured int // calls that were begun more than once
}

// SummariseRun counts a run's calls of the items from up to, but without, to.
func (s *Store) SummariseRun(ctx context.Context, cell bench.CellID, epoch, run, from, to int) (RunSummary, error) {
	rows, err := s.pool.Query(ctx, `SELECT
		(SELECT count(*) FROM calls WHERE cell_id = $1 AND epoch = $2 AND run = $3 AND item >= $4 AND item < $5),
		(SELECT count(*) FROM segments WHERE cell_id = $1 AND epoch = $2 AND run = $3),
		(SELECT count(*) FROM (SELECT FROM calls_begun WHERE cell_id = $1 AND epoch = $2 AND run = $3
			GROUP BY item HAVING count(*) > 1) AS again)`, cell, epoch, run, from, to)
	if err != nil {
		return RunSummary{}, wrap("count calls of cell "+string(cell), err)
	}
	out, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[RunSummary])
	return out, wrap("count calls of cell "+string(cell), err)
}

// FinishRun stamps the end of a run once.
func (s *Store) FinishRun(ctx context.Context, cell bench.CellID, epoch, run int) error {
	_, err := s.pool.Exec(ctx, `UPDATE runs SET finished_at = coalesce(finished_at, now())
		WHERE cell_id = $1 AND epoch = $2 AND run = $3`, cell, epoch, run)
	return wrap("finish run of cell "+string(cell), err)
}
