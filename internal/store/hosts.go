package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// PutHostFacts records a host as now inspected, for itself and for the cell
// that is about to be measured on it.
func (s *Store) PutHostFacts(ctx context.Context, cell bench.CellID, f bench.HostFacts) error {
	batch := &pgx.Batch{}
	batch.Queue(`INSERT INTO hosts (host, facts, boot_id, worker, seen_at) VALUES ($1,$2,$3,$4,$5)
		ON CONFLICT (host) DO UPDATE SET facts = excluded.facts, boot_id = excluded.boot_id,
		worker = excluded.worker, seen_at = excluded.seen_at`, f.Host, f, f.BootID, f.WorkerBuild, f.SeenAt)
	batch.Queue(`INSERT INTO cell_hosts (cell_id, facts) VALUES ($1,$2)
		ON CONFLICT (cell_id) DO UPDATE SET facts = excluded.facts`, cell, f)
	return wrap("store facts of host "+f.Host, s.pool.SendBatch(ctx, batch).Close())
}

// SweepHostFacts lists the hosts a sweep was measured on, one entry per host
// and boot.
func (s *Store) SweepHostFacts(ctx context.Context, sweep bench.SweepID) ([]bench.HostFacts, error) {
	rows, err := s.pool.Query(ctx, `SELECT DISTINCT ON (h.facts->>'host', h.facts->>'boot_id', h.facts->>'runtime') h.facts
		FROM cell_hosts h JOIN cells c ON c.id = h.cell_id WHERE c.sweep_id = $1
		ORDER BY h.facts->>'host', h.facts->>'boot_id', h.facts->>'runtime', h.facts->>'seen_at' DESC`, sweep)
	if err != nil {
		return nil, wrap("list hosts of sweep "+string(sweep), err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[bench.HostFacts])
	return out, wrap("list hosts of sweep "+string(sweep), err)
}

// CellHostFacts are those of the host that a cell was measured on; ErrNotFound
// before it was inspected.
func (s *Store) CellHostFacts(ctx context.Context, cell bench.CellID) (bench.HostFacts, error) {
	var f bench.HostFacts
	err := s.pool.QueryRow(ctx, `SELECT facts FROM cell_hosts WHERE cell_id = $1`, cell).Scan(&f)
	return f, wrap("read host of cell "+string(cell), err)
}

// PutPulled records how a cell's model reached its runtime. A later pull of the
// same digest keeps the first one's time and bytes. Another digest takes its
// place while the cell's epoch has no calls; with calls it is fault.CodeModelChanged,
// since those stay what they were measured on.
func (s *Store) PutPulled(ctx context.Context, cell bench.CellID, p bench.Pulled) error {
	doing := "store pull of cell " + string(cell)
	_, err := s.pool.Exec(ctx, `INSERT INTO pulls (cell_id, pulled) VALUES ($1,$2)
		ON CONFLICT (cell_id) DO UPDATE SET pulled = excluded.pulled
		WHERE pulls.pulled->'facts'->>'digest' <> excluded.pulled->'facts'->>'digest' AND NOT EXISTS
			(SELECT FROM calls k JOIN cells c ON c.id = k.cell_id AND c.epoch = k.epoch WHERE k.cell_id = pulls.cell_id)`, cell, p)
	if err != nil {
		return wrap(doing, err)
	}
	kept, err := s.GetPulled(ctx, cell)
	if err != nil {
		return err
	}
	if had, has := kept.Facts.Digest, p.Facts.Digest; had != has {
		return fault.New(fault.Corrupt, fault.CodeModelChanged,
			"give the runtime the earlier model back and retry, or measure the cell anew in a sweep of another name",
			"%s: %s has digest %.12s now; the cell's calls were measured on %.12s", doing, p.Facts.Name, has, had)
	}
	return nil
}

// PutLoadAttempt records one try of one rung under the next free number; the
// same start time again is the same try. It returns the number.
func (s *Store) PutLoadAttempt(ctx context.Context, epoch int, a bench.LoadAttempt) (int, error) {
	doing := "store load attempt of cell " + string(a.Cell)
	var no int
	err := s.pool.QueryRow(ctx, `SELECT no FROM load_attempts WHERE cell_id = $1 AND rung = $2 AND started_at = $3`,
		a.Cell, a.Rung, a.StartedAt).Scan(&no)
	if err == nil {
		return no, nil
	}
	if err := s.pool.QueryRow(ctx, `SELECT coalesce(max(no), 0) + 1 FROM load_attempts WHERE cell_id = $1 AND rung = $2`,
		a.Cell, a.Rung).Scan(&no); err != nil {
		return 0, wrap(doing, err)
	}
	a.No = no
	token := ""
	if a.Loaded != nil {
		token = a.Loaded.Token
	}
	_, err = s.pool.Exec(ctx, `INSERT INTO load_attempts (cell_id, rung, no, epoch, outcome, attempt, token, started_at)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8)`, a.Cell, a.Rung, no, epoch, a.Outcome, a, token, a.StartedAt)
	return no, wrap(doing, err)
}

// LoadAttempts lists a cell's tries in order.
func (s *Store) LoadAttempts(ctx context.Context, cell bench.CellID) ([]bench.LoadAttempt, error) {
	rows, err := s.pool.Query(ctx, `SELECT attempt FROM load_attempts WHERE cell_id = $1 ORDER BY started_at, rung, no`, cell)
	if err != nil {
		return nil, wrap("list load attempts of cell "+string(cell), err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[bench.LoadAttempt])
	return out, wrap("list load attempts of cell "+string(cell), err)
}

// MarkDegraded records that warm-up doubted a load.
func (s *Store) MarkDegraded(ctx context.Context, cell bench.CellID, token, why string) error {
	_, err := s.pool.Exec(ctx, `UPDATE load_attempts SET attempt = attempt || jsonb_build_object('degraded', $3::text)
		WHERE cell_id = $1 AND token = $2`, cell, token, clean(why))
	return wrap("mark load of cell "+string(cell)+" as degraded", err)
}
