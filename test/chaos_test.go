package test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/localstack"
	"github.com/wattsweep/wattsweep/internal/meters/trace"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/test/harness"
)

// kill -9 of the worker in the middle of the inference stage: the sweep ends
// complete with every call once, and at most one call is measured again.
func TestWorkerKilledDuringInference(t *testing.T) {
	lab := harness.NewLab(t, "e2e-kill", "WATTSWEEP_WORKER_HEARTBEAT_TIMEOUT=5s")
	id := lab.Launch(lab.Spec(longSpec()))
	lab.Until("calls of the first run", func(ctx context.Context) bool { return lab.Calls(ctx, id) >= 15 })
	killed := time.Now()
	lab.KillWorker()
	atKill := lab.Calls(t.Context(), id)
	require.Less(t, atKill, 120, "the kill must come in the middle")
	lab.Must("up")
	lab.Until("the end of the sweep", func(ctx context.Context) bool { return lab.SweepState(ctx, id) == bench.StateDone })
	afterCrash(t, lab, id, 1)
	traceReaches(t, lab, id, killed)
}

// traceReaches checks that the trace of the segment that a kill cut ends no more
// than a second before the kill, and the time that storing it takes.
func traceReaches(t *testing.T, lab *harness.Lab, id bench.SweepID, killed time.Time) {
	t.Helper()
	cells, err := lab.Store.Cells(t.Context(), id)
	require.NoError(t, err)
	var last time.Time
	query := store.TraceQuery{Cell: cells[0].ID, Epoch: cells[0].Epoch, Phases: []bench.Phase{bench.PhaseInference}, Meter: "host"}
	require.NoError(t, lab.Store.Traces(t.Context(), query, func(one store.Trace) error {
		if one.Series.Run != 1 || one.Series.No != 1 {
			return nil
		}
		require.False(t, one.Complete, "a killed worker ends no trace")
		s, err := trace.Load(one.Series, one.Blocks, nil)
		if err != nil {
			return err
		}
		_, at, _ := s.Span(0)
		last = one.Series.Anchor.Add(at)
		return nil
	}))
	require.WithinRange(t, last, killed.Add(-1500*time.Millisecond), killed.Add(time.Second),
		"at most the last second of samples is lost, and half of one for a busy machine")
}

// A server killed in the middle and started again: the sweep waits and goes
// on. What Ollama held is loaded again, as a new segment of the same run.
func TestServerKilledDuringInference(t *testing.T) {
	for _, server := range []localstack.Name{localstack.Ollama, localstack.Postgres, localstack.Temporal} {
		t.Run(string(server), func(t *testing.T) {
			lab := harness.NewLab(t, "e2e-kill-"+string(server), "WATTSWEEP_WORKER_HEARTBEAT_TIMEOUT=5s")
			id := lab.Launch(lab.Spec(longSpec()))
			lab.Until("calls of the first run", func(ctx context.Context) bool { return lab.Calls(ctx, id) >= 15 })
			require.NoError(t, lab.Stack.Kill(server, syscall.SIGKILL))
			lab.Must("up")
			lab.Until("the end of the sweep", func(ctx context.Context) bool { return lab.SweepState(ctx, id) == bench.StateDone })
			exactlyOnce(t, lab, id, 60, 2)
			begun, committed, err := lab.Store.CallCounts(t.Context(), id)
			require.NoError(t, err)
			require.LessOrEqual(t, begun-committed, 1, "at most one call is begun twice per kill")
			if server == localstack.Ollama {
				afterCrash(t, lab, id, 1)
				cells, err := lab.Store.Cells(t.Context(), id)
				require.NoError(t, err)
				loads, err := lab.Store.LoadAttempts(t.Context(), cells[0].ID)
				require.NoError(t, err)
				require.GreaterOrEqual(t, len(loads), 2, "the model was loaded again")
			}
		})
	}
}

func afterCrash(t *testing.T, lab *harness.Lab, id bench.SweepID, kills int) {
	t.Helper()
	exactlyOnce(t, lab, id, 60, 2)
	begun, committed, err := lab.Store.CallCounts(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, 120, committed)
	require.LessOrEqual(t, begun-committed, kills, "at most one call is begun twice per kill")
	cells, err := lab.Store.Cells(t.Context(), id)
	require.NoError(t, err)
	segments, err := lab.Store.Segments(t.Context(), cells[0].ID, cells[0].Epoch)
	require.NoError(t, err)
	require.Greater(t, len(segments), 2, "the interruption shows as a segment of its own")
	calls := 0
	for _, s := range segments {
		require.NotNil(t, s.EndedAt, "segment %d of run %d has no end", s.No, s.Run)
		calls += s.Calls
	}
	require.Equal(t, 120, calls, "the segments explain every call")
}
