package store_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/store/storetest"
)

// desk asks things of one sweep and claims for one host.
type desk struct {
	t     *testing.T
	s     *store.Store
	plan  bench.Plan
	asked int
	claim int64
}

func newDesk(t *testing.T, name string, hosts ...string) *desk {
	t.Helper()
	d := &desk{t: t, s: storetest.New(t), plan: plan(name, hosts...)}
	put(t, d.s, d.plan)
	return d
}

// try asks with a new request id.
func (d *desk) try(in store.ControlRequest) (store.ControlAnswer, error) {
	d.asked++
	in.Sweep, in.By = d.plan.Sweep, "ada"
	if in.Request == "" {
		in.Request = strconv.Itoa(d.asked)
	}
	return d.s.ControlSweep(d.t.Context(), in)
}

func (d *desk) ask(in store.ControlRequest) store.ControlAnswer {
	d.t.Helper()
	got, err := d.try(in)
	require.NoError(d.t, err)
	require.NotEmpty(d.t, got.Text)
	return got
}

func (d *desk) refused(in store.ControlRequest, says string) {
	d.t.Helper()
	before := d.cells()
	_, err := d.try(in)
	require.Equal(d.t, fault.Invalid, fault.KindOf(err), "%v", err)
	require.ErrorContains(d.t, err, says)
	require.NotEmpty(d.t, fault.HintOf(err), "%v", err)
	require.Equal(d.t, before, d.cells(), "a refusal changes nothing")
}

func (d *desk) next(host string) store.Cell {
	d.t.Helper()
	d.claim++
	c, err := d.s.ClaimNext(d.t.Context(), host, "lane", d.claim)
	require.NoError(d.t, err)
	return c
}

func (d *desk) nothing(host, why string) {
	d.t.Helper()
	d.claim++
	_, err := d.s.ClaimNext(d.t.Context(), host, "lane", d.claim)
	require.ErrorIs(d.t, err, store.ErrNotFound, why)
}

func (d *desk) close(c store.Cell, state bench.State, reason string) {
	d.t.Helper()
	require.NoError(d.t, d.s.CloseCell(d.t.Context(), c.ID, state, reason))
}

func (d *desk) cells() []store.Cell {
	d.t.Helper()
	cells, err := d.s.Cells(d.t.Context(), d.plan.Sweep)
	require.NoError(d.t, err)
	return cells
}

func (d *desk) states() []bench.State {
	d.t.Helper()
	var out []bench.State
	for _, c := range d.cells() {
		out = append(out, c.State)
	}
	return out
}

func (d *desk) sweep() store.Sweep {
	d.t.Helper()
	sw, err := d.s.GetSweep(d.t.Context(), d.plan.Sweep)
	require.NoError(d.t, err)
	return sw
}

func (d *desk) ids(places ...int) []bench.CellID {
	var out []bench.CellID
	for _, at := range places {
		out = append(out, d.plan.Cells[at-1].ID)
	}
	return out
}

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "pause", "a", "a", "b")
	running := d.next("a")
	got := d.ask(store.ControlRequest{What: bench.ControlPause, Reason: "visitors"})
	require.Empty(t, got.StopCells, "the running cell is finished first")
	require.Contains(t, got.Text, "1 cell is finished first")
	sw := d.sweep()
	require.Equal(t, "ada", sw.Pause.By)
	require.Equal(t, "visitors", sw.Pause.Reason)
	d.nothing("b", "a paused sweep gives no cells")
	require.Contains(t, d.ask(store.ControlRequest{What: bench.ControlPause}).Text, "was paused already, by ada")

	got = d.ask(store.ControlRequest{What: bench.ControlPause, Now: true})
	require.Equal(t, []bench.CellID{running.ID}, got.StopCells)
	require.Equal(t, bench.StateQueued, got.StopState)
	require.Equal(t, []string{"a"}, got.Hosts)
	require.Equal(t, bench.StateQueued, d.cells()[0].Stopping)
	d.close(running, bench.StateQueued, "paused by ada")
	d.nothing("a", "what was stopped waits, too")

	got = d.ask(store.ControlRequest{What: bench.ControlResume})
	require.Equal(t, []string{"a", "b"}, got.Hosts)
	require.Contains(t, d.ask(store.ControlRequest{What: bench.ControlResume}).Text, "is not paused")
	again := d.next("a")
	require.Equal(t, running.ID, again.ID, "what was stopped goes on before what never began")
	require.Equal(t, 2, again.Attempt)
	require.Zero(t, again.TurnsDone, "a stop is no end of a turn")
	require.Empty(t, again.Stopping)
}

