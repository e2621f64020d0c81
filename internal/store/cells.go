package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// Cell is a stored cell with where it stands.
type Cell struct {
	bench.Cell
	Items      int
	State      bench.State
	Reason     string
	Stage      bench.Stage
	Epoch      int
	Attempt    int
	StartedAt  *time.Time
	FinishedAt *time.Time
	PromptHash string
	// CallsDone counts the calls of the epoch.
	CallsDone int
	// TurnsDone counts the turns that a cell of an alternated sweep has had.
	TurnsDone int
	// Stopping is the state in which a running cell was asked to end; empty
	// when it was not.
	Stopping bench.State
	// Spent is the time that was worked on the cell in its closed turns, without
	// the pauses between them.
	Spent time.Duration
}

const cellColumns = `c.id, c.sweep_id, c.seq, c.host, c.runtime, c.model, c.task, c.dataset, c.language,
	c.load_pattern, c.config, c.items, c.state, c.reason, c.stage, c.epoch, c.attempt, c.started_at, c.finished_at,
	c.prompt_hash, CASE WHEN c.state = 'running'
		THEN (SELECT count(*) FROM calls k WHERE k.cell_id = c.id AND k.epoch = c.epoch) ELSE c.calls_done END,
	c.turns_done, c.stop, c.overhead_ns + c.pull_ns + c.infer_ns`

func scanCell(row pgx.CollectableRow) (Cell, error) {
	var c Cell
	err := row.Scan(&c.ID, &c.Sweep, &c.Seq, &c.At.Host, &c.At.Runtime, &c.At.Model, &c.At.Task, &c.At.Dataset,
		&c.At.Language, &c.At.Load, &c.Config, &c.Items, &c.State, &c.Reason, &c.Stage, &c.Epoch, &c.Attempt,
		&c.StartedAt, &c.FinishedAt, &c.PromptHash, &c.CallsDone, &c.TurnsDone, &c.Stopping, &c.Spent)
	return c, err
}

// GetCell reads one cell; ErrNotFound when there is none.
func (s *Store) GetCell(ctx context.Context, id bench.CellID) (Cell, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+cellColumns+` FROM cells c WHERE c.id = $1`, id)
	if err != nil {
		return Cell{}, wrap("read cell "+string(id), err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, scanCell)
	return c, wrap("read cell "+string(id), err)
}

// Cells lists a sweep's cells in planned order.
func (s *Store) Cells(ctx context.Context, sweep bench.SweepID) ([]Cell, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+cellColumns+` FROM cells c WHERE c.sweep_id = $1 ORDER BY c.seq`, sweep)
	if err != nil {
		return nil, wrap("list cells of sweep "+string(sweep), err)
	}
	out, err := pgx.CollectRows(rows, scanCell)
	return out, wrap("list cells of sweep "+string(sweep), err)
}

// RequeueFailed puts a sweep's failed and cancelled cells back on the plan and
// lifts a cancellation; it returns how many. It refuses while a cell of a
// cancelled sweep is still being stopped: the stop would be lost, or would stop
// what is put back.
func (s *Store) RequeueFailed(ctx context.Context, sweep bench.SweepID) (int, error) {
	n := 0
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var stopping bool
		err := tx.QueryRow(ctx, `SELECT cancel_requested AND EXISTS
			(SELECT FROM cells c WHERE c.sweep_id = s.id AND c.state = 'running') FROM sweeps s WHERE s.id = $1 FOR UPDATE`,
			sweep).Scan(&stopping)
		if err != nil {
			return err
		}
		if stopping {
			return fault.New(fault.Invalid, "", "wait until the running cell has ended, then retry",
				"sweep %s is being cancelled", sweep)
		}
		if _, err := tx.Exec(ctx, `UPDATE sweeps SET cancel_requested = false WHERE id = $1`, sweep); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `UPDATE cells SET state = 'queued', claimed_by = '', reason = '', finished_at = NULL
			WHERE sweep_id = $1 AND state IN ('failed', 'cancelled')`, sweep)
		n = int(tag.RowsAffected())
		return err
	})
	return n, wrap("put failed cells of sweep "+string(sweep)+" back", err)
}

// RestartEpoch starts a cell's runs afresh under a new configuration: earlier
// calls stay and no longer count. from is the epoch the caller saw, so that a
// retry raises it once.
func (s *Store) RestartEpoch(ctx context.Context, id bench.CellID, from int) (int, error) {
	var epoch int
	err := s.pool.QueryRow(ctx, `UPDATE cells SET epoch = greatest(epoch, $2 + 1),
		calls_done = CASE WHEN epoch > $2 THEN calls_done ELSE 0 END,
		turns_closed = CASE WHEN epoch > $2 THEN turns_closed ELSE 0 END,
		overhead_ns = CASE WHEN epoch > $2 THEN overhead_ns ELSE 0 END,
		infer_ns = CASE WHEN epoch > $2 THEN infer_ns ELSE 0 END WHERE id = $1 RETURNING epoch`,
		id, from).Scan(&epoch)
	return epoch, wrap("start runs of cell "+string(id)+" afresh", err)
}

