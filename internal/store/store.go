// Package store keeps everything durable in Postgres: sweeps, cells, stages,
// datasets, calls, readings, scores, costs and results. It and schema are the
// only packages with SQL. Every write is idempotent under its natural key, so
// an activity may run twice.
package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/schema"
)

// Store is a handle on the database, safe for concurrent use.
type Store struct {
	root *pgxpool.Pool
	pool database // root, or root bound to a lease
}

// Options say how to reach the database.
type Options struct {
	// DSN is a Postgres connection string. Its password never enters an error.
	DSN string
	// MaxConns caps the pool; 0 means 8.
	MaxConns int32
	// SearchPath puts all tables in a schema of their own; empty means public.
	SearchPath string
}

// Open connects, and fails with Unavailable when the database does not answer
// within ten seconds.
func Open(ctx context.Context, opts Options) (*Store, error) {
	cfg, err := pgxpool.ParseConfig(opts.DSN)
	if err != nil {
		// The parse error quotes the string, which may hold a password.
		return nil, fault.New(fault.Invalid, "", "write it as postgres://user:password@host:port/database",
			"read database address: it is not a Postgres connection string")
	}
	cfg.MaxConns = 8
	if opts.MaxConns > 0 {
		cfg.MaxConns = opts.MaxConns
	}
	if opts.SearchPath != "" {
		cfg.ConnConfig.RuntimeParams["search_path"] = opts.SearchPath
	}
	cfg.ConnConfig.ConnectTimeout = 10 * time.Second
	cfg.AfterConnect = endIdle
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, wrap("open database pool", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		doing := fmt.Sprintf("connect to Postgres at %s:%d", cfg.ConnConfig.Host, cfg.ConnConfig.Port)
		if errors.Is(err, context.DeadlineExceeded) {
			return nil, fault.New(fault.Unavailable, fault.CodeUnreachable,
				"look whether Postgres is overloaded or hangs, or set database.dsn", "%s: no answer in time: %w", doing, err)
		}
		return nil, wrap(doing, err)
	}
	return &Store{root: pool, pool: pool}, nil
}

// endIdle has the database give up a transaction whose program fell silent in
// the middle of it: one that is stopped, or whose machine is gone, would keep
// its locks for as long as the network takes to notice.
func endIdle(ctx context.Context, c *pgx.Conn) error {
	_, err := c.Exec(ctx, `SET idle_in_transaction_session_timeout = '30s'`)
	return err
}

// Close ends all connections.
func (s *Store) Close() { s.root.Close() }

// Ping asks whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	return wrap("ping Postgres", s.root.Ping(ctx))
}

// Migrate brings the schema to the newest version and returns it.
func (s *Store) Migrate(ctx context.Context) (int64, error) {
	v, err := schema.Migrate(ctx, s.root)
	if err != nil {
		return 0, wrap("migrate database", err)
	}
	return v, nil
}

// ErrNotFound says that no row has the key asked for.
var ErrNotFound = errors.New("not found in the database")

// wrap types a database error: what was tried, what Postgres said, what the
// user can do. Postgres' detail line is left out, since it quotes row values.
func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("%s: %w", doing, ErrNotFound)
	}
	if errors.Is(err, context.Canceled) || (errors.Is(err, context.DeadlineExceeded) && !isConnectError(err)) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return fromPostgres(doing, pg)
	}
	if _, ok := errors.AsType[net.Error](err); ok || isConnectError(err) {
		return fault.New(fault.Unavailable, fault.CodeUnreachable,
			"start Postgres, or set database.dsn; a running sweep waits and goes on by itself",
			"%s: %w", doing, trimmed{err})
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func isConnectError(err error) bool {
	_, connect := errors.AsType[*pgconn.ConnectError](err)
	return connect || strings.Contains(err.Error(), "conn closed") || strings.Contains(err.Error(), "unexpected EOF")
}

func fromPostgres(doing string, pg *pgconn.PgError) error {
	switch {
	case pg.Code == leaseLost:
		return lostLease(doing, pg.Message)
	case pg.Code == "53100":
		return fault.New(fault.Unavailable, fault.CodeDatabaseFull,
			"free space on the database's disk; the sweep waits and goes on by itself",
			"%s: Postgres has no disk space (53100)", doing)
	case strings.HasPrefix(pg.Code, "53"), strings.HasPrefix(pg.Code, "57"), strings.HasPrefix(pg.Code, "08"):
		return fault.New(fault.Unavailable, fault.CodeUnreachable,
			"look at the Postgres log; the sweep waits and goes on by itself",
			"%s: Postgres cannot serve now: %s (%s)", doing, pg.Message, pg.Code)
	case strings.HasPrefix(pg.Code, "28"), pg.Code == "3D000":
		return fault.New(fault.Invalid, fault.CodeDatabaseRefused, "check user, password and database name in database.dsn",
			"%s: Postgres refused the connection: %s (%s)", doing, pg.Message, pg.Code)
	case pg.Code == "42P01", pg.Code == "42703":
		return fault.New(fault.Invalid, fault.CodeDatabaseBehind, "run wattsweep up with this build, which applies the migrations",
			"%s: a table or a column is missing (%s)", doing, pg.Message)
	default:
		return fmt.Errorf("%s: Postgres said %s (%s)", doing, pg.Message, pg.Code)
	}
}

// trimmed shows the last part of a driver's connection error, which names
// host and port but neither user nor password.
type trimmed struct{ err error }

func (t trimmed) Error() string {
	if ce, ok := errors.AsType[*pgconn.ConnectError](t.err); ok {
		if inner := errors.Unwrap(ce); inner != nil {
			return lastLine(inner.Error())
		}
	}
	return lastLine(t.err.Error())
}

func (t trimmed) Unwrap() error { return t.err }

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// clean makes text storable: Postgres takes neither NUL nor invalid UTF-8, and
// a hostile answer may hold both.
func clean(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}
