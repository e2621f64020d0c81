package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/wattsweep/wattsweep/internal/contract"
)

// pollerFresh is how old a worker's last poll may be. The server keeps a poll
// open for a minute, and the worker then asks again.
const pollerFresh = 75 * time.Second

// Unserved is what no worker does.
type Unserved struct {
	// Hosts wait for a worker that measures.
	Hosts []string
	// Control: nobody runs workflows, so nothing at all goes on.
	Control bool
}

// None tells that everything is served.
func (u Unserved) None() bool { return len(u.Hosts) == 0 && !u.Control }

// Lines say what to do, one line for each thing that is not served.
func (u Unserved) Lines() []string {
	var lines []string
	if u.Control {
		lines = append(lines, "no worker serves the sweep itself: start wattsweep-worker --control, or wattsweep up")
	}
	for _, host := range u.Hosts {
		lines = append(lines, fmt.Sprintf("no worker serves host %s: start wattsweep-worker --host %s there", host, host))
	}
	return lines
}

// Unserved asks Temporal which hosts of unfinished cells no worker serves.
func (a *App) Unserved(ctx context.Context, hosts []string) (Unserved, error) {
	return unserved(ctx, a, hosts, time.Now())
}

// queues is what is asked of Temporal.
type queues interface {
	// lastPoll is when a worker last asked for work; zero when none did.
	lastPoll(ctx context.Context, queue string, kind enumspb.TaskQueueType) (time.Time, error)
	busy(ctx context.Context, host string) (bool, error)
}

func unserved(ctx context.Context, q queues, hosts []string, now time.Time) (Unserved, error) {
	var out Unserved
	if len(hosts) == 0 {
		return out, nil
	}
	control, err := q.lastPoll(ctx, contract.QueueControl, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	if err != nil {
		return out, err
	}
	out.Control = now.Sub(control) > pollerFresh
	for _, host := range slices.Sorted(slices.Values(hosts)) {
		last, err := q.lastPoll(ctx, contract.HostQueue(host), enumspb.TASK_QUEUE_TYPE_ACTIVITY)
		if err != nil {
			return out, err
		}
		if now.Sub(last) <= pollerFresh {
			continue
		}
		// A worker that measures asks for nothing more until it has done.
		busy, err := q.busy(ctx, host)
		if err != nil {
			return out, err
		}
		if !busy {
			out.Hosts = append(out.Hosts, host)
		}
	}
	return out, nil
}

func (a *App) lastPoll(ctx context.Context, queue string, kind enumspb.TaskQueueType) (time.Time, error) {
	var last time.Time
	got, err := a.Temporal.DescribeTaskQueue(ctx, queue, kind)
	if err != nil {
		return last, fmt.Errorf("ask who serves queue %s: %w", queue, err)
	}
	for _, p := range got.GetPollers() {
		if at := p.GetLastAccessTime().AsTime(); at.After(last) {
			last = at
		}
	}
	return last, nil
}

// busy tells whether a worker holds an activity of the host's lane. One whose
// worker died is taken back when its heartbeat is missed.
func (a *App) busy(ctx context.Context, host string) (bool, error) {
	lane, err := a.Temporal.DescribeWorkflowExecution(ctx, contract.LaneWorkflowID(host), "")
	if _, none := errors.AsType[*serviceerror.NotFound](err); none {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask what host %s does: %w", host, err)
	}
	for _, child := range lane.GetPendingChildren() {
		cell, err := a.Temporal.DescribeWorkflowExecution(ctx, child.GetWorkflowId(), "")
		if _, none := errors.AsType[*serviceerror.NotFound](err); none {
			continue // it ended in this moment
		}
		if err != nil {
			return false, fmt.Errorf("ask what host %s does: %w", host, err)
		}
		for _, act := range cell.GetPendingActivities() {
			if act.GetState() == enumspb.PENDING_ACTIVITY_STATE_STARTED || act.GetState() == enumspb.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED {
				return true, nil
			}
		}
	}
	return false, nil
}
