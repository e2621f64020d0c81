package workflows

import (
	"fmt"

	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/contract"
)

// known refuses a run that a newer build began or continued: its decisions are
// not this build's. The panic fails the workflow task, which the server hands
// out until a worker takes it that knows them; nothing of the run is lost.
func known(shape int) {
	if shape > contract.Shape {
		panic(fmt.Sprintf("begun by a newer build of wattsweep (shape %d, this one knows up to %d); start its control worker", shape, contract.Shape))
	}
}

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
