package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/version"
)

// BuildState is the part that a build plays in a rollout.
type BuildState string

// The parts of a build.
const (
	// BuildCurrent serves new cells, and all sweeps and lanes.
	BuildCurrent BuildState = "current"
	// BuildRamping serves a share of what is new.
	BuildRamping BuildState = "ramping"
	// BuildDraining still has benchmarks that it began.
	BuildDraining BuildState = "draining"
	// BuildDrained has none left: its workers can be stopped.
	BuildDrained BuildState = "drained"
	// BuildWaiting was started and never made current.
	BuildWaiting BuildState = "waiting"
)

// Build is a version of the program whose control workers served.
type Build struct {
	Build string     `json:"build"`
	State BuildState `json:"state"`
	// Since is when it came to that state, the zero time where not known.
	Since time.Time `json:"since,omitzero"`
	// Workers lists the identities that polled of late.
	Workers []string `json:"workers"`
	// LastPoll is when one of them asked for work; nil when none did of late.
	LastPoll *time.Time `json:"last_poll"`
	// Running counts the open workflows that only this build can go on with, by
	// type. Sweeps and lanes are not among them: they go to the current build.
	Running map[string]int `json:"running"`
	// This tells that it is this program's own build.
	This bool `json:"this"`
}

// Stranded reports whether benchmarks wait for workers of a build that has none.
func (b Build) Stranded() bool {
	return b.Running[contract.WorkflowBenchmark] > 0 && len(b.Workers) == 0
}

// polledWithin is how long ago a worker that is there may have asked for work:
// a poll that finds nothing comes back after a minute.
const polledWithin = 90 * time.Second

// Rollout lists the builds of control workers, the current one first. There are
// none where no worker was started with worker.versioning.
func (a *App) Rollout(ctx context.Context) ([]Build, error) {
	handle := a.Temporal.WorkerDeploymentClient().GetHandle(Deployment)
	found, err := patiently(ctx, func(ctx context.Context) (client.WorkerDeploymentDescribeResponse, error) {
		return handle.Describe(ctx, client.WorkerDeploymentDescribeOptions{})
	})
	if _, none := errors.AsType[*serviceerror.NotFound](err); none {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("describe deployment %s: %w", Deployment, err)
	}
	polls, err := a.pollers(ctx)
	if err != nil {
		return nil, err
	}
	var list []Build
	for _, v := range found.Info.VersionSummaries {
		build := v.Version.BuildID
		one := Build{Build: build, Since: v.CreateTime, This: build == version.String(), Workers: []string{}}
		if p, ok := polls[build]; ok {
			one.Workers, one.LastPoll = p.identities, &p.last
		}
		if one.Running, err = a.boundTo(ctx, build); err != nil {
			return nil, err
		}
		one.State = stateOf(build, found.Info.RoutingConfig, one.Running[contract.WorkflowBenchmark], v.DrainageStatus)
		if one.State == BuildCurrent {
			one.Since = found.Info.RoutingConfig.CurrentVersionChangedTime
		}
		list = append(list, one)
	}
	slices.SortStableFunc(list, func(x, y Build) int {
		return cmp.Or(place(x.State)-place(y.State), y.Since.Compare(x.Since), strings.Compare(x.Build, y.Build))
	})
	return list, nil
}

// lateTries is how often the server is asked for what a workflow of its own
// answers, as for the builds: now and then nobody does within a client's ten
// seconds, as when the worker inside the server was put aside. Asked again it
// answers at once.
const lateTries = 3

// patiently asks again while the answer is late.
func patiently[T any](ctx context.Context, ask func(context.Context) (T, error)) (got T, err error) {
	for range lateTries {
		got, err = ask(ctx)
		_, late := errors.AsType[*serviceerror.DeadlineExceeded](err)
		if ctx.Err() != nil || !late && !errors.Is(err, context.DeadlineExceeded) {
			break
		}
	}
	return got, err
}

// stateOf tells a build's state. Temporal says that a build is drained minutes
// after the last benchmark ended; what runs on it is known at once.
func stateOf(build string, routing client.WorkerDeploymentRoutingConfig, benchmarks int, drainage client.WorkerDeploymentVersionDrainageStatus) BuildState {
	switch {
	case routing.CurrentVersion != nil && routing.CurrentVersion.BuildID == build:
		return BuildCurrent
	case routing.RampingVersion != nil && routing.RampingVersion.BuildID == build:
		return BuildRamping
	case benchmarks > 0:
		return BuildDraining
	case drainage == client.WorkerDeploymentVersionDrainageStatusUnspecified:
		return BuildWaiting
	default:
		return BuildDrained
	}
}

func place(s BuildState) int {
	return slices.Index([]BuildState{BuildCurrent, BuildRamping, BuildWaiting, BuildDraining, BuildDrained}, s)
}

// polling is who asks for a build's work.
type polling struct {
	identities []string
	last       time.Time
}

