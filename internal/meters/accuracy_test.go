package meters_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/gum"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
)

func TestAccuracyTable(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, a := range meters.Accuracies() {
		require.False(t, seen[a.Class], a.Class)
		seen[a.Class] = true
		require.NotEmpty(t, a.Source, a.Class)
		require.Positive(t, a.Relative+a.Absolute, a.Class)
		require.Regexp(t, `^(an assumption, )?±`, a.Source, "a source says first how wide, and whether anybody states it")
	}
	for class, want := range map[string]string{
		"nvml": "nvml", "nvml.hopper": "nvml", "nvml.kepler": "nvml.kepler", "rapl.dram": "rapl.dram",
		"rapl.package": "rapl", "pdu.apc.rpdu2": "pdu.apc.rpdu2", "pdu.apc.rpdu": "pdu.apc.rpdu",
	} {
		a, ok := meters.AccuracyOfClass(class)
		require.True(t, ok, class)
		require.Equal(t, want, a.Class)
	}
	for _, class := range []string{"", "pdu", "nvmlx", "pdu.apc"} {
		_, ok := meters.AccuracyOfClass(class)
		require.False(t, ok, class)
	}
}

// Where neither the channel nor the table states an accuracy the budget says
// so; where one does it is used.
func TestSensorAccuracyIsStatedOrSaidToBeMissing(t *testing.T) {
	t.Parallel()
	play(t, 12*time.Second, metertest.Script{Power: metertest.Constant(100)}, func(t *testing.T, s *meters.Sampler) {
		power, energy := window(s, time.Second, 11*time.Second)
		for _, r := range []bench.PhaseReading{power, energy} {
			require.Equal(t, meters.PartAccuracy, r.Uncertainty.Parts[0].Name)
			require.Equal(t, meters.NotStated, r.Uncertainty.Parts[0].Basis)
			require.Zero(t, r.Uncertainty.Parts[0].Standard)
		}
	})
	play(t, 12*time.Second, metertest.Script{Power: metertest.Constant(100), RelAccuracy: 0.03}, func(t *testing.T, s *meters.Sampler) {
		power, _ := window(s, time.Second, 11*time.Second)
		require.InDelta(t, 30/math.Sqrt(3), power.Uncertainty.Parts[0].Standard, 1e-9)
		require.True(t, power.Uncertainty.Parts[0].Common)
		require.Equal(t, "stated by the script", power.Uncertainty.Parts[0].Basis)
	})
}

// A limit that is assumed of a class is one error of all its devices; one that
// somebody states of a device is that device's own.
func TestAssumedLimitsAreSharedByTheClass(t *testing.T) {
	t.Parallel()
	measured := func(note string) bench.Uncertainty {
		m := metertest.NewScripted(metertest.Script{Power: metertest.Constant(100)})
		var u bench.Uncertainty
		synctest.Test(t, func(t *testing.T) {
			s, err := meters.NewSampler(meters.NewClock(), interval, []meters.Meter{viewed{m, func(c *bench.Channel) {
				c.RelAccuracy, c.AccuracyNote = 0.2, note
			}}}, meters.SamplerOptions{})
			require.NoError(t, err)
			require.NoError(t, s.Start(t.Context()))
			time.Sleep(12 * time.Second)
			s.Stop()
			power, _ := window(s, time.Second, 11*time.Second)
			u = *power.Uncertainty
		})
		return u
	}
	both := func(a, b string) float64 {
		list := []bench.Uncertainty{measured(a), measured(b)}
		return gum.AddIndependent([]string{"cpu0", "cpu1"}, list).Standard / list[0].Standard
	}
	amd, intel := "an assumption, ±20 %: AMD's model", "an assumption, ±20 %: Intel's"
	require.InDelta(t, 2, both(amd, amd), 0.001)
	require.InDelta(t, math.Sqrt2, both(amd, intel), 0.001)
	require.InDelta(t, math.Sqrt2, both("±20 % (maker)", "±20 % (maker)"), 0.001)
}

func TestExpectedRelative(t *testing.T) {
	t.Parallel()
	pdu := bench.Channel{
		Name: "pdu.inlet", Unit: bench.UnitWatt, Scope: bench.ScopeInlet, Sensor: bench.SensorInstant,
		UpdatePeriod: 2 * time.Second, Resolution: 10, Floor: 115, RelAccuracy: 0.03, AccuracyNote: "±3 %",
	}
	u, basis := meters.ExpectedRelative(pdu, 500, 10*time.Minute)
	require.InDelta(t, 0.036, u, 0.003, basis)
	require.Contains(t, basis, "mostly sensor accuracy")
	short, _ := meters.ExpectedRelative(pdu, 500, 30*time.Second)
	require.Greater(t, short, 1.5*u, "edges weigh more in a short window")
	_, basis = meters.ExpectedRelative(pdu, 500, 5*time.Second)
	require.Contains(t, basis, "too short")
	u, basis = meters.ExpectedRelative(pdu, 60, time.Minute)
	require.True(t, math.IsInf(u, 1))
	require.Contains(t, basis, "below the floor of 115 W")

	// meters-runtimes.md A2: a counter of 1 Wh at 500 W is right to 1 % after 12 min.
	counter := bench.Channel{Name: "pdu.energy", Unit: bench.UnitJoule, Counter: true, Scope: bench.ScopeOutlet, Resolution: 3600}
	u, basis = meters.ExpectedRelative(counter, 500, 12*time.Minute)
	require.InDelta(t, 0.01, u, 0.003)
	require.Contains(t, basis, meters.NotStated)
	gpu := bench.Channel{Name: "gpu0.energy", Unit: bench.UnitJoule, Counter: true, Scope: bench.ScopeGPU, UpdatePeriod: 100 * time.Millisecond}
	u, _ = meters.ExpectedRelative(gpu, 300, time.Minute)
	require.InDelta(t, 0.0566, u, 0.001, "the table's ±5 % decide")
	for _, c := range []bench.Channel{{Unit: bench.UnitCelsius}, {Unit: bench.UnitAmpere}} {
		u, basis = meters.ExpectedRelative(c, 1, time.Second)
		require.True(t, math.IsNaN(u))
		require.NotEmpty(t, basis)
	}
	u, _ = meters.ExpectedRelative(pdu, 0, time.Second)
	require.True(t, math.IsNaN(u))
}
