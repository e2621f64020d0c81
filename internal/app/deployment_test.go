package app

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"

	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/localstack"
)

// Only a worker that was told to takes part, and never one of embedded servers.
func TestDeploymentIsAsked(t *testing.T) {
	t.Parallel()
	plain := &App{}
	embedded := &App{stack: &localstack.Stack{}}
	embedded.Settings.Worker.Versioning = true
	for _, a := range []*App{plain, embedded} {
		got, err := a.deployment()
		require.NoError(t, err)
		require.Equal(t, worker.DeploymentOptions{}, got)
	}
}

// A build whose name may stand for other code as well is refused.
func TestDeploymentNeedsADistinctBuild(t *testing.T) {
	t.Parallel()
	for build, fine := range map[string]bool{
		"0.1.0+1a2b3c4d5e6f": true, "0.1.0+1a2b3c4d5e6f-dirty": false, "0.1.0+unknown": false,
	} {
		err := distinct(build)
		require.Equal(t, fine, err == nil, build)
		if !fine {
			require.Equal(t, fault.Invalid, fault.KindOf(err))
			require.NotEmpty(t, fault.HintOf(err))
		}
	}
}
