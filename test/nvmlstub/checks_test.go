//go:build cgo && linux

package nvmlstub_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
	"github.com/wattsweep/wattsweep/internal/meters/nvml"
)

func conforms(t *testing.T, library string) {
	for i, name := range []string{"fast", "state"} {
		t.Run(name, func(t *testing.T) {
			metertest.Run(t, func(t *testing.T) meters.Meter {
				return open(t, nvml.Options{Library: library, Own: nobody}).Meters()[i]
			})
		})
	}
}

func h100(t *testing.T, library string) {
	s := open(t, nvml.Options{Library: library})
	fast := s.Meters()[0]
	require.Equal(t, "nvml.gpu0", fast.Name())
	require.Equal(t, []string{"gpu0.power", "gpu0.power_average", "gpu0.energy", "gpu0.utilisation", "gpu0.memory_used"}, names(fast))
	for _, c := range fast.Channels() {
		require.True(t, c.Simulated, c.Name)
		require.Equal(t, "GPU-00000000-0000-4000-8000-000000000000", c.Device)
		require.Equal(t, bench.ScopeGPU, c.Scope)
	}
	power := named(t, fast, "gpu0.power")
	require.Equal(t, bench.SensorInstant, power.Sensor)
	require.Equal(t, 25*time.Millisecond, power.Window)
	require.Contains(t, power.WindowBasis, "Hopper, driver > 530")
	average := named(t, fast, "gpu0.power_average")
	require.Equal(t, bench.SensorAveraged, average.Sensor)
	require.Equal(t, time.Second, average.Window)
	now := read(t, fast, meters.NewClock())
	require.InDelta(t, 300, now["gpu0.power"].Value, 101)
	require.InDelta(t, 87, now["gpu0.utilisation"].Value, 0)
	require.InDelta(t, float64(40<<30), now["gpu0.memory_used"].Value, 0)
	f := s.Facts()[0]
	require.Equal(t, bench.GPUFacts{
		Index: 0, UUID: f.UUID, Name: "NVIDIA H100 PCIe", Architecture: "Hopper", Driver: driver550, NVML: "12.550.54.15", CUDA: "12.4",
		VBIOS: "96.00.30.00.01", PCIBus: "00000000:01:00.0", MemoryBytes: 80 << 30, MIG: "off", ECC: "on", PowerLimitW: 350,
		Missing: f.Missing, Calls: f.Calls,
	}, f)
	require.Equal(t, "ok", result(f, "nvmlDeviceGetFieldValues(186 power instant)"))
}

func watched(t *testing.T, library string) {
	configure(t, one(vivid(t)))
	s := open(t, nvml.Options{Library: library, WatchFor: 5 * time.Second})
	fast := s.Meters()[0].(*nvml.Fast)
	clock := meters.NewClock()
	require.NoError(t, fast.Characterise(t.Context(), clock.Now))
	// Two busy cores miss many polls, which may leave a property not found; a
	// wrong one must never be told.
	power, average := named(t, fast, "gpu0.power"), named(t, fast, "gpu0.power_average")
	t.Logf("power: period %s (%s), window %s (%s)", power.UpdatePeriod, power.PeriodBasis, power.Window, power.WindowBasis)
	t.Logf("average: period %s (%s), window %s (%s)", average.UpdatePeriod, average.PeriodBasis, average.Window, average.WindowBasis)
	if strings.HasPrefix(average.PeriodBasis, "measured") {
		require.InDelta(t, 20, float64(average.UpdatePeriod.Milliseconds()), 5)
	}
	if strings.HasPrefix(average.WindowBasis, "measured over 5s:") {
		require.InDelta(t, 500, float64(average.Window.Milliseconds()), 50)
	}
	for _, c := range fast.Channels() {
		require.Empty(t, metertest.Inconsistent(c), c.Name)
		require.Positive(t, c.StampError, c.Name)
	}
}

func a100Like(t *testing.T, library string) {
	fast := open(t, nvml.Options{Library: library}).Meters()[0]
	require.NotContains(t, names(fast), "gpu0.power_average")
	power := named(t, fast, "gpu0.power")
	require.Equal(t, 25*time.Millisecond, power.Window)
	require.Contains(t, power.WindowBasis, "GA100")
}

