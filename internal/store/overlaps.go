package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Overlap is a stretch of time in which two cells were measured on one host:
// each disturbed the other. There must never be one.
type Overlap struct {
	Host  string
	What  string // windows, by the host's clock; or segments, by the database's
	A, B  bench.CellID
	Since time.Time // when B began, A being measured
	Until time.Time // when A ended
}

// String tells it to people.
func (o Overlap) String() string {
	return fmt.Sprintf("cells %s and %s were both measured on host %s from %s on, for %s (%s)",
		o.A, o.B, o.Host, o.Since.UTC().Format(time.RFC3339), o.Until.Sub(o.Since), o.What)
}

// segmentSpans are the stretches in which calls were made, by the database's
// clock. When a segment that was cut ended is known only by its last call.
const segmentSpans = `SELECT c.host, 'segments' AS what, c.id AS cell, g.started_at AS began,
		CASE WHEN g.ended_at IS NOT NULL AND ` + segmentRanToItsEnd + ` THEN g.ended_at
			ELSE greatest(g.started_at, (SELECT max(k.started_at + k.latency_ns / 1e9 * interval '1 second') FROM calls k
				WHERE k.cell_id = g.cell_id AND k.epoch = g.epoch AND k.run = g.run AND k.segment = g.no)) END AS ended
	FROM segments g JOIN cells c ON c.id = g.cell_id`

// windowSpans are the phase windows, by the host's clock.
const windowSpans = `SELECT DISTINCT c.host, 'windows' AS what, c.id AS cell, p.started_at AS began,
		p.started_at + p.window_ns / 1e9 * interval '1 second' AS ended
	FROM phase_readings p JOIN cells c ON c.id = p.cell_id`

// overlapsOf finds spans that begin while one of another cell lasts. Spans of
// one cell that follow each other are taken as one stretch first, since windows
// of a cell lie within each other; only a stretch that lasts into the next is
// looked at further.
func overlapsOf(spans string) string {
	return `WITH spans AS (` + spans + `), numbered AS (
		SELECT host, what, cell, began, ended,
			sum(CASE WHEN cell = before THEN 0 ELSE 1 END) OVER (PARTITION BY host, what ORDER BY began, ended, cell) AS stretch
		FROM (SELECT *, lag(cell) OVER (PARTITION BY host, what ORDER BY began, ended, cell) AS before FROM spans WHERE ended > began) s
	), stretches AS (
		SELECT host, what, cell, stretch, min(began) AS began, max(ended) AS ended FROM numbered GROUP BY host, what, cell, stretch
	), followed AS (
		SELECT *, lead(began) OVER (PARTITION BY host, what ORDER BY stretch) AS next FROM stretches
	)
	SELECT a.host, a.what, a.cell, b.cell, b.began, least(a.ended, b.ended)
	FROM followed a JOIN stretches b ON b.host = a.host AND b.what = a.what AND b.stretch > a.stretch AND b.cell <> a.cell AND b.began < a.ended
	WHERE a.ended > a.next ORDER BY 1, 5, 3, 4`
}

// Overlaps lists the stretches in which measured windows or segments of two
// cells on one host overlap in time. It reads all that was ever measured.
func (s *Store) Overlaps(ctx context.Context) ([]Overlap, error) {
	return s.overlaps(ctx, overlapsOf(segmentSpans+` UNION ALL `+windowSpans))
}

// SweepOverlaps is Overlaps by segments alone, of the cells of one sweep with
// any others on their hosts, in the days in which the sweep was measured.
func (s *Store) SweepOverlaps(ctx context.Context, sweep bench.SweepID) ([]Overlap, error) {
	return s.overlaps(ctx, overlapsOf(segmentSpans+` WHERE c.host IN (SELECT host FROM cells WHERE sweep_id = $1)
		AND g.started_at >= (SELECT min(started_at) FROM cells WHERE sweep_id = $1) - interval '1 day'`), sweep)
}

func (s *Store) overlaps(ctx context.Context, sql string, args ...any) ([]Overlap, error) {
	const doing = "look for measurements that overlap"
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, wrap(doing, err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Overlap])
	return out, wrap(doing, err)
}
