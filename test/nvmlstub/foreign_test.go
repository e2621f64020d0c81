//go:build cgo && linux

package nvmlstub_test

import (
	"context"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/nvml"
	"github.com/wattsweep/wattsweep/test/nvmlstub"
)

func foreign(t *testing.T, library string) {
	own, child, other := sleeper(t), 0, sleeper(t)
	child = childOfShell(t)
	parent := os.Getpid()
	g := nvmlstub.H100(0)
	g.Processes = []nvmlstub.Process{{PID: own, Bytes: 1 << 30}, {PID: other, Bytes: 3 << 20, From: 2 * time.Second}}
	configure(t, one(g))
	roots := func(context.Context) ([]int32, error) { return []int32{int32(own)}, nil }
	s := open(t, nvml.Options{Library: library, Own: roots, StateEvery: 20 * time.Millisecond})
	state, clock := s.Meters()[1], meters.NewClock()
	r := until(t, state, clock, func(r map[string]bench.Reading) bool { return r["gpu0.foreign_processes"].Has() })
	require.InDelta(t, 1, r["gpu0.processes"].Value, 1)
	r = until(t, state, clock, func(r map[string]bench.Reading) bool { return r["gpu0.foreign_processes"].Value == 1 })
	require.InDelta(t, 3<<20, r["gpu0.foreign_memory"].Value, 0)
	require.InDelta(t, 2, r["gpu0.processes"].Value, 0)
	who, err := s.Foreign(t.Context())
	require.NoError(t, err)
	require.Equal(t, []nvml.Process{{PID: int32(other), Name: "sleep", Bytes: 3 << 20, Known: true}}, who[0].Foreign)
	require.Equal(t, int32(own), who[0].Own[0].PID)
	require.NoError(t, s.Close())

	// A grandchild of a root is the runtime's.
	g.Processes = []nvmlstub.Process{{PID: child, Bytes: math.MaxUint64}}
	configure(t, one(g))
	s = open(t, nvml.Options{Library: library, Own: func(context.Context) ([]int32, error) { return []int32{int32(parent)}, nil }})
	who, err = s.Foreign(t.Context())
	require.NoError(t, err)
	require.Empty(t, who[0].Foreign)
	require.False(t, who[0].Own[0].Known, "2^64-1 is no size")
	require.NoError(t, s.Close())

	// Without the runtime's processes all are foreign, and memory not told is no figure.
	s = open(t, nvml.Options{Library: library})
	who, err = s.Foreign(t.Context())
	require.NoError(t, err)
	require.Len(t, who[0].Foreign, 1)
	_, known := who[0].ForeignBytes()
	require.False(t, known)
	require.NotContains(t, names(s.Meters()[1]), "gpu0.foreign_processes")
}

// sleeper starts a process that does nothing.
func sleeper(t *testing.T) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sleep", "300")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd.Process.Pid
}

// childOfShell gives the id of a process whose parent is a child of ours.
func childOfShell(t *testing.T) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "sleep 300 & echo $!; wait")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	buf := make([]byte, 16)
	n, err := out.Read(buf)
	require.NoError(t, err)
	pid := 0
	for _, c := range strings.TrimSpace(string(buf[:n])) {
		pid = 10*pid + int(c-'0')
	}
	t.Cleanup(func() {
		if p, err := os.FindProcess(pid); err == nil {
			_ = p.Kill()
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return pid
}

func namespace(t *testing.T, library string) {
	s := open(t, nvml.Options{Library: library, Own: nobody, ProcFS: t.TempDir(), StateEvery: 20 * time.Millisecond})
	state := s.Meters()[1]
	r := until(t, state, meters.NewClock(), func(r map[string]bench.Reading) bool { return r["gpu0.processes"].Has() })
	require.InDelta(t, 1, r["gpu0.processes"].Value, 0)
	require.Equal(t, bench.ReadingMissing, r["gpu0.foreign_processes"].State)
	require.Contains(t, state.Reasons()[r["gpu0.foreign_processes"].Reason], "PID namespace")
	who, err := s.Foreign(t.Context())
	require.NoError(t, err)
	require.Contains(t, who[0].Doubt, "PID namespace")
}
