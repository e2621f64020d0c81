package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGoRows(t *testing.T) {
	t.Parallel()
	rows, err := goRows([]byte("goos: linux\npkg: example.com/a/meters\nBenchmarkTick-2   \t   100\t     27000 ns/op\t       0 B/op\t       0 allocs/op\nPASS\nok  \texample.com/a/meters\t1.2s\n"))
	require.NoError(t, err)
	require.Len(t, rows, 1)
	require.InDelta(t, 27, rows[0].Value, 1e-9)
	rows[0].Value = 27 // seconds in between cost the last digit
	require.Equal(t, Row{Name: "meters.Tick", Value: 27, Unit: "µs/op", OK: true, Note: "0 B/op, 0 allocs/op"}, rows[0])
}
