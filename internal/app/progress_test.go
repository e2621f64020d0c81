package app

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/store"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func cellAt(id bench.CellID, host string, state bench.State, done int) store.Cell {
	c := store.Cell{Items: 10, State: state, CallsDone: done}
	c.ID, c.At.Host, c.Config.Runs = id, host, 2
	return c
}

func TestTimeLeft(t *testing.T) {
	t.Parallel()
	running := store.Sweep{State: bench.StateRunning}

	p := progress(running, []store.Cell{cellAt("1", "a", bench.StateQueued, 0)}, nil)
	require.Nil(t, p.Left, "nothing measured, nothing known")
	require.Equal(t, 20, p.CallsTotal)

	p = progress(running, []store.Cell{
		cellAt("1", "a", bench.StateDone, 20),  // 1 s a call
		cellAt("2", "a", bench.StateQueued, 0), // 20 s
		cellAt("3", "b", bench.StateQueued, 0), // as fast as a, beside it
		cellAt("4", "b", bench.StateFailed, 3), // given up, counts what it has
	}, map[bench.CellID]time.Duration{"1": 20 * time.Second})
	require.Equal(t, 20*time.Second, *p.Left)
	require.Equal(t, 23, p.CallsDone)
	require.Equal(t, 63, p.CallsTotal)

	p = progress(store.Sweep{State: bench.StateDone}, []store.Cell{cellAt("1", "a", bench.StateDone, 20)},
		map[bench.CellID]time.Duration{"1": 20 * time.Second})
	require.Nil(t, p.Left)
}

// at is a time so many seconds after noon.
func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

func stageAt(stage bench.Stage, attempt, from, to int) store.StageRow {
	s := store.StageRow{Stage: stage, Attempt: attempt, StartedAt: at(from)}
	if end := at(to); to > 0 {
		s.FinishedAt = &end
	}
	return s
}

func segmentAt(from, to, calls int, why string) bench.Segment {
	s := bench.Segment{StartedAt: at(from), Calls: calls, End: why}
	if end := at(to); to > 0 {
		s.EndedAt = &end
	}
	return s
}

func TestTimeSpentHoldsNoPauses(t *testing.T) {
	t.Parallel()
	const hour = 3600
	for name, c := range map[string]struct {
		state    bench.State
		attempt  int
		done     int
		stages   []store.StageRow
		segments []bench.Segment
		want     int // seconds
	}{
		"nothing yet": {bench.StateRunning, 1, 0, nil, nil, 0},
		"one try": {
			bench.StateDone, 1, 20,
			[]store.StageRow{stageAt(bench.StageLoad, 1, 0, 3), stageAt(bench.StageInfer, 1, 3, 23), stageAt(bench.StageUnload, 1, 23, 25)},
			[]bench.Segment{segmentAt(3, 13, 10, "complete"), segmentAt(13, 23, 10, "complete")},
			25,
		},
		"cancelled, and tried again an hour later": {
			bench.StateDone, 2, 20,
			[]store.StageRow{
				stageAt(bench.StageLoad, 1, 0, 3), stageAt(bench.StageInfer, 1, 3, 8),
				stageAt(bench.StageLoad, 2, hour, hour+3), stageAt(bench.StageInfer, 2, hour+3, hour+18),
			},
			[]bench.Segment{segmentAt(3, 8, 5, "cancelled"), segmentAt(hour+3, hour+18, 15, "complete")},
			26,
		},
		"the worker stopped for an hour inside the stage": {
			bench.StateDone, 1, 20,
			[]store.StageRow{stageAt(bench.StageInfer, 1, 1, hour+18)},
			[]bench.Segment{segmentAt(1, 6, 5, "drain"), segmentAt(hour+3, hour+18, 15, "complete")},
			20,
		},
		"the worker was killed and came back an hour later": {
			bench.StateDone, 1, 20,
			[]store.StageRow{stageAt(bench.StageInfer, 1, 1, hour+20)},
			[]bench.Segment{segmentAt(1, hour+10, 10, "crash"), segmentAt(hour+10, hour+20, 10, "complete")},
			20,
		},
		"measuring at this moment": {
			bench.StateRunning, 1, 12,
			[]store.StageRow{stageAt(bench.StageLoad, 1, 0, 3), stageAt(bench.StageInfer, 1, 3, 0)},
			[]bench.Segment{segmentAt(3, 13, 10, "complete"), segmentAt(93, 0, 0, "")},
			3 + 10 + 7,
		},
		"loading at this moment, what an earlier try left open is not counted": {
			bench.StateRunning, 2, 0,
			[]store.StageRow{stageAt(bench.StageLoad, 1, 0, 0), stageAt(bench.StageLoad, 2, 90, 0)},
			nil,
			10,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cell := store.Cell{State: c.state, Attempt: c.attempt, CallsDone: c.done}
			require.Equal(t, time.Duration(c.want)*time.Second, spentOn(cell, c.stages, c.segments, at(100)))
		})
	}
}
