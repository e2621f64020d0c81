package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Sweep is a stored sweep with counts of its cells by state.
type Sweep struct {
	ID         bench.SweepID
	Name       string
	SpecYAML   string
	Seed       int64
	State      bench.State
	Cancel     bool
	CreatedAt  time.Time
	FinishedAt *time.Time
	Counts     map[bench.State]int
	Owner      string       // who launched it
	Priority   int          // bench.PriorityFirst to bench.PriorityLast
	Pause      *bench.Pause // nil while it goes on
	Order      string       // how its cells were put in order
	Targets    []string     // rules that its results are judged by
}

// Total is the number of cells.
func (s Sweep) Total() int {
	n := 0
	for _, c := range s.Counts {
		n += c
	}
	return n
}

// Finished is the number of cells in a final state.
func (s Sweep) Finished() int {
	n := 0
	for state, c := range s.Counts {
		if state.Final() {
			n += c
		}
	}
	return n
}

// PutPlan stores a sweep and its cells in one transaction. The same plan again
// changes nothing but the targets, which are replaced; created reports whether
// the sweep is new. items gives the number of journals of a cell.
func (s *Store) PutPlan(ctx context.Context, plan bench.Plan, items func(bench.Cell) int) (created bool, err error) {
	return s.PutOwnedPlan(ctx, "", plan, items)
}

// PutOwnedPlan is PutPlan with who launches it: hosts are shared fairly
// between owners. The owner of a sweep that is stored already stays.
func (s *Store) PutOwnedPlan(ctx context.Context, owner string, plan bench.Plan, items func(bench.Cell) int) (created bool, err error) {
	order, priority := cmp.Or(plan.Order, "planned"), cmp.Or(plan.Priority, bench.PriorityDefault)
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `INSERT INTO sweeps (id, name, spec_yaml, seed, owner, priority, plan_order, targets)
			VALUES ($1,$2,$3,$4,$5,$6,$7,$8)
			ON CONFLICT (id) DO UPDATE SET targets = excluded.targets RETURNING xmax = 0`,
			plan.Sweep, plan.Name, clean(plan.SpecYAML), plan.Seed, clean(owner), priority, order, orEmpty(plan.Targets)).Scan(&created)
		if err != nil {
			return err
		}
		return putCells(ctx, tx, plan.Cells, items)
	})
	return created, wrap("store sweep "+string(plan.Sweep), err)
}

// putCells stores cells of a sweep that are not there yet.
func putCells(ctx context.Context, tx pgx.Tx, cells []bench.Cell, items func(bench.Cell) int) error {
	batch := &pgx.Batch{}
	for _, c := range cells {
		cfg, err := json.Marshal(c.Config)
		if err != nil {
			return fmt.Errorf("encode cell %s: %w", c.ID, err)
		}
		batch.Queue(`INSERT INTO cells (id, sweep_id, seq, host, runtime, model, task, dataset, dataset_hash,
			language, load_pattern, config, items, runs) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)
			ON CONFLICT (id) DO NOTHING`,
			c.ID, c.Sweep, c.Seq, c.At.Host, c.At.Runtime, c.At.Model, c.At.Task, c.At.Dataset,
			c.Config.Dataset.Hash, c.At.Language, c.At.Load, cfg, items(c), c.Config.Runs)
	}
	return tx.SendBatch(ctx, batch).Close()
}

// sweepFields are what scanSweep reads, with how the cells are counted.
func sweepFields(counts string) string {
	return `s.id, s.name, s.spec_yaml, s.seed, s.state, s.cancel_requested, s.created_at, s.finished_at, ` + counts +
		`, s.owner, s.priority, s.pause, s.plan_order, s.targets`
}

const countedByState = `(SELECT coalesce(jsonb_object_agg(state, n), '{}') FROM
	(SELECT state, count(*) AS n FROM cells WHERE sweep_id = s.id GROUP BY state) AS by_state)`

func scanSweep(row pgx.CollectableRow) (Sweep, error) {
	var sw Sweep
	err := row.Scan(&sw.ID, &sw.Name, &sw.SpecYAML, &sw.Seed, &sw.State, &sw.Cancel, &sw.CreatedAt, &sw.FinishedAt, &sw.Counts,
		&sw.Owner, &sw.Priority, &sw.Pause, &sw.Order, &sw.Targets)
	return sw, err
}

