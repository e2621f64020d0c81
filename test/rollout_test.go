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

// rollingLab has servers, a worker that measures, and programs of two builds.
type rollingLab struct {
	*harness.Lab
	t                  *testing.T
	programA, programB string
	buildA, buildB     string
}

func newRollingLab(t *testing.T, host string) *rollingLab {
	t.Helper()
	l := &rollingLab{Lab: harness.NewLab(t, host), t: t}
	require.NoError(t, syscall.Kill(l.WorkerPID(), syscall.SIGTERM))
	l.Until("the lab's own worker ended", func(context.Context) bool {
		_, err := os.Stat(filepath.Join(l.State, "worker.json"))
		return err != nil
	})
	l.programA, l.buildA = programOf(t, "aaaaaaaaaaaa")
	l.programB, l.buildB = programOf(t, "bbbbbbbbbbbb")
	start(t, l.Lab, l.programA, "host", nil) // unversioned, whatever is rolled out
	return l
}

// control starts a control worker of a build and waits until it serves.
func (l *rollingLab) control(program, build string) *started {
	l.t.Helper()
	s := start(l.t, l.Lab, program, "control-"+build, []string{
		"WATTSWEEP_DATABASE_DSN=" + l.Stack.PostgresDSN, "WATTSWEEP_TEMPORAL_ADDRESS=" + l.Stack.TemporalAddress,
		"WATTSWEEP_TEMPORAL_NAMESPACE=" + l.Stack.TemporalNamespace, "WATTSWEEP_WORKER_VERSIONING=true",
	}, "--control", "--measure=false")
	l.Until("build "+build+" serves", func(context.Context) bool { b, ok := l.rolled(build); return ok && len(b.Workers) > 0 })
	return s
}

// rolled is what `wattsweep rollout` says of a build.
func (l *rollingLab) rolled(build string) (app.Build, bool) {
	l.t.Helper()
	var list []app.Build
	require.NoError(l.t, json.Unmarshal([]byte(l.Must("rollout", "--output", "json")), &list))
	i := slices.IndexFunc(list, func(b app.Build) bool { return b.Build == build })
	if i < 0 {
		return app.Build{}, false
	}
	return list[i], true
}

// refused runs a command that must fail with these words.
func (l *rollingLab) refused(words string, args ...string) {
	l.t.Helper()
	_, complaint, code := l.Run(args...)
	require.NotZero(l.t, code)
	require.Contains(l.t, complaint, words)
}

// measuring waits until a sweep's cell, counted from 0, is in its long window.
func (l *rollingLab) measuring(id bench.SweepID, no int) {
	l.t.Helper()
	l.Until("a cell is measured", func(ctx context.Context) bool {
		cells, err := l.Store.Cells(ctx, id)
		require.NoError(l.t, err)
		return cells[no].Stage == bench.StageBaseline || cells[no].State.Final()
	})
}

func (l *rollingLab) done(id bench.SweepID) []string {
	l.t.Helper()
	l.Until("sweep done", func(ctx context.Context) bool { return l.SweepState(ctx, id) == bench.StateDone })
	exactlyOnce(l.t, l.Lab, id, 4, 1)
	cells, err := l.Store.Cells(l.t.Context(), id)
	require.NoError(l.t, err)
	workflows := make([]string, len(cells))
	for i, c := range cells {
		require.Equal(l.t, bench.StateDone, c.State, c.Reason)
		workflows[i] = contract.BenchmarkWorkflowID(id, c.ID, 1)
	}
	return workflows
}

// A new build is rolled out while a sweep runs: the cell that is being measured
// ends on the build that began it, the next one goes to the new build, and the
// old one can then be stopped. Nothing is measured twice.
func TestRollout(t *testing.T) {
	t.Parallel() // most of it is waiting
	l := newRollingLab(t, "rollout")
	require.Contains(t, l.Must("rollout"), "worker.versioning is off")
	l.refused("no control worker of it ever served", "rollout", "set", l.buildA)
	a := l.control(l.programA, l.buildA)
	l.Must("rollout", "set", l.buildA)
	id := l.Launch(l.Spec(restingSpec()))
	l.measuring(id, 0)
	l.control(l.programB, l.buildB)
	require.Contains(t, l.Must("rollout", "set", l.buildB), "is current")
	require.Contains(t, l.Must("rollout", "set", l.buildB), "already")
	old, _ := l.rolled(l.buildA)
	require.Equal(t, app.BuildDraining, old.State, "the first cell is still measured by what A decides")

	l.measuring(id, 1)
	l.Until("nothing runs on A", func(context.Context) bool {
		old, _ = l.rolled(l.buildA)
		return len(old.Running) == 0 && old.State == app.BuildDrained
	})
	a.stop() // while the second cell is measured
	require.Equal(t, bench.StateRunning, l.SweepState(t.Context(), id))
	cells, temporal := l.done(id), l.Temporal()
	for i, want := range []string{l.buildA, l.buildB} {
		require.Equal(t, []string{want}, buildsOf(t, temporal, cells[i]))
	}
	require.Equal(t, []string{l.buildA, l.buildB}, buildsOf(t, temporal, contract.SweepWorkflowID(id)), "sweeps go over to the new build")
	l.refused("no control worker of it ever served", "rollout", "set", "0.1.0+cccccccccccc")
}

// A build whose workers are gone for good leaves its cell waiting; the command
// says so, and hands it over to the current build, where it goes on.
func TestBuildGoneForGood(t *testing.T) {
	t.Parallel() // most of it is waiting
	l := newRollingLab(t, "gone")
	a := l.control(l.programA, l.buildA)
	l.Must("rollout", "set", l.buildA)
	id := l.Launch(l.Spec(restingSpec()))
	l.measuring(id, 0)
	require.NoError(t, a.cmd.Process.Kill())
	l.control(l.programB, l.buildB)
	l.Must("rollout", "set", l.buildB)
	l.refused("or did within", "rollout", "move", l.buildA)
	l.Until("A is seen to be gone", func(context.Context) bool { old, ok := l.rolled(l.buildA); return ok && old.Stranded() })
	require.Contains(t, l.Must("rollout"), "wattsweep rollout move "+l.buildA)
	l.refused("no control worker of it has asked", "rollout", "set", l.buildA)
	l.refused("it is the current one", "rollout", "move", l.buildB)
	require.Contains(t, l.Must("rollout", "move", l.buildA), "1 cell(s)")
	cells := l.done(id)
	require.Equal(t, []string{l.buildA, l.buildB}, buildsOf(t, l.Temporal(), cells[0]), "it goes on where it was")
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
	t.Parallel() // most of it is waiting
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
