package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// SweepTurns lists the turns of a sweep's cells, in the order in which they
// were given out.
func (s *Store) SweepTurns(ctx context.Context, sweep bench.SweepID) ([]bench.Turn, error) {
	doing := "list turns of sweep " + string(sweep)
	rows, err := s.pool.Query(ctx, `SELECT host, sweep_id, cell_id, attempt, began_at, ended_at, state, sequence
		FROM turns WHERE sweep_id = $1 ORDER BY sequence`, sweep)
	if err != nil {
		return nil, wrap(doing, err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[bench.Turn])
	if err != nil {
		return nil, wrap(doing, fmt.Errorf("read rows: %w", err))
	}
	return out, nil
}

// CountSuperseded counts the published results of a sweep that were measured
// anew.
func (s *Store) CountSuperseded(ctx context.Context, sweep bench.SweepID) (n int, err error) {
	err = s.pool.QueryRow(ctx, `SELECT count(*) FROM superseded_results r JOIN cells c ON c.id = r.cell_id WHERE c.sweep_id = $1`, sweep).Scan(&n)
	return n, wrap("count superseded results of sweep "+string(sweep), err)
}
