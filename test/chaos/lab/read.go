package lab

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// At is where a sweep stands.
type At struct {
	Cell    string
	Attempt int
	Stage   bench.Stage
	No      int
	Running bool // the stage
	Queued  int  // cells that are still to come
	State   bench.State
}

const atSQL = `SELECT coalesce(r.id, ''), coalesce(r.attempt, 0), coalesce(r.stage, ''), coalesce(r.no, 0), coalesce(r.state = 'running', false),
	(SELECT count(*) FROM cells q WHERE q.sweep_id = w.id AND q.state = 'queued'), w.state
	FROM sweeps w LEFT JOIN LATERAL (SELECT c.id, c.attempt, s.stage, s.no, s.state FROM cells c
		JOIN stages s ON s.cell_id = c.id AND s.attempt = c.attempt
		WHERE c.sweep_id = w.id AND c.state = 'running' ORDER BY s.started_at DESC LIMIT 1) r ON true
	WHERE w.id = $1`

// Now reads where a sweep stands.
func (l *Lab) Now(ctx context.Context, sweep string) (At, error) {
	var at At
	err := l.DB.QueryRow(ctx, atSQL, sweep).Scan(&at.Cell, &at.Attempt, &at.Stage, &at.No, &at.Running, &at.Queued, &at.State)
	if err != nil {
		return At{}, fmt.Errorf("read where sweep %s stands: %w", sweep, err)
	}
	return at, nil
}

// Stored counts the calls of a sweep that are in the database.
func (l *Lab) Stored(ctx context.Context, sweep string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	n := 0
	err := l.DB.QueryRow(ctx, `SELECT count(*) FROM calls k JOIN cells c ON c.id = k.cell_id WHERE c.sweep_id = $1`, sweep).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count calls of sweep %s: %w", sweep, err)
	}
	return n, nil
}

// Snapshot is the calls of a sweep, by all that must not change.
func (l *Lab) Snapshot(ctx context.Context, sweep string) (map[string]bool, error) {
	rows, err := l.DB.Query(ctx, `SELECT concat_ws('/', k.cell_id, k.epoch, k.run, k.item, k.attempt, k.segment, k.nonce, k.output_hash,
		k.started_at, k.latency_ns) FROM calls k JOIN cells c ON c.id = k.cell_id WHERE c.sweep_id = $1`, sweep)
	if err != nil {
		return nil, fmt.Errorf("read calls of sweep %s: %w", sweep, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read calls of sweep %s: %w", sweep, err)
	}
	out := make(map[string]bool, len(list))
	for _, key := range list {
		out[key] = true
	}
	return out, nil
}

// Tally is what a sweep has at its end.
type Tally struct {
	State            string
	Cells, Done      int
	Expected, Stored int
	Extra, Overlaps  int
}

const tallySQL = `WITH mine AS (SELECT * FROM cells WHERE sweep_id = $1),
	k AS (SELECT k.*, c.epoch AS counts, c.runs AS planned, c.items FROM calls k JOIN mine c ON c.id = k.cell_id),
	spans AS (SELECT k.started_at, max(k.started_at + k.latency_ns / 1000 * interval '1 microsecond')
		OVER (ORDER BY k.started_at, k.start_ns ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM k)
	SELECT (SELECT state FROM sweeps WHERE id = $1), (SELECT count(*) FROM mine), (SELECT count(*) FROM mine WHERE state = 'done'),
	(SELECT coalesce(sum(runs * items), 0) FROM mine),
	(SELECT count(DISTINCT (cell_id, run, item)) FROM k WHERE epoch = counts AND run BETWEEN 1 AND planned AND item BETWEEN 0 AND items - 1),
	(SELECT count(*) - count(DISTINCT (cell_id, epoch, run, item)) FROM k)
		+ (SELECT count(*) - count(DISTINCT nonce) FROM k WHERE nonce <> ''),
	(SELECT count(*) FROM spans WHERE started_at < before - interval '2 milliseconds')`

// Tally counts what a sweep has.
func (l *Lab) Tally(ctx context.Context, sweep string) (Tally, error) {
	var t Tally
	err := l.DB.QueryRow(ctx, tallySQL, sweep).Scan(&t.State, &t.Cells, &t.Done, &t.Expected, &t.Stored, &t.Extra, &t.Overlaps)
	if err != nil {
		return Tally{}, fmt.Errorf("count what sweep %s has: %w", sweep, err)
	}
	return t, nil
}

// Again counts the calls of a sweep that were begun anew in a span of time.
func (l *Lab) Again(ctx context.Context, sweep string, from, to time.Time) (int, error) {
	n := 0
	err := l.DB.QueryRow(ctx, `SELECT count(*) FROM calls_begun b JOIN cells c ON c.id = b.cell_id
		WHERE c.sweep_id = $1 AND b.attempt > 1 AND b.begun_at >= $2 AND b.begun_at < $3`, sweep, from, to).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count what sweep %s measured again: %w", sweep, err)
	}
	return n, nil
}

