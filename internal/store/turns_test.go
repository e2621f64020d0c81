package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/store/storetest"
)

// host is a lane that works off whatever it is given.
type host struct {
	t     *testing.T
	s     *store.Store
	name  string
	claim int64
}

// turn claims a cell and closes it; it tells the sweep's name and the place of
// the cell, or nothing when there is no work.
func (h *host) turn(state bench.State) string {
	h.t.Helper()
	h.claim++
	c, err := h.s.ClaimNext(h.t.Context(), h.name, "lane", h.claim)
	if err != nil {
		require.ErrorIs(h.t, err, store.ErrNotFound)
		return ""
	}
	require.NoError(h.t, h.s.CloseCell(h.t.Context(), c.ID, state, ""))
	sw, err := h.s.GetSweep(h.t.Context(), c.Sweep)
	require.NoError(h.t, err)
	return fmt.Sprintf("%s%d", sw.Name, c.Seq)
}

func (h *host) turns(n int, state bench.State) string {
	h.t.Helper()
	var out []string
	for range n {
		out = append(out, h.turn(state))
	}
	return strings.Join(out, " ")
}

func owned(t *testing.T, s *store.Store, owner, name string, priority int, hosts ...string) bench.Plan {
	t.Helper()
	p := plan(name, hosts...)
	p.Priority = priority
	_, err := s.PutOwnedPlan(t.Context(), owner, p, func(bench.Cell) int { return 3 })
	require.NoError(t, err)
	return p
}

// Owners take turns, and so do the sweeps of one owner: who launches three
// sweeps gets no more of a host than who launches one.
func TestOwnersTakeTurns(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	owned(t, s, "ada", "p", 3, "a", "a", "a", "a")
	owned(t, s, "ada", "q", 3, "a", "a", "a", "a")
	owned(t, s, "bo", "r", 3, "a", "a", "a", "a")
	h := &host{t: t, s: s, name: "a"}
	require.Equal(t, "p1 r1 q1 r2 p2 r3 q2 r4 p3 q3 p4 q4 ", h.turns(13, bench.StateDone))
	// Who has had no turn on a host goes first there.
	owned(t, s, "ada", "u", 3, "a", "a")
	owned(t, s, "cy", "v", 3, "a", "a")
	require.Equal(t, "v1 u1 v2 u2", h.turns(4, bench.StateDone))
}

// A better priority goes before all fairness; within one, fairness counts.
func TestPrioritiesGoFirst(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	owned(t, s, "ada", "p", 5, "a", "a")
	owned(t, s, "bo", "q", 2, "a", "a", "a")
	owned(t, s, "cy", "r", 2, "a", "a")
	h := &host{t: t, s: s, name: "a"}
	require.Equal(t, "q1 r1 q2 r2 q3 p1", h.turns(6, bench.StateDone))
	urgent := owned(t, s, "ada", "u", 5, "a", "a")
	_, err := s.ControlSweep(t.Context(), store.ControlRequest{Sweep: urgent.Sweep, What: bench.ControlPriority, Request: "1", Priority: 1})
	require.NoError(t, err)
	require.Equal(t, "u1 u2 p2 ", h.turns(4, bench.StateDone))
}

// Cells of an alternated sweep take turns back and forth.
func TestAlternation(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	owned(t, s, "ada", "p", 3, "a", "a", "a")
	h := &host{t: t, s: s, name: "a"}
	require.Equal(t, "p1 p2 p3 p3 p2 p1 p1 p2 p3", h.turns(9, bench.StateQueued))
	require.Equal(t, "p3 p2 p1 ", h.turns(4, bench.StateDone))
	turns, err := s.Turns(t.Context(), "a")
	require.NoError(t, err)
	require.Len(t, turns, 12)
	for i, turn := range turns {
		require.NotNil(t, turn.EndedAt)
		require.False(t, turn.EndedAt.Before(turn.BeganAt))
		if i > 0 {
			require.False(t, turn.BeganAt.Before(*turns[i-1].EndedAt), "turns of a host do not overlap")
		}
	}
}

func TestLanes(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	ctx := t.Context()
	lane, err := s.Lane(ctx, "nowhere")
	require.NoError(t, err)
	require.Equal(t, bench.Lane{Host: "nowhere", State: bench.LaneOpen}, lane)
	p := owned(t, s, "ada", "p", 3, "a", "a", "b")
	c, err := s.ClaimNext(ctx, "a", "lane", 1)
	require.NoError(t, err)
	lane, err = s.SetLane(ctx, "a", bench.LaneDrained, "bo", "new memory")
	require.NoError(t, err)
	require.Equal(t, []any{bench.LaneDrained, "bo", "new memory", c.ID, p.Sweep, 1},
		[]any{lane.State, lane.By, lane.Reason, lane.Cell, lane.Sweep, lane.Queued})
	again, err := s.SetLane(ctx, "a", bench.LaneDrained, "cy", "")
	require.NoError(t, err)
	require.Equal(t, lane, again, "the same again changes nothing")

	resumed, err := s.ClaimNext(ctx, "a", "new lane", 1)
	require.NoError(t, err)
	require.Equal(t, c.ID, resumed.ID, "a drained host goes on with what runs")
	require.NoError(t, s.CloseCell(ctx, c.ID, bench.StateDone, ""))
	_, err = s.ClaimNext(ctx, "a", "new lane", 2)
	require.ErrorIs(t, err, store.ErrNotFound, "and takes nothing more")

	lanes, err := s.Lanes(ctx)
	require.NoError(t, err)
	require.Len(t, lanes, 2)
	require.Equal(t, []bench.LaneState{bench.LaneDrained, bench.LaneOpen}, []bench.LaneState{lanes[0].State, lanes[1].State})
	require.True(t, lanes[1].At.IsZero(), "nobody ever drained it")
	_, err = s.SetLane(ctx, "a", bench.LaneOpen, "bo", "")
	require.NoError(t, err)
	_, err = s.ClaimNext(ctx, "a", "new lane", 2)
	require.NoError(t, err)
}

