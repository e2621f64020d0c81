package app

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/store"
)

// measured is a group of done cells whose calls took pace each, with around
// for the rest of a turn.
func measured(host, model string, cells int, pace, around time.Duration) store.CellGroup {
	const calls = 20
	spread := func(d time.Duration) store.Spread {
		s := d.Seconds()
		return store.Spread{N: cells, Sum: float64(cells) * s, SumSquares: float64(cells) * s * s}
	}
	return store.CellGroup{
		Host: host, Model: model, State: bench.StateDone, Cells: cells,
		CallsPlanned: cells * calls, CallsDone: cells * calls, Turns: cells, CallsTimed: cells * calls,
		Inference: time.Duration(cells*calls) * pace, Overhead: time.Duration(cells) * around,
		Paces: spread(pace), Overheads: spread(around),
	}
}

func queued(host, model string, cells int) store.CellGroup {
	return store.CellGroup{
		Host: host, Model: model, State: bench.StateQueued, Cells: cells, CallsPlanned: 20 * cells, TurnsLeft: cells,
	}
}

func TestNothingMeasuredNothingKnown(t *testing.T) {
	t.Parallel()
	p := progress(store.Sweep{State: bench.StateRunning}, []store.CellGroup{queued("a", "m", 1)}, nil)
	require.Nil(t, p.Left)
	require.Equal(t, 20, p.CallsTotal)
	require.Equal(t, []string{"a"}, p.Hosts)
}

func TestTimeLeft(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		groups []store.CellGroup
		want   time.Duration
	}{
		"same place":                   {[]store.CellGroup{measured("a", "m", 2, time.Second, 10*time.Second), queued("a", "m", 3)}, 90 * time.Second},
		"another host, the same model": {[]store.CellGroup{measured("a", "m", 2, time.Second, 10*time.Second), queued("b", "m", 1)}, 30 * time.Second},
		"hosts work side by side": {[]store.CellGroup{
			measured("a", "m", 2, time.Second, 10*time.Second), queued("a", "m", 1), queued("b", "m", 2),
		}, 60 * time.Second},
		"each model has its own pace": {[]store.CellGroup{
			measured("a", "m", 2, time.Second, 0), measured("a", "n", 2, 3*time.Second, 0), queued("a", "m", 1), queued("a", "n", 1),
		}, 80 * time.Second},
		"a model of which nothing is known is like the others": {[]store.CellGroup{
			measured("a", "m", 2, time.Second, 0), measured("a", "n", 2, 3*time.Second, 0), queued("a", "o", 1),
		}, 40 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := progress(store.Sweep{State: bench.StateRunning}, c.groups, nil)
			require.NotNil(t, p.Left)
			require.InDelta(t, c.want.Seconds(), p.Left.Left.Seconds(), 1e-6)
			if p.Left.Low != nil {
				require.LessOrEqual(t, *p.Left.Low, p.Left.Left)
				require.GreaterOrEqual(t, *p.Left.High, p.Left.Left)
			}
		})
	}
}

// What is given up counts the calls it has, and an ended sweep has no time left.
func TestProgressCounts(t *testing.T) {
	t.Parallel()
	given := store.CellGroup{Host: "b", Model: "m", State: bench.StateFailed, Cells: 1, CallsPlanned: 20, CallsDone: 3}
	groups := []store.CellGroup{measured("a", "m", 1, time.Second, 0), queued("a", "m", 1), given}
	p := progress(store.Sweep{State: bench.StateRunning}, groups, nil)
	require.Equal(t, 23, p.CallsDone)
	require.Equal(t, 43, p.CallsTotal)
	require.Equal(t, map[bench.State]int{bench.StateDone: 1, bench.StateQueued: 1, bench.StateFailed: 1}, p.Sweep.Counts)
	require.Nil(t, progress(store.Sweep{State: bench.StateDone}, groups, nil).Left)
}
