package app

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/wattsweep/wattsweep/config"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/store/storetest"
)

// gone is a Temporal that knows no workflow, so that all is done in the store.
type gone struct {
	client.Client

	// cut, when positive, is after how many updates the connection breaks.
	cut, asked int
	ids        []string
}

func (g *gone) UpdateWorkflow(_ context.Context, o client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	g.ids = append(g.ids, o.UpdateID)
	if g.asked++; g.cut > 0 && g.asked > g.cut {
		return nil, context.Canceled
	}
	return nil, serviceerror.NewNotFound("no such workflow")
}

func (*gone) NewWithStartWorkflowOperation(client.StartWorkflowOptions, any, ...any) client.WithStartWorkflowOperation {
	return nil
}

func (g *gone) UpdateWithStartWorkflow(ctx context.Context, o client.UpdateWithStartWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	return g.UpdateWorkflow(ctx, o.UpdateOptions)
}

func (*gone) SignalWithStartWorkflow(context.Context, string, string, any, client.StartWorkflowOptions, any, ...any) (client.WorkflowRun, error) {
	return nil, nil //nolint:nilnil // nobody looks at it
}

func large(t *testing.T, cells int) (*App, *gone, store.Sweep) {
	t.Helper()
	s := storetest.New(t)
	p := bench.Plan{Sweep: "large", Name: "large"}
	for i := range cells {
		at := bench.Coordinates{Host: "a", Model: "m" + strconv.Itoa(i)}
		p.Cells = append(p.Cells, bench.Cell{ID: bench.CellID("c" + strconv.Itoa(i)), Sweep: p.Sweep, Seq: i + 1, At: at})
	}
	_, err := s.PutOwnedPlan(t.Context(), "ada", p, func(bench.Cell) int { return 1 })
	require.NoError(t, err)
	server := &gone{}
	sw, err := s.GetSweep(t.Context(), p.Sweep)
	require.NoError(t, err)
	return &App{Store: s, Log: slog.New(slog.DiscardHandler), Settings: config.Settings{}, Temporal: server}, server, sw
}

func inState(t *testing.T, a *App, id bench.SweepID, state bench.State) []bench.CellID {
	t.Helper()
	all, err := a.Store.Cells(t.Context(), id)
	require.NoError(t, err)
	var out []bench.CellID
	for _, c := range all {
		if c.State == state {
			out = append(out, c.ID)
		}
	}
	return out
}

// A request in parts that is cut and made again misses no cell, though a filter
// chooses others than at first.
func TestACutRequestIsFinished(t *testing.T) {
	t.Parallel()
	a, server, sw := large(t, 2*contract.MaxCellsPerUpdate+200)
	server.cut = 1
	in := contract.ControlIn{By: "ada", Request: "R", Cells: inState(t, a, sw.ID, bench.StateQueued)}
	_, err := a.Control(t.Context(), sw, bench.ControlSkip, in)
	require.ErrorContains(t, err, "after 500 of 1200 cells")
	server.cut = 0
	in.Cells = inState(t, a, sw.ID, bench.StateQueued)
	require.Len(t, in.Cells, contract.MaxCellsPerUpdate+200)
	got, err := a.Control(t.Context(), sw, bench.ControlSkip, in)
	require.NoError(t, err)
	require.Equal(t, contract.MaxCellsPerUpdate+200, got.Changed)
	require.Empty(t, inState(t, a, sw.ID, bench.StateQueued))
	// The very same again changes nothing.
	_, err = a.Control(t.Context(), sw, bench.ControlSkip, in)
	require.NoError(t, err)
	events, err := a.Store.ControlEvents(t.Context(), sw.ID)
	require.NoError(t, err)
	require.Len(t, events, 3)
}

func TestPartsAreNamedByTheirCells(t *testing.T) {
	t.Parallel()
	var cells []bench.CellID
	for i := range contract.MaxCellsPerUpdate + 1 {
		cells = append(cells, bench.CellID("c"+strconv.Itoa(i)))
	}
	long := strings.Repeat("é", store.MaxNameBytes/2)
	seen := map[string]bool{}
	for _, in := range []contract.ControlIn{
		{Request: "R", Cells: cells},
		{Request: long, Cells: cells},
		{Request: long[:len(long)-2] + "xx", Cells: cells},
	} {
		for _, p := range inParts(in) {
			require.LessOrEqual(t, len(p.Request), store.MaxNameBytes)
			require.False(t, seen[p.Request], p.Request)
			seen[p.Request] = true
		}
	}
	one := contract.ControlIn{Request: "R", Cells: cells[:3]}
	require.Equal(t, []contract.ControlIn{one}, inParts(one))
	other := one
	other.Cells = cells[1:4]
	require.NotEqual(t, updateID(bench.ControlSkip, one), updateID(bench.ControlSkip, other), "Temporal would answer it with the other's answer")
}