// Overlaps are found, by windows and by segments, and windows of one cell that
// lie within each other are none.
func TestOverlaps(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	ctx := t.Context()
	p := owned(t, s, "ada", "p", 3, "a", "a", "a", "b")
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	window := func(cell, from, to int, phase bench.Phase) bench.PhaseReading {
		return bench.PhaseReading{
			Cell: p.Cells[cell].ID, Phase: phase, No: 1, Started: begin.Add(time.Duration(from) * time.Minute),
			Window: time.Duration(to-from) * time.Minute, Channel: bench.Channel{Name: "x"},
		}
	}
	require.NoError(t, s.PutPhaseReadings(ctx, 1, []bench.PhaseReading{
		window(0, 0, 20, bench.PhaseInference), window(0, 5, 10, bench.PhaseCoolDown), window(1, 20, 30, bench.PhaseInference),
		window(3, 0, 60, bench.PhaseInference), // another host
	}))
	found, err := s.Overlaps(ctx)
	require.NoError(t, err)
	require.Empty(t, found)

	require.NoError(t, s.PutPhaseReadings(ctx, 1, []bench.PhaseReading{window(2, 15, 16, bench.PhaseStartup)}))
	found, err = s.Overlaps(ctx)
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, []any{"a", "windows", p.Cells[0].ID, p.Cells[2].ID}, []any{found[0].Host, found[0].What, found[0].A, found[0].B})
	require.Equal(t, time.Minute, found[0].Until.Sub(found[0].Since))
	require.Contains(t, found[0].String(), "both measured on host a")

	// Two segments that are open at the same time: the calls tell when.
	pool := store.Pool(s)
	_, err = pool.Exec(ctx, `UPDATE cells SET started_at = $1`, begin)
	require.NoError(t, err)
	segment := func(cell int, from, to int) {
		_, err := pool.Exec(ctx, `INSERT INTO segments (cell_id, epoch, run, no, load_token, worker_build, boot_id, attempt, started_at, ended_at, ended_why)
			VALUES ($1, 1, 1, 1, '', '', '', 1, $2, $3, 'complete')`, p.Cells[cell].ID, begin.Add(time.Duration(from)*time.Minute), begin.Add(time.Duration(to)*time.Minute))
		require.NoError(t, err)
	}
	segment(0, 0, 10)
	segment(1, 10, 20)
	found, err = s.SweepOverlaps(ctx, p.Sweep)
	require.NoError(t, err)
	require.Empty(t, found)
	segment(2, 19, 30)
	found, err = s.SweepOverlaps(ctx, p.Sweep)
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, "segments", found[0].What)
}

// A closed cell knows what it took, without the pauses between its turns.
func TestClosedCellsSumUpTheirTime(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "time", "a", "a")
	ctx := t.Context()
	for range 2 {
		c := d.next("a")
		require.NoError(t, d.s.BeginStage(ctx, c.ID, c.Attempt, bench.StageLoad, 1))
		_, err := d.s.EndStage(ctx, store.StageRow{Cell: c.ID, Attempt: c.Attempt, Stage: bench.StageLoad, No: 1, State: "done"}, false)
		require.NoError(t, err)
		no, _, err := d.s.OpenSegment(ctx, 1, bench.Segment{Cell: c.ID, Run: c.Attempt})
		require.NoError(t, err)
		require.NoError(t, d.s.CommitCall(ctx, 1, 1, call(c.ID, c.Attempt, 0, no), nil))
		live, err := d.s.RunningCells(ctx, d.plan.Sweep)
		require.NoError(t, err)
		require.Len(t, live, 1)
		require.Equal(t, c.Attempt, live[0].CallsDone, "calls of the open segment are counted")
		require.NoError(t, d.s.CloseSegment(ctx, 1, bench.Segment{Cell: c.ID, Run: c.Attempt, No: no, End: "complete", Calls: 1}, true))
		pool := store.Pool(d.s)
		for _, sql := range []string{
			`UPDATE stages SET started_at = finished_at - interval '10 seconds' WHERE cell_id = $1 AND attempt = $2`,
			`UPDATE segments SET ended_at = started_at + interval '6 seconds' WHERE cell_id = $1 AND run = $2`,
		} {
			_, err := pool.Exec(ctx, sql, c.ID, c.Attempt)
			require.NoError(t, err)
		}
		d.close(c, bench.StateQueued, "stopped")
	}
	c := d.cells()[0]
	require.Equal(t, 2, c.CallsDone)
	require.Equal(t, 32*time.Second, c.Spent.Round(100*time.Millisecond))
	groups, err := d.s.SweepGroups(ctx, d.plan.Sweep)
	require.NoError(t, err)
	require.Len(t, groups, 1)
	g := groups[0]
	require.Equal(t, []int{2, 12, 2, 2, 2}, []int{g.Cells, g.CallsPlanned, g.CallsDone, g.CallsTimed, g.Turns})
	require.Equal(t, 2, g.TurnsLeft)
	require.InDelta(t, 12, g.Inference.Seconds(), 0.1)
	require.InDelta(t, 20, g.Overhead.Seconds(), 0.1)
}
