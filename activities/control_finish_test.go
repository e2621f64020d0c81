package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/store"
)

// finish ends the sweep as its workflow does.
func (r *rig) finish() int {
	r.t.Helper()
	in := contract.FinishIn{V: contract.Shape, Sweep: r.cell.Sweep, State: bench.StateCancelled}
	for parts := 1; ; parts++ {
		out := must[contract.FinishOut](r, contract.ActFinishSweep, in)
		if out.Next == 0 {
			return parts
		}
		require.Greater(r.t, out.Next, in.After)
		in.After = out.Next
	}
}

func (r *rig) stored() store.Cell {
	r.t.Helper()
	cell, err := r.store.GetCell(r.t.Context(), r.cell.ID)
	require.NoError(r.t, err)
	return cell
}

// published is what was said of the newest row.
func (r *rig) published() (text string) {
	r.t.Helper()
	stages, err := r.store.Stages(r.t.Context(), r.cell.ID)
	require.NoError(r.t, err)
	for _, s := range stages {
		if s.Stage == bench.StagePublish {
			text = s.Detail
		}
	}
	return text
}

// A cell that was taken off the plan between two of its turns is scored, priced
// and published when its sweep ends, and once.
func TestFinishSweepSettlesCells(t *testing.T) {
	t.Parallel()
	r := measured(t)
	must[contract.CloseOut](r, contract.ActCloseCell, contract.CloseIn{V: 2, Cell: r.cell.ID, State: bench.StateQueued, Attempt: 1})
	must[contract.ControlOut](r, contract.ActControlSweep, ask(r, bench.ControlCancel, "one", true))
	_, err := r.store.GetCourse(t.Context(), r.cell.ID, 1)
	require.ErrorIs(t, err, store.ErrNotFound)

	require.Equal(t, 2, r.finish(), "a part with the cell, and the end")
	course, err := r.store.GetCourse(t.Context(), r.cell.ID, 1)
	require.NoError(t, err)
	require.NotEmpty(t, course.Curves)
	readings, err := r.store.CallReadings(t.Context(), r.cell.ID, 1)
	require.NoError(t, err)
	require.Len(t, readings, 8)
	require.Len(t, r.scores("icd10/1 max=5"), 8)
	require.Equal(t, "8 calls, 2 failed, cancelled", r.published())
	require.Empty(t, r.stored().Stage, "nothing is done for it any more")
	require.Equal(t, 1, r.finish(), "it is settled")
}

// A row that an earlier try published is made anew when the cell was put back
// and taken off again after more was measured.
func TestFinishSweepRenewsAnOlderRow(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	in := contract.PublishIn{CellRef: r.ref(), State: bench.StateFailed, Reason: "why"}
	must[contract.InferOut](r, contract.ActInfer, r.infer(1))
	publish := func() {
		for _, name := range []string{contract.ActScore, contract.ActCost, contract.ActPublish} {
			must[contract.Note](r, name, in)
		}
	}
	publish()
	must[contract.CloseOut](r, contract.ActCloseCell, contract.CloseIn{V: 2, Cell: r.cell.ID, State: bench.StateFailed, Reason: "why", Attempt: 1})
	require.Equal(t, 1, r.finish(), "its row is its own")
	must[contract.ControlOut](r, contract.ActControlSweep, ask(r, bench.ControlRetry, "one", false))
	must[contract.ClaimOut](r, contract.ActClaimNext, contract.ClaimIn{V: 2, Host: "bench1", Lane: "lane", Claim: 2})
	second := r.infer(2)
	second.Attempt = 2
	must[contract.InferOut](r, contract.ActInfer, second)
	must[contract.CloseOut](r, contract.ActCloseCell, contract.CloseIn{V: 2, Cell: r.cell.ID, State: bench.StateQueued, Attempt: 2})
	must[contract.ControlOut](r, contract.ActControlSweep, ask(r, bench.ControlCancel, "two", true))
	require.Equal(t, 2, r.finish())
	require.Equal(t, "8 calls, 0 failed, cancelled", r.published())
	readings, err := r.store.CallReadings(t.Context(), r.cell.ID, 1)
	require.NoError(t, err)
	require.Len(t, readings, 8)
}

// A row says how its cell stands, also when that was decided without another try.
func TestFinishSweepTellsHowACellEnded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	must[contract.InferOut](r, contract.ActInfer, r.infer(1))
	must[contract.Note](r, contract.ActPublish, contract.PublishIn{CellRef: r.ref(), State: bench.StateFailed, Reason: "why"})
	must[contract.CloseOut](r, contract.ActCloseCell, contract.CloseIn{V: 2, Cell: r.cell.ID, State: bench.StateFailed, Reason: "why", Attempt: 1})
	must[contract.ControlOut](r, contract.ActControlSweep, ask(r, bench.ControlRetry, "one", false))
	must[contract.ControlOut](r, contract.ActControlSweep, ask(r, bench.ControlCancel, "two", true))
	require.Equal(t, 2, r.finish())
	require.Equal(t, "4 calls, 0 failed, cancelled", r.published())
	require.Equal(t, 1, r.finish())
}

// A cell that cannot be scored any more does not keep its sweep from ending.
func TestFinishSweepLeavesWhatCannotBeScored(t *testing.T) {
	t.Parallel()
	r := measured(t, func(cfg *bench.CellConfig) { cfg.Task.CodeList = "gone" })
	must[contract.CloseOut](r, contract.ActCloseCell, contract.CloseIn{V: 2, Cell: r.cell.ID, State: bench.StateQueued, Attempt: 1})
	must[contract.ControlOut](r, contract.ActControlSweep, ask(r, bench.ControlCancel, "one", true))
	require.Equal(t, 2, r.finish())
	sw, err := r.store.GetSweep(t.Context(), r.cell.Sweep)
	require.NoError(t, err)
	require.Equal(t, bench.StateCancelled, sw.State)
	require.Empty(t, r.stored().Stage)
}
