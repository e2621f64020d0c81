package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// TraceWrite is what is new of one series, with the fields of trace.Batch.
type TraceWrite struct {
	Series bench.TraceSeries
	// Recording tells recordings of one key apart: a later one replaces an
	// earlier, and what an earlier one still writes is dropped.
	Recording int64
	Blocks    []bench.TraceBlock // full; they never change
	Open      int                // number of the block that is still growing
	Tail      []bench.TraceBlock // its pieces, numbered from 0
	Last      bool               // the series is complete
}

const seriesKeySQL = `cell_id = $1 AND epoch = $2 AND phase = $3 AND run = $4 AND no = $5 AND meter = $6`

const putSeriesSQL = `INSERT INTO trace_series
	(cell_id, epoch, phase, run, no, meter, recording, anchor_ns, interval_ns, quality, complete, about)
	SELECT $1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11, id FROM trace_meters WHERE hash = $12
	ON CONFLICT (cell_id, epoch, phase, run, no, meter) DO UPDATE SET
		about = excluded.about, quality = excluded.quality, complete = trace_series.complete OR excluded.complete
	WHERE trace_series.recording = excluded.recording AND (excluded.complete OR NOT trace_series.complete)
	RETURNING id`

// PutTraces makes new samples durable, all in one transaction. The same write
// twice changes nothing, and neither does one that was overtaken by a later
// recording of the same key or by the end of its series.
func (s *Store) PutTraces(ctx context.Context, writes ...TraceWrite) error {
	if len(writes) == 0 {
		return nil
	}
	doing := "store traces of cell " + string(writes[0].Series.Cell)
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		ids, err := putSeries(ctx, tx, writes)
		if err != nil {
			return err
		}
		batch := &pgx.Batch{}
		for i, w := range writes {
			if ids[i] == 0 {
				continue
			}
			if err := queueBlocks(batch, ids[i], w); err != nil {
				return err
			}
		}
		return tx.SendBatch(ctx, batch).Close()
	})
	return wrap(doing, err)
}

// known is what stands of a series.
type known struct {
	id, recording int64
	complete      bool
	about         string // hash of what it samples
}

// putSeries stores what is new of each series and gives their ids, 0 for those
// that were overtaken. A write of pieces alone leaves its series as it is:
// written each second, the row would leave a dead copy of itself each second.
func putSeries(ctx context.Context, tx pgx.Tx, writes []TraceWrite) ([]int64, error) {
	found := make([]known, len(writes))
	look := &pgx.Batch{}
	for i, w := range writes {
		k := w.Series.TraceKey
		look.Queue(`SELECT s.id, s.recording, s.complete, m.hash FROM trace_series s JOIN trace_meters m ON m.id = s.about WHERE `+seriesKeySQL,
			k.Cell, k.Epoch, k.Phase, k.Run, k.No, k.Meter).QueryRow(func(row pgx.Row) error {
			return optional(row.Scan(&found[i].id, &found[i].recording, &found[i].complete, &found[i].about))
		})
	}
	if err := tx.SendBatch(ctx, look).Close(); err != nil {
		return nil, err
	}
	ids := make([]int64, len(writes))
	batch := &pgx.Batch{}
	for i, w := range writes {
		channels, reasons, hash, err := about(w.Series)
		if err != nil {
			return nil, err
		}
		same := found[i].id != 0 && found[i].recording == w.Recording && found[i].complete == w.Last && found[i].about == hash
		if same && len(w.Blocks) == 0 {
			ids[i] = found[i].id
			continue
		}
		batch.Queue(`INSERT INTO trace_meters (hash, channels, reasons) VALUES ($1,$2::text::jsonb,$3::text::jsonb) ON CONFLICT (hash) DO NOTHING`, hash, channels, reasons)
		k := w.Series.TraceKey
		batch.Queue(`DELETE FROM trace_series WHERE `+seriesKeySQL+` AND recording < $7`,
			k.Cell, k.Epoch, k.Phase, k.Run, k.No, k.Meter, w.Recording)
		batch.Queue(putSeriesSQL, k.Cell, k.Epoch, k.Phase, k.Run, k.No, k.Meter, w.Recording,
			w.Series.Anchor.UnixNano(), int64(w.Series.Interval), w.Series.Quality, w.Last, hash).
			QueryRow(func(row pgx.Row) error { return optional(row.Scan(&ids[i])) })
	}
	return ids, tx.SendBatch(ctx, batch).Close()
}

