package lab

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Call is when a call ran and how it ended.
type Call struct {
	Started  time.Time
	Latency  time.Duration
	Answered bool
}

// Ended is the call's end by its own figures.
func (c Call) Ended() time.Time { return c.Started.Add(c.Latency) }

// Calls reads the calls of a sweep that count.
func (l *Lab) Calls(ctx context.Context, sweep string) ([]Call, error) {
	rows, err := l.DB.Query(ctx, `SELECT k.started_at, k.latency_ns, k.outcome IN ('ok', 'output_capped') FROM calls k
		JOIN cells c ON c.id = k.cell_id AND c.epoch = k.epoch WHERE c.sweep_id = $1`, sweep)
	if err != nil {
		return nil, fmt.Errorf("read how the calls of sweep %s ended: %w", sweep, err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Call])
}

// Window is what a channel showed over one segment of a run.
type Window struct {
	Cell    string
	Run, No int
	Channel string
	Started time.Time
	Length  time.Duration
	EnergyJ *float64
	Missing string
	Flags   []string
	Calls   int
	Failed  time.Duration // what calls without an answer took of it
}

// Ended is the window's end.
func (w Window) Ended() time.Time { return w.Started.Add(w.Length) }

// String names the segment.
func (w Window) String() string {
	return fmt.Sprintf("segment %d of run %d of cell %s", w.No, w.Run, w.Cell)
}

// Windows reads the inference windows of a sweep that count.
func (l *Lab) Windows(ctx context.Context, sweep string) ([]Window, error) {
	rows, err := l.DB.Query(ctx, `SELECT p.cell_id, p.run, p.no, p.channel, p.started_at, p.window_ns, p.energy_j, p.missing, p.flags,
		k.n, k.failed FROM phase_readings p CROSS JOIN LATERAL (SELECT count(*) AS n,
			coalesce(sum(latency_ns) FILTER (WHERE outcome NOT IN ('ok', 'output_capped')), 0)::bigint AS failed
			FROM calls WHERE cell_id = p.cell_id AND epoch = p.epoch AND run = p.run AND segment = p.no) k JOIN cells c ON c.id = p.cell_id AND c.epoch = p.epoch
		WHERE c.sweep_id = $1 AND p.phase = 'inference' ORDER BY p.started_at, p.channel`, sweep)
	if err != nil {
		return nil, fmt.Errorf("read the windows of sweep %s: %w", sweep, err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Window])
}

// Fallen counts the cells of a sweep that were loaded on another rung than the
// first: a fault must not decide how a model is loaded.
func (l *Lab) Fallen(ctx context.Context, sweep string) (n int, err error) {
	err = l.DB.QueryRow(ctx, `SELECT count(DISTINCT a.cell_id) FROM load_attempts a JOIN cells c ON c.id = a.cell_id
		WHERE c.sweep_id = $1 AND a.rung > (SELECT min(f.rung) FROM load_attempts f WHERE f.cell_id = a.cell_id)`, sweep).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("read the rungs of sweep %s: %w", sweep, err)
	}
	return n, nil
}

// texts reads one column of texts.
func (l *Lab) texts(ctx context.Context, sql string, args ...any) ([]string, error) {
	rows, err := l.DB.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read a list: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
