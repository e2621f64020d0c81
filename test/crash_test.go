package test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/localstack"
	"github.com/wattsweep/wattsweep/test/harness"
)

// machine is a GPU host with a worker process and folders of its own, which
// reaches its servers by their addresses, as over a network.
type machine struct {
	t    *testing.T
	lab  *harness.Lab
	name string
	dir  string // its temporary files, and with them its locks
	boot string // the id of its boot; empty keeps the kernel's
	env  []string

	cmd   *exec.Cmd
	ended chan struct{}
}

// newLabWithMachine gives a lab whose own worker serves sweeps alone, and the
// first machine of its host's name.
func newLabWithMachine(t *testing.T, host string, env ...string) (*harness.Lab, *machine) {
	t.Helper()
	lab := harness.NewLab(t, host, env...)
	require.NoError(t, syscall.Kill(lab.WorkerPID(), syscall.SIGTERM))
	record := filepath.Join(lab.State, "worker.json")
	lab.Until("the end of the lab's worker", func(context.Context) bool { _, err := os.Stat(record); return os.IsNotExist(err) })
	control := newMachine(t, lab, "control")
	control.start("--control", "--measure=false")
	return lab, newMachine(t, lab, "one")
}

func newMachine(t *testing.T, lab *harness.Lab, name string) *machine {
	t.Helper()
	m := &machine{t: t, lab: lab, name: name, dir: filepath.Join(lab.Dir, name)}
	require.NoError(t, os.MkdirAll(m.dir, 0o700))
	runtimes, err := json.Marshal([]map[string]string{{
		"name": "ollama", "kind": "ollama", "url": lab.Stack.OllamaURL, "log_path": lab.Stack.OllamaLog,
	}})
	require.NoError(t, err)
	m.env = append(append([]string{}, lab.Env...), "TMPDIR="+m.dir, "WATTSWEEP_STATE="+filepath.Join(m.dir, "state"),
		"WATTSWEEP_DATABASE_DSN="+lab.Stack.PostgresDSN, "WATTSWEEP_TEMPORAL_ADDRESS="+lab.Stack.TemporalAddress,
		"WATTSWEEP_TEMPORAL_NAMESPACE="+lab.Stack.TemporalNamespace, "WATTSWEEP_RUNTIMES="+string(runtimes))
	return m
}

// start starts the machine's worker and does not wait for it to serve.
func (m *machine) start(args ...string) {
	m.t.Helper()
	if len(args) == 0 {
		args = []string{"--host", m.lab.Host}
	}
	line := append([]string{harness.Program(m.t), "worker"}, args...)
	if m.boot != "" {
		file := filepath.Join(m.dir, "boot_id")
		require.NoError(m.t, os.WriteFile(file, []byte(m.boot+"\n"), 0o600))
		line = append([]string{"unshare", "-m", "sh", "-c", `mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"`, file}, line...)
	}
	log, err := os.OpenFile(filepath.Join(m.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	require.NoError(m.t, err)
	defer func() { _ = log.Close() }()
	m.cmd = exec.Command(line[0], line[1:]...) //nolint:gosec,noctx // the program under test, ended below
	m.cmd.Dir, m.cmd.Env, m.cmd.Stdout, m.cmd.Stderr = m.lab.Dir, m.env, log, log
	require.NoError(m.t, m.cmd.Start())
	cmd, ended := m.cmd, make(chan struct{})
	m.ended = ended
	go func() { defer close(ended); _ = cmd.Wait() }()
	m.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGCONT)
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(time.Minute):
			_ = cmd.Process.Kill()
			<-ended
		}
		if m.t.Failed() {
			said := m.said()
			m.t.Logf("worker of machine %s, last part:\n%s", m.name, said[max(0, len(said)-5000):])
		}
	})
}

func (m *machine) signal(s syscall.Signal) {
	m.t.Helper()
	require.NoError(m.t, m.cmd.Process.Signal(s))
}

func (m *machine) said() string {
	raw, err := os.ReadFile(filepath.Join(m.dir, "log"))
	require.NoError(m.t, err)
	return string(raw)
}

