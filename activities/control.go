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
	"github.com/wattsweep/wattsweep/internal/tasks/icd10"
)

// Control is the database work behind sweeps and lanes.
type Control struct {
	Store *store.Store
	// Temporal wakes lanes.
	Temporal client.Client
	// Heartbeat is how soon a dead worker is noticed; 0 takes the default.
	Heartbeat time.Duration
}

// SweepCounts reads how far a sweep is.
func (c *Control) SweepCounts(ctx context.Context, id bench.SweepID) (contract.Counts, error) {
	sw, err := c.Store.GetSweep(ctx, id)
	if err != nil {
		return contract.Counts{}, typed(ctx, err)
	}
	if sw.State == bench.StateQueued {
		if err := c.Store.SetSweepState(ctx, id, bench.StateRunning); err != nil {
			return contract.Counts{}, typed(ctx, err)
		}
	}
	hosts, err := c.Store.SweepHosts(ctx, id)
	if err != nil {
		return contract.Counts{}, typed(ctx, err)
	}
	return contract.Counts{
		V: 1, ByState: sw.Counts, ByHost: hosts, Total: sw.Total(), Final: sw.Finished(), Cancel: sw.Cancel,
	}, nil
}

// CancelSweep takes a sweep's queued cells off the plan.
func (c *Control) CancelSweep(ctx context.Context, id bench.SweepID) error {
	return typed(ctx, c.Store.RequestCancel(ctx, id))
}

// FinishSweep makes a sweep's end durable.
func (c *Control) FinishSweep(ctx context.Context, in contract.FinishIn) error {
	return typed(ctx, c.Store.SetSweepState(ctx, in.Sweep, in.State))
}

// WakeLanes starts the lanes of the named hosts or wakes them; with
// CancelSweep it tells them to stop that sweep's running cell.
func (c *Control) WakeLanes(ctx context.Context, in contract.WakeIn) error {
	return typed(ctx, WakeLanes(ctx, c.Temporal, in))
}

// WakeLanes is the work of the activity of that name, for callers that are no
// activity.
func WakeLanes(ctx context.Context, temporal client.Client, in contract.WakeIn) error {
	for _, host := range in.Hosts {
		id := contract.LaneWorkflowID(host)
		if in.CancelSweep != "" {
			err := temporal.SignalWorkflow(ctx, id, "", contract.SignalCancel, in)
			if _, gone := errors.AsType[*serviceerror.NotFound](err); err != nil && !gone {
				return noTemporal("tell lane %s to stop: %w", host, err)
			}
			// A lane that was lost is started again, to close what it left.
		}
		_, err := temporal.SignalWithStartWorkflow(ctx, id, contract.SignalWake, nil, client.StartWorkflowOptions{
			ID: id, TaskQueue: contract.QueueControl,
			WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
			StaticSummary:         "the exclusive right to measure on host " + host,
		}, contract.WorkflowLane, contract.LaneIn{V: 1, Host: host})
		if err != nil {
			return noTemporal("wake lane %s: %w", host, err)
		}
	}
	return nil
}

// ClaimNext gives a lane its next cell.
func (c *Control) ClaimNext(ctx context.Context, in contract.ClaimIn) (contract.ClaimOut, error) {
	cell, err := c.Store.ClaimNext(ctx, in.Host, in.Lane, in.Claim)
	if errors.Is(err, store.ErrNotFound) {
		return contract.ClaimOut{V: 1}, nil
	}
	if err != nil {
		return contract.ClaimOut{}, typed(ctx, err)
	}
	sw, err := c.Store.GetSweep(ctx, cell.Sweep)
	if err != nil {
		return contract.ClaimOut{}, typed(ctx, err)
	}
	measured, first, err := c.Store.EpochRung(ctx, cell.ID, cell.Epoch)
	if err != nil {
		return contract.ClaimOut{}, typed(ctx, err)
	}
	cfg := cell.Config
	rungs := make([]string, len(cfg.Model.Ladder))
	for i, r := range cfg.Model.Ladder {
		rungs[i] = r.Name
	}
	return contract.ClaimOut{V: 1, Found: true, Cell: &contract.BenchmarkIn{
		V: 1, Sweep: cell.Sweep, Name: sw.Name, Cell: cell.ID, Attempt: cell.Attempt, Epoch: cell.Epoch, At: cell.At,
		Rungs: rungs, Runs: cfg.Runs, Items: cell.Items, WarmUp: cfg.Phases.WarmUpCalls,
		Baseline: cfg.Phases.Baseline, Idle: cfg.Phases.Idle, Heartbeat: c.Heartbeat,
		Rung: measured, First: first,
	}}, nil
}

// CloseCell ends a cell.
func (c *Control) CloseCell(ctx context.Context, in contract.CloseIn) error {
	return typed(ctx, c.Store.CloseCell(ctx, in.Cell, in.State, in.Reason))
}

// RestartEpoch starts a cell's runs afresh and returns the new epoch.
func (c *Control) RestartEpoch(ctx context.Context, in contract.CellRef) (int, error) {
	epoch, err := c.Store.RestartEpoch(ctx, in.Cell, in.Epoch)
	return epoch, typed(ctx, err)
}

// PinDataset checks that the journals a cell asks about are in the store,
// complete and under the hash that the plan named.
func (c *Control) PinDataset(ctx context.Context, in contract.CellRef) (contract.Note, error) {
	return staged(ctx, c.Store, in, bench.StageDataset, func() (contract.Note, error) {
		cell, err := c.Store.GetCell(ctx, in.Cell)
		if err != nil {
			return contract.Note{}, err
		}
		d := cell.Config.Dataset
		info, err := c.Store.GetDataset(ctx, d.Hash)
		if err != nil {
			return contract.Note{}, err
		}
		journals, err := c.Store.Journals(ctx, d.Hash, d.Language, d.Limit)
		if err != nil {
			return contract.Note{}, err
		}
		if len(journals) != cell.Items {
			return contract.Note{}, fault.New(fault.Corrupt, fault.CodeDatasetChanged, "run the spec again, which stores the dataset anew",
				"dataset %s in %s holds %d journals, the plan has %d", info.Name, d.Language, len(journals), cell.Items)
		}
		for _, j := range journals {
			if bench.Hash(j.Body) != j.BodyHash {
				return contract.Note{}, fault.New(fault.Corrupt, fault.CodeDatasetChanged, "restore the database, or store the dataset anew",
					"journal %s of dataset %s no longer has the text it was stored with", j.ID, info.Name)
			}
		}
		hash, err := icd10.PromptHash(d.Language)
		if err != nil {
			return contract.Note{}, err
		}
		if err := c.Store.SetPromptHash(ctx, in.Cell, hash); err != nil {
			return contract.Note{}, err
		}
		return note("%s %s: %d journals in %s, sha256 %.12s", info.Name, info.Version, len(journals), d.Language, info.Hash), nil
	})
}

func note(format string, args ...any) contract.Note {
	return contract.Note{V: 1, Text: fmt.Sprintf(format, args...)}
}

// noTemporal is a Temporal server that did not take a message: it comes back.
func noTemporal(format string, args ...any) error {
	return fault.New(fault.Unavailable, fault.CodeUnreachable, "look at the Temporal server; the sweep waits and goes on by itself",
		format, args...)
}