// pollers tells by build who asks the control queue for work.
func (a *App) pollers(ctx context.Context) (map[string]polling, error) {
	queue, err := a.Temporal.DescribeTaskQueue(ctx, contract.QueueControl, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	if err != nil {
		return nil, fmt.Errorf("ask who serves queue %s: %w", contract.QueueControl, err)
	}
	out := map[string]polling{}
	for _, p := range queue.GetPollers() {
		at := p.GetLastAccessTime().AsTime()
		if p.GetDeploymentOptions().GetDeploymentName() != Deployment || time.Since(at) > polledWithin {
			continue
		}
		build := p.GetDeploymentOptions().GetBuildId()
		one := out[build]
		if at.After(one.last) {
			one.last = at
		}
		if !slices.Contains(one.identities, p.GetIdentity()) {
			one.identities = append(one.identities, p.GetIdentity())
		}
		out[build] = one
	}
	return out, nil
}

// boundTo counts by type the open workflows that only a build can go on with.
func (a *App) boundTo(ctx context.Context, build string) (map[string]int, error) {
	open, err := a.openOn(ctx, build)
	out := map[string]int{}
	for _, w := range open {
		out[w.GetType().GetName()]++
	}
	return out, err
}

// openOn lists the open workflows that only a build can go on with. Sweeps and
// lanes follow the current build, also where they sleep since another was.
func (a *App) openOn(ctx context.Context, build string) (list []*workflowpb.WorkflowExecutionInfo, err error) {
	query := fmt.Sprintf("TemporalWorkerDeploymentVersion = '%s:%s' AND TemporalWorkflowVersioningBehavior = 'Pinned' AND ExecutionStatus = 'Running'",
		Deployment, strings.ReplaceAll(build, "'", ""))
	var next []byte
	for {
		page, err := a.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Namespace: a.Namespace, Query: query, PageSize: 1000, NextPageToken: next,
		})
		if err != nil {
			return nil, fmt.Errorf("list what runs on build %s: %w", build, err)
		}
		list = append(list, page.GetExecutions()...)
		if next = page.GetNextPageToken(); len(next) == 0 {
			return list, nil
		}
	}
}

// SetBuild makes a build current: from now on it serves new cells, and sweeps
// and lanes at their next step. Benchmarks that run stay with the build that
// began them. A build that nobody serves is refused.
func (a *App) SetBuild(ctx context.Context, build string) (changed bool, err error) {
	builds, err := a.Rollout(ctx)
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(builds, func(b Build) bool { return b.Build == build })
	if i < 0 {
		return false, fault.New(fault.Invalid, "", "start a worker of it with worker.versioning first; wattsweep rollout lists those that are known",
			"make build %s current: no control worker of it ever served", build)
	}
	if builds[i].State == BuildCurrent {
		return false, nil
	}
	if len(builds[i].Workers) == 0 {
		return false, fault.New(fault.Invalid, "", "start a control worker of it, then try again",
			"make build %s current: no control worker of it has asked for work within %s", build, polledWithin)
	}
	_, err = a.Temporal.WorkerDeploymentClient().GetHandle(Deployment).SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{BuildID: build})
	if err != nil {
		return false, fmt.Errorf("make build %s current: %w", build, err)
	}
	return true, nil
}

// MoveBuild hands the benchmarks that wait for a build which is gone for good
// over to the current one; it returns how many. What was measured is in the
// store, so they go on behind their last call. A build that still has workers
// ends its benchmarks itself, so that is refused.
func (a *App) MoveBuild(ctx context.Context, build string) (int, error) {
	builds, err := a.Rollout(ctx)
	if err != nil {
		return 0, err
	}
	i := slices.IndexFunc(builds, func(b Build) bool { return b.Build == build })
	switch {
	case i < 0:
		return 0, fault.New(fault.Invalid, "", "wattsweep rollout lists those that are known",
			"move what runs on build %s: no control worker of it ever served", build)
	case builds[i].State == BuildCurrent:
		return 0, fault.New(fault.Invalid, "", "make another build current first: wattsweep rollout set BUILD",
			"move what runs on build %s: it is the current one", build)
	case len(builds[i].Workers) > 0:
		return 0, fault.New(fault.Invalid, "", "wait until it is drained, or stop its workers",
			"move what runs on build %s: %d worker(s) of it serve, or did within %s", build, len(builds[i].Workers), polledWithin)
	}
	open, err := a.openOn(ctx, build)
	for n, w := range open {
		_, err := a.Temporal.UpdateWorkflowExecutionOptions(ctx, client.UpdateWorkflowExecutionOptionsRequest{
			WorkflowId: w.GetExecution().GetWorkflowId(), RunId: w.GetExecution().GetRunId(),
			WorkflowExecutionOptionsChanges: client.WorkflowExecutionOptionsChanges{
				VersioningOverride: &client.VersioningOverrideChange{Value: &client.AutoUpgradeVersioningOverride{}},
			},
		})
		if _, ended := errors.AsType[*serviceerror.NotFound](err); err != nil && !ended {
			return n, fmt.Errorf("move %s to the current build: %w", w.GetExecution().GetWorkflowId(), err)
		}
	}
	return len(open), err
}
