package schema_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/store/storetest"
	"github.com/wattsweep/wattsweep/schema"
)

func TestNumbersHaveNoGapAndNoRepeat(t *testing.T) {
	t.Parallel()
	names, err := schema.Versions()
	require.NoError(t, err)
	require.NotEmpty(t, names)
	for i, name := range names {
		require.True(t, strings.HasPrefix(name, fmt.Sprintf("%04d_", i+1)), "%s should be number %d", name, i+1)
	}
}

func TestUpDownUp(t *testing.T) {
	t.Parallel()
	dsn := storetest.DSN(t)
	cfg, err := pgxpool.ParseConfig(dsn)
	require.NoError(t, err)
	cfg.ConnConfig.RuntimeParams["search_path"] = "updown"
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	require.NoError(t, err)
	defer pool.Close()
	_, err = pool.Exec(t.Context(), "DROP SCHEMA IF EXISTS updown CASCADE; CREATE SCHEMA updown")
	require.NoError(t, err)
	names, err := schema.Versions()
	require.NoError(t, err)
	for range 2 {
		version, err := schema.Migrate(t.Context(), pool)
		require.NoError(t, err)
		require.EqualValues(t, len(names), version)
	}
	require.NoError(t, schema.Reset(t.Context(), pool))
	var tables int
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT count(*) FROM information_schema.tables
		WHERE table_schema = 'updown' AND table_name <> 'goose_db_version'`).Scan(&tables))
	require.Zero(t, tables)
	_, err = schema.Migrate(t.Context(), pool)
	require.NoError(t, err)
}
