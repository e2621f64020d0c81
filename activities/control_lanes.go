package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/store"
)

// WakeLanes starts the lanes of the named hosts or wakes them; with Stop, or
// CancelSweep, it tells them to stop a running cell. Lanes of busy hosts are
// started where they were lost.
func (c *Control) WakeLanes(ctx context.Context, in contract.WakeIn) error {
	return typed(ctx, WakeLanes(ctx, c.Temporal, in))
}

// WakeLanes is the work of the activity of that name, for callers that are no
// activity.
func WakeLanes(ctx context.Context, temporal client.Client, in contract.WakeIn) error {
	for _, host := range in.Hosts {
		id := contract.LaneWorkflowID(host)
		if in.CancelSweep != "" || in.Stop != nil {
			// Each lane is told of itself only, so that many hosts stay a small payload.
			err := temporal.SignalWorkflow(ctx, id, "", contract.SignalCancel,
				contract.WakeIn{V: in.V, Hosts: []string{host}, CancelSweep: in.CancelSweep, Stop: in.Stop})
			if _, gone := errors.AsType[*serviceerror.NotFound](err); err != nil && !gone {
				return noTemporal("tell lane %s to stop: %w", host, err)
			}
			// A lane that was lost is started again, to close what it left.
		}
		_, err := temporal.SignalWithStartWorkflow(ctx, id, contract.SignalWake, nil, LaneStart(host),
			contract.WorkflowLane, contract.LaneIn{V: contract.Shape, Host: host})
		if err != nil {
			return noTemporal("wake lane %s: %w", host, err)
		}
	}
	for _, host := range in.Busy {
		// One that lives hears nothing of it, so that its history does not grow.
		_, err := temporal.ExecuteWorkflow(ctx, LaneStart(host), contract.WorkflowLane, contract.LaneIn{V: contract.Shape, Host: host})
		if err != nil {
			return noTemporal("look after lane %s: %w", host, err)
		}
	}
	return nil
}

// LaneStart is how a host's lane is started where there is none.
func LaneStart(host string) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID: contract.LaneWorkflowID(host), TaskQueue: contract.QueueControl,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:         "the exclusive right to measure on host " + host,
	}
}

// ClaimNext gives a lane its next cell. Where there is none it says how the
// lane stands, since a drained one has none on purpose.
func (c *Control) ClaimNext(ctx context.Context, in contract.ClaimIn) (contract.ClaimOut, error) {
	cell, err := c.Store.ClaimNext(ctx, in.Host, in.Lane, in.Claim)
	if errors.Is(err, store.ErrNotFound) {
		state, why, err := c.stands(ctx, in.Host)
		if err != nil {
			return contract.ClaimOut{}, typed(ctx, err)
		}
		return contract.ClaimOut{V: in.V, Lane: state, Why: why}, nil
	}
	if err != nil {
		return contract.ClaimOut{}, typed(ctx, err)
	}
	out, err := c.benchmark(ctx, cell)
	if err != nil {
		return contract.ClaimOut{}, typed(ctx, err)
	}
	found := contract.ClaimOut{V: in.V, Found: true, Cell: &out}
	if out.V = in.V; in.V < 2 { // a lane of shape 1 knows of no turns
		return found, nil
	}
	out.Until, out.Prepare = turn(cell), prepares(cell.Config.Phases)
	// A drained lane goes on with the cell that it had.
	found.Lane, found.Why, err = c.stands(ctx, in.Host)
	return found, typed(ctx, err)
}

// stands tells whether a host takes cells, and who closed it.
func (c *Control) stands(ctx context.Context, host string) (bench.LaneState, string, error) {
	state, err := c.Store.LaneState(ctx, host)
	if err != nil || state == bench.LaneOpen {
		return state, "", err
	}
	lane, err := c.Store.Lane(ctx, host)
	return lane.State, whyClosed(lane), err
}

// benchmark is all that orchestrates a cell.
func (c *Control) benchmark(ctx context.Context, cell store.Cell) (contract.BenchmarkIn, error) {
	sw, err := c.Store.GetSweep(ctx, cell.Sweep)
	if err != nil {
		return contract.BenchmarkIn{}, err
	}
	measured, first, err := c.Store.EpochRung(ctx, cell.ID, cell.Epoch)
	if err != nil {
		return contract.BenchmarkIn{}, err
	}
	cfg := cell.Config
	rungs := make([]string, len(cfg.Model.Ladder))
	for i, r := range cfg.Model.Ladder {
		rungs[i] = r.Name
	}
	return contract.BenchmarkIn{
		Sweep: cell.Sweep, Name: sw.Name, Cell: cell.ID, Attempt: cell.Attempt, Epoch: cell.Epoch, At: cell.At,
		Rungs: rungs, Runs: cfg.Runs, Items: cell.Items, WarmUp: cfg.Phases.WarmUpCalls,
		Baseline: cfg.Phases.Baseline, Idle: cfg.Phases.Idle, Heartbeat: c.Heartbeat,
		Rung: measured, First: first,
	}, nil
}

// turn is the last run of a cell's present turn, 0 when that ends the cell.
func turn(cell store.Cell) int {
	per := cell.Config.RunsPerTurn
	if until := (cell.TurnsDone + 1) * per; per > 0 && until < cell.Config.Runs {
		return until
	}
	return 0
}

// prepares is what a cell asks of its host before its first window, nil when
// nothing.
func prepares(cfg bench.PhaseConfig) *contract.PrepareIn {
	if !cfg.ClearCaches && cfg.CoolDown <= 0 {
		return nil
	}
	return &contract.PrepareIn{CellRef: contract.CellRef{V: contract.Shape}, ClearCaches: cfg.ClearCaches, CoolDown: cfg.CoolDown}
}

// CloseCell ends a try of a cell, or gives the cell back to the plan, and tells
// how that was stored.
func (c *Control) CloseCell(ctx context.Context, in contract.CloseIn) (contract.CloseOut, error) {
	closed, err := c.Store.CloseTry(ctx, in.Cell, in.Attempt, in.State, in.Reason)
	if err != nil {
		return contract.CloseOut{}, typed(ctx, err)
	}
	return contract.CloseOut{V: contract.Shape, State: closed.State, Held: closed.Paused || closed.Cancelled}, nil
}

// SetLane makes the state of a host's lane durable. The state that it has
// already is no change, and is told as it stands.
func (c *Control) SetLane(ctx context.Context, in contract.SetLaneIn) (contract.LaneControlOut, error) {
	lane, err := c.Store.SetLane(ctx, in.Host, in.State, in.By, in.Reason)
	if err != nil {
		return contract.LaneControlOut{}, typed(ctx, err)
	}
	text := fmt.Sprintf("host %s is %s", in.Host, lane.State)
	if why := whyClosed(lane); why != "" {
		text += " (" + why + ")"
	}
	text += fmt.Sprintf("; %d cell(s) wait for it", lane.Queued)
	return contract.LaneControlOut{V: contract.Shape, State: lane.State, Cell: lane.Cell, Text: text}, nil
}

// whyClosed says who closed a lane, when and why; an open one says nothing.
func whyClosed(lane bench.Lane) string {
	if lane.State == bench.LaneOpen {
		return ""
	}
	text := "by " + lane.By + " at " + lane.At.UTC().Format(time.RFC3339)
	if lane.Reason != "" {
		text += ": " + lane.Reason
	}
	return text
}

// noTemporal is a Temporal server that did not take a message: it comes back.
func noTemporal(format string, args ...any) error {
	return fault.New(fault.Unavailable, fault.CodeUnreachable, "look at the Temporal server; the sweep waits and goes on by itself",
		format, args...)
}
