package app

import (
	"strings"

	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/version"
)

// Deployment is the name under which Temporal knows the control workers of all
// builds. Workers that measure belong to none: they take all work of their host,
// since nobody else can do it.
const Deployment = "wattsweep-control"

// deployment says whether this program's control worker serves as one build of
// several, so that a running benchmark stays with the build that began it while
// new cells go to the build that is current. The zero value serves everything.
//
// Embedded servers have one worker, which is replaced as a whole.
func (a *App) deployment() (worker.DeploymentOptions, error) {
	if !a.Settings.Worker.Versioning || a.stack != nil {
		return worker.DeploymentOptions{}, nil
	}
	build := version.String()
	if err := distinct(build); err != nil {
		return worker.DeploymentOptions{}, err
	}
	return worker.DeploymentOptions{
		UseVersioning: true,
		Version:       worker.WorkerDeploymentVersion{DeploymentName: Deployment, BuildID: build},
		// Sweeps and lanes live on; their decisions are kept apart by the V of
		// their payloads. Benchmarks are registered as pinned.
		DefaultVersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
	}, nil
}

// distinct refuses a build that another one could share its name with: a
// benchmark that is pinned to it would go on with other code.
func distinct(build string) error {
	if !strings.HasSuffix(build, "+unknown") && !strings.HasSuffix(build, "-dirty") {
		return nil
	}
	return fault.New(fault.Invalid, "", "build it from a commit (make build), or set worker.versioning to false",
		"serve as build %s of several: its name does not tell which code it is", build)
}