func oldGPU(t *testing.T, library string) {
	s := open(t, nvml.Options{Library: library})
	fast := s.Meters()[0]
	require.Equal(t, []string{"gpu0.power", "gpu0.utilisation", "gpu0.memory_used"}, names(fast))
	power := named(t, fast, "gpu0.power")
	require.Contains(t, power.Method, "nvmlDeviceGetPowerUsage")
	require.Equal(t, 10*time.Millisecond, power.Window)
	require.True(t, read(t, fast, meters.NewClock())["gpu0.power"].Has())
	require.Contains(t, s.Facts()[0].Missing["energy"], "no energy counter")
}

func unified(t *testing.T, library string) {
	s := open(t, nvml.Options{Library: library})
	memory := named(t, s.Meters()[0], "gpu0.memory_used")
	require.Equal(t, bench.ScopeHost, memory.Scope)
	require.Contains(t, memory.Method, "MemAvailable")
	f := s.Facts()[0]
	require.True(t, f.UnifiedMemory)
	require.Positive(t, f.MemoryBytes)
	require.Contains(t, f.Missing, "power_limit_w")
	r := read(t, s.Meters()[0], meters.NewClock())["gpu0.memory_used"]
	require.Equal(t, bench.ReadingOK, r.State)
	require.Positive(t, r.Value)
	require.Less(t, r.Value, float64(f.MemoryBytes))
}

func jetson(t *testing.T, library string) {
	s := open(t, nvml.Options{Library: library})
	require.Empty(t, s.Meters())
	require.Len(t, s.Facts(), 1)
	f := s.Facts()[0]
	require.True(t, f.UnifiedMemory)
	require.NotEmpty(t, f.Missing["power"])
	require.Equal(t, "not supported", result(f, "nvmlDeviceGetPowerUsage"))
	require.Len(t, s.Absent(), 1)
}

func graceHopper(t *testing.T, library string) {
	s := open(t, nvml.Options{Library: library})
	fast := s.Meters()[0]
	for _, name := range []string{"gpu0.power", "gpu0.power_average", "gpu0.energy"} {
		require.Equal(t, bench.ScopeModule, named(t, fast, name).Scope, name)
		require.Contains(t, named(t, fast, name).Method, "module")
	}
	require.True(t, read(t, fast, meters.NewClock())["gpu0.power"].Has())
	require.Equal(t, "not supported", result(s.Facts()[0], "nvmlDeviceGetFieldValues(186 power instant)"))
	require.Equal(t, "ok", result(s.Facts()[0], "nvmlDeviceGetFieldValues(186 power instant, module)"))
}

func mig(t *testing.T, library string) {
	s := open(t, nvml.Options{Library: library})
	f := s.Facts()[0]
	require.Equal(t, "on, 3 instances", f.MIG)
	require.Contains(t, f.Missing["mig_power"], "whole board")
	require.NotContains(t, names(s.Meters()[0]), "gpu0.utilisation")
	require.Contains(t, named(t, s.Meters()[0], "gpu0.power").Method, "whole board")
	require.Len(t, s.Facts(), 1)
}

func lost(t *testing.T, library string) {
	s := open(t, nvml.Options{Library: library})
	clock := meters.NewClock()
	for _, m := range s.Meters() {
		dst := make([]bench.Reading, len(m.Channels()))
		var err error
		for range 3000 {
			if err = m.Read(t.Context(), clock.Now, dst); err != nil {
				break
			}
			pause(t, 10*time.Millisecond)
		}
		require.ErrorContains(t, err, "lost", m.Name())
	}
	_, err := s.Foreign(t.Context())
	require.ErrorContains(t, err, "lost")
}

func symbols(t *testing.T, library string) {
	s := open(t, nvml.Options{Library: library, Own: nobody})
	fast, state := s.Meters()[0], s.Meters()[1]
	require.Equal(t, []string{"gpu0.power", "gpu0.utilisation", "gpu0.memory_used"}, names(fast))
	require.Contains(t, named(t, fast, "gpu0.power").Method, "nvmlDeviceGetPowerUsage")
	require.Contains(t, named(t, fast, "gpu0.memory_used").Method, "with what driver and firmware reserve")
	require.NotContains(t, names(state), "gpu0.processes")
	require.Contains(t, names(state), "gpu0.throttle_thermal")
	require.True(t, read(t, fast, meters.NewClock())["gpu0.power"].Has())
	require.True(t, read(t, state, meters.NewClock())["gpu0.temperature"].Has())
	require.Equal(t, "not in this driver's library", result(s.Facts()[0], "nvmlDeviceGetComputeRunningProcesses"))
	who, err := s.Foreign(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, who[0].Doubt)
}