// Unfinished lists the cells that were closed without being done, and why.
func (l *Lab) Unfinished(ctx context.Context, sweep string) ([]string, error) {
	rows, err := l.DB.Query(ctx, `SELECT 'cell ' || seq || ' ' || state || ': ' || reason FROM cells
		WHERE sweep_id = $1 AND state NOT IN ('done', 'queued', 'running') ORDER BY seq`, sweep)
	if err != nil {
		return nil, fmt.Errorf("read the cells of sweep %s: %w", sweep, err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// Silences counts the windows of a sweep within a span of time in which the PDU
// told less than it should have and says so, and those that show a zero.
func (l *Lab) Silences(ctx context.Context, sweep string, from, to time.Time) (told, zero int, err error) {
	err = l.DB.QueryRow(ctx, `SELECT count(*) FILTER (WHERE p.missing <> '' OR p.missed > 0 OR p.coverage < 1),
		count(*) FILTER (WHERE p.mean = 0 OR p.energy_j = 0)
		FROM phase_readings p JOIN cells c ON c.id = p.cell_id
		WHERE c.sweep_id = $1 AND p.channel LIKE 'pdu%' AND p.started_at < $3
		AND p.started_at + p.window_ns / 1000 * interval '1 microsecond' > $2`, sweep, from, to).Scan(&told, &zero)
	if err != nil {
		return 0, 0, fmt.Errorf("read the PDU's windows of sweep %s: %w", sweep, err)
	}
	return told, zero, nil
}

// Lane reads the state of the host's lane; open when nobody said otherwise.
func (l *Lab) Lane(ctx context.Context) (bench.LaneState, error) {
	var state bench.LaneState
	err := l.DB.QueryRow(ctx, `SELECT state FROM lanes WHERE host = $1`, l.Host).Scan(&state)
	if errors.Is(err, pgx.ErrNoRows) {
		return bench.LaneOpen, nil
	}
	if err != nil {
		return "", fmt.Errorf("read the lane of host %s: %w", l.Host, err)
	}
	return state, nil
}

// Hold keeps others from writing a table, or with readers too from reading it,
// until released: so a stage of a few milliseconds can be struck. A database
// that is killed meanwhile lets go by itself.
func (l *Lab) Hold(ctx context.Context, table string, readers bool) (release func(), err error) {
	conn, err := pgx.Connect(ctx, l.dsn)
	if err != nil {
		return nil, fmt.Errorf("hold table %s: %w", table, err)
	}
	mode := "SHARE"
	if readers {
		mode = "ACCESS EXCLUSIVE"
	}
	release = func() {
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(limit) // the server forgets the lock with the connection
	}
	if _, err = conn.Exec(ctx, "BEGIN; LOCK TABLE "+pgx.Identifier{table}.Sanitize()+" IN "+mode+" MODE"); err != nil {
		release()
		return nil, fmt.Errorf("hold table %s: %w", table, err)
	}
	return release, nil
}

// AwaitCommit returns in the moment in which a call is being stored, or after
// the limit.
func (l *Lab) AwaitCommit(ctx context.Context, limit time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for ctx.Err() == nil {
		busy := false
		err := l.DB.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE state <> 'idle' AND pid <> pg_backend_pid()
			AND (query ILIKE 'INSERT INTO calls%' OR query ILIKE 'commit%' OR wait_event IN ('WALSync', 'WALWrite')))`).Scan(&busy)
		if err == nil && busy {
			return true
		}
	}
	return false
}
