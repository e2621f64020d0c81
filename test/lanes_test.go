package test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/test/harness"
)

// laneSpec is two cells of 80 calls, enough to be steered while they run.
func laneSpec(name string) string {
	return spec(name, "{name: demo-journals, languages: [sv, en], limit: 40}", "2", "2048")
}

// Two sweeps of two people want one host at once, and are paused, skipped,
// given priorities, drained and resumed while they run. Every call is measured
// once, and by stored times no measurement of one lies within another's.
func TestTwoSweepsShareAHost(t *testing.T) {
	lab := harness.NewLab(t, "lanes-shared", "WATTSWEEP_WORKER_HEARTBEAT_TIMEOUT=6s")
	ctx := t.Context()
	left := lab.Launch(lab.Spec(laneSpec("left")))
	right := lab.Launch(lab.Spec(laneSpec("right")))
	ownedBy(t, lab, right, "somebody-else")

	lab.Until("calls of the first sweep", func(ctx context.Context) bool { return lab.Calls(ctx, left) >= 5 })
	require.Contains(t, lab.Must("pause", "left", "--now", "--reason", "visitors"), "is paused")
	require.Contains(t, lab.Must("status", "left"), "visitors")
	lab.Until("the other sweep's calls", func(ctx context.Context) bool { return lab.Calls(ctx, right) >= 5 })
	kept := lab.Calls(ctx, left)
	require.Positive(t, kept)
	require.Less(t, kept, 160)
	require.Zero(t, counts(t, lab, left)[bench.StateRunning], "the paused cell gave the host up")

	require.Contains(t, lab.Must("skip", "right", "2"), "1 cell is taken off the plan")
	_, stderr, code := lab.Run("skip", "right", "77")
	require.Equal(t, 2, code)
	require.Contains(t, stderr, "numbered 1 to 2")
	require.Contains(t, lab.Must("priority", "left", "1", "--request-id", "mine"), "priority 1 now, it was 3")
	require.Contains(t, lab.Must("priority", "left", "1", "--request-id", "mine"), "priority 1 now, it was 3", "the same request has the same answer")
	require.Contains(t, lab.Must("resume", "left"), "goes on")

	drainAndOpen(t, lab, left, right)
	require.Contains(t, lab.Must("retry", "right", "--in-state", "skipped"), "1 cell is back on the plan")
	for _, id := range []bench.SweepID{left, right} {
		lab.Until("the end of "+string(id), func(ctx context.Context) bool { return lab.SweepState(ctx, id) == bench.StateDone })
	}
	_, stderr, code = lab.Run("pause", "left")
	require.NotZero(t, code)
	require.Contains(t, stderr, "ended")

	checkShared(t, lab, left, right)
	remeasureOne(t, lab, left)
}

// drainAndOpen takes the host out of use in the middle of a cell, and back.
func drainAndOpen(t *testing.T, lab *harness.Lab, sweeps ...bench.SweepID) {
	t.Helper()
	lab.Must("host", "drain", lab.Host, "--now", "--reason", "new memory")
	running := func() (n int) {
		for _, id := range sweeps {
			n += counts(t, lab, id)[bench.StateRunning]
		}
		return n
	}
	lab.Until("an idle host", func(context.Context) bool { return running() == 0 })
	var hosts []struct {
		Host, State, Reason, Worker string
		Queued                      int
	}
	require.NoError(t, json.Unmarshal([]byte(lab.Must("host", "list", "--output", "json")), &hosts))
	require.Len(t, hosts, 1)
	require.Equal(t, []string{lab.Host, "drained", "new memory"}, []string{hosts[0].Host, hosts[0].State, hosts[0].Reason})
	require.NotEmpty(t, hosts[0].Worker)
	require.Positive(t, hosts[0].Queued)
	before := lab.Calls(t.Context(), sweeps[0]) + lab.Calls(t.Context(), sweeps[1])
	lab.Must("priority", string(sweeps[1]), "2") // wakes nobody who may not measure
	require.Equal(t, before, lab.Calls(t.Context(), sweeps[0])+lab.Calls(t.Context(), sweeps[1]))
	_, stderr, code := lab.Run("host", "drain", "lanes-shred")
	require.NotZero(t, code)
	require.Contains(t, stderr, "known hosts are "+lab.Host)
	lab.Must("host", "resume", lab.Host)
}