// exit waits for the worker's end and gives its code.
func (m *machine) exit() int {
	m.t.Helper()
	select {
	case <-m.ended:
		return m.cmd.ProcessState.ExitCode()
	case <-time.After(harness.Limit):
		m.t.Fatalf("worker of machine %s does not end", m.name)
		return 0
	}
}

// mayFakeBoot tells whether a machine of ours can have a boot id of its own.
func mayFakeBoot(t *testing.T) bool {
	t.Helper()
	file := filepath.Join(t.TempDir(), "boot_id")
	require.NoError(t, os.WriteFile(file, []byte("x\n"), 0o600))
	out, err := exec.CommandContext(t.Context(), "unshare", "-m", "sh", "-c",
		`mount --bind "$0" /proc/sys/kernel/random/boot_id && cat /proc/sys/kernel/random/boot_id`, file).CombinedOutput()
	return err == nil && strings.TrimSpace(string(out)) == "x"
}

func (m *machine) callsBeyond(id bench.SweepID, n int) {
	m.t.Helper()
	m.lab.Until(fmt.Sprintf("more than %d calls", n), func(ctx context.Context) bool { return m.lab.Calls(ctx, id) > n })
}

// finish waits for the end and checks that every call is there once, and how
// many were begun more often than stored.
func finish(t *testing.T, lab *harness.Lab, id bench.SweepID, atMostAgain int) {
	t.Helper()
	lab.Until("the end of the sweep", func(ctx context.Context) bool { return lab.SweepState(ctx, id) == bench.StateDone })
	exactlyOnce(t, lab, id, 60, 2)
	begun, committed, err := lab.Store.CallCounts(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, 120, committed)
	require.LessOrEqual(t, begun-committed, atMostAgain, "calls that were measured again")
}

// A host is cut off the mains and comes back: worker and runtime died together,
// the kernel has another boot id, and the locks are gone. Nobody waits for the
// heartbeat, nor for the end of the lease once it should have been renewed: the
// cell goes on as a new segment under the new boot.
func TestHostRebooted(t *testing.T) {
	if !mayFakeBoot(t) {
		t.Skip("only root can give a process a boot id of its own (unshare -m): no reboot can be told from a restart here; the other tests kill without one")
	}
	lab, m := newLabWithMachine(t, "crash-reboot", "WATTSWEEP_WORKER_HEARTBEAT_TIMEOUT=5m", "WATTSWEEP_WORKER_LEASE_TIMEOUT=90s")
	m.boot = "11111111-1111-4111-8111-111111111111"
	m.start()
	id := lab.Launch(lab.Spec(longSpec()))
	m.callsBeyond(id, 15)

	m.signal(syscall.SIGKILL)
	require.NoError(t, lab.Stack.Kill(localstack.Ollama, syscall.SIGKILL))
	<-m.ended
	require.NoError(t, os.RemoveAll(filepath.Join(m.dir, "wattsweep-locks")))
	at := lab.Calls(t.Context(), id)
	require.Less(t, at, 120)
	m.boot = "22222222-2222-4222-8222-222222222222"
	_, err := localstack.Start(t.Context(), localstack.Options{State: lab.State, Detach: true, Owner: "test"})
	require.NoError(t, err)
	began := time.Now()
	m.start()
	m.callsBeyond(id, at)
	resume := time.Since(began)
	t.Logf("the next call was stored %s after the worker was started", resume.Round(100*time.Millisecond))
	require.Less(t, resume, 2*time.Minute, "no heartbeat was waited for, and of the lease two thirds: a copy of this machine would have renewed it")
	finish(t, lab, id, 1)

	cells, err := lab.Store.Cells(t.Context(), id)
	require.NoError(t, err)
	segments, err := lab.Store.Segments(t.Context(), cells[0].ID, cells[0].Epoch)
	require.NoError(t, err)
	boots := map[string]int{}
	for _, s := range segments {
		boots[s.BootID] += s.Calls
		require.NotNil(t, s.EndedAt)
	}
	require.Len(t, boots, 2)
	require.Contains(t, m.said(), "the machine was started anew")
	require.Contains(t, m.said(), "found a cell in hand")
	require.Contains(t, m.said(), "calls are stored")
	require.Contains(t, m.said(), "a step of the last worker goes on at once")
}

