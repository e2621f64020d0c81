package workflows

import (
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/contract"
)

// policy is how long one attempt of an activity may take. Attempts are not
// counted: a host may be away for days and nobody else can do its work, a
// database that is down comes back, and a worker that was killed or drained
// says nothing of the cell. Which errors are final, and after how many failures
// of a step's own, is decided where they are made, in activities/errors.go.
type policy struct {
	timeout   time.Duration // one attempt
	heartbeat time.Duration // silence after which the worker is taken for dead
}

// unloadCancelled is how long the host has to take the model of a cancelled
// cell out of memory, from when it is asked: nobody waits for a host that is
// not there.
const unloadCancelled = 10 * time.Minute

// unloadUnserved is how long a stopped cell waits for a worker to begin with
// that: a host that nobody serves is not waited for any longer.
const unloadUnserved = 2 * time.Minute

// controlSilence is how soon a control worker that was killed within an activity
// is noticed. Its activities heartbeat by themselves.
const controlSilence = 15 * time.Second

// policyOf is the one table of timeouts.
func policyOf(activity string, heartbeat time.Duration) policy {
	if heartbeat <= 0 {
		heartbeat = time.Minute
	}
	switch activity {
	case contract.ActInspect:
		return policy{2 * time.Minute, 30 * time.Second}
	case contract.ActPull:
		return policy{6 * time.Hour, heartbeat}
	case contract.ActPrepare:
		return policy{6 * time.Hour, heartbeat}
	case contract.ActMeasureIdle:
		return policy{2 * time.Hour, heartbeat} // a window of up to an hour, and the unload before it
	case contract.ActLoad:
		return policy{45 * time.Minute, heartbeat}
	case contract.ActReclaim:
		return policy{5 * time.Minute, 30 * time.Second}
	case contract.ActWarmUp:
		return policy{30 * time.Minute, heartbeat}
	case contract.ActInfer:
		return policy{4 * time.Hour, heartbeat}
	case contract.ActUnload:
		return policy{10 * time.Minute, 30 * time.Second}
	case contract.ActScore, contract.ActCost, contract.ActPublish:
		return policy{15 * time.Minute, min(heartbeat, controlSilence)}
	case contract.ActControlSweep: // an extension may add thousands of cells
		return policy{5 * time.Minute, controlSilence}
	default: // database work on the control queue
		return policy{time.Minute, controlSilence}
	}
}

// withPolicy prepares a context for one activity.
func withPolicy(ctx workflow.Context, activity, queue, id, summary string, heartbeat time.Duration) workflow.Context {
	p := policyOf(activity, heartbeat)
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ActivityID:          id,
		TaskQueue:           queue,
		StartToCloseTimeout: p.timeout,
		HeartbeatTimeout:    p.heartbeat,
		WaitForCancellation: true,
		Summary:             oneLine(summary),
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:        2 * time.Second,
			BackoffCoefficient:     2,
			MaximumInterval:        time.Minute,
			NonRetryableErrorTypes: []string{"payloadSizeError"},
		},
	})
}

// maxSummary is how many bytes of a summary Temporal keeps for certain.
const maxSummary = 200

// oneLine puts a summary on one line and cuts what long names have made too
// long, at a whole character.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= maxSummary {
		return text
	}
	const more = "…"
	return strings.ToValidUTF8(text[:maxSummary-len(more)], "") + more
}

// control runs a short activity on the control queue.
func control(ctx workflow.Context, activity, summary string, in, out any) error {
	ctx = withPolicy(ctx, activity, contract.QueueControl, "", summary, 0)
	return workflow.ExecuteActivity(ctx, activity, in).Get(ctx, out)
}