// EpochRung gives the rung on which the calls of a cell's epoch were measured,
// 0 when it has none, and the rung on which its ladder goes on: the same, else
// that of the epoch's newest load that succeeded, else 1.
func (s *Store) EpochRung(ctx context.Context, id bench.CellID, epoch int) (measured, next int, err error) {
	var calls bool
	var called, loaded *int
	err = s.pool.QueryRow(ctx, `SELECT
		EXISTS (SELECT FROM calls k WHERE k.cell_id = $1 AND k.epoch = $2),
		(SELECT a.rung FROM segments s JOIN load_attempts a ON a.cell_id = s.cell_id AND a.token = s.load_token
			WHERE s.cell_id = $1 AND s.epoch = $2 AND a.token <> '' AND EXISTS (SELECT FROM calls k
				WHERE k.cell_id = s.cell_id AND k.epoch = s.epoch AND k.run = s.run AND k.segment = s.no)
			ORDER BY s.started_at DESC, a.started_at DESC LIMIT 1),
		(SELECT a.rung FROM load_attempts a WHERE a.cell_id = $1 AND a.epoch = $2 AND a.outcome = 'loaded'
			ORDER BY a.started_at DESC LIMIT 1)`, id, epoch).Scan(&calls, &called, &loaded)
	if err != nil {
		return 0, 0, wrap("read rung of cell "+string(id), err)
	}
	next = 1
	if loaded != nil {
		next = *loaded
	}
	if !calls {
		return 0, next, nil
	}
	if called != nil {
		next = *called
	}
	return next, next, nil
}

// SetPromptHash records which prompt template a cell uses. Calls that were
// asked in another way keep theirs: then it is fault.CodePromptChanged.
func (s *Store) SetPromptHash(ctx context.Context, id bench.CellID, hash string) error {
	doing := "record prompt of cell " + string(id)
	tag, err := s.pool.Exec(ctx, `UPDATE cells c SET prompt_hash = $2 WHERE id = $1 AND (prompt_hash IN ('', $2)
		OR NOT EXISTS (SELECT FROM calls k WHERE k.cell_id = c.id AND k.epoch = c.epoch))`, id, hash)
	if err != nil || tag.RowsAffected() == 1 {
		return wrap(doing, err)
	}
	if _, err := s.GetCell(ctx, id); err != nil {
		return err
	}
	return fault.New(fault.Corrupt, fault.CodePromptChanged,
		"go on with the wattsweep that measured it, or measure the cell anew in a sweep of another name",
		"%s: its calls were asked with another prompt than this build's", doing)
}

// StageRow is one durable step of a cell as it ran.
type StageRow struct {
	Cell       bench.CellID
	Attempt    int
	Stage      bench.Stage
	No         int
	State      string // running, done, failed
	Detail     string
	StartedAt  time.Time
	FinishedAt *time.Time
}

// BeginStage records that a stage started; a retry keeps the first start.
func (s *Store) BeginStage(ctx context.Context, cell bench.CellID, attempt int, stage bench.Stage, no int) error {
	batch := &pgx.Batch{}
	batch.Queue(`INSERT INTO stages (cell_id, attempt, stage, no, state) VALUES ($1,$2,$3,$4,'running')
		ON CONFLICT (cell_id, attempt, stage, no) DO UPDATE SET state = 'running', finished_at = NULL`, cell, attempt, stage, no)
	batch.Queue(`UPDATE cells SET stage = $2 WHERE id = $1`, cell, stage)
	return wrap("begin stage "+string(stage), s.pool.SendBatch(ctx, batch).Close())
}

// EndStage records how a stage ended. A failure that counts is one of the
// stage's own; it returns how many of those there were so far.
func (s *Store) EndStage(ctx context.Context, row StageRow, counts bool) (failures int, err error) {
	rows, err := s.pool.Query(ctx, `UPDATE stages SET state = $5, detail = $6, finished_at = now(),
		failures = failures + CASE WHEN $7 THEN 1 ELSE 0 END
		WHERE cell_id = $1 AND attempt = $2 AND stage = $3 AND no = $4 RETURNING failures`,
		row.Cell, row.Attempt, row.Stage, row.No, row.State, clean(row.Detail), counts)
	if err != nil {
		return 0, wrap("end stage "+string(row.Stage), err)
	}
	failures, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[int])
	return failures, wrap("end stage "+string(row.Stage), err)
}

// Stages lists a cell's steps in the order they started.
func (s *Store) Stages(ctx context.Context, cell bench.CellID) ([]StageRow, error) {
	rows, err := s.pool.Query(ctx, `SELECT cell_id, attempt, stage, no, state, detail, started_at, finished_at
		FROM stages WHERE cell_id = $1 ORDER BY started_at, stage, no`, cell)
	if err != nil {
		return nil, wrap("list stages of cell "+string(cell), err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[StageRow])
	return out, wrap("list stages of cell "+string(cell), err)
}
