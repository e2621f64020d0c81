package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// RunProgress is what is known of a run before a segment begins.
type RunProgress struct {
	Done     map[int]bool // items with a committed call
	Begun    map[int]int  // highest attempt begun of each item, over all epochs
	Here     map[int]int  // attempts begun of each item in this epoch
	Segments int          // segments so far
}

// OpenSegment starts the next segment of a run and returns its number with
// what was measured before. A segment left open by a crash is closed as such.
func (s *Store) OpenSegment(ctx context.Context, epoch int, seg bench.Segment) (int, RunProgress, error) {
	doing := "open segment of cell " + string(seg.Cell)
	p := RunProgress{Done: map[int]bool{}, Begun: map[int]int{}, Here: map[int]int{}}
	no := 0
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		batch.Queue(`INSERT INTO runs (cell_id, epoch, run) VALUES ($1,$2,$3) ON CONFLICT DO NOTHING`, seg.Cell, epoch, seg.Run)
		batch.Queue(`UPDATE segments SET ended_at = now(), ended_why = 'crash',
			calls = (SELECT count(*) FROM calls k WHERE k.cell_id = $1 AND k.epoch = $2 AND k.run = $3 AND k.segment = segments.no)
			WHERE cell_id = $1 AND epoch = $2 AND run = $3 AND ended_at IS NULL`, seg.Cell, epoch, seg.Run)
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `INSERT INTO segments (cell_id, epoch, run, no, load_token, worker_build, boot_id, attempt)
			SELECT $1,$2,$3, coalesce(max(no), 0) + 1, $4,$5,$6,$7 FROM segments WHERE cell_id = $1 AND epoch = $2 AND run = $3
			RETURNING no`, seg.Cell, epoch, seg.Run, seg.LoadToken, seg.WorkerBuild, seg.BootID, seg.Attempt).Scan(&no); err != nil {
			return err
		}
		p.Segments = no - 1
		rows, err := tx.Query(ctx, `SELECT b.item, max(b.attempt), count(*) FILTER (WHERE b.epoch = $2),
			bool_or(k.item IS NOT NULL AND b.epoch = $2)
			FROM calls_begun b LEFT JOIN calls k ON k.cell_id = b.cell_id AND k.epoch = b.epoch AND k.run = b.run AND k.item = b.item
			WHERE b.cell_id = $1 AND b.run = $3 GROUP BY b.item`, seg.Cell, epoch, seg.Run)
		if err != nil {
			return err
		}
		var item, attempt, here int
		var done bool
		_, err = pgx.ForEachRow(rows, []any{&item, &attempt, &here, &done}, func() error {
			p.Begun[item] = attempt
			if here > 0 {
				p.Here[item] = here
			}
			if done {
				p.Done[item] = true
			}
			return nil
		})
		return err
	})
	return no, p, wrap(doing, err)
}

// CloseSegment records why a segment ended and how many calls it holds.
func (s *Store) CloseSegment(ctx context.Context, epoch int, seg bench.Segment, runComplete bool) error {
	batch := &pgx.Batch{}
	batch.Queue(`UPDATE segments SET ended_at = now(), ended_why = $5, calls = $6
		WHERE cell_id = $1 AND epoch = $2 AND run = $3 AND no = $4 AND ended_at IS NULL`,
		seg.Cell, epoch, seg.Run, seg.No, seg.End, seg.Calls)
	if runComplete {
		batch.Queue(`UPDATE runs SET finished_at = coalesce(finished_at, now()) WHERE cell_id = $1 AND epoch = $2 AND run = $3`,
			seg.Cell, epoch, seg.Run)
	}
	return wrap("close segment of cell "+string(seg.Cell), s.pool.SendBatch(ctx, batch).Close())
}

// Begun names a call that is about to be made.
type Begun struct {
	Key     bench.CallKey
	Attempt int
	Segment int
}

const beginCallSQL = `INSERT INTO calls_begun (cell_id, epoch, run, item, attempt, segment) VALUES ($1,$2,$3,$4,$5,$6)
	ON CONFLICT DO NOTHING`

// BeginCall notes that a call is about to be made.
func (s *Store) BeginCall(ctx context.Context, epoch int, b Begun) error {
	_, err := s.pool.Exec(ctx, beginCallSQL, b.Key.Cell, epoch, b.Key.Run, b.Key.Item, b.Attempt, b.Segment)
	return wrap("note begun call "+b.Key.String(), err)
}