// A cancellation that is asked again after its sweep was put back and done
// changes nothing.
func TestAnOldCancellationEndsNothing(t *testing.T) {
	t.Parallel()
	a, _, sw := large(t, 1)
	ctx := t.Context()
	in := contract.ControlIn{By: "ada", Request: "R", Now: true}
	_, err := a.Control(ctx, sw, bench.ControlCancel, in)
	require.NoError(t, err)
	sw, err = a.Store.GetSweep(ctx, sw.ID)
	require.NoError(t, err)
	require.Equal(t, bench.StateCancelled, sw.State)
	_, err = a.Store.ControlSweep(ctx, store.ControlRequest{Sweep: sw.ID, What: bench.ControlRetry, Request: "again"})
	require.NoError(t, err)
	c, err := a.Store.ClaimNext(ctx, "a", "lane", 1)
	require.NoError(t, err)
	require.NoError(t, a.Store.CloseCell(ctx, c.ID, bench.StateDone, ""))
	require.NoError(t, a.Store.SetSweepState(ctx, sw.ID, bench.StateDone))
	got, err := a.Cancel(ctx, sw.ID, in)
	require.NoError(t, err)
	require.Contains(t, got.Text, "is cancelled", "the answer of then")
	sw, err = a.Store.GetSweep(ctx, sw.ID)
	require.NoError(t, err)
	require.Equal(t, bench.StateDone, sw.State)
}

// refusing is a Temporal that refuses under one id for ever, as it does once an
// accepted update failed, and would answer under another.
type refusing struct {
	gone

	first string
}

func (r *refusing) UpdateWorkflow(ctx context.Context, o client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	if r.first == "" || r.first == o.UpdateID {
		r.first = o.UpdateID
		return nil, temporal.NewNonRetryableApplicationError("it is being cancelled", "Invalid", nil)
	}
	return r.gone.UpdateWorkflow(ctx, o)
}

func (r *refusing) UpdateWithStartWorkflow(ctx context.Context, o client.UpdateWithStartWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	return r.UpdateWorkflow(ctx, o.UpdateOptions)
}

func TestAnOldRefusalIsAskedAgain(t *testing.T) {
	t.Parallel()
	a, _, sw := large(t, 1)
	a.Temporal = &refusing{}
	_, err := a.Control(t.Context(), sw, bench.ControlPause, contract.ControlIn{By: "ada", Request: "R"})
	require.NoError(t, err)
}

func TestReasonsOfADrainAreShort(t *testing.T) {
	t.Parallel()
	a := &App{Temporal: &gone{}}
	_, err := a.Drain(t.Context(), "a", contract.LaneControlIn{By: "ada", Reason: strings.Repeat("x", store.MaxReasonBytes+1)})
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	require.ErrorContains(t, err, "the reason has 501 bytes")
}

// Who follows a sweep learns that a host of it takes no cells.
func TestProgressNamesClosedHosts(t *testing.T) {
	t.Parallel()
	a, _, sw := large(t, 2)
	ctx := t.Context()
	p, err := a.Progress(ctx, sw.ID)
	require.NoError(t, err)
	require.Empty(t, p.Closed)
	_, err = a.Store.SetLane(ctx, "a", bench.LaneUnfit, "", "no GPU")
	require.NoError(t, err)
	_, err = a.Store.SetLane(ctx, "elsewhere", bench.LaneDrained, "ada", "")
	require.NoError(t, err)
	p, err = a.Progress(ctx, sw.ID)
	require.NoError(t, err)
	require.Len(t, p.Closed, 1, "hosts of other sweeps are none of its business")
	require.Equal(t, []any{"a", bench.LaneUnfit, "no GPU"}, []any{p.Closed[0].Host, p.Closed[0].State, p.Closed[0].Reason})
	_, err = a.Store.SetLane(ctx, "a", bench.LaneOpen, "ada", "")
	require.NoError(t, err)
	p, err = a.Progress(ctx, sw.ID)
	require.NoError(t, err)
	require.Empty(t, p.Closed)
}
