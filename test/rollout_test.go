package test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/version"
	"github.com/wattsweep/wattsweep/test/harness"
)

// restingSpec has two cells that rest long enough for another build to be
// rolled out while the first is measured.
func restingSpec() string {
	two := spec("rollout", "{name: demo-journals, languages: [sv, en], limit: 4}", "1", "2048")
	return strings.Replace(two, "baseline: 1s", "baseline: 15s", 1)
}

// programOf builds the worker under a commit's name, as a release would be.
func programOf(t *testing.T, commit string) (path, build string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "wattsweep-"+commit)
	cmd := exec.CommandContext(t.Context(), "go", "build", "-ldflags",
		"-X github.com/wattsweep/wattsweep/internal/version.commit="+commit, "-o", path, "./starter") //nolint:gosec // a commit of ours
	cmd.Dir = ".."
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return path, version.Release + "+" + commit
}

// started is a worker that a test started by itself.
type started struct {
	t    *testing.T
	cmd  *exec.Cmd
	log  string
	done chan error
}

func start(t *testing.T, lab *harness.Lab, program, name string, env []string, args ...string) *started {
	t.Helper()
	s := &started{t: t, log: filepath.Join(lab.Dir, name+".log"), done: make(chan error, 1)}
	out, err := os.Create(s.log)
	require.NoError(t, err)
	s.cmd = exec.Command(program, append([]string{"worker"}, args...)...) //nolint:gosec,noctx // ended below
	s.cmd.Dir, s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = lab.Dir, append(slices.Clone(lab.Env), env...), out, out
	require.NoError(t, s.cmd.Start())
	require.NoError(t, out.Close())
	go func() { s.done <- s.cmd.Wait() }()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		if t.Failed() {
			text, _ := os.ReadFile(s.log)
			t.Logf("%s, last part:\n%s", name, text[max(0, len(text)-4000):])
		}
	})
	return s
}

// stop asks the worker to end and waits until it has.
func (s *started) stop() {
	s.t.Helper()
	require.NoError(s.t, s.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-s.done:
		require.NoError(s.t, err, "it drains and ends in order")
	case <-time.After(harness.Limit):
		s.t.Fatalf("worker %d does not end", s.cmd.Process.Pid)
	}
}

// rolled is what `wattsweep rollout` says of a build.
func rolled(t *testing.T, lab *harness.Lab, build string) (app.Build, bool) {
	t.Helper()
	var list []app.Build
	require.NoError(t, json.Unmarshal([]byte(lab.Must("rollout", "--output", "json")), &list))
	i := slices.IndexFunc(list, func(b app.Build) bool { return b.Build == build })
	if i < 0 {
		return app.Build{}, false
	}
	return list[i], true
}

