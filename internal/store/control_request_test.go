package store_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/store"
)

// An id that is used again for something else is refused, whatever the
// difference; the same request in another order is the same.
func TestAnIDIsOfOneRequest(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "again", "a", "a", "a", "b")
	skip := store.ControlRequest{What: bench.ControlSkip, Cells: d.ids(1, 2), Request: "mine"}
	first := d.ask(skip)
	require.Equal(t, 2, first.Changed)
	skip.Cells, skip.Reason = d.ids(2, 1), "said again"
	require.Equal(t, first, d.ask(skip))
	skip.Cells = d.ids(1, 3)
	d.refused(skip, "request mine was made before, about something else")
	skip.Cells = d.ids(1, 2, 3)
	d.refused(skip, "request mine was made before, about something else")

	priority := store.ControlRequest{What: bench.ControlPriority, Priority: 2, Request: "place"}
	d.ask(priority)
	priority.Priority = 3
	d.refused(priority, "about something else")
	require.Equal(t, 2, d.sweep().Priority)

	pause := store.ControlRequest{What: bench.ControlPause, Request: "halt"}
	d.ask(pause)
	pause.Now = true
	d.refused(pause, "about something else")

	// A row of a release that did not note what was asked is still an answer.
	_, err := store.Pool(d.s).Exec(t.Context(), `UPDATE control_events SET answer = answer - 'content'`)
	require.NoError(t, err)
	require.Equal(t, first, d.ask(skip))
}

// What a control does not have is refused, not left out: a pause with cells
// would pause the whole sweep.
func TestRequestsSayOnlyWhatFits(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "fits", "a", "a")
	one := d.ids(1)
	for name, in := range map[string]store.ControlRequest{
		"cells":        {What: bench.ControlPause, Cells: one},
		"now":          {What: bench.ControlSkip, Cells: one, Now: true},
		"a priority":   {What: bench.ControlRetry, Priority: 2},
		"an extension": {What: bench.ControlRemeasure, Cells: one, Extension: "x"},
	} {
		d.refused(in, "it does not take "+name)
	}
	for _, what := range []bench.Control{bench.ControlResume, bench.ControlCancel, bench.ControlExtend, bench.ControlPriority} {
		d.refused(store.ControlRequest{What: what, Cells: one}, "it does not take cells")
	}
	require.Nil(t, d.sweep().Pause)

	long := strings.Repeat("x", store.MaxReasonBytes)
	d.ask(store.ControlRequest{What: bench.ControlPause, Reason: long})
	d.refused(store.ControlRequest{What: bench.ControlResume, Reason: long + "x"}, "the reason has 501 bytes, at most 500 are kept")
	d.refused(store.ControlRequest{What: bench.ControlResume, Request: strings.Repeat("r", 201)}, "the request's id has 201 bytes")
	_, err := d.s.ControlSweep(t.Context(), store.ControlRequest{
		Sweep: d.plan.Sweep, What: bench.ControlResume, Request: "r", By: strings.Repeat("b", 201),
	})
	require.ErrorContains(t, err, "the name of who asks has 201 bytes")
	require.NotNil(t, d.sweep().Pause)
}

// A request that was done is answered whatever came of the sweep since.
func TestAnswersOutliveTheSweep(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "late", "a", "a")
	pause := store.ControlRequest{What: bench.ControlPause, Request: "p"}
	resume := store.ControlRequest{What: bench.ControlResume, Request: "r"}
	d.ask(pause)
	d.ask(resume)
	d.next("a")
	d.ask(store.ControlRequest{What: bench.ControlCancel})
	for range 2 {
		require.Contains(t, d.ask(pause).Text, "is paused")
		require.Contains(t, d.ask(resume).Text, "goes on")
		d.refused(store.ControlRequest{What: bench.ControlPause}, "it is being cancelled")
		d.refused(store.ControlRequest{What: bench.ControlResume}, "it is being cancelled")
	}
	require.NoError(t, d.s.EndCancelled(t.Context(), d.plan.Sweep))
	require.Contains(t, d.ask(pause).Text, "is paused")
	require.Contains(t, d.ask(resume).Text, "goes on")
	d.refused(store.ControlRequest{What: bench.ControlResume}, "it has ended as cancelled")
}

// A cancellation that was lifted ends nothing any more.
func TestOnlyACancelledSweepEndsSo(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "lifted", "a")
	cancel := store.ControlRequest{What: bench.ControlCancel, Request: "c"}
	d.ask(cancel)
	require.NoError(t, d.s.EndCancelled(t.Context(), d.plan.Sweep))
	require.Equal(t, bench.StateCancelled, d.sweep().State)
	d.ask(store.ControlRequest{What: bench.ControlRetry})
	require.NoError(t, d.s.EndCancelled(t.Context(), d.plan.Sweep))
	require.Equal(t, bench.StateRunning, d.sweep().State)
	d.close(d.next("a"), bench.StateDone, "")
	require.NoError(t, d.s.SetSweepState(t.Context(), d.plan.Sweep, bench.StateDone))
	d.ask(cancel)
	require.NoError(t, d.s.EndCancelled(t.Context(), d.plan.Sweep))
	require.Equal(t, bench.StateDone, d.sweep().State)
}

// What was measured under another configuration tells nothing of the epoch's
// pace.
func TestARestartedEpochHasNoPaceYet(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "pace", "a")
	ctx := t.Context()
	c := d.next("a")
	_, err := store.Pool(d.s).Exec(ctx, `UPDATE cells SET calls_done = 4, turns_closed = 2, infer_ns = 4000000000, overhead_ns = 2000000000`)
	require.NoError(t, err)
	timed := func() []any {
		groups, err := d.s.SweepGroups(ctx, d.plan.Sweep)
		require.NoError(t, err)
		require.Len(t, groups, 1)
		g := groups[0]
		return []any{g.CallsDone, g.CallsTimed, g.Turns, g.Inference.Seconds(), g.Overhead.Seconds()}
	}
	require.Equal(t, []any{4, 4, 2, 4.0, 2.0}, timed())
	_, err = d.s.RestartEpoch(ctx, c.ID, 1)
	require.NoError(t, err)
	// The first calls of the new epoch.
	_, err = store.Pool(d.s).Exec(ctx, `UPDATE cells SET calls_done = 1, turns_closed = 1, infer_ns = infer_ns + 1000000000, overhead_ns = overhead_ns + 1000000000`)
	require.NoError(t, err)
	require.Equal(t, []any{1, 1, 1, 1.0, 1.0}, timed())
	_, err = d.s.RestartEpoch(ctx, c.ID, 1)
	require.NoError(t, err)
	require.Equal(t, []any{1, 1, 1, 1.0, 1.0}, timed(), "a retry restarts nothing")
}