// checkShared looks at what was stored of two sweeps on one host.
func checkShared(t *testing.T, lab *harness.Lab, sweeps ...bench.SweepID) {
	t.Helper()
	ctx := t.Context()
	for _, id := range sweeps {
		exactlyOnce(t, lab, id, 40, 2)
		begun, committed, err := lab.Store.CallCounts(ctx, id)
		require.NoError(t, err)
		require.Equal(t, begun, committed, "a stop finishes its call")
	}
	neverTogether(t, lab, sweeps...)
	turns, err := lab.Store.Turns(ctx, lab.Host)
	require.NoError(t, err)
	shared := map[bench.SweepID]int{}
	for i, turn := range turns {
		require.NotNil(t, turn.EndedAt)
		shared[turn.Sweep]++
		if i > 0 {
			require.False(t, turn.BeganAt.Before(*turns[i-1].EndedAt), "turns overlap")
		}
	}
	require.GreaterOrEqual(t, shared[sweeps[0]], 3, "two cells, one of them paused")
	require.GreaterOrEqual(t, shared[sweeps[1]], 2)
	events, err := lab.Store.ControlEvents(ctx, sweeps[0])
	require.NoError(t, err)
	var asked []string
	for _, e := range events {
		asked = append(asked, string(e.What))
	}
	require.Equal(t, "pause priority resume", strings.Join(asked, " "), "refused and repeated requests leave no second row")
}

// remeasureOne measures a cell of a sweep that has ended anew.
func remeasureOne(t *testing.T, lab *harness.Lab, id bench.SweepID) {
	t.Helper()
	require.Contains(t, lab.Must("remeasure", string(id), "1"), "measured anew")
	lab.Until("the end of the second measurement", func(ctx context.Context) bool {
		c := cellsOf(t, lab, id)[0]
		return c.State == bench.StateDone && c.Epoch == 2 && lab.SweepState(ctx, id) == bench.StateDone
	})
	exactlyOnce(t, lab, id, 40, 2)
	earlier, err := lab.Store.Calls(t.Context(), cellsOf(t, lab, id)[0].ID, 1)
	require.NoError(t, err)
	require.Len(t, earlier, 80, "what was measured before is kept")
}

// A sweep grows while it runs and after its end: by a spec with more in its
// matrix, and by a host.
func TestSweepGrows(t *testing.T) {
	lab := harness.NewLab(t, "lanes-grow")
	small := spec("grow", "{name: demo-journals, languages: [sv], limit: 6}", "2", "2048")
	larger := strings.Replace(small, "[sv]", "[sv, en]", 1)
	id := lab.Launch(lab.Spec(small))
	lab.Until("the end", func(ctx context.Context) bool { return lab.SweepState(ctx, id) == bench.StateDone })

	path := lab.Spec(larger)
	require.Contains(t, lab.Must("extend", "grow", path, "--dry-run"), "1 cell(s) would be added")
	require.Len(t, cellsOf(t, lab, id), 1)
	require.Contains(t, lab.Must("extend", "grow", path), "1 cell is added")
	lab.Until("the second end", func(ctx context.Context) bool {
		return counts(t, lab, id)[bench.StateDone] == 2 && lab.SweepState(ctx, id) == bench.StateDone
	})
	require.Contains(t, lab.Must("extend", "grow", path), "nothing is added")
	exactlyOnce(t, lab, id, 6, 2)

	_, stderr, code := lab.Run("extend", "grow", lab.Spec(strings.Replace(larger, "runs: 2", "runs: 3", 1)))
	require.Equal(t, 2, code)
	require.Contains(t, stderr, "another configuration (runs)")

	require.Contains(t, lab.Must("extend", "grow", "--on-host", "lanes-grow2"), "2 cells are added")
	cells := cellsOf(t, lab, id)
	require.Len(t, cells, 4)
	require.Equal(t, "lanes-grow2", cells[3].At.Host)
	// Nobody serves that host, so its lane may hold a cell that never began.
	require.Contains(t, lab.Must("cancel", "grow"), "sweep "+string(id)+" is cancelled: ")
	lab.Until("the cancelled state", func(ctx context.Context) bool { return lab.SweepState(ctx, id) == bench.StateCancelled })
}

func cellsOf(t *testing.T, lab *harness.Lab, id bench.SweepID) []store.Cell {
	t.Helper()
	cells, err := lab.Store.Cells(t.Context(), id)
	require.NoError(t, err)
	return cells
}

func counts(t *testing.T, lab *harness.Lab, id bench.SweepID) map[bench.State]int {
	t.Helper()
	c, err := lab.Store.CountCells(t.Context(), id)
	require.NoError(t, err)
	return c.ByState
}

// ownedBy gives a sweep another owner: all programs of a test run as one user.
func ownedBy(t *testing.T, lab *harness.Lab, id bench.SweepID, owner string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	db, err := pgx.Connect(ctx, lab.Stack.PostgresDSN)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close(context.WithoutCancel(ctx))) }()
	_, err = db.Exec(ctx, `UPDATE sweeps SET owner = $2 WHERE id = $1`, id, owner)
	require.NoError(t, err)
}