// The same request again finds its answer, without cells that ended since.
func TestSameRequestChangesNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "again", "a", "a")
	running := d.next("a")
	in := store.ControlRequest{What: bench.ControlPause, Now: true, Request: "mine"}
	first := d.ask(in)
	require.Equal(t, first, d.ask(in), "the cell still runs")
	d.close(running, bench.StateQueued, "paused")
	d.ask(store.ControlRequest{What: bench.ControlResume})
	d.next("a")
	second := d.ask(in)
	require.Empty(t, second.StopCells, "the later try was not meant")
	require.Equal(t, first.Text, second.Text)
	require.Nil(t, d.sweep().Pause, "and nothing is paused")
	d.refused(store.ControlRequest{What: bench.ControlResume, Request: "mine"}, "request mine was made before, to pause it")

	events, err := d.s.ControlEvents(t.Context(), d.plan.Sweep)
	require.NoError(t, err)
	require.Len(t, events, 2)
	require.Equal(t, []bench.Control{bench.ControlPause, bench.ControlResume}, []bench.Control{events[0].What, events[1].What})
	require.Equal(t, "ada", events[0].By)
	require.Equal(t, first.Text, events[0].Text)
	_, err = d.s.ControlSweep(t.Context(), store.ControlRequest{Sweep: "none", What: bench.ControlPause, Request: "1"})
	require.ErrorIs(t, err, store.ErrNotFound)
}

func TestCancelNowAndAfterTheCell(t *testing.T) {
	t.Parallel()
	for _, now := range []bool{true, false} {
		d := newDesk(t, "cancel", "a", "a", "b")
		running := d.next("a")
		got := d.ask(store.ControlRequest{What: bench.ControlCancel, Now: now})
		require.Equal(t, []bench.State{bench.StateRunning, bench.StateCancelled, bench.StateCancelled}, d.states())
		d.refused(store.ControlRequest{What: bench.ControlRetry}, "is being cancelled")
		d.refused(store.ControlRequest{What: bench.ControlPause}, "is being cancelled")
		if now {
			require.Equal(t, []bench.CellID{running.ID}, got.StopCells)
			require.Equal(t, bench.StateCancelled, got.StopState)
			d.close(running, bench.StateCancelled, got.StopReason)
		} else {
			require.Empty(t, got.StopCells)
			// A turn that does not end the cell must not put it back on a plan
			// that nobody works off.
			d.close(running, bench.StateQueued, "")
		}
		require.Equal(t, bench.StateCancelled, d.states()[0])
		require.NoError(t, d.s.SetSweepState(t.Context(), d.plan.Sweep, bench.StateCancelled))
		d.refused(store.ControlRequest{What: bench.ControlCancel}, "it has ended as cancelled")

		got = d.ask(store.ControlRequest{What: bench.ControlRetry})
		require.Equal(t, 3, got.Changed)
		require.Contains(t, got.Text, "3 cells are back on the plan of sweep ")
		require.Equal(t, []string{"a", "b"}, got.Hosts)
		sw := d.sweep()
		require.False(t, sw.Cancel)
		require.Equal(t, bench.StateRunning, sw.State)
		require.Nil(t, sw.FinishedAt)
		require.Contains(t, d.ask(store.ControlRequest{What: bench.ControlRetry}).Text, "no failed or cancelled cell")
	}
}

