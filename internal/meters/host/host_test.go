package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// itself tells this process as the runtime's.
func itself(context.Context) ([]int32, error) { return []int32{int32(os.Getpid())}, nil }

func TestConforms(t *testing.T) {
	metertest.Run(t, func(t *testing.T) meters.Meter {
		m, err := New(Options{Processes: itself, RefreshEvery: time.Hour})
		require.NoError(t, err)
		awaitLook(t, m)
		return m
	})
}

// awaitLook waits until the runtime's processes have been looked up.
func awaitLook(t *testing.T, m *Meter) {
	t.Helper()
	require.Eventually(t, func() bool {
		m.procs.mu.Lock()
		defer m.procs.mu.Unlock()
		return m.procs.reason != reasonNotLooked
	}, 10*time.Second, time.Millisecond)
}

// machine is a /proc of which a test sets every file.
type machine struct{ folder string }

func newMachine(t *testing.T) machine {
	m := machine{folder: t.TempDir()}
	m.cpu(t, 0, 0)
	m.write(t, "meminfo", "MemTotal:       1000 kB\nMemFree:        10 kB\nMemAvailable:   400 kB\n")
	return m
}

func (m machine) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(m.folder, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

// cpu sets busy and idle ticks of two CPUs.
func (m machine) cpu(t *testing.T, busy, idle uint64) {
	t.Helper()
	m.write(t, "stat", fmt.Sprintf("cpu  %d 0 0 %d 0 0 0 0 0 0\ncpu0 0 0 0 0\ncpu1 0 0 0 0\nintr 0\n", busy, idle))
}

// process sets a process' ticks, resident pages and children.
func (m machine) process(t *testing.T, pid int, ticks, pages uint64, children string) {
	t.Helper()
	m.write(t, fmt.Sprintf("%d/stat", pid), fmt.Sprintf("%d (a b) S 1 1 1 0 -1 0 0 0 0 0 %d 0 0 0 20 0 1 0 1", pid, ticks))
	m.write(t, fmt.Sprintf("%d/statm", pid), fmt.Sprintf("99999 %d 1 1 0 1 0\n", pages))
	m.write(t, fmt.Sprintf("%d/task/%d/children", pid, pid), children)
}

func at(d time.Duration) func() time.Duration { return func() time.Duration { return d } }

func read(t *testing.T, m *Meter, when time.Duration) []bench.Reading {
	t.Helper()
	dst := make([]bench.Reading, 4)
	require.NoError(t, m.Read(t.Context(), at(when), dst))
	return dst
}

func TestCPUAndMemory(t *testing.T) {
	t.Parallel()
	proc := newMachine(t)
	m, err := New(Options{ProcFS: proc.folder})
	require.NoError(t, err)
	defer m.Close()

	first := read(t, m, time.Second)
	require.Equal(t, bench.ReadingMissing, first[0].State, "no share without an earlier sample")
	require.InDelta(t, 600*1024, first[1].Value, 0)

	proc.cpu(t, 30, 70)
	require.InDelta(t, 30, read(t, m, 2*time.Second)[0].Value, 1e-9)
	again := read(t, m, 2*time.Second+1)[0]
	require.Equal(t, bench.ReadingStale, again.State, "no tick has passed")
	require.Equal(t, "less than a clock tick has passed since the sample before", meters.ReasonText(m.Reasons(), again))
	proc.cpu(t, 130, 70)
	require.InDelta(t, 100, read(t, m, 3*time.Second)[0].Value, 1e-9)

	proc.write(t, "stat", "nonsense")
	proc.write(t, "meminfo", "nonsense")
	broken := read(t, m, 4*time.Second)
	require.Equal(t, reasons()[reasonCPU], m.Reasons()[broken[0].Reason])
	require.Equal(t, reasons()[reasonMemory], m.Reasons()[broken[1].Reason])
}

func TestRuntimeWithChildren(t *testing.T) {
	t.Parallel()
	proc := newMachine(t)
	proc.process(t, 10, 0, 100, "11 12 ")
	proc.process(t, 11, 0, 20, "")
	proc.process(t, 12, 0, 3, "10 ") // a circle must not hang the look-up
	told := func(context.Context) ([]int32, error) { return []int32{10}, nil }
	m, err := New(Options{ProcFS: proc.folder, Processes: told, RefreshEvery: time.Hour})
	require.NoError(t, err)
	defer m.Close()
	awaitLook(t, m)

	first := read(t, m, time.Second)
	require.InDelta(t, float64(123*os.Getpagesize()), first[2].Value, 0)
	require.Equal(t, reasons()[reasonRuntimeFirst], m.Reasons()[first[3].Reason])

	// One second on two CPUs; 50 + 30 ticks = 0.8 core-seconds = 40 %.
	proc.process(t, 10, 50, 200, "")
	proc.process(t, 11, 30, 20, "")
	second := read(t, m, 2*time.Second)
	require.InDelta(t, float64(223*os.Getpagesize()), second[2].Value, 0)
	require.InDelta(t, 40, second[3].Value, 1e-9)

	// What can no longer be read has ended; the others still count.
	proc.write(t, "11/stat", "")
	require.InDelta(t, float64(203*os.Getpagesize()), read(t, m, 3*time.Second)[2].Value, 0)
}

func TestRuntimeMissingSaysWhy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		told   func(context.Context) ([]int32, error)
		reason int
	}{
		"not told":      {nil, reasonNotTold},
		"look-up fails": {func(context.Context) ([]int32, error) { return nil, errors.New("down") }, reasonLookFailed},
		"none":          {func(context.Context) ([]int32, error) { return nil, nil }, reasonNoProcess},
		"has ended":     {func(context.Context) ([]int32, error) { return []int32{77}, nil }, reasonNoProcess},
		"too many": {func(context.Context) ([]int32, error) {
			var all []int32
			for i := range int32(maxProcesses + 1) {
				all = append(all, i+1)
			}
			return all, nil
		}, reasonTooMany},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := New(Options{ProcFS: newMachine(t).folder, Processes: c.told, RefreshEvery: time.Hour})
			require.NoError(t, err)
			defer m.Close()
			if c.told != nil {
				awaitLook(t, m)
			}
			got := read(t, m, time.Second)
			for _, r := range got[2:] {
				require.Equal(t, bench.ReadingMissing, r.State)
				require.Equal(t, reasons()[c.reason], m.Reasons()[r.Reason])
			}
		})
	}
}

func TestRealChildIsFound(t *testing.T) {
	child := exec.Command("sleep", "60")
	if err := child.Start(); err != nil {
		t.Skipf("no sleep program to start as a child: %v", err)
	}
	defer func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	}()
	me := os.Getpid()
	if _, err := os.Stat(fmt.Sprintf("/proc/%d/task/%d/children", me, me)); err != nil {
		t.Skipf("this kernel does not list children: %v", err)
	}
	require.Contains(t, family("/proc", []int32{int32(me)}), int32(child.Process.Pid))
}

func TestMissingProc(t *testing.T) {
	t.Parallel()
	_, err := New(Options{ProcFS: filepath.Join(t.TempDir(), "absent")})
	missing, ok := errors.AsType[*meters.Missing](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, Name, missing.Meter)
}

func TestParsePIDs(t *testing.T) {
	t.Parallel()
	require.Equal(t, []int32{1, 23, 4}, parsePIDs([]byte("1 23 x -5 99999999999 0  4")))
	require.Empty(t, parsePIDs(nil))
}
