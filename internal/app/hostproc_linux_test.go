package app

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzStartOf(f *testing.F) {
	line := "7 (a ) (b) S " + strings.Repeat("1 ", 18) + strconv.Itoa(4711) + " 0 0"
	start, alive, err := startOf([]byte(line))
	require.NoError(f, err)
	require.Equal(f, []any{int64(4711), true}, []any{start, alive})
	f.Add([]byte(line))
	f.Add([]byte("7 (x) Z"))
	f.Add([]byte(""))
	f.Add([]byte(")"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if start, _, err := startOf(raw); err != nil {
			require.Zero(t, start)
		}
	})
}
