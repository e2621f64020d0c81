package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
)

// ask is a request of a person.
func ask(r *rig, what bench.Control, request string, now bool) contract.ControlSweepIn {
	return contract.ControlSweepIn{
		ControlIn: contract.ControlIn{V: contract.Shape, Request: request, By: "anna", Reason: "maintenance", Now: now},
		Sweep:     r.cell.Sweep, What: what,
	}
}

// A pause names the running cell that is to go back on the plan, and the host
// whose lane must be told; the same request again gives the same answer.
func TestControlSweepPauses(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	in := ask(r, bench.ControlPause, "one", true)
	out := must[contract.ControlOut](r, contract.ActControlSweep, in)
	require.True(t, out.Paused)
	require.Equal(t, []string{"bench1"}, out.Hosts)
	require.Equal(t, bench.StateQueued, out.Stop.State)
	require.Equal(t, []bench.CellID{r.cell.ID}, out.Stop.Cells)
	require.Equal(t, []int{1}, out.Stop.Tries)
	require.Equal(t, r.cell.Sweep, out.Stop.Sweep)
	require.Contains(t, out.Stop.Reason, "anna: maintenance")
	require.Equal(t, 1, out.ByState[bench.StateRunning])
	require.Equal(t, out, must[contract.ControlOut](r, contract.ActControlSweep, in))

	must[any](r, contract.ActCloseCell, contract.CloseIn{V: 2, Cell: r.cell.ID, State: bench.StateQueued, Reason: out.Stop.Reason})
	claim := contract.ClaimIn{V: 2, Host: "bench1", Lane: "lane", Claim: 2}
	require.False(t, must[contract.ClaimOut](r, contract.ActClaimNext, claim).Found, "a paused sweep is left alone")
	require.Nil(t, must[contract.ControlOut](r, contract.ActControlSweep, in).Stop, "what has stopped is not stopped again")
	require.False(t, must[contract.ControlOut](r, contract.ActControlSweep, ask(r, bench.ControlResume, "two", false)).Paused)
	got := must[contract.ClaimOut](r, contract.ActClaimNext, claim)
	require.True(t, got.Found)
	require.Equal(t, 2, got.Cell.Attempt)
}

// A refusal of the store is final and says what to do.
func TestControlSweepRefuses(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	in := ask(r, bench.ControlRemeasure, "one", false)
	in.Cells = []bench.CellID{r.cell.ID}
	_, err := do[contract.ControlOut](r, contract.ActControlSweep, in)
	app := failed(t, err)
	require.True(t, app.NonRetryable())
	require.Contains(t, app.Message(), "pause", "how to mend it")
}

// A sweep that had ended and has cells again is running.
func TestSweepCountsPutsAnEndedSweepOn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	must[any](r, contract.ActCloseCell, contract.CloseIn{V: 2, Cell: r.cell.ID, State: bench.StateFailed, Reason: "why"})
	must[contract.ControlOut](r, contract.ActControlSweep, ask(r, bench.ControlRetry, "one", false))
	// The workflow was about to end meanwhile.
	must[any](r, contract.ActFinishSweep, contract.FinishIn{V: 2, Sweep: r.cell.Sweep, State: bench.StateDone})
	require.Zero(t, must[contract.Counts](r, contract.ActSweepCounts, r.cell.Sweep).Final)
	sw, err := r.store.GetSweep(t.Context(), r.cell.Sweep)
	require.NoError(t, err)
	require.Equal(t, bench.StateRunning, sw.State)
	require.Nil(t, sw.FinishedAt)
}

// A drained lane gets nothing, and is told why, until it is opened.
func TestSetLane(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	must[any](r, contract.ActCloseCell, contract.CloseIn{V: 2, Cell: r.cell.ID, State: bench.StateQueued, Reason: "stopped"})
	in := contract.SetLaneIn{V: 2, Host: "bench1", State: bench.LaneDrained, By: "anna", Reason: "new GPU"}
	for range 2 {
		out := must[contract.LaneControlOut](r, contract.ActSetLane, in)
		require.Equal(t, bench.LaneDrained, out.State)
		require.Contains(t, out.Text, "host bench1 is drained (by anna at ")
		require.Contains(t, out.Text, ": new GPU); 1 cell(s) wait for it")
	}
	claim := contract.ClaimIn{V: 2, Host: "bench1", Lane: "lane", Claim: 2}
	got := must[contract.ClaimOut](r, contract.ActClaimNext, claim)
	require.False(t, got.Found)
	require.Equal(t, bench.LaneDrained, got.Lane)
	require.Contains(t, got.Why, "new GPU")
	in.State, in.Reason = bench.LaneOpen, ""
	require.Equal(t, "host bench1 is open; 1 cell(s) wait for it", must[contract.LaneControlOut](r, contract.ActSetLane, in).Text)
	require.True(t, must[contract.ClaimOut](r, contract.ActClaimNext, claim).Found)
}

// A claim says how far the turn goes and how the host is prepared; a lane of an
// earlier shape is told of neither.
func TestClaimNextInTurns(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(cfg *bench.CellConfig) {
		cfg.Runs, cfg.RunsPerTurn = 5, 2
		cfg.Phases.CoolDown, cfg.Phases.ClearCaches = time.Minute, true
	})
	in := contract.ClaimIn{V: 2, Host: "bench1", Lane: "lane", Claim: 1}
	for _, want := range []int{2, 4, 0, 0} {
		got := must[contract.ClaimOut](r, contract.ActClaimNext, in).Cell
		require.Equal(t, 2, got.V)
		require.Equal(t, want, got.Until)
		require.Equal(t, &contract.PrepareIn{CellRef: contract.CellRef{V: 2}, ClearCaches: true, CoolDown: time.Minute}, got.Prepare)
		must[any](r, contract.ActCloseCell, contract.CloseIn{V: 2, Cell: r.cell.ID, State: bench.StateQueued})
		in.Claim++
	}
	in.V = 1
	got := must[contract.ClaimOut](r, contract.ActClaimNext, in).Cell
	require.Equal(t, 1, got.V)
	require.Zero(t, got.Until)
	require.Nil(t, got.Prepare)
}