// Two machines claim one host name: the second is refused while the first lives.
// The first is stopped for longer than its lease; another takes over, and what
// the first still writes when it wakes is refused.
func TestTwoMachinesClaimOneHost(t *testing.T) {
	lab, first := newLabWithMachine(t, "crash-twins", "WATTSWEEP_WORKER_HEARTBEAT_TIMEOUT=5s", "WATTSWEEP_WORKER_LEASE_TIMEOUT=5s")
	first.start()
	id := lab.Launch(lab.Spec(longSpec()))
	first.callsBeyond(id, 10)

	second := newMachine(t, lab, "two")
	second.start()
	require.Equal(t, 1, second.exit())
	require.Contains(t, second.said(), "is measured by another worker: process "+strconv.Itoa(first.cmd.Process.Pid))
	require.Contains(t, second.said(), "give this one another --host")

	first.signal(syscall.SIGSTOP)
	at := lab.Calls(t.Context(), id)
	require.Less(t, at, 120)
	third := newMachine(t, lab, "three")
	third.start()
	third.callsBeyond(id, at)
	first.signal(syscall.SIGCONT)
	require.Equal(t, 1, first.exit(), "it ends, for its service manager to start it again")
	require.Contains(t, first.said(), "another worker's now")
	require.Contains(t, third.said(), "taken over")
	finish(t, lab, id, 1)
	overlaps, err := lab.Store.Overlaps(t.Context())
	require.NoError(t, err)
	require.Empty(t, overlaps)
}

// SIGTERM in each stage: the worker hands on within moments, nothing is lost and
// nothing is measured again.
func TestDrainInEachStage(t *testing.T) {
	lab, m := newLabWithMachine(t, "crash-drain")
	m.start()
	id := lab.Launch(lab.Spec(strings.Replace(longSpec(), "baseline: 1s, idle: 1s", "baseline: 3s, idle: 3s", 1)))
	for _, stage := range []bench.Stage{bench.StageBaseline, bench.StageIdle, bench.StageInfer, bench.StageInfer} {
		seen := lab.Calls(t.Context(), id)
		lab.Until("stage "+string(stage), func(ctx context.Context) bool {
			cells, err := lab.Store.Cells(ctx, id)
			return err == nil && cells[0].Stage == stage && (stage != bench.StageInfer || lab.Calls(ctx, id) > seen+2)
		})
		began := time.Now()
		m.signal(syscall.SIGTERM)
		require.Zero(t, m.exit(), "%s: %s", stage, m.said())
		took := time.Since(began)
		t.Logf("SIGTERM in %s: ended after %s", stage, took.Round(time.Millisecond))
		require.Less(t, took, 30*time.Second)
		m.start()
	}
	finish(t, lab, id, 0)
	require.NotContains(t, m.said(), "taken over", "each gave its lease back")
}

// A call that hangs keeps a stopping worker no longer than it may, and a second
// signal not at all.
func TestStopIsBounded(t *testing.T) {
	lab, m := newLabWithMachine(t, "crash-stop", "WATTSWEEP_WORKER_STOP_TIMEOUT=3s")
	m.start()
	// A client that goes away in the midst of a call may leave Ollama deaf, which
	// shows by a call's timeout; the model is then loaded anew.
	id := lab.Launch(lab.Spec(strings.Replace(longSpec(), "call_timeout: 1m", "call_timeout: 15s", 1)))
	for i, signals := range []int{1, 2} {
		m.callsBeyond(id, 10*(i+1))
		require.NoError(t, lab.Stack.Kill(localstack.Ollama, syscall.SIGSTOP))
		before := -1 // until a call hangs
		lab.Until("a call that hangs", func(ctx context.Context) bool {
			now := lab.Calls(ctx, id)
			hangs := now == before
			before = now
			return hangs
		})
		began := time.Now()
		for range signals {
			m.signal(syscall.SIGTERM)
			time.Sleep(300 * time.Millisecond) // signals of one kind that wait are one
		}
		_ = m.exit()
		took := time.Since(began)
		t.Logf("%d signal(s) while a call hangs: ended after %s", signals, took.Round(time.Millisecond))
		require.Less(t, took, 25*time.Second)
		require.NoError(t, lab.Stack.Kill(localstack.Ollama, syscall.SIGCONT))
		m.start()
	}
	finish(t, lab, id, 2)
}
