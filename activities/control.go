package activities

import (
	"context"
	"fmt"
	"time"

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

// SweepCounts reads how far a sweep is. One that has cells left runs, also when
// it had ended: then some were put back or added.
func (c *Control) SweepCounts(ctx context.Context, id bench.SweepID) (contract.Counts, error) {
	n, err := c.Store.CountCells(ctx, id)
	if err != nil {
		return contract.Counts{}, typed(ctx, err)
	}
	if n.State == bench.StateQueued || n.State.Final() && n.Final < n.Total {
		if err := c.Store.SetSweepState(ctx, id, bench.StateRunning); err != nil {
			return contract.Counts{}, typed(ctx, err)
		}
	}
	out := contract.Counts{
		V: contract.Shape, ByState: n.ByState, ByHost: n.ByHost, Total: n.Total, Final: n.Final, Cancel: n.Cancel, Paused: n.Pause != nil,
	}
	if n.Final < n.Total {
		if out.Busy, err = c.Store.BusyHosts(ctx, id); err != nil {
			return contract.Counts{}, typed(ctx, err)
		}
	}
	return out, nil
}

// ControlSweep does in the store what a person asked of a sweep. Asked again
// with the same request it changes nothing and gives the same answer.
func (c *Control) ControlSweep(ctx context.Context, in contract.ControlSweepIn) (contract.ControlOut, error) {
	done, err := c.Store.ControlSweep(ctx, store.ControlRequest{
		Sweep: in.Sweep, What: in.What, Request: in.Request, By: in.By, Reason: in.Reason, Now: in.Now,
		Cells: in.Cells, Priority: in.Priority, Extension: in.Extension,
	})
	if err != nil {
		return contract.ControlOut{}, typed(ctx, err)
	}
	counts, err := c.SweepCounts(ctx, in.Sweep)
	if err != nil {
		return contract.ControlOut{}, err
	}
	out := contract.ControlOut{Counts: counts, Changed: done.Changed, Text: done.Text, Hosts: done.Hosts}
	if len(done.StopCells) > 0 {
		out.Stop = &contract.StopIn{
			V: contract.Shape, Sweep: in.Sweep, Cells: done.StopCells, Tries: done.Tries, State: done.StopState, Reason: done.StopReason,
		}
	}
	return out, nil
}

// CancelSweep takes a sweep's queued cells off the plan, as releases before
// shape 2 ask.
func (c *Control) CancelSweep(ctx context.Context, id bench.SweepID) error {
	return typed(ctx, c.Store.RequestCancel(ctx, id))
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