func TestSkip(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "skip", "a", "a", "a", "a")
	d.close(d.next("a"), bench.StateDone, "")
	running := d.next("a")
	got := d.ask(store.ControlRequest{What: bench.ControlSkip, Cells: d.ids(1, 2, 3), Reason: "too slow"})
	require.Equal(t, 2, got.Changed)
	require.Equal(t, []bench.CellID{running.ID}, got.StopCells)
	require.Equal(t, bench.StateSkipped, got.StopState)
	require.Contains(t, got.Text, "left as they are: done: "+string(d.ids(1)[0]))
	require.Equal(t, []bench.State{bench.StateDone, bench.StateRunning, bench.StateSkipped, bench.StateQueued}, d.states())
	require.Equal(t, "skipped by ada: too slow", d.cells()[2].Reason)
	d.close(running, bench.StateQueued, "host drained") // the stop and a drain cross
	require.Equal(t, bench.StateSkipped, d.states()[1])
	d.refused(store.ControlRequest{What: bench.ControlSkip}, "no cell is named")
	d.refused(store.ControlRequest{What: bench.ControlSkip, Cells: append(d.ids(4), "nobody")}, "it has no cell nobody")

	got = d.ask(store.ControlRequest{What: bench.ControlRetry, Cells: d.ids(1, 3, 4)})
	require.Equal(t, 1, got.Changed, "what was skipped comes back by name")
	require.Contains(t, got.Text, "wattsweep remeasure measures a done cell anew")
	require.Equal(t, []bench.State{bench.StateDone, bench.StateSkipped, bench.StateQueued, bench.StateQueued}, d.states())
}

func TestRemeasureKeepsWhatWasMeasured(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "remeasure", "a", "a", "a")
	ctx := t.Context()
	first := d.next("a")
	require.NoError(t, d.s.CommitCall(ctx, 1, 1, call(first.ID, 1, 0, 1), nil))
	require.NoError(t, d.s.PutCellResult(ctx, 1, bench.CellResult{Cell: first.ID}))
	d.close(first, bench.StateDone, "")
	require.Equal(t, 1, d.cells()[0].CallsDone)
	d.next("a")
	d.refused(store.ControlRequest{What: bench.ControlRemeasure, Cells: d.ids(1, 2)}, "1 cell is measured at this moment: "+string(d.ids(2)[0]))

	got := d.ask(store.ControlRequest{What: bench.ControlRemeasure, Cells: d.ids(1, 3)})
	require.Equal(t, 1, got.Changed)
	require.Contains(t, got.Text, "left as they are: queued: "+string(d.ids(3)[0]), "nothing was measured of it")
	c := d.cells()[0]
	require.Equal(t, []any{bench.StateQueued, 2, 0}, []any{c.State, c.Epoch, c.CallsDone})
	earlier, err := d.s.Calls(ctx, first.ID, 1)
	require.NoError(t, err)
	require.Len(t, earlier, 1, "earlier calls stay under their epoch")
	results, epochs := published(t, d.s, first.ID)
	require.Zero(t, results)
	require.Equal(t, []int{1}, epochs)
}

