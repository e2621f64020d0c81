package workflows

import (
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/contract"
)

// Register tells a worker, a replayer or a test environment of every workflow.
func Register(r worker.WorkflowRegistry) {
	r.RegisterWorkflowWithOptions(Sweep, workflow.RegisterOptions{Name: contract.WorkflowSweep})
	r.RegisterWorkflowWithOptions(Lane, workflow.RegisterOptions{Name: contract.WorkflowLane})
	r.RegisterWorkflowWithOptions(Benchmark, workflow.RegisterOptions{
		Name: contract.WorkflowBenchmark,
		// One build measures a whole cell. Workers that are no part of a rollout
		// do not tell the server of this.
		VersioningBehavior: workflow.VersioningBehaviorPinned,
	})
	RegisterDrift(r)
}
