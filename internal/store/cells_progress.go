package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// CellGroup sums up the cells of a sweep that have host, model and state in
// common. Paces are of closed turns.
type CellGroup struct {
	Host  string
	Model string
	State bench.State
	Cells int
	// CallsPlanned is what the cells were planned with; CallsDone were made. Of
	// running cells it counts the turns before the present one.
	CallsPlanned, CallsDone int
	// TurnsLeft is how often the cells will be taken up yet.
	TurnsLeft int
	// Inference is the time of CallsTimed calls, Overhead what Turns turns took
	// around their calls; Pull is the longest pull of a model.
	Inference  time.Duration
	CallsTimed int
	Overhead   time.Duration
	Turns      int
	Pull       time.Duration
	// Paces and Overheads tell how much cells differ from each other, in
	// seconds per call and per turn.
	Paces, Overheads Spread
}

// Spread is what a standard deviation is made of.
type Spread struct {
	N               int
	Sum, SumSquares float64
}

// SweepGroups sums up a sweep's cells. It reads each cell once, and nothing
// beside the cells, so that it can be polled.
func (s *Store) SweepGroups(ctx context.Context, id bench.SweepID) ([]CellGroup, error) {
	doing := "sum up cells of sweep " + string(id)
	rows, err := s.pool.Query(ctx, `WITH turn AS (
			SELECT CASE WHEN s.plan_order = 'alternated' THEN (SELECT (config->>'runs_per_turn')::int FROM cells WHERE sweep_id = s.id LIMIT 1) END AS runs
			FROM sweeps s WHERE s.id = $1
		), cell AS (
			SELECT host, model, state, items * runs AS planned, calls_done, turns_closed, pull_ns,
				overhead_ns / 1e9::float8 AS overhead_s, infer_ns / 1e9::float8 AS infer_s,
				CASE WHEN state IN ('queued', 'running') THEN ceil((items * runs - calls_done)::float8
					/ nullif(items * least(runs, coalesce(nullif((SELECT turn.runs FROM turn), 0), runs)), 0)) END AS turns_left,
				calls_done > 0 AND infer_ns > 0 AS timed, calls_done > 0 AND turns_closed > 0 AS turned
			FROM cells WHERE sweep_id = $1
		)
		SELECT host, model, state, count(*), sum(planned), sum(calls_done), coalesce(sum(turns_left), 0)::bigint,
			coalesce(sum(infer_s) FILTER (WHERE timed), 0), coalesce(sum(calls_done) FILTER (WHERE timed), 0),
			coalesce(sum(overhead_s) FILTER (WHERE turned), 0), coalesce(sum(turns_closed) FILTER (WHERE turned), 0),
			coalesce(max(pull_ns), 0),
			count(*) FILTER (WHERE timed), coalesce(sum(infer_s / calls_done) FILTER (WHERE timed), 0),
			coalesce(sum(infer_s / calls_done * infer_s / calls_done) FILTER (WHERE timed), 0),
			count(*) FILTER (WHERE turned), coalesce(sum(overhead_s / turns_closed) FILTER (WHERE turned), 0),
			coalesce(sum(overhead_s / turns_closed * overhead_s / turns_closed) FILTER (WHERE turned), 0)
		FROM cell GROUP BY host, model, state ORDER BY host, model, state`, id)
	if err != nil {
		return nil, wrap(doing, err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (CellGroup, error) {
		var g CellGroup
		var inference, overhead float64
		err := row.Scan(&g.Host, &g.Model, &g.State, &g.Cells, &g.CallsPlanned, &g.CallsDone, &g.TurnsLeft,
			&inference, &g.CallsTimed, &overhead, &g.Turns, &g.Pull, &g.Paces.N, &g.Paces.Sum, &g.Paces.SumSquares,
			&g.Overheads.N, &g.Overheads.Sum, &g.Overheads.SumSquares)
		g.Inference, g.Overhead = time.Duration(inference*float64(time.Second)), time.Duration(overhead*float64(time.Second))
		return g, err
	})
	return out, wrap(doing, err)
}

// RunningCell is a cell that is measured at this moment.
type RunningCell struct {
	ID       bench.CellID
	Sweep    bench.SweepID
	Seq      int
	At       bench.Coordinates
	Stage    bench.Stage
	Stopping bench.State // in which it was asked to end; empty when it was not
	Attempt  int
	Began    time.Time // of the turn
	// CallsPlanned and CallsDone are of the epoch.
	CallsPlanned, CallsDone int
	// Overhead is the time of the turn's stages so far, without pull and
	// calls; Inference is the time of CallsTimed of its calls.
	Overhead, Inference time.Duration
	CallsTimed          int
	// Pulling is for how long the model has been pulled; 0 when it is not
	// being pulled at this moment.
	Pulling time.Duration
	// Windows are the waits that its configuration asks for.
	Windows time.Duration
	// TurnCalls is how many calls make a turn.
	TurnCalls int
}

// RunningCells lists the cells of a sweep that are measured at this moment,
// those of all sweeps where none is named. Calls of closed segments are not
// counted again.
func (s *Store) RunningCells(ctx context.Context, id bench.SweepID) ([]RunningCell, error) {
	const doing = "list running cells"
	rows, err := s.pool.Query(ctx, `SELECT c.id, c.sweep_id, c.seq, c.host, c.runtime, c.model, c.task, c.dataset, c.language, c.load_pattern,
			c.stage, c.stop, c.attempt, coalesce(t.began_at, now()), c.items * c.runs,
			coalesce(shut.calls, 0) + coalesce(live.calls, 0),
			coalesce((SELECT sum(extract(epoch FROM coalesce(g.finished_at, now()) - g.started_at)) FROM stages g
				WHERE g.cell_id = c.id AND g.attempt = c.attempt AND g.stage NOT IN ('infer', 'pull')), 0)::float8,
			coalesce((SELECT max(extract(epoch FROM now() - g.started_at)) FROM stages g
				WHERE g.cell_id = c.id AND g.attempt = c.attempt AND g.stage = 'pull' AND g.finished_at IS NULL), 0)::float8,
			(coalesce(shut.took, 0) + coalesce(live.took, 0))::float8, coalesce(shut.timed, 0) + coalesce(live.calls, 0),
			coalesce((c.config->'phases'->>'baseline_ns')::bigint, 0) + coalesce((c.config->'phases'->>'idle_ns')::bigint, 0)
				+ coalesce((c.config->'phases'->>'cool_down_ns')::bigint, 0),
			c.items * least(c.runs, coalesce(nullif((c.config->>'runs_per_turn')::int, 0), c.runs))
		FROM cells c LEFT JOIN turns t ON t.cell_id = c.id AND t.attempt = c.attempt
		LEFT JOIN LATERAL (SELECT sum(g.calls) AS calls,
				sum(extract(epoch FROM g.ended_at - g.started_at)) FILTER (WHERE `+segmentRanToItsEnd+` AND g.started_at >= t.began_at) AS took,
				sum(g.calls) FILTER (WHERE `+segmentRanToItsEnd+` AND g.started_at >= t.began_at) AS timed
			FROM segments g WHERE g.cell_id = c.id AND g.epoch = c.epoch AND g.ended_at IS NOT NULL) shut ON true
		LEFT JOIN LATERAL (SELECT sum(n) AS calls, sum(took) AS took FROM (
			SELECT count(*) AS n, extract(epoch FROM max(k.started_at + k.latency_ns / 1e9 * interval '1 second') - min(k.started_at)) AS took
			FROM segments g JOIN calls k ON k.cell_id = g.cell_id AND k.epoch = g.epoch AND k.run = g.run AND k.segment = g.no
			WHERE g.cell_id = c.id AND g.epoch = c.epoch AND g.ended_at IS NULL GROUP BY g.run, g.no) open) live ON true
		WHERE c.state = 'running' AND ($1 = '' OR c.sweep_id = $1) ORDER BY c.host, c.seq`, id)
	if err != nil {
		return nil, wrap(doing, err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (RunningCell, error) {
		var r RunningCell
		var overhead, pulling, inference float64
		err := row.Scan(&r.ID, &r.Sweep, &r.Seq, &r.At.Host, &r.At.Runtime, &r.At.Model, &r.At.Task, &r.At.Dataset, &r.At.Language, &r.At.Load,
			&r.Stage, &r.Stopping, &r.Attempt, &r.Began, &r.CallsPlanned, &r.CallsDone, &overhead, &pulling, &inference, &r.CallsTimed, &r.Windows, &r.TurnCalls)
		r.Overhead, r.Inference = time.Duration(overhead*float64(time.Second)), time.Duration(inference*float64(time.Second))
		r.Pulling = time.Duration(pulling * float64(time.Second))
		return r, err
	})
	return out, wrap(doing, err)
}

// CellQuery narrows a list of cells; what is empty narrows nothing.
type CellQuery struct {
	States []bench.State
	Hosts  []string
	// FinishedAfter keeps cells that ended since.
	FinishedAfter time.Time
	// Limit is the most cells to list; 0 lists all.
	Limit int
}

// CellsWhere lists cells of a sweep in planned order, and how many there are
// beyond the limit.
func (s *Store) CellsWhere(ctx context.Context, sweep bench.SweepID, q CellQuery) (list []Cell, more int, err error) {
	doing := "list cells of sweep " + string(sweep)
	states := make([]string, len(q.States))
	for i, state := range q.States {
		states[i] = string(state)
	}
	const where = `c.sweep_id = $1 AND (cardinality($2::text[]) = 0 OR c.state = ANY($2)) AND (cardinality($3::text[]) = 0 OR c.host = ANY($3))
		AND ($4::timestamptz IS NULL OR c.finished_at > $4)`
	var after *time.Time
	if !q.FinishedAfter.IsZero() {
		after = &q.FinishedAfter
	}
	args := []any{sweep, states, orEmpty(q.Hosts), after}
	limit := `NULL`
	if q.Limit > 0 {
		if err := s.pool.QueryRow(ctx, `SELECT count(*) FROM cells c WHERE `+where, args...).Scan(&more); err != nil {
			return nil, 0, wrap(doing, err)
		}
		more, limit = max(0, more-q.Limit), `$5`
		args = append(args, q.Limit)
	}
	rows, err := s.pool.Query(ctx, `SELECT `+cellColumns+` FROM cells c WHERE `+where+` ORDER BY c.seq LIMIT `+limit, args...)
	if err != nil {
		return nil, 0, wrap(doing, err)
	}
	list, err = pgx.CollectRows(rows, scanCell)
	return list, more, wrap(doing, err)
}

// SweepHead reads a sweep without counting its cells; Counts is nil.
func (s *Store) SweepHead(ctx context.Context, id bench.SweepID) (Sweep, error) {
	doing := "read sweep " + string(id)
	rows, err := s.pool.Query(ctx, `SELECT `+sweepFields(`NULL::jsonb`)+` FROM sweeps s WHERE s.id = $1`, id)
	if err != nil {
		return Sweep{}, wrap(doing, err)
	}
	sw, err := pgx.CollectExactlyOneRow(rows, scanSweep)
	return sw, wrap(doing, err)
}

// Now is the time by the database's clock, which stamps what is stored.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	var now time.Time
	err := s.pool.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now)
	return now, wrap("read the database's clock", err)
}
