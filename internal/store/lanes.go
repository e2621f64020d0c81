package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// SetLane makes the state of a host's lane durable, for hosts that have none
// yet too, and gives how it stands. The state that it has already keeps its
// reason and since when, unless another reason is given.
func (s *Store) SetLane(ctx context.Context, host string, state bench.LaneState, by, reason string) (bench.Lane, error) {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// A claim that is under way is seen through first.
		if err := lockLane(ctx, tx, host); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO lanes (host, state, reason, by_whom) VALUES ($1,$2,$3,$4)
			ON CONFLICT (host) DO UPDATE SET state = excluded.state, reason = excluded.reason, by_whom = excluded.by_whom,
				since = CASE WHEN lanes.state = excluded.state THEN lanes.since ELSE now() END
			WHERE lanes.state <> excluded.state OR (excluded.reason <> '' AND excluded.reason <> lanes.reason)`,
			host, state, clean(reason), clean(by))
		return err
	})
	if err != nil {
		return bench.Lane{}, wrap("set lane of host "+host, err)
	}
	return s.Lane(ctx, host)
}

const lanesSQL = `WITH known AS (
		SELECT host FROM lanes UNION SELECT host FROM hosts UNION SELECT DISTINCT host FROM cells
	), left_over AS (
		SELECT c.host, count(*) FILTER (WHERE c.state = 'queued') AS queued,
			min(c.id) FILTER (WHERE c.state = 'running') AS cell, min(c.sweep_id) FILTER (WHERE c.state = 'running') AS sweep
		FROM cells c WHERE c.state IN ('queued', 'running') GROUP BY c.host
	)
	SELECT k.host, coalesce(l.state, 'open'), coalesce(l.reason, ''), coalesce(l.by_whom, ''),
		coalesce(l.since, '0001-01-01T00:00:00Z'::timestamptz), coalesce(o.cell, ''), coalesce(o.sweep, ''), coalesce(o.queued, 0)
	FROM known k LEFT JOIN lanes l ON l.host = k.host LEFT JOIN left_over o ON o.host = k.host
	WHERE $1 = '' OR k.host = $1 ORDER BY k.host`

// Lanes lists every host that has cells, was inspected, or was drained. One
// that nobody ever drained is open, with no time since when.
func (s *Store) Lanes(ctx context.Context) ([]bench.Lane, error) {
	rows, err := s.pool.Query(ctx, lanesSQL, "")
	if err != nil {
		return nil, wrap("list lanes", err)
	}
	out, err := pgx.CollectRows(rows, scanLane)
	return out, wrap("list lanes", err)
}

// ClosedLanes gives those of some hosts that take no cells, with since when and
// why; not what they hold, so that it can be polled.
func (s *Store) ClosedLanes(ctx context.Context, hosts []string) ([]bench.Lane, error) {
	if len(hosts) == 0 {
		return nil, nil
	}
	const doing = "find closed lanes"
	rows, err := s.pool.Query(ctx, `SELECT host, state, reason, by_whom, since, '', '', 0 FROM lanes
		WHERE host = ANY($1) AND state <> 'open' ORDER BY host`, hosts)
	if err != nil {
		return nil, wrap(doing, err)
	}
	out, err := pgx.CollectRows(rows, scanLane)
	return out, wrap(doing, err)
}

// Lane tells how a host's lane stands; a host that is not known is open.
func (s *Store) Lane(ctx context.Context, host string) (bench.Lane, error) {
	rows, err := s.pool.Query(ctx, lanesSQL, host)
	if err != nil {
		return bench.Lane{}, wrap("read lane of host "+host, err)
	}
	lane, err := pgx.CollectExactlyOneRow(rows, scanLane)
	if errors.Is(err, pgx.ErrNoRows) {
		return bench.Lane{Host: host, State: bench.LaneOpen}, nil
	}
	return lane, wrap("read lane of host "+host, err)
}

func scanLane(row pgx.CollectableRow) (bench.Lane, error) {
	var l bench.Lane
	err := row.Scan(&l.Host, &l.State, &l.Reason, &l.By, &l.At, &l.Cell, &l.Sweep, &l.Queued)
	if l.At.Year() <= 1 {
		l.At = l.At.UTC()
	}
	return l, err
}
