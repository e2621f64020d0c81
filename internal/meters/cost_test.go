//go:build linux

package meters_test

import (
	"context"
	"os"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/estimate"
	"github.com/wattsweep/wattsweep/internal/meters/host"
)

// realMeters opens the host and the estimate meter of this machine, with this
// process in the runtime's place.
func realMeters(t testing.TB) []meters.Meter {
	t.Helper()
	itself := func(context.Context) ([]int32, error) { return []int32{int32(os.Getpid())}, nil }
	h, err := host.New(host.Options{Processes: itself, Interval: interval, RefreshEvery: time.Hour})
	require.NoError(t, err)
	t.Cleanup(func() { _ = h.Close() })
	e, err := estimate.New(estimate.Options{
		Config:   bench.EstimateConfig{IdlePowerW: 20, PowerPerBusyCoreW: 6, Source: "a test"},
		Interval: interval,
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = e.Close() })
	return []meters.Meter{h, e}
}

func TestSampleAllocatesNothing(t *testing.T) {
	s, err := meters.NewSampler(meters.NewClock(), interval, realMeters(t), meters.SamplerOptions{})
	require.NoError(t, err)
	seq := int64(0)
	tick := func() {
		if !s.Tick(t.Context(), seq) {
			t.Fatal("a meter failed")
		}
		seq++
	}
	for range 100 {
		tick()
	}
	// Whatever else runs in this process allocates too: the least of several
	// tries is the sampler's own. 100 ticks at a time pass chunk borders.
	least := testing.AllocsPerRun(100, tick)
	for tries := 0; least > 0 && tries < 20; tries++ {
		runtime.Gosched()
		s.RefillSpares()
		least = min(least, testing.AllocsPerRun(100, tick))
	}
	require.Zero(t, least)
}

// Real meters on the real clock: what comes out is whole, whatever its values.
func TestRealMetersTogether(t *testing.T) {
	s, err := meters.NewSampler(meters.NewClock(), 20*time.Millisecond, realMeters(t), meters.SamplerOptions{})
	require.NoError(t, err)
	require.NoError(t, s.Start(t.Context()))
	t0 := s.Mark()
	work := 0.0
	for s.Mark() < t0+300*time.Millisecond {
		work += float64(s.Mark())
	}
	t1 := s.Mark()
	readings := s.Window(t.Context(), bench.PhaseInference, 1, 1, t0, t1)
	s.Stop()
	require.Positive(t, work)
	byName := map[string]bench.PhaseReading{}
	for _, r := range readings {
		byName[r.Channel.Name] = r
	}
	require.Len(t, byName, 6)
	require.Len(t, s.Channels(), 6)
	for _, name := range []string{host.ChannelMemoryUsed, host.ChannelRuntimeMemory} {
		require.NotNil(t, byName[name].Mean, "%s: %s", name, byName[name].Missing)
		require.Positive(t, *byName[name].Mean)
		require.Nil(t, byName[name].EnergyJ)
	}
	energy := byName[estimate.ChannelEnergy]
	require.True(t, energy.EnergyJ != nil || energy.Missing != "")
	if energy.EnergyJ != nil {
		require.Equal(t, bench.EnergyEstimated, energy.Method)
		// Idle power for the window is the least there can be; one tick of
		// interpolation either way.
		require.Greater(t, *energy.EnergyJ, 0.9*20*(t1-t0).Seconds())
	}
	require.False(t, slices.ContainsFunc(s.Stats(), func(m meters.MeterStats) bool { return m.Err != nil }))
}

// BenchmarkTick is the CPU that one tick of the host and the estimate meter
// costs, and its share of one core at the default interval of 50 ms. CPU time
// is the process' own, so that a busy machine does not count.
func BenchmarkTick(b *testing.B) {
	s, err := meters.NewSampler(meters.NewClock(), interval, realMeters(b), meters.SamplerOptions{MaxBytes: 1 << 20})
	require.NoError(b, err)
	ctx, seq := b.Context(), int64(0)
	b.ReportAllocs()
	before := cpuTime(b)
	for b.Loop() {
		if !s.Tick(ctx, seq) {
			b.Fatal("a meter failed")
		}
		if seq++; seq%512 == 0 {
			s.RefillSpares()
		}
	}
	perTick := (cpuTime(b) - before) / time.Duration(seq)
	b.ReportMetric(float64(perTick.Nanoseconds()), "cpu-ns/tick")
	b.ReportMetric(100*perTick.Seconds()/interval.Seconds(), "%core@50ms")
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkWindow is the time to account a window of ten minutes.
func BenchmarkWindow(b *testing.B) {
	s, err := meters.NewSampler(meters.NewClock(), interval, realMeters(b), meters.SamplerOptions{})
	require.NoError(b, err)
	for seq := range int64(12000) {
		if !s.Tick(b.Context(), seq) {
			b.Fatal("a meter failed")
		}
	}
	t1 := s.Mark()
	ended, cancel := context.WithCancel(b.Context())
	cancel() // there is no goroutine whose sample could be waited for
	for b.Loop() {
		_ = s.Window(ended, bench.PhaseInference, 1, 1, 0, t1)
	}
}
