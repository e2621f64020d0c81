package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Closed is how a try of a cell was closed.
type Closed struct {
	// State is what was stored, now or when the same try was closed before.
	State bench.State
	// Paused and Cancelled are the sweep's.
	Paused, Cancelled bool
}

// CloseCell is [Store.CloseTry] of whichever try runs.
func (s *Store) CloseCell(ctx context.Context, id bench.CellID, state bench.State, reason string) error {
	_, err := s.CloseTry(ctx, id, 0, state, reason)
	return err
}

// CloseTry ends a running try of a cell in a state with its reason. Queued gives
// the cell back to the plan with all that it measured; without a reason a turn
// of an alternated sweep has ended, and the other cells come before its next. A
// cell that is given back although it was to be skipped, or although its sweep
// is cancelled, ends as that. Another try than the named one, or one that has
// ended, is left alone; attempt 0 names whichever runs.
func (s *Store) CloseTry(ctx context.Context, id bench.CellID, attempt int, state bench.State, reason string) (Closed, error) {
	var out Closed
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `SELECT s.cancel_requested, s.pause IS NOT NULL FROM sweeps s
			WHERE s.id = (SELECT sweep_id FROM cells WHERE id = $1) FOR SHARE`, id).Scan(&out.Cancelled, &out.Paused)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		// Read once the sweep is locked: nobody asks for a stop from here on.
		var stop bench.State
		var why string
		err = tx.QueryRow(ctx, `SELECT c.stop, coalesce(`+whyStoppedSQL+`, '') FROM cells c WHERE c.id = $1 FOR NO KEY UPDATE`, id).Scan(&stop, &why)
		if err != nil {
			return err
		}
		switch {
		case state != bench.StateQueued:
		case stop.Final():
			if state = stop; why != "" {
				reason = why
			}
		case out.Cancelled:
			state, reason = bench.StateCancelled, "sweep cancelled"
		}
		if err := endTurn(ctx, tx, id, attempt, state, reason); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT coalesce((SELECT t.state FROM turns t WHERE t.cell_id = c.id AND t.attempt = coalesce(nullif($2, 0), c.attempt)),
			c.state) FROM cells c WHERE c.id = $1`, id, attempt).Scan(&out.State)
	})
	return out, wrap("close cell "+string(id), err)
}

// whyStoppedSQL is the reason given with the newest order to stop cell c in the
// state that it is to end in; null when no reason was.
const whyStoppedSQL = `(SELECT nullif(e.answer->>'stop_reason', '') FROM control_events e
	WHERE e.sweep_id = c.sweep_id AND e.answer->'stop_cells' ? c.id AND e.answer->>'stop_state' = c.stop
	ORDER BY e.at DESC, e.request LIMIT 1)`

// segmentRanToItsEnd tells of a segment g that is closed whether its end is when
// its last call ended. Of one that was cut it is when somebody came back and
// closed it, with the whole outage before.
const segmentRanToItsEnd = `g.ended_why NOT IN ('crash', 'database away', 'worker stopped', 'runtime away')`

// endTurn closes a running cell and its turn, and sums up what the turn took,
// for estimates. Segments that were cut are taken to have been as fast as the
// others: when they ended is not known. Another try than the named one is
// left alone; 0 names whichever runs.
func endTurn(ctx context.Context, tx pgx.Tx, id bench.CellID, attempt int, state bench.State, reason string) error {
	tag, err := tx.Exec(ctx, `WITH turn AS (
			SELECT coalesce(max(t.began_at), '-infinity') AS began FROM turns t JOIN cells c ON c.id = t.cell_id AND c.attempt = t.attempt
			WHERE c.id = $1
		), seg AS (
			SELECT sum(extract(epoch FROM g.ended_at - g.started_at)) FILTER (WHERE `+segmentRanToItsEnd+`) AS took,
				sum(g.calls) FILTER (WHERE `+segmentRanToItsEnd+`) AS calls, sum(g.calls) AS total
			FROM segments g JOIN cells c ON c.id = g.cell_id AND c.epoch = g.epoch, turn
			WHERE c.id = $1 AND g.ended_at IS NOT NULL AND g.started_at >= turn.began
		), gates AS (
			SELECT sum(window_ns) AS took FROM (SELECT DISTINCT ON (p.run, p.no) p.window_ns FROM phase_readings p
				JOIN cells c ON c.id = p.cell_id AND c.epoch = p.epoch, turn
				WHERE c.id = $1 AND p.phase = 'cool-down' AND p.run > 0 AND p.started_at >= turn.began) w
		)
		UPDATE cells c SET state = $2, reason = $3, stage = '', stop = '',
			finished_at = CASE WHEN $2 = 'queued' THEN NULL ELSE now() END,
			claimed_by = CASE WHEN $2 = 'queued' THEN '' ELSE claimed_by END,
			turns_done = turns_done + CASE WHEN $2 = 'queued' AND $3 = '' THEN 1 ELSE 0 END,
			calls_done = (SELECT count(*) FROM calls k WHERE k.cell_id = c.id AND k.epoch = c.epoch),
			turns_closed = turns_closed + 1,
			overhead_ns = overhead_ns + coalesce((SELECT sum(extract(epoch FROM t.finished_at - t.started_at)) * 1e9 FROM stages t
				WHERE t.cell_id = c.id AND t.attempt = c.attempt AND t.stage NOT IN ('infer', 'pull')), 0) + coalesce((SELECT took FROM gates), 0),
			pull_ns = pull_ns + coalesce((SELECT sum(extract(epoch FROM t.finished_at - t.started_at)) * 1e9 FROM stages t
				WHERE t.cell_id = c.id AND t.attempt = c.attempt AND t.stage = 'pull'), 0),
			infer_ns = infer_ns + coalesce((SELECT took * total / nullif(calls, 0) * 1e9 FROM seg), 0)
		WHERE c.id = $1 AND c.state = 'running' AND $4 IN (0, c.attempt)`, id, state, clean(reason), attempt)
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE turns SET ended_at = clock_timestamp(), state = $2 WHERE cell_id = $1 AND ended_at IS NULL`, id, state)
	return err
}
