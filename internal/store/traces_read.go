package store

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// TraceQuery says which traces to read. What is left zero bounds nothing, but
// for the cell.
type TraceQuery struct {
	Cell     bench.CellID
	Epoch    int
	Phases   []bench.Phase // empty: all
	Meter    string        // empty: all
	From, To time.Time     // blocks with a tick in From ≤ t ≤ To
}

// Trace is a series with its blocks in the order of time.
type Trace struct {
	Series   bench.TraceSeries
	Complete bool // false when it was cut, or is being recorded
	// Blocks carry no Seconds: the view trace_seconds has them.
	Blocks []bench.TraceBlock
}

// Traces reads series after series, in the order of time, and hands each to
// visit with its blocks; an error of visit ends it and comes back.
func (s *Store) Traces(ctx context.Context, q TraceQuery, visit func(Trace) error) error {
	doing := "read traces of cell " + string(q.Cell)
	phases := make([]string, len(q.Phases))
	for i, p := range q.Phases {
		phases[i] = string(p)
	}
	rows, err := s.pool.Query(ctx, `SELECT s.id, epoch, phase, run, no, meter, anchor_ns, interval_ns, channels, reasons, quality, complete
		FROM trace_series s JOIN trace_meters m ON m.id = s.about
		WHERE cell_id = $1 AND epoch = $2 AND (cardinality($3::text[]) = 0 OR phase = ANY($3)) AND ($4 = '' OR meter = $4)
		ORDER BY recording, meter`, q.Cell, q.Epoch, phases, q.Meter)
	if err != nil {
		return wrap(doing, err)
	}
	var ids []int64
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Trace, error) {
		t := Trace{Series: bench.TraceSeries{TraceKey: bench.TraceKey{Cell: q.Cell}}}
		var id, anchor int64
		err := row.Scan(&id, &t.Series.Epoch, &t.Series.Phase, &t.Series.Run, &t.Series.No, &t.Series.Meter, &anchor,
			&t.Series.Interval, &t.Series.Channels, &t.Series.Reasons, &t.Series.Quality, &t.Complete)
		t.Series.Anchor = time.Unix(0, anchor).UTC()
		ids = append(ids, id)
		return t, err
	})
	if err != nil {
		return wrap(doing, err)
	}
	for i, t := range found {
		if t.Blocks, err = s.traceBlocks(ctx, ids[i], span(t.Series.Anchor, q)); err != nil {
			return wrap(doing, err)
		}
		if err := visit(t); err != nil {
			return err
		}
	}
	return nil
}

// span gives the query's bounds as stamps of a series.
func span(anchor time.Time, q TraceQuery) [2]int64 {
	bounds := [2]int64{math.MinInt64, math.MaxInt64}
	if !q.From.IsZero() {
		bounds[0] = int64(q.From.Sub(anchor))
	}
	if !q.To.IsZero() {
		bounds[1] = int64(q.To.Sub(anchor))
	}
	return bounds
}

// traceBlocks reads full blocks, then the pieces of the one that is not.
func (s *Store) traceBlocks(ctx context.Context, id int64, bounds [2]int64) ([]bench.TraceBlock, error) {
	rows, err := s.pool.Query(ctx, `WITH full_to AS (SELECT coalesce(max(no), -1) AS no FROM trace_blocks WHERE series_id = $1)
		SELECT no, from_ns, to_ns, ticks, data FROM (
			SELECT no, from_ns, to_ns, ticks, data FROM trace_blocks WHERE series_id = $1
			UNION ALL
			SELECT block + piece, from_ns, to_ns, ticks, data FROM trace_tails
			WHERE series_id = $1 AND block > (SELECT no FROM full_to)) b
		WHERE to_ns >= $2 AND from_ns <= $3 ORDER BY no`, id, bounds[0], bounds[1])
	if err != nil {
		return nil, fmt.Errorf("blocks: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (bench.TraceBlock, error) {
		var b bench.TraceBlock
		err := row.Scan(&b.No, &b.From, &b.To, &b.Ticks, &b.Data)
		return b, err
	})
}

// TraceSize gives what the traces of a cell's epoch take in the database, in
// bytes, by meter: their columns with rollups and a row's own overhead, without
// indexes and what a page leaves free.
func (s *Store) TraceSize(ctx context.Context, cell bench.CellID, epoch int) (map[string]int64, error) {
	doing := "measure traces of cell " + string(cell)
	rows, err := s.pool.Query(ctx, `SELECT s.meter, sum(150 + pg_column_size(s.quality)
			+ coalesce(b.bytes, 0) + coalesce(t.bytes, 0))::bigint
		FROM trace_series s
		LEFT JOIN LATERAL (SELECT sum(72 + pg_column_size(data) + pg_column_size(n) + pg_column_size(base) + pg_column_size(mean)
			+ coalesce(pg_column_size(low) + pg_column_size(high), 0)) AS bytes FROM trace_blocks WHERE series_id = s.id) b ON true
		LEFT JOIN LATERAL (SELECT sum(72 + pg_column_size(data) + pg_column_size(n) + pg_column_size(base) + pg_column_size(mean)
			+ coalesce(pg_column_size(low) + pg_column_size(high), 0)) AS bytes FROM trace_tails WHERE series_id = s.id) t ON true
		WHERE s.cell_id = $1 AND s.epoch = $2 GROUP BY s.meter`, cell, epoch)
	if err != nil {
		return nil, wrap(doing, err)
	}
	sizes := map[string]int64{}
	var meter string
	var bytes int64
	_, err = pgx.ForEachRow(rows, []any{&meter, &bytes}, func() error {
		sizes[meter] = bytes
		return nil
	})
	return sizes, wrap(doing, err)
}
