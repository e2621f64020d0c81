package meters_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
)

const interval = 50 * time.Millisecond

// play samples a script for so long in fake time and hands the sampler over
// after it has stopped.
func play(t *testing.T, length time.Duration, script metertest.Script, look func(*meters.Sampler)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, script)
		time.Sleep(length)
		s.Stop()
		look(s)
	})
}

func start(t *testing.T, script metertest.Script) *meters.Sampler {
	t.Helper()
	s, err := meters.NewSampler(meters.NewClock(), interval, []meters.Meter{metertest.NewScripted(script)}, meters.SamplerOptions{})
	require.NoError(t, err)
	require.NoError(t, s.Start(t.Context()))
	return s
}

func window(s *meters.Sampler, t0, t1 time.Duration) (power, energy bench.PhaseReading) {
	all := s.Window(context.Background(), bench.PhaseInference, 1, 2, t0, t1)
	return all[0], all[1]
}

func TestWindowOfConstantPower(t *testing.T) {
	t.Parallel()
	play(t, 10*time.Second, metertest.Script{Power: metertest.Constant(470)}, func(s *meters.Sampler) {
		power, energy := window(s, time.Second, 9*time.Second)
		require.Equal(t, bench.PhaseInference, power.Phase)
		require.Equal(t, 1, power.Run)
		require.Equal(t, 2, power.No)
		require.Equal(t, 8*time.Second, power.Window)
		require.Equal(t, 160, power.Samples)
		require.Zero(t, power.Missed)
		require.InDelta(t, 1, power.Coverage, 1e-9)
		require.InDelta(t, 470, *power.Mean, 1e-9)
		require.InDelta(t, 3760, *power.EnergyJ, 1e-6)
		require.Equal(t, bench.EnergyTrapezoid, power.Method)
		require.InDelta(t, 3760, *energy.EnergyJ, 1e-6)
		require.Equal(t, bench.EnergyCounter, energy.Method)
		require.Nil(t, energy.Mean, "a counter has no mean")
		require.Empty(t, power.Missing+energy.Missing)
		require.True(t, power.Channel.Simulated)
	})
}