// CommitCall makes a measured call durable and, in the same transaction, notes
// the next one as begun: one trip to the disk per call. A call that is already
// stored stays as it was.
func (s *Store) CommitCall(ctx context.Context, epoch, attempt int, c bench.Call, next *Begun) error {
	gaps := make([]int64, len(c.InterTokenTimes))
	for i, g := range c.InterTokenTimes {
		gaps[i] = int64(g)
	}
	batch := &pgx.Batch{}
	batch.Queue(`INSERT INTO calls (cell_id, epoch, run, item, attempt, segment, journal_id, prompt_hash, nonce, output,
		output_hash, outcome, reason, started_at, start_ns, latency_ns, ttft_ns, inter_token_ns, prompt_tokens, output_tokens,
		output_words, output_bytes, prompt_bytes, server_total_ns, server_load_ns, server_prompt_ns, server_eval_ns, done_reason)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$27,$28)
		ON CONFLICT (cell_id, epoch, run, item) DO NOTHING`,
		c.Cell, epoch, c.Run, c.Item, attempt, c.Segment, c.JournalID, c.PromptHash, c.Nonce, clean(c.Output),
		c.OutputHash, c.Outcome, clean(c.Reason), c.StartedAt, int64(c.Start), int64(c.Latency), nanos(c.TimeToFirstToken), gaps,
		c.PromptTokens, c.OutputTokens, c.OutputWords, c.OutputBytes, c.PromptBytes, int64(c.Server.Total),
		int64(c.Server.Load), int64(c.Server.PromptEval), int64(c.Server.Eval), clean(c.Done))
	if next != nil {
		batch.Queue(beginCallSQL, next.Key.Cell, epoch, next.Key.Run, next.Key.Item, next.Attempt, next.Segment)
	}
	return wrap("store call "+c.Key().String(), s.pool.SendBatch(ctx, batch).Close())
}

// Calls reads a cell's calls of one epoch in the order run, item.
func (s *Store) Calls(ctx context.Context, cell bench.CellID, epoch int) ([]bench.Call, error) {
	rows, err := s.pool.Query(ctx, `SELECT cell_id, run, item, EXISTS (SELECT FROM calls_begun b
		WHERE b.cell_id = k.cell_id AND b.epoch = k.epoch AND b.run = k.run AND b.item = k.item AND b.attempt < k.attempt),
		segment, journal_id, prompt_hash, nonce, output,
		output_hash, outcome, reason, started_at, start_ns, latency_ns, ttft_ns, inter_token_ns, prompt_tokens, output_tokens,
		output_words, output_bytes, prompt_bytes, server_total_ns, server_load_ns, server_prompt_ns, server_eval_ns, done_reason
		FROM calls k WHERE cell_id = $1 AND epoch = $2 ORDER BY run, item`, cell, epoch)
	if err != nil {
		return nil, wrap("read calls of cell "+string(cell), err)
	}
	out, err := pgx.CollectRows(rows, scanCall)
	return out, wrap("read calls of cell "+string(cell), err)
}

func scanCall(row pgx.CollectableRow) (bench.Call, error) {
	var c bench.Call
	var gaps []int64
	var ttft *int64
	err := row.Scan(&c.Cell, &c.Run, &c.Item, &c.Remeasured, &c.Segment, &c.JournalID, &c.PromptHash, &c.Nonce, &c.Output,
		&c.OutputHash, &c.Outcome, &c.Reason, &c.StartedAt, &c.Start, &c.Latency, &ttft, &gaps, &c.PromptTokens,
		&c.OutputTokens, &c.OutputWords, &c.OutputBytes, &c.PromptBytes, &c.Server.Total, &c.Server.Load,
		&c.Server.PromptEval, &c.Server.Eval, &c.Done)
	if ttft != nil {
		d := time.Duration(*ttft)
		c.TimeToFirstToken = &d
	}
	c.InterTokenTimes = make([]time.Duration, len(gaps))
	for i, g := range gaps {
		c.InterTokenTimes[i] = time.Duration(g)
	}
	return c, err
}

// Segments lists a cell's segments of one epoch.
func (s *Store) Segments(ctx context.Context, cell bench.CellID, epoch int) ([]bench.Segment, error) {
	rows, err := s.pool.Query(ctx, `SELECT cell_id, run, no, load_token, worker_build, boot_id, attempt, started_at, ended_at,
		ended_why, calls FROM segments WHERE cell_id = $1 AND epoch = $2 ORDER BY run, no`, cell, epoch)
	if err != nil {
		return nil, wrap("list segments of cell "+string(cell), err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[bench.Segment])
	return out, wrap("list segments of cell "+string(cell), err)
}

// CallCounts gives the number of calls begun and committed of a sweep over all
// epochs; their difference is what crashes cost.
func (s *Store) CallCounts(ctx context.Context, sweep bench.SweepID) (begun, committed int, err error) {
	err = s.pool.QueryRow(ctx, `SELECT
		(SELECT count(*) FROM calls_begun b JOIN cells c ON c.id = b.cell_id WHERE c.sweep_id = $1),
		(SELECT count(*) FROM calls k JOIN cells c ON c.id = k.cell_id WHERE c.sweep_id = $1)`, sweep).Scan(&begun, &committed)
	return begun, committed, wrap("count calls of sweep "+string(sweep), err)
}

func nanos(d *time.Duration) *int64 {
	if d == nil {
		return nil
	}
	n := int64(*d)
	return &n
}
