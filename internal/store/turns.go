package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// ClaimNext gives a host's lane its next cell. The same lane and claim number
// always get the same cell, so a retried activity claims nothing more.
// ErrNotFound means that there is no work. The order is:
//
//  1. the cell that is still running here, which a lost lane left;
//  2. nothing more while the lane is drained or unfit;
//  3. of the sweeps that are neither paused nor cancelled, that with the best
//     priority; then that of the owner who had the host for the fewest minutes
//     since all of them want it, of the last day; then that of the owner whose
//     last turn here is longest ago; then that whose own is; then the oldest;
//  4. of its cells the one with the fewest turns, in planned order and each
//     time round in the reverse of the time before (A B B A).
func (s *Store) ClaimNext(ctx context.Context, host, lane string, claim int64) (Cell, error) {
	var id bench.CellID
	none := false // the transaction is kept all the same
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := lockLane(ctx, tx, host); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, `SELECT id FROM cells WHERE claimed_by = $2 AND claim_no = $3 AND host = $1`,
			host, lane, claim).Scan(&id)
		if err == nil || !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if err := closeOrphans(ctx, tx, host); err != nil {
			return err
		}
		id, err = pick(ctx, tx, host)
		if none = errors.Is(err, pgx.ErrNoRows); none {
			return nil
		}
		if err != nil {
			return err
		}
		return beginTurn(ctx, tx, id, lane, claim)
	})
	if err == nil && none {
		err = pgx.ErrNoRows
	}
	if err != nil {
		return Cell{}, wrap("claim next cell for host "+host, err)
	}
	return s.GetCell(ctx, id)
}

// lockLane lets one at a time decide what a host does, also against a second
// lane by mistake.
func lockLane(ctx context.Context, tx pgx.Tx, host string) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('lane/' || $1))`, host)
	return err
}

// lockSweepShared keeps a sweep's controls as they are to the end of the
// transaction. A sweep is always locked before its cells.
const lockSweepShared = `SELECT FROM sweeps WHERE id = $1 FOR SHARE`

// closeOrphans ends cells that a lost lane left running although they were to
// be stopped: a lane that claims has nothing running.
func closeOrphans(ctx context.Context, tx pgx.Tx, host string) error {
	_, err := tx.Exec(ctx, `SELECT FROM sweeps WHERE id IN (SELECT sweep_id FROM cells WHERE host = $1 AND state = 'running')
		ORDER BY id FOR SHARE`, host)
	if err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `SELECT c.id, c.attempt, CASE WHEN c.stop IN ('', 'queued') AND s.cancel_requested THEN 'cancelled' ELSE c.stop END,
		CASE WHEN c.stop IN ('', 'queued') AND s.cancel_requested THEN 'sweep cancelled'
			ELSE coalesce(`+whyStoppedSQL+`, 'stopped') END || ' (its lane was lost)'
		FROM cells c JOIN sweeps s ON s.id = c.sweep_id
		WHERE c.host = $1 AND c.state = 'running' AND (s.cancel_requested OR c.stop <> '')`, host)
	if err != nil {
		return err
	}
	type orphan struct {
		ID      bench.CellID
		Attempt int
		State   bench.State
		Reason  string
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[orphan])
	if err != nil {
		return err
	}
	for _, o := range found {
		if err := endTurn(ctx, tx, o.ID, o.Attempt, o.State, o.Reason); err != nil {
			return err
		}
	}
	return nil
}

// pick chooses the cell that a lane takes next, with its sweep's controls
// locked; pgx.ErrNoRows when there is none.
func pick(ctx context.Context, tx pgx.Tx, host string) (bench.CellID, error) {
	var id bench.CellID
	err := tx.QueryRow(ctx, `SELECT id FROM cells WHERE host = $1 AND state = 'running' ORDER BY sweep_id, seq LIMIT 1`, host).Scan(&id)
	if err == nil || !errors.Is(err, pgx.ErrNoRows) {
		return id, err
	}
	var closed bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM lanes WHERE host = $1 AND state <> 'open')`, host).Scan(&closed); err != nil {
		return "", err
	}
	if closed {
		return "", pgx.ErrNoRows
	}
	for {
		var sweep bench.SweepID
		if err := tx.QueryRow(ctx, nextSweepSQL, host).Scan(&sweep); err != nil {
			return "", err
		}
		if _, err := tx.Exec(ctx, lockSweepShared, sweep); err != nil {
			return "", err
		}
		// It may have been paused, or its cells taken off, before it was locked.
		err := tx.QueryRow(ctx, `SELECT c.id FROM cells c JOIN sweeps s ON s.id = c.sweep_id
			WHERE c.sweep_id = $1 AND c.host = $2 AND c.state = 'queued' AND s.pause IS NULL AND NOT s.cancel_requested
			ORDER BY c.turns_done, (CASE WHEN c.turns_done % 2 = 0 THEN c.seq ELSE -c.seq END) LIMIT 1`, sweep, host).Scan(&id)
		if err == nil || !errors.Is(err, pgx.ErrNoRows) {
			return id, err
		}
	}
}

