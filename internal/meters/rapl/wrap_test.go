package rapl

import (
	"context"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
)

const interval = 50 * time.Millisecond

// replay writes one value of the counter per tick and samples them all through
// a real sampler on fake time; it gives what the sampler kept and the energy of
// the whole.
func replay(t *testing.T, opts Options, values []uint64) (kept []bench.Reading, energy bench.PhaseReading) {
	synctest.Test(t, func(t *testing.T) {
		path := opts.counter("intel-rapl:0")
		put := func(v uint64) {
			require.NoError(t, os.WriteFile(path, []byte(strconv.FormatUint(v, 10)+"\n"), 0o600))
		}
		put(values[0])
		m, err := New(opts)
		require.NoError(t, err)
		defer m.Close()
		s, err := meters.NewSampler(meters.NewClock(), interval, []meters.Meter{m}, meters.SamplerOptions{})
		require.NoError(t, err)
		require.NoError(t, s.Start(t.Context()))
		time.Sleep(interval / 2) // values change between ticks
		for _, v := range values[1:] {
			put(v)
			time.Sleep(interval)
		}
		end := time.Duration(len(values)-1) * interval
		energy = s.Window(context.Background(), bench.PhaseInference, 1, 1, 0, end)[0]
		s.Stop()
		kept = s.Samples("rapl.package0", 0, end+interval)
	})
	return kept, energy
}

// Whatever the power, the start and the range: the energy is that of the
// increments, and never falls, however often the counter wraps at its range.
func TestWrapsByItsOwnRange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		opts := machine(t, "amd-zen", vendorAMD)
		rangeUJ := rapid.SampledFrom([]uint64{leastRangeUJ, 65532610987, 262143328850, 1 << 53}).Draw(rt, "range")
		write(t, opts.SysFS+"/class/powercap/intel-rapl:0/max_energy_range_uj", strconv.FormatUint(rangeUJ, 10)+"\n")
		value := rapid.Uint64Range(0, rangeUJ-1).Draw(rt, "start")
		// A rise of half the range or more is no wrap but a reset; at the greatest
		// ranges joules have no digits left for the last few microjoules below it.
		steps := rapid.SliceOfN(rapid.Uint64Range(1, rangeUJ/2-rangeUJ/1e6), 12, 40).Draw(rt, "increments")
		values, sum, wraps := []uint64{value}, 0.0, 0
		for _, step := range steps {
			sum += float64(step) * joulesPerMicrojoule
			if value += step; value >= rangeUJ {
				value -= rangeUJ
				wraps++
			}
			values = append(values, value)
		}
		kept, energy := replay(t, opts, values)
		require.NotNil(rt, energy.EnergyJ, energy.Missing)
		// A counter that is renewed each millisecond is half of one old on
		// average, which the sampler may put right at both edges.
		edge := (updatePeriod.Seconds() / 2) / interval.Seconds() * float64(slices.Max(steps)) * joulesPerMicrojoule
		require.InDelta(rt, sum, *energy.EnergyJ, 2*edge+1e-9*sum+1e-6)
		require.Equal(rt, bench.EnergyCounter, energy.Method)
		seen, total := 0, kept[0].Value
		last := total
		for _, r := range kept[1 : len(steps)+1] {
			rise := r.Value - last
			if r.State == bench.ReadingWrapped {
				seen++
				rise += float64(rangeUJ) * joulesPerMicrojoule
			}
			require.Greater(rt, rise, -1e-6, "energy never falls")
			last = r.Value
		}
		require.Equal(rt, wraps, seen)
	})
}

func TestResetLeavesNoEnergy(t *testing.T) {
	t.Parallel()
	opts := machine(t, "amd-zen", vendorAMD)
	values := make([]uint64, 20)
	for i := range values {
		values[i] = 20e9 + uint64(i)*5e6
	}
	for i := 10; i < len(values); i++ { // the machine slept: the counter begins anew
		values[i] = uint64(i) * 5e6
	}
	kept, energy := replay(t, opts, values)
	require.Nil(t, energy.EnergyJ)
	require.Contains(t, energy.Missing, "reset")
	require.Equal(t, bench.ReadingReset, kept[10].State)
}

// A constant 100 W against the closed form, with the counter's step.
func TestEnergyOfConstantPower(t *testing.T) {
	t.Parallel()
	opts := machine(t, "amd-zen", vendorAMD)
	const step = 15.2587890625 // µJ
	values := make([]uint64, 101)
	for i := range values {
		uj := 65532e6 + 100e6*float64(i)*interval.Seconds() // wraps on the way
		values[i] = uint64(math.Mod(math.Floor(uj/step)*step, 65532610987))
	}
	_, energy := replay(t, opts, values)
	require.NotNil(t, energy.EnergyJ, energy.Missing)
	require.InDelta(t, 500, *energy.EnergyJ, 1e-3)
}
