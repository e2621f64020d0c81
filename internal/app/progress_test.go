package app

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/store"
)

func cellAt(host string, state bench.State, done int, started, finished *time.Time) store.Cell {
	c := store.Cell{Items: 10, State: state, CallsDone: done, StartedAt: started, FinishedAt: finished}
	c.At.Host, c.Config.Runs = host, 2
	return c
}

func TestTimeLeft(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) *time.Time { at := now.Add(-d); return &at }
	running := store.Sweep{State: bench.StateRunning}

	p := progress(running, []store.Cell{cellAt("a", bench.StateQueued, 0, nil, nil)}, now)
	require.Nil(t, p.Left, "nothing measured, nothing known")
	require.Equal(t, 20, p.CallsTotal)

	p = progress(running, []store.Cell{
		cellAt("a", bench.StateDone, 20, ago(time.Minute), ago(40*time.Second)), // 1 s a call
		cellAt("a", bench.StateQueued, 0, nil, nil),                             // 20 s
		cellAt("b", bench.StateQueued, 0, nil, nil),                             // as fast as a, beside it
		cellAt("b", bench.StateFailed, 3, ago(time.Minute), ago(time.Minute)),   // given up, counts what it has
	}, now)
	require.Equal(t, 20*time.Second, *p.Left)
	require.Equal(t, 23, p.CallsDone)
	require.Equal(t, 63, p.CallsTotal)

	p = progress(store.Sweep{State: bench.StateDone}, []store.Cell{cellAt("a", bench.StateDone, 20, ago(time.Minute), ago(0))}, now)
	require.Nil(t, p.Left)
}
