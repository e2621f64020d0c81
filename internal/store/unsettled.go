package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Unsettled is a cell that has calls and was taken off the plan without a try
// that published them, or since it published: it waited between two turns, its
// lane was lost, or it was put back and cancelled again.
type Unsettled struct {
	ID      bench.CellID
	Seq     int
	Attempt int // the last try
	Epoch   int
	State   bench.State
	Reason  string
}

// UnsettledCells lists such cells of a sweep in planned order, from the place
// behind after on, so many at most.
func (s *Store) UnsettledCells(ctx context.Context, sweep bench.SweepID, after, limit int) ([]Unsettled, error) {
	doing := "list cells of sweep " + string(sweep) + " without a row of their own"
	// By what was done and not by when: clocks of workers differ.
	rows, err := s.pool.Query(ctx, `SELECT c.id, c.seq, c.attempt, c.epoch, c.state, c.reason FROM cells c
		WHERE c.sweep_id = $1 AND c.seq > $2 AND c.state IN ('cancelled', 'skipped') AND c.calls_done > 0
			AND (NOT EXISTS (SELECT FROM stages t WHERE t.cell_id = c.id AND t.attempt = c.attempt AND t.stage = 'publish' AND t.state = 'done')
				OR EXISTS (SELECT FROM cell_results r WHERE r.cell_id = c.id AND r.result->>'state' <> c.state))
		ORDER BY c.seq LIMIT $3`, sweep, after, limit)
	if err != nil {
		return nil, wrap(doing, err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Unsettled])
	return out, wrap(doing, err)
}

// LeaveStage says that nothing is done for a cell any more that is off the plan.
func (s *Store) LeaveStage(ctx context.Context, id bench.CellID) error {
	_, err := s.pool.Exec(ctx, `UPDATE cells SET stage = '' WHERE id = $1 AND state <> 'running'`, id)
	return wrap("leave stage of cell "+string(id), err)
}
