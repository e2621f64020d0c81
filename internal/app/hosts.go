package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/store"
)

// HostStatus is a host as people see it.
type HostStatus struct {
	bench.Lane
	// Stage is that of the cell that is measured there.
	Stage bench.Stage `json:"stage,omitempty"`
	// Worker is the build that serves the host, and LastPoll when it last asked
	// for work; empty with the reason in WorkerMissing.
	Worker        string     `json:"worker,omitempty"`
	LastPoll      *time.Time `json:"last_poll"`
	WorkerMissing string     `json:"worker_missing,omitempty"`
	// Busy: its worker measures, and asks for nothing more until it has done.
	Busy bool `json:"busy"`
}

// HostList tells how every known host stands: from the store, and who serves it
// from Temporal where that answers.
func (a *App) HostList(ctx context.Context) ([]HostStatus, error) {
	lanes, err := a.Store.Lanes(ctx)
	if err != nil {
		return nil, err
	}
	running, err := a.Store.RunningCells(ctx, "")
	if err != nil {
		return nil, err
	}
	out := make([]HostStatus, len(lanes))
	for i, l := range lanes {
		out[i].Lane = l
		if at := slices.IndexFunc(running, func(r store.RunningCell) bool { return r.ID == l.Cell }); at >= 0 {
			out[i].Stage = running[at].Stage
		}
		if err := a.whoServes(ctx, &out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// whoServes adds who polls a host's queue.
func (a *App) whoServes(ctx context.Context, h *HostStatus) error {
	if a.Temporal == nil {
		h.WorkerMissing = "Temporal does not answer"
		return nil
	}
	got, err := a.Temporal.DescribeTaskQueue(ctx, contract.HostQueue(h.Host), enumspb.TASK_QUEUE_TYPE_ACTIVITY)
	if err != nil {
		return fmt.Errorf("ask who serves host %s: %w", h.Host, err)
	}
	for _, p := range got.GetPollers() {
		at := p.GetLastAccessTime().AsTime()
		if h.LastPoll == nil || at.After(*h.LastPoll) {
			h.LastPoll, h.Worker = &at, buildOf(p.GetIdentity())
		}
	}
	if h.LastPoll != nil && time.Since(*h.LastPoll) <= pollerFresh {
		return nil
	}
	if h.Busy, err = a.busy(ctx, h.Host); err != nil {
		return err
	}
	if !h.Busy {
		h.WorkerMissing = "no worker serves it: start wattsweep-worker --host " + h.Host + " there"
	}
	return nil
}

// buildOf reads the build from a worker's identity, host/build/boot.
func buildOf(identity string) string {
	fields := strings.Split(identity, "/")
	if len(fields) < 3 {
		return identity
	}
	return strings.Join(fields[1:len(fields)-1], "/")
}

// KnownHost refuses the name of a host that nobody knows.
func (a *App) KnownHost(ctx context.Context, name string) error {
	lanes, err := a.Store.Lanes(ctx)
	if err != nil {
		return err
	}
	var known []string
	for _, l := range lanes {
		if l.Host == name {
			return nil
		}
		known = append(known, l.Host)
	}
	last, err := a.lastPoll(ctx, contract.HostQueue(name), enumspb.TASK_QUEUE_TYPE_ACTIVITY)
	if err != nil {
		return err
	}
	if !last.IsZero() {
		return nil
	}
	hint := "no host is known yet: a host is known once a sweep names it or a worker serves it"
	if len(known) > 0 {
		hint = "the known hosts are " + strings.Join(known, ", ")
	}
	return fault.New(fault.Invalid, "", hint, "no host is called %q", name)
}

// Drain keeps a host from taking more cells; with in.Now the running one is put
// back on the plan after its present call.
func (a *App) Drain(ctx context.Context, host string, in contract.LaneControlIn) (contract.LaneControlOut, error) {
	return a.askLane(ctx, host, contract.UpdateDrain, in)
}

// OpenHost lets a host take cells again.
func (a *App) OpenHost(ctx context.Context, host string, in contract.LaneControlIn) (contract.LaneControlOut, error) {
	return a.askLane(ctx, host, contract.UpdateOpen, in)
}

// askLane asks a host's lane, which is started where there is none.
func (a *App) askLane(ctx context.Context, host, update string, in contract.LaneControlIn) (contract.LaneControlOut, error) {
	in.V = contract.Shape
	if n := len(in.Reason); n > store.MaxReasonBytes {
		return contract.LaneControlOut{}, fault.New(fault.Invalid, "", "make it shorter",
			"%s host %s: the reason has %d bytes, at most %d are kept", update, host, n, store.MaxReasonBytes)
	}
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	id := contract.LaneWorkflowID(host)
	var out contract.LaneControlOut
	handle, err := a.Temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: a.Temporal.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
			ID: id, TaskQueue: contract.QueueControl,
			WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
			WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
			StaticSummary:            "the exclusive right to measure on host " + host,
		}, contract.WorkflowLane, contract.LaneIn{V: contract.Shape, Host: host}),
		UpdateOptions: client.UpdateWorkflowOptions{
			WorkflowID: id, UpdateName: update, UpdateID: update + "/" + NewRequest(),
			WaitForStage: client.WorkflowUpdateStageCompleted, Args: []any{in},
		},
	})
	if err == nil {
		err = handle.Get(ctx, &out)
	}
	if err != nil {
		return out, refused(update+" host "+host, err)
	}
	return out, nil
}