func notNVML(t *testing.T, library string) {
	absent(t, nvml.Options{Library: library}, "is no NVML library")
}

func sameTwice(t *testing.T, library string) {
	s := open(t, nvml.Options{Library: library})
	require.Len(t, s.Facts(), 2)
	require.Len(t, s.Meters(), 4)
	require.Equal(t, []string{"GPU 2 is GPU 0 again (GPU-00000000-0000-4000-8000-000000000000): it counts once"}, s.Absent())
	_, err := meters.NewSampler(meters.NewClock(), 50*time.Millisecond, s.Meters(), meters.SamplerOptions{})
	require.NoError(t, err, "names are unique")
}

func notStarted(t *testing.T, library string) {
	absent(t, nvml.Options{Library: library}, "different versions")
}

func noGPU(t *testing.T, library string) {
	absent(t, nvml.Options{Library: library}, "sees no GPU")
}

func noLibrary(t *testing.T, library string) {
	absent(t, nvml.Options{Library: filepath.Join(t.TempDir(), "libnvidia-ml.so.1")}, "could not be loaded")
	_ = open(t, nvml.Options{Library: library}) // a failed try binds nothing
}

func second(t *testing.T, library string) {
	first := open(t, nvml.Options{Library: library})
	again := open(t, nvml.Options{Library: library})
	require.True(t, read(t, again.Meters()[0], meters.NewClock())["gpu0.power"].Has())
	require.NoError(t, first.Close())
	require.NoError(t, first.Close())
	require.True(t, read(t, again.Meters()[0], meters.NewClock())["gpu0.power"].Has(), "the other session lives on")
	require.NoError(t, again.Close())
	_, err := nvml.Open(t.Context(), nvml.Options{Library: library + ".2"})
	require.ErrorContains(t, err, "already uses")
	_, absent := errors.AsType[*meters.Missing](err)
	require.False(t, absent, "it is a mistake in the settings, not a missing meter")
	third := open(t, nvml.Options{Library: library})
	require.True(t, read(t, third.Meters()[0], meters.NewClock())["gpu0.power"].Has(), "the same library opens again")
}

func unknown(t *testing.T, library string) {
	s := open(t, nvml.Options{Library: library})
	fast, clock := s.Meters()[0], meters.NewClock()
	r := until(t, fast, clock, func(r map[string]bench.Reading) bool { return r["gpu0.power"].State == bench.ReadingMissing })
	require.Contains(t, fast.Reasons()[r["gpu0.power"].Reason], "unknown error twice")
	require.True(t, r["gpu0.energy"].Has(), "one field's failure leaves the others")
	require.True(t, r["gpu0.power_average"].Has())
}

func zeroWatts(t *testing.T, library string) {
	s := open(t, nvml.Options{Library: library})
	r := read(t, s.Meters()[0], meters.NewClock())["gpu0.power"]
	require.Equal(t, bench.ReadingOutOfRange, r.State)
	require.Contains(t, s.Meters()[0].Reasons()[r.Reason], "0 W")
}

func slow(t *testing.T, library string) {
	s := open(t, nvml.Options{Library: library, Own: nobody, StateEvery: 50 * time.Millisecond})
	m, clock := s.Meters()[1], meters.NewClock()
	require.Equal(t, 50*time.Millisecond, m.(meters.Paced).Interval())
	r := until(t, m, clock, func(r map[string]bench.Reading) bool {
		return r["gpu0.processes"].Has() && r["gpu0.throttle_power_cap_time"].Has()
	})
	for name, want := range map[string]float64{
		"gpu0.temperature": 54, "gpu0.clock_sm": 1755e6, "gpu0.clock_memory": 1593e6, "gpu0.pstate": 0,
		"gpu0.throttle_power_cap": 1, "gpu0.throttle_thermal": 1, "gpu0.throttle_hw_slowdown": 0, "gpu0.throttle_hw_thermal": 0,
		"gpu0.throttle_power_brake": 0, "gpu0.throttle_thermal_time": 0, "gpu0.ecc_errors_corrected": 7,
		"gpu0.ecc_errors_uncorrected": 0, "gpu0.processes": 0, "gpu0.foreign_processes": 0, "gpu0.foreign_memory": 0,
	} {
		require.Equal(t, bench.ReadingOK, r[name].State, name)
		require.InDelta(t, want, r[name].Value, 0, name)
	}
	require.InDelta(t, 25, r["gpu0.throttle_power_cap_time"].Value, 10)
}
