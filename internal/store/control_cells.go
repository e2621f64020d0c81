package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// runningCell is a cell that a lane holds.
type runningCell struct {
	ID      bench.CellID
	Host    string
	Attempt int
	Stop    bench.State
}

// running lists the sweep's running cells, of those that are named where some
// are. Their rows are locked: none of them ends meanwhile.
func (c *control) running(ctx context.Context, named []bench.CellID) ([]runningCell, error) {
	rows, err := c.tx.Query(ctx, `SELECT id, host, attempt, stop FROM cells WHERE sweep_id = $1 AND state = 'running'
		AND (cardinality($2::text[]) = 0 OR id = ANY($2)) ORDER BY id FOR NO KEY UPDATE`, c.Sweep, texts(named))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[runningCell])
}

func texts(ids []bench.CellID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = string(id)
	}
	return out
}

// stop notes the state in which running cells are to end, and asks for it.
func (c *control) stop(ctx context.Context, running []runningCell, state bench.State, reason string) error {
	for _, r := range running {
		c.out.StopCells, c.out.Tries = append(c.out.StopCells, r.ID), append(c.out.Tries, r.Attempt)
		if !slices.Contains(c.out.Hosts, r.Host) {
			c.out.Hosts = append(c.out.Hosts, r.Host)
		}
	}
	slices.Sort(c.out.Hosts)
	c.out.Changed += len(running)
	c.out.StopState, c.out.StopReason = state, clean(reason)
	// A stop that ends the cell outdoes one that gives it back.
	_, err := c.tx.Exec(ctx, `UPDATE cells SET stop = $2 WHERE id = ANY($1) AND (stop IN ('', 'queued') OR $2 <> 'queued')`,
		texts(c.out.StopCells), state)
	return err
}

// wakeAll has the lanes of all hosts with cells left woken; it returns how
// many cells are left.
func (c *control) wakeAll(ctx context.Context) (int, error) {
	rows, err := c.tx.Query(ctx, `SELECT host, count(*) FROM cells WHERE sweep_id = $1 AND state IN ('queued', 'running')
		GROUP BY host ORDER BY host`, c.Sweep)
	if err != nil {
		return 0, err
	}
	var host string
	var n, left int
	_, err = pgx.ForEachRow(rows, []any{&host, &n}, func() error {
		c.out.Hosts = append(c.out.Hosts, host)
		left += n
		return nil
	})
	return left, err
}

// namedCell is a cell as a request found it.
type namedCell struct {
	ID    bench.CellID
	State bench.State
	Stop  bench.State
	// Measured says that its epoch has calls or a published row.
	Measured bool
}

// named reads and locks the cells that the request names, and refuses it when
// the sweep has no such cell.
func (c *control) named(ctx context.Context) ([]namedCell, error) {
	if len(c.Cells) == 0 {
		return nil, c.refuse("name cells by id, number or filter; wattsweep status "+string(c.Sweep)+" lists them", "no cell is named")
	}
	rows, err := c.tx.Query(ctx, `SELECT id, state, stop, EXISTS (SELECT FROM calls k WHERE k.cell_id = c.id AND k.epoch = c.epoch)
			OR EXISTS (SELECT FROM cell_results r WHERE r.cell_id = c.id)
		FROM cells c WHERE sweep_id = $1 AND id = ANY($2) ORDER BY id FOR NO KEY UPDATE`, c.Sweep, texts(c.Cells))
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[namedCell])
	if err != nil {
		return nil, err
	}
	var unknown []bench.CellID
	for _, id := range c.Cells {
		if !slices.ContainsFunc(found, func(f namedCell) bool { return f.ID == id }) {
			unknown = append(unknown, id)
		}
	}
	if len(unknown) > 0 {
		return nil, c.refuse("wattsweep status "+string(c.Sweep)+" lists its cells", "it has no cell %s", some(unknown))
	}
	return found, nil
}