// about gives what a series samples as JSON, and the hash of both texts.
func about(s bench.TraceSeries) (channels, reasons, hash string, err error) {
	c, err := json.Marshal(orEmpty(s.Channels))
	if err != nil {
		return "", "", "", fmt.Errorf("encode channels of meter %s: %w", s.Meter, err)
	}
	words := make([]string, len(s.Reasons))
	for i, r := range s.Reasons {
		words[i] = clean(r)
	}
	r, err := json.Marshal(words)
	if err != nil {
		return "", "", "", fmt.Errorf("encode reasons of meter %s: %w", s.Meter, err)
	}
	return string(c), string(r), bench.Hash(string(c) + "\x00" + string(r)), nil
}

// optional lets a row be absent.
func optional(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return err
}

// orEmpty gives an empty list for none, which JSON would call null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func queueBlocks(batch *pgx.Batch, id int64, w TraceWrite) error {
	width := len(w.Series.Channels)
	for _, b := range w.Blocks {
		u, err := rollUp(b, width)
		if err != nil {
			return err
		}
		batch.Queue(`INSERT INTO trace_blocks
			(series_id, no, from_ns, to_ns, ticks, data, second, seconds, n, base, mean, low, high)
			VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13) ON CONFLICT (series_id, no) DO NOTHING`,
			id, b.No, int64(b.From), int64(b.To), b.Ticks, b.Data, u.second, u.seconds, u.n, u.base, u.mean, u.low, u.high)
	}
	if w.Last {
		batch.Queue(`DELETE FROM trace_tails WHERE series_id = $1`, id)
		return nil
	}
	for _, b := range w.Tail {
		u, err := rollUp(b, width)
		if err != nil {
			return err
		}
		batch.Queue(`INSERT INTO trace_tails
			(series_id, piece, block, from_ns, to_ns, ticks, data, second, seconds, n, base, mean, low, high)
			VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)
			ON CONFLICT (series_id, piece) DO UPDATE SET block = excluded.block, from_ns = excluded.from_ns,
				to_ns = excluded.to_ns, ticks = excluded.ticks, data = excluded.data, second = excluded.second,
				seconds = excluded.seconds, n = excluded.n, base = excluded.base, mean = excluded.mean,
				low = excluded.low, high = excluded.high
			WHERE trace_tails.block < excluded.block`,
			id, b.No, w.Open, int64(b.From), int64(b.To), b.Ticks, b.Data, u.second, u.seconds, u.n, u.base, u.mean, u.low, u.high)
	}
	return nil
}

// rollup holds a block's seconds as arrays, channel after channel.
type rollup struct {
	second    int64
	seconds   int
	n         []int16
	base      []float64
	mean      []float32
	low, high []float32 // nil when they are the mean everywhere
}

// maxRollup bounds the entries of a block's rollup.
const maxRollup = 1 << 20

func rollUp(b bench.TraceBlock, width int) (rollup, error) {
	u := rollup{base: make([]float64, width), n: []int16{}, mean: []float32{}}
	if len(b.Seconds) == 0 {
		return u, nil
	}
	first, last := b.Seconds[0].Second.Unix(), b.Seconds[0].Second.Unix()
	for _, s := range b.Seconds {
		first, last = min(first, s.Second.Unix()), max(last, s.Second.Unix())
		if s.Channel < 0 || s.Channel >= width || s.N < 0 || s.N > math.MaxInt16 {
			return u, fault.New(fault.Internal, "", "report this", "sum up block %d: entry of channel %d with %d readings, the series has %d channels",
				b.No, s.Channel, s.N, width)
		}
	}
	if (last-first+1)*int64(width) > maxRollup {
		return u, fault.New(fault.Internal, "", "report this", "sum up block %d: it spans %d seconds of %d channels", b.No, last-first+1, width)
	}
	u.second, u.seconds = first, int(last-first+1)
	entries := u.seconds * width
	u.n, u.mean = make([]int16, entries), make([]float32, entries)
	u.low, u.high = make([]float32, entries), make([]float32, entries)
	seen := make([]bool, width)
	flat := true
	for _, s := range b.Seconds {
		if !seen[s.Channel] {
			seen[s.Channel], u.base[s.Channel] = true, s.Min
		}
		base := u.base[s.Channel]
		at := s.Channel*u.seconds + int(s.Second.Unix()-first)
		u.n[at] = int16(s.N) //nolint:gosec // bounded above
		u.mean[at], u.low[at], u.high[at] = float32(s.Mean-base), float32(s.Min-base), float32(s.Max-base)
		flat = flat && s.Min == s.Mean && s.Max == s.Mean
	}
	if flat {
		u.low, u.high = nil, nil
	}
	return u, nil
}

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
		FROM trace_series s JOIN trace_meters m ON m.id = s.about WHERE cell_id = $1 AND epoch = $2 AND (cardinality($3::text[]) = 0 OR phase = ANY($3))
		AND ($4 = '' OR meter = $4) ORDER BY recording, meter`, q.Cell, q.Epoch, phases, q.Meter)
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