// GetSweep reads one sweep; ErrNotFound when there is none.
func (s *Store) GetSweep(ctx context.Context, id bench.SweepID) (Sweep, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+sweepFields(countedByState)+` FROM sweeps s WHERE s.id = $1`, id)
	if err != nil {
		return Sweep{}, wrap("read sweep "+string(id), err)
	}
	sw, err := pgx.CollectExactlyOneRow(rows, scanSweep)
	return sw, wrap("read sweep "+string(id), err)
}

// FindSweeps lists sweeps whose id starts with, or whose name equals, key;
// newest first. An empty key lists all.
func (s *Store) FindSweeps(ctx context.Context, key string) ([]Sweep, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+sweepFields(countedByState)+` FROM sweeps s
		WHERE $1 = '' OR starts_with(s.id, $1) OR s.name = $1 ORDER BY s.created_at DESC, s.id`, key)
	if err != nil {
		return nil, wrap("list sweeps", err)
	}
	out, err := pgx.CollectRows(rows, scanSweep)
	return out, wrap("list sweeps", err)
}

// SetSweepState moves a sweep to a state; a final state stamps its end once.
func (s *Store) SetSweepState(ctx context.Context, id bench.SweepID, state bench.State) error {
	_, err := s.pool.Exec(ctx, `UPDATE sweeps SET state = $2,
		finished_at = CASE WHEN $3 THEN coalesce(finished_at, now()) END WHERE id = $1`, id, state, state.Final())
	return wrap("set state of sweep "+string(id), err)
}

// RequestCancel marks a sweep as cancelled and takes its queued cells off the
// plan. Running cells are stopped by their lanes.
func (s *Store) RequestCancel(ctx context.Context, id bench.SweepID) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE sweeps SET cancel_requested = true WHERE id = $1`, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE cells SET state = 'cancelled', reason = 'sweep cancelled', finished_at = now()
			WHERE sweep_id = $1 AND state = 'queued'`, id)
		return err
	})
	return wrap("cancel sweep "+string(id), err)
}

// CellCounts is how far a sweep is, in figures that stay cheap to read with
// ten thousand cells.
type CellCounts struct {
	Sweep        bench.SweepID
	State        bench.State // of the sweep
	Cancel       bool
	Pause        *bench.Pause
	ByState      map[bench.State]int
	ByHost       map[string]int // unfinished cells; a host without any has 0
	Running      map[string]int // cells that run now, by host
	Total, Final int
}

// CountCells reads how far a sweep is, in one query that reads each cell once;
// ErrNotFound when there is no such sweep.
func (s *Store) CountCells(ctx context.Context, id bench.SweepID) (CellCounts, error) {
	doing := "count cells of sweep " + string(id)
	out := CellCounts{Sweep: id, ByState: map[bench.State]int{}, ByHost: map[string]int{}, Running: map[string]int{}}
	rows, err := s.pool.Query(ctx, `SELECT s.state, s.cancel_requested, s.pause, coalesce(c.host, ''), coalesce(c.state, ''), coalesce(c.n, 0)
		FROM sweeps s LEFT JOIN (SELECT host, state, count(*) AS n FROM cells WHERE sweep_id = $1 GROUP BY host, state) c ON true
		WHERE s.id = $1`, id)
	if err != nil {
		return out, wrap(doing, err)
	}
	var host string
	var state bench.State
	var n int
	tag, err := pgx.ForEachRow(rows, []any{&out.State, &out.Cancel, &out.Pause, &host, &state, &n}, func() error {
		if n == 0 {
			return nil
		}
		out.ByState[state] += n
		out.Total += n
		switch {
		case state.Final():
			out.Final += n
			out.ByHost[host] += 0
		default:
			out.ByHost[host] += n
		}
		if state == bench.StateRunning {
			out.Running[host] += n
		}
		return nil
	})
	if err == nil && tag.RowsAffected() == 0 {
		err = pgx.ErrNoRows
	}
	return out, wrap(doing, err)
}

// SweepHosts counts a sweep's unfinished cells by host.
func (s *Store) SweepHosts(ctx context.Context, id bench.SweepID) (map[string]int, error) {
	rows, err := s.pool.Query(ctx, `SELECT host, count(*) FILTER (WHERE state IN ('queued','running'))
		FROM cells WHERE sweep_id = $1 GROUP BY host`, id)
	if err != nil {
		return nil, wrap("count cells of sweep "+string(id), err)
	}
	out := map[string]int{}
	var host string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&host, &n}, func() error { out[host] = n; return nil })
	return out, wrap("count cells of sweep "+string(id), err)
}