// sorted splits cells by a condition.
func sorted(list []namedCell, take func(namedCell) bool) (taken, left []namedCell) {
	for _, c := range list {
		if take(c) {
			taken = append(taken, c)
		} else {
			left = append(left, c)
		}
	}
	return taken, left
}

func idsOf(list []namedCell) []bench.CellID {
	out := make([]bench.CellID, len(list))
	for i, c := range list {
		out[i] = c.ID
	}
	return out
}

// asTheyAre names the cells that a request left, each state with its own.
func asTheyAre(left []namedCell) string {
	by := map[bench.State][]bench.CellID{}
	for _, c := range left {
		by[c.State] = append(by[c.State], c.ID)
	}
	var parts []string
	for state, ids := range by {
		parts = append(parts, fmt.Sprintf("%s: %s", state, some(ids)))
	}
	slices.Sort(parts)
	if len(parts) == 0 {
		return ""
	}
	return "; left as they are: " + strings.Join(parts, "; ")
}

func (c *control) doSkip(ctx context.Context) error {
	found, err := c.named(ctx)
	if err != nil {
		return err
	}
	queued, rest := sorted(found, func(n namedCell) bool { return n.State == bench.StateQueued })
	run, left := sorted(rest, func(n namedCell) bool { return n.State == bench.StateRunning })
	why := c.because("skipped")
	_, err = c.tx.Exec(ctx, `UPDATE cells SET state = 'skipped', reason = $2, finished_at = now() WHERE id = ANY($1)`,
		texts(idsOf(queued)), clean(why))
	if err != nil {
		return err
	}
	c.out.Changed = len(queued)
	text := cells(len(queued), "is", "are") + " taken off the plan"
	if len(run) > 0 {
		running, err := c.running(ctx, idsOf(run))
		if err != nil {
			return err
		}
		if err := c.stop(ctx, running, bench.StateSkipped, why); err != nil {
			return err
		}
		text += ", " + cells(len(running), "stops", "stop") + " after the present call"
	}
	c.out.Text = text + asTheyAre(left)
	return nil
}

// notStopping refuses while a running cell is being stopped for good: the stop
// would be lost, or would stop what is put back.
func (c *control) notStopping(ctx context.Context) error {
	running, err := c.running(ctx, nil)
	if err != nil {
		return err
	}
	if c.cancelled && len(running) > 0 {
		return c.refuse("wait until the running cell has ended, then "+string(c.What), "it is being cancelled")
	}
	return nil
}

// putBack puts cells on the plan again, lifts a cancellation, and lets a sweep
// that has ended go on. set is added to what changes.
func (c *control) putBack(ctx context.Context, ids []bench.CellID, set string) error {
	_, err := c.tx.Exec(ctx, `UPDATE cells SET state = 'queued', claimed_by = '', reason = '', stop = '', stage = '', finished_at = NULL`+set+`
		WHERE id = ANY($1)`, texts(ids))
	if err != nil {
		return err
	}
	c.out.Changed = len(ids)
	return c.goOn(ctx)
}

// goOn lifts a cancellation and an end, and has the lanes woken.
func (c *control) goOn(ctx context.Context) error {
	if _, err := c.tx.Exec(ctx, `UPDATE sweeps SET cancel_requested = false, finished_at = NULL,
		state = CASE WHEN state IN ('queued', 'running') THEN state ELSE 'running' END WHERE id = $1`, c.Sweep); err != nil {
		return err
	}
	_, err := c.wakeAll(ctx)
	return err
}

// whilePaused adds that a sweep with new work is paused.
func (c *control) whilePaused(text string) string {
	if c.pause != nil && c.out.Changed > 0 {
		text += "; the sweep is paused: wattsweep resume " + string(c.Sweep) + " lets it go on"
	}
	return text
}

