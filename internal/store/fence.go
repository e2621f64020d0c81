package store

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// database is what the store asks of its pool of connections.
type database interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
	Begin(ctx context.Context) (pgx.Tx, error)
}

// leaseLost is the state by which the database refuses a write under a lease
// that went to another worker.
const leaseLost = "WL001"

const holdLeaseSQL = `SELECT hold_lease($1, $2)`

// Under gives the same store with every write bound to a lease: it is refused
// as fault.CodeLeaseLost once another worker took the host's name over, however
// long the writer was stopped before. The check travels with the write, in the
// same transaction and the same trip.
func (s *Store) Under(host string, epoch int64) *Store {
	bound := *s
	bound.pool = &fenced{database: s.root, host: host, epoch: epoch}
	return &bound
}

// fenced is a database that is asked under a lease. Single rows are only ever
// read, and pass.
type fenced struct {
	database
	host  string
	epoch int64
}

func (f *fenced) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	batch := &pgx.Batch{}
	batch.Queue(sql, args...)
	results := f.SendBatch(ctx, batch)
	tag, err := results.Exec()
	if closeErr := results.Close(); err == nil {
		err = closeErr
	}
	return tag, err
}

// Query is for what writes and tells rows of it, too.
func (f *fenced) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	batch := &pgx.Batch{}
	batch.Queue(sql, args...)
	results := f.SendBatch(ctx, batch)
	rows, err := results.Query()
	if err != nil {
		_ = results.Close() // the first error is the one to tell
		return nil, err
	}
	return &batchRows{Rows: rows, results: results}, nil
}

// batchRows are the rows of a batch of one; closing them ends the batch.
type batchRows struct {
	pgx.Rows
	results pgx.BatchResults
	err     error
	closed  bool
}

// Next ends the batch with its last row, so that Err tells how it ended.
func (r *batchRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *batchRows) Close() {
	r.Rows.Close()
	if !r.closed {
		r.closed = true
		r.err = r.results.Close()
	}
}

func (r *batchRows) Err() error {
	if err := r.Rows.Err(); err != nil {
		return err
	}
	return r.err
}

func (f *fenced) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	all := &pgx.Batch{QueuedQueries: make([]*pgx.QueuedQuery, 0, b.Len()+1)}
	all.Queue(holdLeaseSQL, f.host, f.epoch)
	all.QueuedQueries = append(all.QueuedQueries, b.QueuedQueries...)
	return &afterLease{BatchResults: f.database.SendBatch(ctx, all)}
}

func (f *fenced) Begin(ctx context.Context) (pgx.Tx, error) {
	tx, err := f.database.Begin(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, holdLeaseSQL, f.host, f.epoch); err != nil {
		_ = tx.Rollback(context.WithoutCancel(ctx)) // the first error is the one to tell
		return nil, err
	}
	return tx, nil
}

// afterLease leaves out the lease's own result, which stands first.
type afterLease struct {
	pgx.BatchResults
	held bool
	err  error
}

func (a *afterLease) hold() error {
	if !a.held {
		a.held = true
		_, a.err = a.BatchResults.Exec()
	}
	return a.err
}

func (a *afterLease) Exec() (pgconn.CommandTag, error) {
	if err := a.hold(); err != nil {
		return pgconn.CommandTag{}, err
	}
	return a.BatchResults.Exec()
}

func (a *afterLease) Query() (pgx.Rows, error) {
	if err := a.hold(); err != nil {
		return nil, err
	}
	return a.BatchResults.Query()
}

func (a *afterLease) QueryRow() pgx.Row {
	if err := a.hold(); err != nil {
		return refused{err}
	}
	return a.BatchResults.QueryRow()
}

// refused is a row that does not come.
type refused struct{ err error }

func (r refused) Scan(...any) error { return r.err }
