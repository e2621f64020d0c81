package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/wattsweep/wattsweep/internal/bench"
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
		batch.Queue(`INSERT INTO trace_meters (hash, channels, reasons) VALUES ($1,$2::text::jsonb,$3::text::jsonb)
			ON CONFLICT (hash) DO NOTHING`, hash, channels, reasons)
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