func (c *control) doRetry(ctx context.Context) error {
	if err := c.notStopping(ctx); err != nil {
		return err
	}
	if len(c.Cells) == 0 {
		return c.retryAll(ctx)
	}
	found, err := c.named(ctx)
	if err != nil {
		return err
	}
	again, left := sorted(found, func(n namedCell) bool { return n.State.Final() && n.State != bench.StateDone })
	if len(again) > 0 {
		err = c.putBack(ctx, idsOf(again), "")
	}
	c.out.Text = c.whilePaused(cells(len(again), "is", "are") + " back on the plan" + asTheyAre(left))
	if slices.ContainsFunc(left, func(n namedCell) bool { return n.State == bench.StateDone }) {
		c.out.Text += " (wattsweep remeasure measures a done cell anew)"
	}
	return err
}

func (c *control) retryAll(ctx context.Context) error {
	rows, err := c.tx.Query(ctx, `SELECT id FROM cells WHERE sweep_id = $1 AND state IN ('failed', 'cancelled') ORDER BY seq`, c.Sweep)
	if err != nil {
		return err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[bench.CellID])
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		err = c.putBack(ctx, ids, "")
		c.out.Text = c.whilePaused(cells(len(ids), "is", "are") + " back on the plan of sweep " + string(c.Sweep))
		return err
	}
	left, err := c.wakeAll(ctx)
	if err != nil {
		return err
	}
	c.out.Text = fmt.Sprintf("sweep %s has no failed or cancelled cell", c.Sweep)
	// An earlier request may have come just as the sweep's workflow ended.
	if left > 0 && (c.state.Final() || c.cancelled) {
		c.out.Changed = left
		c.out.Text = fmt.Sprintf("sweep %s goes on: %s on the plan", c.Sweep, cells(left, "is", "are"))
		c.out.Hosts = nil
		return c.goOn(ctx)
	}
	return nil
}

func (c *control) doRemeasure(ctx context.Context) error {
	if err := c.notStopping(ctx); err != nil {
		return err
	}
	found, err := c.named(ctx)
	if err != nil {
		return err
	}
	if run, _ := sorted(found, func(n namedCell) bool { return n.State == bench.StateRunning }); len(run) > 0 {
		return c.refuse("wait until it has ended, or wattsweep pause "+string(c.Sweep)+" --now first",
			"%s measured at this moment: %s", cells(len(run), "is", "are"), some(idsOf(run)))
	}
	again, left := sorted(found, func(n namedCell) bool { return n.State.Final() || n.Measured })
	if len(again) > 0 {
		if err := c.supersede(ctx, idsOf(again)); err != nil {
			return err
		}
	}
	c.out.Text = c.whilePaused(cells(len(again), "is", "are") + " measured anew; what was measured before is kept and counts no more" + asTheyAre(left))
	return nil
}

// supersede takes published rows away and starts epochs in which nothing was
// measured yet.
func (c *control) supersede(ctx context.Context, ids []bench.CellID) error {
	if _, err := c.tx.Exec(ctx, `INSERT INTO superseded_results (cell_id, epoch, result, published_at)
		SELECT cell_id, epoch, result, published_at FROM cell_results WHERE cell_id = ANY($1)
		ON CONFLICT (cell_id, epoch) DO UPDATE SET result = excluded.result, published_at = excluded.published_at`, texts(ids)); err != nil {
		return err
	}
	if _, err := c.tx.Exec(ctx, `DELETE FROM cell_results WHERE cell_id = ANY($1)`, texts(ids)); err != nil {
		return err
	}
	return c.putBack(ctx, ids, `, epoch = epoch + 1, started_at = NULL, turns_done = 0, calls_done = 0, turns_closed = 0, overhead_ns = 0, pull_ns = 0, infer_ns = 0`)
}

func (c *control) doExtend(ctx context.Context) error {
	if err := c.notStopping(ctx); err != nil {
		return err
	}
	n, err := applyExtension(ctx, c.tx, c.Sweep, c.Extension)
	if err != nil {
		return err
	}
	if c.out.Changed = n; n == 0 {
		c.out.Text = fmt.Sprintf("sweep %s holds all cells of the extension already", c.Sweep)
		return nil
	}
	err = c.goOn(ctx)
	c.out.Text = c.whilePaused(fmt.Sprintf("%s added to sweep %s", cells(n, "is", "are"), c.Sweep))
	return err
}