// A new build is rolled out while a sweep runs: the cell that is being measured
// ends on the build that began it, the next one goes to the new build, and the
// old one can then be stopped. Nothing is measured twice.
func TestRollout(t *testing.T) {
	lab := harness.NewLab(t, "rollout")
	require.NoError(t, syscall.Kill(lab.WorkerPID(), syscall.SIGTERM))
	lab.Until("the lab's own worker ended", func(context.Context) bool {
		_, err := os.Stat(filepath.Join(lab.State, "worker.json"))
		return err != nil
	})
	require.Contains(t, lab.Must("rollout"), "worker.versioning is off")

	programA, buildA := programOf(t, "aaaaaaaaaaaa")
	programB, buildB := programOf(t, "bbbbbbbbbbbb")
	versioned := []string{
		"WATTSWEEP_DATABASE_DSN=" + lab.Stack.PostgresDSN, "WATTSWEEP_TEMPORAL_ADDRESS=" + lab.Stack.TemporalAddress,
		"WATTSWEEP_TEMPORAL_NAMESPACE=" + lab.Stack.TemporalNamespace, "WATTSWEEP_WORKER_VERSIONING=true",
	}
	control := []string{"--control", "--measure=false"}
	start(t, lab, programA, "host", nil) // unversioned, whatever is rolled out
	_, complaint, code := lab.Run("rollout", "set", buildA)
	require.NotZero(t, code)
	require.Contains(t, complaint, "no control worker of it ever served")
	a := start(t, lab, programA, "control-a", versioned, control...)
	serves := func(build string) func(context.Context) bool {
		return func(context.Context) bool { b, ok := rolled(t, lab, build); return ok && len(b.Workers) > 0 }
	}
	lab.Until("build A serves", serves(buildA))
	lab.Must("rollout", "set", buildA)

	id := lab.Launch(lab.Spec(restingSpec()))
	running := func(no int) func(ctx context.Context) bool {
		return func(ctx context.Context) bool {
			cells, err := lab.Store.Cells(ctx, id)
			require.NoError(t, err)
			return cells[no].Stage == bench.StageBaseline || cells[no].State.Final()
		}
	}
	lab.Until("the first cell is measured", running(0))
	start(t, lab, programB, "control-b", versioned, control...)
	lab.Until("build B serves", serves(buildB))
	require.Contains(t, lab.Must("rollout", "set", buildB), "is current")
	require.Contains(t, lab.Must("rollout", "set", buildB), "already")
	old, _ := rolled(t, lab, buildA)
	require.Equal(t, app.BuildDraining, old.State, "the first cell is still measured by what A decides")

	lab.Until("the second cell is measured", running(1))
	lab.Until("nothing runs on A", func(context.Context) bool {
		old, _ = rolled(t, lab, buildA)
		return len(old.Running) == 0 && old.State == app.BuildDrained
	})
	a.stop() // while the second cell is measured
	require.Equal(t, bench.StateRunning, lab.SweepState(t.Context(), id))
	lab.Until("sweep done", func(ctx context.Context) bool { return lab.SweepState(ctx, id) == bench.StateDone })
	exactlyOnce(t, lab, id, 4, 1)

	temporal := lab.Temporal()
	cells, err := lab.Store.Cells(t.Context(), id)
	require.NoError(t, err)
	for i, want := range []string{buildA, buildB} {
		require.Equal(t, []string{want}, buildsOf(t, temporal, contract.BenchmarkWorkflowID(id, cells[i].ID, 1)))
	}
	require.Equal(t, []string{buildA, buildB}, buildsOf(t, temporal, contract.SweepWorkflowID(id)), "sweeps go over to the new build")

	_, complaint, code = lab.Run("rollout", "set", "0.1.0+cccccccccccc")
	require.NotZero(t, code)
	require.Contains(t, complaint, "no control worker of it ever served")
}

// buildsOf lists the builds whose workers made a workflow's decisions, in turn.
func buildsOf(t *testing.T, c client.Client, workflow string) (list []string) {
	t.Helper()
	events := c.GetWorkflowHistory(t.Context(), workflow, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(t, err)
		done := e.GetWorkflowTaskCompletedEventAttributes()
		if done == nil {
			continue
		}
		list = append(list, done.GetDeploymentVersion().GetBuildId())
	}
	return slices.Compact(list)
}

// Without versioning a new program takes the old one's place: it is stopped or
// killed, the new one started, and the sweep goes on where it was.
func TestNewProgramReplacesTheOld(t *testing.T) {
	lab := harness.NewLab(t, "replaced")
	program, build := programOf(t, "bbbbbbbbbbbb")
	id := lab.Launch(lab.Spec(longSpec()))
	lab.Until("calls are measured", func(ctx context.Context) bool { return lab.Calls(ctx, id) >= 10 })
	lab.KillWorker()
	start(t, lab, program, "replacement", nil, "--control")
	lab.Until("sweep done", func(ctx context.Context) bool { return lab.SweepState(ctx, id) == bench.StateDone })
	exactlyOnce(t, lab, id, 60, 2)

	cells, err := lab.Store.Cells(t.Context(), id)
	require.NoError(t, err)
	segments, err := lab.Store.Segments(t.Context(), cells[0].ID, cells[0].Epoch)
	require.NoError(t, err)
	var builds []string
	for _, s := range segments {
		builds = append(builds, s.WorkerBuild)
	}
	builds = slices.Compact(builds)
	require.Len(t, builds, 2, "each segment names the build that measured it")
	require.Equal(t, build, builds[1])
	require.True(t, strings.HasPrefix(builds[0], version.Release))
}
