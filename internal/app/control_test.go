package app

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/wattsweep/wattsweep/config"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/store"
)

// What a workflow refuses reaches the person as one sentence and its mend.
func TestRefusalsAreReadable(t *testing.T) {
	t.Parallel()
	inner := temporal.NewNonRetryableApplicationError("skip sweep s: it has no cell x — wattsweep status s lists its cells", "Invalid", nil)
	for name, err := range map[string]error{
		"plain":   inner,
		"wrapped": temporal.NewApplicationErrorWithCause("update failed", "Update", fmt.Errorf("activity error: %w", inner)),
	} {
		got := refused("skip sweep s", err)
		require.Equal(t, "skip sweep s: it has no cell x", got.Error(), name)
		require.Equal(t, "wattsweep status s lists its cells", fault.HintOf(got), name)
		require.Equal(t, fault.Invalid, fault.KindOf(got), name)
	}
	other := errors.New("connection refused")
	require.ErrorIs(t, refused("skip sweep s", other), other)
}

func storedPlan(t *testing.T, text string) (*config.Spec, []store.Cell) {
	t.Helper()
	spec, err := config.ParseSpec("test", []byte(text), SpecOptions())
	require.NoError(t, err)
	plan, err := spec.Plan()
	require.NoError(t, err)
	cells := make([]store.Cell, len(plan.Cells))
	for i, c := range plan.Cells {
		cells[i].Cell = c
	}
	return spec, cells
}

// A cell that is copied to another host has the id that a spec gives it.
func TestCopiedCellsAreThoseOfTheSpec(t *testing.T) {
	t.Parallel()
	spec, had := storedPlan(t, string(config.DemoSpec()))
	id := had[0].Sweep
	grown, err := spec.WithHosts("gpu7")
	require.NoError(t, err)
	plan, err := grown.PlanInto(id)
	require.NoError(t, err)
	want := map[bench.Coordinates]bench.CellID{}
	for _, c := range plan.Cells {
		want[c.At] = c.ID
	}
	for _, c := range had {
		c.Config.Dataset.Hash = "pinned at launch"
		moved, err := movedTo(c.Cell, "gpu7")
		require.NoError(t, err)
		require.Equal(t, want[moved.At], moved.ID)
	}
}

func TestExtensionsAreCompared(t *testing.T) {
	t.Parallel()
	spec, had := storedPlan(t, string(config.DemoSpec()))
	id := had[0].Sweep
	grown, err := spec.WithHosts("gpu7")
	require.NoError(t, err)
	plan, err := grown.PlanInto(id)
	require.NoError(t, err)
	e, err := compare(id, had, plan.Cells)
	require.NoError(t, err)
	require.Equal(t, []int{len(had), len(had), 0}, []int{e.Same, len(e.New), len(e.Lacking)})

	e, err = compare(id, had, plan.Cells[len(plan.Cells)-1:])
	require.NoError(t, err)
	require.Len(t, e.Lacking, len(had), "cells that the spec lacks stay, and are named")

	changed := plan.Cells[0]
	for _, c := range had {
		if c.At == changed.At {
			changed = c.Cell
		}
	}
	changed.Config.Runs, changed.Config.Seed, changed.ID = 99, 98, "other"
	_, err = compare(id, had, []bench.Cell{changed})
	require.ErrorContains(t, err, "with another configuration (runs, seed)")
	_, problems := errors.AsType[*fault.Problems](err)
	require.True(t, problems, "wrong use, with all that is wrong at once")
}

func TestHostNamesAreChecked(t *testing.T) {
	t.Parallel()
	require.NoError(t, validHosts([]string{"gpu7"}))
	require.Error(t, validHosts([]string{"GPU 7"}))
}

func TestBuildsOfWorkers(t *testing.T) {
	t.Parallel()
	require.Equal(t, "0.4.0 (abc/dirty)", buildOf("gpu1/0.4.0 (abc/dirty)/boot"))
	require.Equal(t, "12@host@", buildOf("12@host@"))
}

// Which requests may start a sweep again.
func TestWhatStartsASweepAgain(t *testing.T) {
	t.Parallel()
	ended, running := store.Sweep{State: bench.StateDone}, store.Sweep{State: bench.StateRunning}
	for what, want := range map[bench.Control][2]bool{
		bench.ControlRetry: {true, true}, bench.ControlRemeasure: {true, true}, bench.ControlExtend: {true, true},
		bench.ControlCancel: {false, false}, bench.ControlPause: {false, true}, bench.ControlResume: {false, true},
		bench.ControlSkip: {false, true}, bench.ControlPriority: {false, true},
	} {
		require.Equal(t, want, [2]bool{startsAgain(ended, what), startsAgain(running, what)}, what)
	}
}