// nextSweepSQL is fair by time, not by turns: who has cells of eight hours waits
// until the others had as long. What an owner had before another one came does
// not count, so that nobody waits for days, nor do differences of less than a
// minute. A sweep came when it was launched, or when work of it came back here
// later. One owner alone is not reckoned up, and neither is a turn without an
// end: no cell runs here, so nobody knows how long it had the host.
const nextSweepSQL = `WITH waiting AS (
		SELECT s.id, s.owner, greatest(s.created_at, (SELECT max(e.at) FROM control_events e WHERE e.sweep_id = s.id
				AND e.what IN ('resume', 'retry', 'remeasure', 'extend') AND e.answer->'hosts' ? $1)) AS came
			FROM sweeps s WHERE s.pause IS NULL AND NOT s.cancel_requested
			AND EXISTS (SELECT FROM cells c WHERE c.sweep_id = s.id AND c.host = $1 AND c.state = 'queued')
	), since AS (
		SELECT greatest(max(came), clock_timestamp() - interval '1 day') AS at, count(*) AS owners
		FROM (SELECT min(came) AS came FROM waiting GROUP BY owner) o
	), had AS (
		SELECT s.owner, floor(sum(extract(epoch FROM t.ended_at - greatest(t.began_at, since.at))) / 60) AS minutes
		FROM turns t JOIN sweeps s ON s.id = t.sweep_id, since
		WHERE t.host = $1 AND (SELECT owners FROM since) > 1 AND t.ended_at > since.at GROUP BY s.owner
	), last AS (
		SELECT s.id, s.owner, (SELECT max(t.sequence) FROM turns t WHERE t.sweep_id = s.id AND t.host = $1) AS turn FROM sweeps s
	), owners AS (SELECT owner, max(turn) AS turn FROM last GROUP BY owner)
	SELECT s.id FROM sweeps s JOIN waiting ON waiting.id = s.id JOIN last ON last.id = s.id JOIN owners ON owners.owner = s.owner
		LEFT JOIN had ON had.owner = s.owner
	ORDER BY s.priority, coalesce(had.minutes, 0), owners.turn NULLS FIRST, last.turn NULLS FIRST, s.created_at, s.id LIMIT 1`

// beginTurn gives the lane to a cell. A turn that a lost lane left open ended
// when something of it was last stored: the host may have been away since.
func beginTurn(ctx context.Context, tx pgx.Tx, id bench.CellID, lane string, claim int64) error {
	batch := &pgx.Batch{}
	batch.Queue(`UPDATE turns t SET state = 'queued', ended_at = greatest(t.began_at,
			(SELECT max(coalesce(g.finished_at, g.started_at)) FROM stages g WHERE g.cell_id = t.cell_id AND g.attempt = t.attempt),
			(SELECT max(b.begun_at) FROM calls_begun b WHERE b.cell_id = t.cell_id AND b.begun_at >= t.began_at))
		WHERE t.ended_at IS NULL AND t.host = (SELECT host FROM cells WHERE id = $1)`, id)
	batch.Queue(`UPDATE cells SET state = 'running', claimed_by = $2, claim_no = $3, attempt = attempt + 1,
		started_at = coalesce(started_at, now()), finished_at = NULL, reason = '', stop = '' WHERE id = $1`, id, lane, claim)
	batch.Queue(`INSERT INTO turns (host, sweep_id, cell_id, attempt, began_at)
		SELECT host, sweep_id, id, attempt, clock_timestamp() FROM cells WHERE id = $1`, id)
	return tx.SendBatch(ctx, batch).Close()
}

// Turns lists what a host was given to, in order; an empty host lists all.
func (s *Store) Turns(ctx context.Context, host string) ([]bench.Turn, error) {
	doing := "list turns of host " + host
	rows, err := s.pool.Query(ctx, `SELECT host, sweep_id, cell_id, attempt, began_at, ended_at, state, sequence
		FROM turns WHERE $1 = '' OR host = $1 ORDER BY sequence`, host)
	if err != nil {
		return nil, wrap(doing, err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[bench.Turn])
	if err != nil {
		return nil, wrap(doing, fmt.Errorf("read rows: %w", err))
	}
	return out, nil
}

// LaneState tells whether a host takes cells.
func (s *Store) LaneState(ctx context.Context, host string) (bench.LaneState, error) {
	var state bench.LaneState
	err := s.pool.QueryRow(ctx, `SELECT coalesce((SELECT state FROM lanes WHERE host = $1), 'open')`, host).Scan(&state)
	return state, wrap("read state of lane of host "+host, err)
}

// BusyHosts lists the hosts of a sweep's unfinished cells that measure at this
// moment, a cell of this sweep or of another. A turn that nobody closed though
// its cell has ended keeps no host busy.
func (s *Store) BusyHosts(ctx context.Context, sweep bench.SweepID) ([]string, error) {
	doing := "list busy hosts of sweep " + string(sweep)
	rows, err := s.pool.Query(ctx, `SELECT DISTINCT t.host FROM turns t
		JOIN cells k ON k.id = t.cell_id AND k.attempt = t.attempt AND k.state = 'running' WHERE t.ended_at IS NULL
		AND EXISTS (SELECT FROM cells c WHERE c.sweep_id = $1 AND c.host = t.host AND c.state IN ('queued', 'running'))
		ORDER BY t.host`, sweep)
	if err != nil {
		return nil, wrap(doing, err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return out, wrap(doing, err)
}
