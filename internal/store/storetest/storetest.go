// Package storetest gives each test a migrated Postgres schema of its own in a
// real server, and drops it afterwards.
package storetest

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/store"
)

// EnvDSN names the server that tests use. `make test` starts one and sets it.
const EnvDSN = "WATTSWEEP_TEST_DSN"

// New opens a store in a fresh schema. Without a server the test is skipped,
// but on CI it fails.
func New(t testing.TB) *store.Store {
	t.Helper()
	s := Empty(t)
	_, err := s.Migrate(t.Context())
	require.NoError(t, err)
	return s
}

// Empty opens a store in a fresh schema that holds no tables yet.
func Empty(t testing.TB) *store.Store {
	t.Helper()
	dsn := DSN(t)
	name := "test_" + strings.ToLower(rand.Text())[:16]
	ctx := t.Context()
	admin, err := pgx.Connect(ctx, dsn)
	require.NoError(t, err)
	_, err = admin.Exec(ctx, "CREATE SCHEMA "+name)
	require.NoError(t, err)
	s, err := store.Open(ctx, store.Options{DSN: dsn, SearchPath: name, MaxConns: 4})
	require.NoError(t, err)
	t.Cleanup(func() {
		s.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_, err := admin.Exec(ctx, "DROP SCHEMA "+name+" CASCADE")
		require.NoError(t, err)
		require.NoError(t, admin.Close(ctx))
	})
	return s
}

// DSN gives the address of the test server, or skips.
func DSN(t testing.TB) string {
	t.Helper()
	dsn := os.Getenv(EnvDSN)
	if dsn == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("no Postgres for tests: set " + EnvDSN + "; make test does")
		}
		t.Skip("no Postgres for tests: set " + EnvDSN + ", or run make test, which starts one")
	}
	return dsn
}
