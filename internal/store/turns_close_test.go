package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/store"
)

// A close that comes again after the cell was put back and claimed anew leaves
// the new try alone, and tells how its own was closed.
func TestCloseOfAnEarlierTry(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "tries", "a")
	first := d.next("a")
	closed, err := d.s.CloseTry(t.Context(), first.ID, first.Attempt, bench.StateCancelled, "cancelled")
	require.NoError(t, err)
	require.Equal(t, store.Closed{State: bench.StateCancelled}, closed)
	d.ask(store.ControlRequest{What: bench.ControlRetry})
	second := d.next("a")
	require.Equal(t, 2, second.Attempt)
	closed, err = d.s.CloseTry(t.Context(), first.ID, first.Attempt, bench.StateCancelled, "cancelled")
	require.NoError(t, err)
	require.Equal(t, bench.StateCancelled, closed.State, "as try 1 was closed")
	require.Equal(t, []bench.State{bench.StateRunning}, d.states())
	closed, err = d.s.CloseTry(t.Context(), second.ID, second.Attempt, bench.StateDone, "")
	require.NoError(t, err)
	require.Equal(t, bench.StateDone, closed.State)
	turns, err := d.s.Turns(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, []bench.State{bench.StateCancelled, bench.StateDone}, []bench.State{turns[0].State, turns[1].State})
}

// What a turn's end is turned into is told, and whether more of the sweep comes.
func TestCloseTellsWhatWasStored(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ask   store.ControlRequest
		want  store.Closed
		state bench.State
		why   string
	}{
		"nothing":   {want: store.Closed{State: bench.StateQueued}, state: bench.StateQueued},
		"paused":    {store.ControlRequest{What: bench.ControlPause}, store.Closed{State: bench.StateQueued, Paused: true}, bench.StateQueued, ""},
		"cancelled": {store.ControlRequest{What: bench.ControlCancel}, store.Closed{State: bench.StateCancelled, Cancelled: true}, bench.StateCancelled, "sweep cancelled"},
		"cancelled now": {
			store.ControlRequest{What: bench.ControlCancel, Now: true, Reason: "too hot"},
			store.Closed{State: bench.StateCancelled, Cancelled: true},
			bench.StateCancelled, "sweep cancelled by ada: too hot",
		},
		"skipped": {
			store.ControlRequest{What: bench.ControlSkip, Reason: "too slow"},
			store.Closed{State: bench.StateSkipped},
			bench.StateSkipped, "skipped by ada: too slow",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, "turn", "a")
			cell := d.next("a")
			if c.ask.What != "" {
				if c.ask.What == bench.ControlSkip {
					c.ask.Cells = d.ids(1)
				}
				d.ask(c.ask)
			}
			for range 2 { // as an activity that is tried again
				closed, err := d.s.CloseTry(t.Context(), cell.ID, cell.Attempt, bench.StateQueued, "")
				require.NoError(t, err)
				require.Equal(t, c.want, closed)
			}
			require.Equal(t, c.state, d.cells()[0].State)
			require.Equal(t, c.why, d.cells()[0].Reason)
		})
	}
}

// A lane that was lost keeps the reason of the stop that it did not do.
func TestOrphanKeepsItsReason(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "orphan", "a")
	d.next("a")
	d.ask(store.ControlRequest{What: bench.ControlSkip, Reason: "too slow", Cells: d.ids(1)})
	d.nothing("a", "it was to be skipped")
	require.Equal(t, bench.StateSkipped, d.cells()[0].State)
	require.Equal(t, "skipped by ada: too slow (its lane was lost)", d.cells()[0].Reason)
}

// A host is busy for every sweep that has cells left there.
func TestBusyHosts(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "busy", "a", "b")
	other := owned(t, d.s, "bo", "other", 3, "a", "c")
	running := d.next("a")
	d.next("b")
	for sweep, want := range map[bench.SweepID][]string{d.plan.Sweep: {"a", "b"}, other.Sweep: {"a"}} {
		got, err := d.s.BusyHosts(t.Context(), sweep)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	d.close(running, bench.StateDone, "")
	got, err := d.s.BusyHosts(t.Context(), d.plan.Sweep)
	require.NoError(t, err)
	require.Equal(t, []string{"b"}, got)
	_, err = store.Pool(d.s).Exec(t.Context(), `UPDATE cells SET state = 'queued' WHERE host = 'b' AND state = 'running'`)
	require.NoError(t, err)
	got, err = d.s.BusyHosts(t.Context(), d.plan.Sweep)
	require.NoError(t, err)
	require.Empty(t, got, "the turn on b is open, and its cell does not run")
}

// Estimates know nothing of outages: a segment that one cut is closed when it is
// over.
func TestOutagesAreNoTimeOfCalls(t *testing.T) {
	t.Parallel()
	for _, why := range []string{"crash", "database away", "worker stopped", "runtime away"} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, "outage", "a", "a")
			ctx, pool := t.Context(), store.Pool(d.s)
			c := d.next("a")
			for i, end := range []string{why, "complete"} {
				no, _, err := d.s.OpenSegment(ctx, 1, bench.Segment{Cell: c.ID, Run: 1})
				require.NoError(t, err)
				require.NoError(t, d.s.CommitCall(ctx, 1, 1, call(c.ID, 1, i, no), nil))
				require.NoError(t, d.s.CloseSegment(ctx, 1, bench.Segment{Cell: c.ID, Run: 1, No: no, End: end, Calls: 1}, false))
			}
			_, err := pool.Exec(ctx, `UPDATE segments SET ended_at = started_at + CASE WHEN ended_why = 'complete' THEN interval '6 seconds' ELSE interval '6 hours' END`)
			require.NoError(t, err)
			live, err := d.s.RunningCells(ctx, d.plan.Sweep)
			require.NoError(t, err)
			require.Len(t, live, 1)
			require.InDelta(t, 6, live[0].Inference.Seconds(), 0.1)
			require.Equal(t, []int{2, 1}, []int{live[0].CallsDone, live[0].CallsTimed})
			d.close(c, bench.StateDone, "")
			second := d.next("a")
			no, _, err := d.s.OpenSegment(ctx, 1, bench.Segment{Cell: second.ID, Run: 1})
			require.NoError(t, err)
			require.NoError(t, d.s.CloseSegment(ctx, 1, bench.Segment{Cell: second.ID, Run: 1, No: no, End: "complete"}, false))
			_, err = pool.Exec(ctx, `UPDATE segments SET started_at = started_at + interval '1 hour', ended_at = started_at + interval '2 hours' WHERE cell_id = $1`, second.ID)
			require.NoError(t, err)
			found, err := d.s.SweepOverlaps(ctx, d.plan.Sweep)
			require.NoError(t, err)
			require.Empty(t, found, "the cut segment ended with its last call")
			groups, err := d.s.SweepGroups(ctx, d.plan.Sweep)
			require.NoError(t, err)
			require.InDelta(t, 12, groups[0].Inference.Seconds(), 0.1)
		})
	}
}

func TestLaneState(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "lane", "a")
	for _, want := range []bench.LaneState{bench.LaneOpen, bench.LaneDrained, bench.LaneUnfit, bench.LaneOpen} {
		_, err := d.s.SetLane(t.Context(), "a", want, "ada", "")
		require.NoError(t, err)
		got, err := d.s.LaneState(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	got, err := d.s.LaneState(t.Context(), "nowhere")
	require.NoError(t, err)
	require.Equal(t, bench.LaneOpen, got)
}