func published(t *testing.T, s *store.Store, cell bench.CellID) (results int, superseded []int) {
	t.Helper()
	pool := store.Pool(s)
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT count(*) FROM cell_results WHERE cell_id = $1`, cell).Scan(&results))
	rows, err := pool.Query(t.Context(), `SELECT epoch FROM superseded_results WHERE cell_id = $1 ORDER BY epoch`, cell)
	require.NoError(t, err)
	for rows.Next() {
		var epoch int
		require.NoError(t, rows.Scan(&epoch))
		superseded = append(superseded, epoch)
	}
	require.NoError(t, rows.Err())
	return results, superseded
}

func TestExtend(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "extend", "a", "a")
	ctx := t.Context()
	more := plan("extend", "a", "a", "b", "c")
	e := store.Extension{Sweep: d.plan.Sweep, SpecYAML: "name: extend", By: "ada"}
	// Cells of other hosts are new; the second is there, under the same id.
	for _, c := range more.Cells[1:] {
		c.Seq = 1
		e.Cells = append(e.Cells, store.ExtensionCell{Cell: c, Items: 7})
	}
	// The plan of the tests gives cells of one host the same coordinates, which
	// no spec does.
	e.Cells[0].At.Model = "same"
	_, err := store.Pool(d.s).Exec(ctx, `UPDATE cells SET model = 'same' WHERE id = $1`, d.plan.Cells[1].ID)
	require.NoError(t, err)
	hash, err := d.s.PutExtension(ctx, e)
	require.NoError(t, err)
	again, err := d.s.PutExtension(ctx, e)
	require.NoError(t, err)
	require.Equal(t, hash, again)
	for range 2 {
		d.close(d.next("a"), bench.StateDone, "")
	}
	require.NoError(t, d.s.SetSweepState(ctx, d.plan.Sweep, bench.StateDone))
	d.refused(store.ControlRequest{What: bench.ControlExtend, Extension: "none"}, "no extension none is stored")

	got := d.ask(store.ControlRequest{What: bench.ControlExtend, Extension: hash})
	require.Equal(t, 2, got.Changed)
	require.Equal(t, []string{"b", "c"}, got.Hosts)
	cells := d.cells()
	require.Len(t, cells, 4)
	require.Equal(t, []int{3, 4}, []int{cells[2].Seq, cells[3].Seq})
	require.Equal(t, 7, cells[2].Items)
	require.Equal(t, bench.StateRunning, d.sweep().State, "it goes on")
	list, err := d.s.Extensions(ctx, d.plan.Sweep)
	require.NoError(t, err)
	require.NotNil(t, list[0].AppliedAt)
	require.Contains(t, d.ask(store.ControlRequest{What: bench.ControlExtend, Extension: hash}).Text, "holds all cells")

	other := e
	other.Cells = []store.ExtensionCell{e.Cells[1]}
	other.Cells[0].ID = "another"
	hash, err = d.s.PutExtension(ctx, other)
	require.NoError(t, err)
	d.refused(store.ControlRequest{What: bench.ControlExtend, Extension: hash}, "with another configuration")
	put(t, d.s, d.plan)
	require.Len(t, d.cells(), 4, "launching the first spec again takes nothing away")
}

func TestPriorityAndTargets(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "priority", "a")
	require.Equal(t, bench.PriorityDefault, d.sweep().Priority)
	d.ask(store.ControlRequest{What: bench.ControlPriority, Priority: 1})
	require.Equal(t, 1, d.sweep().Priority)
	require.Contains(t, d.ask(store.ControlRequest{What: bench.ControlPriority, Priority: 1}).Text, "already")
	d.refused(store.ControlRequest{What: bench.ControlPriority, Priority: 6}, "6 is no priority")

	p := d.plan
	p.Targets, p.Priority = []string{"latency_s p95 <= 2"}, 4
	created, err := d.s.PutOwnedPlan(t.Context(), "bo", p, func(bench.Cell) int { return 3 })
	require.NoError(t, err)
	require.False(t, created)
	sw := d.sweep()
	require.Equal(t, p.Targets, sw.Targets, "targets are replaced")
	require.Equal(t, []any{1, ""}, []any{sw.Priority, sw.Owner}, "priority and owner stay")
}

// What a lost lane left running although it was to be stopped ends as that, and
// what was not goes on.
func TestOrphansEndAsTheyWereTold(t *testing.T) {
	t.Parallel()
	for state, in := range map[bench.State]store.ControlRequest{
		bench.StateQueued:    {What: bench.ControlPause, Now: true},
		bench.StateSkipped:   {What: bench.ControlSkip},
		bench.StateCancelled: {What: bench.ControlCancel, Now: true},
	} {
		d := newDesk(t, "orphan", "a")
		running := d.next("a")
		if in.What == bench.ControlSkip {
			in.Cells = []bench.CellID{running.ID}
		}
		d.ask(in)
		d.nothing("a", "a new lane claims")
		require.Equal(t, []bench.State{state}, d.states())
		turns, err := d.s.Turns(t.Context(), "a")
		require.NoError(t, err)
		require.Len(t, turns, 1)
		require.Equal(t, state, turns[0].State)
		require.NotNil(t, turns[0].EndedAt)
	}
}
