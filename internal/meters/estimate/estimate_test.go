package estimate

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
)

func stated() bench.EstimateConfig {
	return bench.EstimateConfig{IdlePowerW: 20, PowerPerBusyCoreW: 6, Source: "test bench"}
}

func TestConforms(t *testing.T) {
	metertest.Run(t, func(t *testing.T) meters.Meter {
		m, err := New(Options{Config: stated()})
		require.NoError(t, err)
		return m
	})
}

// machine is a /proc whose CPU times a test sets.
type machine struct{ folder string }

func newMachine(t *testing.T) machine {
	m := machine{folder: t.TempDir()}
	m.set(t, 0, 0)
	return m
}

// set writes busy ticks, spread over the five busy kinds, and others.
func (m machine) set(t *testing.T, busy, other uint64) {
	t.Helper()
	user := busy - 4*(busy/5)
	line := fmt.Sprintf("cpu  %d %d %d %d %d %d %d %d 0 0\n", user, busy/5, busy/5, other, other, busy/5, busy/5, other)
	require.NoError(t, os.WriteFile(filepath.Join(m.folder, "stat"), []byte(line), 0o600))
}

func at(d time.Duration) func() time.Duration { return func() time.Duration { return d } }

func TestEnergyIsIdleAndBusyTime(t *testing.T) {
	t.Parallel()
	proc := newMachine(t)
	m, err := New(Options{Config: stated(), ProcFS: proc.folder})
	require.NoError(t, err)
	defer m.Close()
	dst := make([]bench.Reading, 2)

	require.NoError(t, m.Read(t.Context(), at(time.Second), dst))
	require.Equal(t, bench.Reading{At: time.Second}, dst[0], "the counter begins at zero")
	require.Equal(t, bench.ReadingMissing, dst[1].State)

	// Two seconds, 300 ticks = 3 core-seconds busy; idle, iowait and steal add nothing.
	proc.set(t, 300, 12345)
	require.NoError(t, m.Read(t.Context(), at(3*time.Second), dst))
	require.InDelta(t, 20*2+6*3, dst[0].Value, 1e-9)
	require.InDelta(t, (20*2+6*3)/2.0, dst[1].Value, 1e-9)

	// The kernel's times step back: no work, no negative energy; idle goes on.
	proc.set(t, 290, 12345)
	require.NoError(t, m.Read(t.Context(), at(4*time.Second), dst))
	require.InDelta(t, 58+20, dst[0].Value, 1e-9)
	proc.set(t, 310, 12345)
	require.NoError(t, m.Read(t.Context(), at(5*time.Second), dst))
	require.InDelta(t, 78+20+6*0.1, dst[0].Value, 1e-9, "only what passes the old mark counts")

	require.NoError(t, m.Read(t.Context(), at(5*time.Second), dst))
	require.Equal(t, bench.ReadingStale, dst[1].State)
	require.Equal(t, "no time has passed since the sample before", meters.ReasonText(m.Reasons(), dst[1]))

	require.NoError(t, os.WriteFile(filepath.Join(proc.folder, "stat"), []byte("garbage"), 0o600))
	require.NoError(t, m.Read(t.Context(), at(6*time.Second), dst))
	require.Equal(t, bench.ReadingMissing, dst[0].State)
	require.Equal(t, reasons()[reasonCPU], m.Reasons()[dst[0].Reason])
}

func TestChannelsSayThatTheyAreEstimated(t *testing.T) {
	t.Parallel()
	m, err := New(Options{Config: stated(), ProcFS: newMachine(t).folder})
	require.NoError(t, err)
	defer m.Close()
	for _, c := range m.Channels() {
		require.True(t, c.Estimated)
		require.Equal(t, bench.SensorEstimate, c.Sensor)
		require.Equal(t, bench.ScopeHost, c.Scope)
		require.Equal(t, 10*time.Millisecond, c.UpdatePeriod)
		require.Contains(t, c.Method, "20 W idle")
		require.Contains(t, c.Method, "6 W × busy core-seconds")
		require.Contains(t, c.Method, "test bench")
	}
	require.InDelta(t, 0.06, m.Channels()[0].Resolution, 1e-12)
	require.InDelta(t, 1.2, m.Channels()[1].Resolution, 1e-12)
}

func TestInvalidWattsAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]bench.EstimateConfig{
		"negative idle": {IdlePowerW: -1, PowerPerBusyCoreW: 6, Source: "x"},
		"negative core": {IdlePowerW: 1, PowerPerBusyCoreW: -6, Source: "x"},
		"not a number":  {IdlePowerW: math.NaN(), PowerPerBusyCoreW: 6, Source: "x"},
		"infinite":      {IdlePowerW: math.Inf(1), PowerPerBusyCoreW: 6, Source: "x"},
		"all zero":      {Source: "x"},
		"no source":     {IdlePowerW: 20, PowerPerBusyCoreW: 6, Source: " "},
	} {
		_, err := New(Options{Config: c})
		require.Error(t, err, name)
		require.Equal(t, fault.Invalid, fault.KindOf(err), name)
		require.NotEmpty(t, fault.HintOf(err), name)
	}
}

func TestMissingProc(t *testing.T) {
	t.Parallel()
	_, err := New(Options{Config: stated(), ProcFS: filepath.Join(t.TempDir(), "absent")})
	missing, ok := errors.AsType[*meters.Missing](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, Name, missing.Meter)
	require.NotEmpty(t, missing.Mend)
}

func TestEnergyNeverFalls(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := &Meter{opts: Options{Config: stated(), Interval: time.Millisecond}}
		dst := make([]bench.Reading, 2)
		last, clock := 0.0, time.Duration(0)
		for range rapid.IntRange(1, 50).Draw(t, "samples") {
			clock += time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "step"))
			m.add(clock, rapid.Uint64().Draw(t, "busy"), dst)
			if dst[0].Value < last {
				t.Fatalf("energy fell from %g to %g J", last, dst[0].Value)
			}
			last = dst[0].Value
		}
	})
}
