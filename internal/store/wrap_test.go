package store

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// What Postgres refuses is told with what to do; what passes is for retrying,
// what does not is not. Its detail line, which quotes row values, never shows.
func TestRefusalsOfPostgres(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]struct {
		kind fault.Kind
		code fault.Code
	}{
		"53100": {fault.Unavailable, fault.CodeDatabaseFull},
		"53300": {fault.Unavailable, fault.CodeUnreachable}, // too many connections
		"57P01": {fault.Unavailable, fault.CodeUnreachable}, // it is going down
		"08006": {fault.Unavailable, fault.CodeUnreachable}, // the connection failed
		"28P01": {fault.Invalid, fault.CodeDatabaseRefused}, // wrong password
		"3D000": {fault.Invalid, fault.CodeDatabaseRefused}, // no such database
		"42703": {fault.Invalid, fault.CodeDatabaseBehind},  // no such column
		"WL001": {fault.Unavailable, fault.CodeLeaseLost},
		"42P01": {fault.Invalid, fault.CodeDatabaseBehind}, // no such table
		"23505": {fault.Internal, ""},                      // our own mistake
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			err := wrap("store call c/1/2", &pgconn.PgError{Code: code, Message: "refused", Detail: "(body)=(patienten har feber)"})
			require.Equal(t, want.kind, fault.KindOf(err))
			require.Equal(t, want.code, fault.CodeOf(err))
			require.Contains(t, err.Error(), "store call c/1/2")
			require.NotContains(t, err.Error(), "feber")
			if want.kind != fault.Internal {
				require.NotEmpty(t, fault.HintOf(err), "the user is told what to do")
			}
		})
	}
	require.NoError(t, wrap("nothing", nil))
	require.Equal(t, fault.Internal, fault.KindOf(wrap("x", errors.New("unknown"))))
}
