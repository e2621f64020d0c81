// Package schema holds the SQL migrations of the store, embedded so that a
// binary needs no files beside it, and applies them.
package schema

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrate brings the database to the newest version and returns that version.
// Several processes may call it at once: a session lock lets one work.
func Migrate(ctx context.Context, pool *pgxpool.Pool) (int64, error) {
	provider, db, err := open(pool)
	if err != nil {
		return 0, err
	}
	defer closeQuietly(db)
	if _, err := provider.Up(ctx); err != nil {
		return 0, fmt.Errorf("apply migrations: %w", err)
	}
	version, err := provider.GetDBVersion(ctx)
	if err != nil {
		return 0, fmt.Errorf("read schema version: %w", err)
	}
	return version, nil
}

// Reset takes every migration back, newest first. It exists for tests.
func Reset(ctx context.Context, pool *pgxpool.Pool) error {
	provider, db, err := open(pool)
	if err != nil {
		return err
	}
	defer closeQuietly(db)
	if _, err := provider.DownTo(ctx, 0); err != nil {
		return fmt.Errorf("take migrations back: %w", err)
	}
	return nil
}

// Versions lists the embedded migrations' file names in order.
func Versions() ([]string, error) {
	entries, err := fs.ReadDir(files, "migrations")
	if err != nil {
		return nil, fmt.Errorf("list embedded migrations: %w", err)
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}

func open(pool *pgxpool.Pool) (*goose.Provider, *sql.DB, error) {
	sub, err := fs.Sub(files, "migrations")
	if err != nil {
		return nil, nil, fmt.Errorf("open embedded migrations: %w", err)
	}
	// One lock per schema, asked for every second: tests migrate many at once.
	id := fnv.New32a()
	_, _ = io.WriteString(id, "wattsweep/"+pool.Config().ConnConfig.RuntimeParams["search_path"]) // a hash never fails
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(int64(id.Sum32())), lock.WithLockTimeout(1, 300))
	if err != nil {
		return nil, nil, fmt.Errorf("make migration lock: %w", err)
	}
	db := stdlib.OpenDBFromPool(pool)
	provider, err := goose.NewProvider(goose.DialectPostgres, db, sub, goose.WithSessionLocker(locker))
	if err != nil {
		closeQuietly(db)
		return nil, nil, fmt.Errorf("read embedded migrations: %w", err)
	}
	return provider, db, nil
}

// closeQuietly ends the wrapper; the pool below it lives on, so an error here
// has no consequence.
func closeQuietly(db *sql.DB) { _ = db.Close() }
