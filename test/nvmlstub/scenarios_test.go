//go:build cgo && linux

package nvmlstub_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
	"github.com/wattsweep/wattsweep/internal/meters/nvml"
	"github.com/wattsweep/wattsweep/test/nvmlstub"
)

const (
	notSupported = 3
	driver550    = "550.54.15 (simulated)"
)

// scenario is a host as the library plays it, with what must come of it. Each
// runs in a process of its own, as a process can use one library.
type scenario struct {
	config nvmlstub.Config
	omit   []string
	check  func(t *testing.T, library string)
}

// childOf names the variable that carries the library's path to the process of
// one scenario.
const childOf = "NVMLSTUB_TEST_LIBRARY"

func TestScenarios(t *testing.T) {
	if library := os.Getenv(childOf); library != "" {
		for name, s := range scenarios() {
			t.Run(name, func(t *testing.T) { s.check(t, library) })
		}
		return
	}
	t.Parallel()
	whole := nvmlstub.Build(t)
	for name, s := range scenarios() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			library := whole
			if len(s.omit) > 0 {
				library = nvmlstub.Build(t, s.omit...)
			}
			runAlone(t, "^TestScenarios$/^"+strings.ReplaceAll(name, " ", "_")+"$", library, nvmlstub.Write(t, s.config))
		})
	}
}

// runAlone runs one test of this program in a process of its own. A call of a
// symbol that is missing would end that process, which is a failure here.
func runAlone(t *testing.T, pattern, library, config string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run="+pattern, "-test.v", "-test.timeout=120s")
	cmd.Env = append(os.Environ(), childOf+"="+library, nvmlstub.Env+"="+config)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS", "%s", out)
}

func one(g nvmlstub.GPU) nvmlstub.Config {
	return nvmlstub.Config{Driver: driver550, NVML: "12.550.54.15", CUDA: 12040, GPUs: []nvmlstub.GPU{g}}
}

func with(g nvmlstub.GPU, change func(*nvmlstub.GPU)) nvmlstub.GPU {
	change(&g)
	return g
}

func scenarios() map[string]scenario {
	refuse := func(symbols ...string) []nvmlstub.Return {
		all := make([]nvmlstub.Return, 0, len(symbols))
		for _, s := range symbols {
			all = append(all, nvmlstub.Return{Symbol: s, Code: notSupported})
		}
		return all
	}
	everything := refuse("nvmlDeviceGetPowerUsage", "nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceGetFieldValues",
		"nvmlDeviceGetUtilizationRates", "nvmlDeviceGetMemoryInfo", "nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetTemperature",
		"nvmlDeviceGetClockInfo", "nvmlDeviceGetPerformanceState", "nvmlDeviceGetCurrentClocksEventReasons",
		"nvmlDeviceGetCurrentClocksThrottleReasons", "nvmlDeviceGetComputeRunningProcesses_v3")
	same := one(nvmlstub.H100(0))
	same.GPUs = append(same.GPUs, nvmlstub.H100(1), nvmlstub.H100(0))
	stopped := one(nvmlstub.H100(0))
	stopped.Init = 18
	return map[string]scenario{
		"h100 conforms": {config: one(nvmlstub.H100(0)), check: conforms},
		"h100":          {config: one(nvmlstub.H100(0)), check: h100},
		"h100 watched":  {config: one(nvmlstub.H100(0)), check: watched},
		"a100":          {config: one(a100()), check: a100Like},
		"old, no counter": {config: one(with(old(), func(g *nvmlstub.GPU) {
			g.Returns = refuse("nvmlDeviceGetTotalEnergyConsumption", "field83", "field185", "field186")
		})), check: oldGPU},
		"gb10":         {config: one(gb10()), check: unified},
		"jetson":       {config: one(nvmlstub.GPU{Name: "Orin (nvgpu)", UUID: "GPU-j", Power: nvmlstub.Constant(9), Returns: everything}), check: jetson},
		"grace hopper": {config: one(with(nvmlstub.H100(0), func(g *nvmlstub.GPU) { g.Name, g.ModuleScope = "NVIDIA GH200 480GB", true })), check: graceHopper},
		"mig":          {config: one(with(nvmlstub.H100(0), func(g *nvmlstub.GPU) { g.MIG = 3 })), check: mig},
		"lost":         {config: one(with(nvmlstub.H100(0), func(g *nvmlstub.GPU) { g.LostAt = 700 * time.Millisecond })), check: lost},
		"missing symbols": {
			config: one(nvmlstub.H100(0)), check: symbols,
			omit: []string{"nvmlDeviceGetFieldValues", "nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetTotalEnergyConsumption"},
		},
		"no library to speak of": {config: one(nvmlstub.H100(0)), check: notNVML, omit: []string{"nvmlInit_v2"}},
		"the same uuid twice":    {config: same, check: sameTwice},
		"driver does not start":  {config: stopped, check: notStarted},
		"no gpu":                 {config: nvmlstub.Config{Driver: driver550}, check: noGPU},
		"no library":             {config: one(nvmlstub.H100(0)), check: noLibrary},
		"a second library":       {config: one(nvmlstub.H100(0)), check: second},
		"unknown error once": {config: one(with(nvmlstub.H100(0), func(g *nvmlstub.GPU) {
			g.Returns = []nvmlstub.Return{{Symbol: "field186", Code: 999, From: 500 * time.Millisecond, To: time.Hour}}
		})), check: unknown},
		"zero watts":          {config: one(with(nvmlstub.H100(0), func(g *nvmlstub.GPU) { g.Power = nvmlstub.Constant(0) })), check: zeroWatts},
		"counter reset":       {config: one(with(nvmlstub.H100(0), func(g *nvmlstub.GPU) { g.EnergyOffsetJ, g.EnergyResetAt = 1e6, time.Second })), check: counterReset},
		"foreign process":     {config: one(nvmlstub.H100(0)), check: foreign},
		"foreign namespace":   {config: one(with(nvmlstub.H100(0), func(g *nvmlstub.GPU) { g.Processes = []nvmlstub.Process{{PID: 4194301, Bytes: 1 << 30}} })), check: namespace},
		"energy of a sine":    {config: one(nvmlstub.H100(0)), check: energyOf(nvmlstub.Sine(300, 150, 1300*time.Millisecond), metertest.Sine(300, 150, 1300*time.Millisecond))},
		"energy, constant":    {config: one(nvmlstub.H100(0)), check: energyOf(nvmlstub.Constant(470), metertest.Constant(470))},
		"energy of a ramp":    {config: one(nvmlstub.H100(0)), check: energyOf(nvmlstub.Ramp(100, 20), metertest.Ramp(100, 20))},
		"energy of a square":  {config: one(nvmlstub.H100(0)), check: energyOf(nvmlstub.Square(60, 480, 800*time.Millisecond), metertest.Square(60, 480, 800*time.Millisecond))},
		"energy of a trace":   {config: one(nvmlstub.H100(0)), check: energyOfTrace},
		"states of a session": {config: one(with(nvmlstub.H100(0), func(g *nvmlstub.GPU) { g.Throttle, g.ThrottledShare = 0x24, 0.25; g.Corrected = 7 })), check: slow},
	}
}

func a100() nvmlstub.GPU {
	g := nvmlstub.H100(0)
	g.Name, g.Architecture, g.PCIDevice, g.AverageWindow = "NVIDIA A100-SXM4-80GB", 7, 0x20B210DE, 0
	return g
}

func old() nvmlstub.GPU {
	g := nvmlstub.H100(0)
	g.Name, g.Architecture, g.PCIDevice, g.AverageWindow, g.ECC, g.MIG = "Tesla P40", 4, 0x1B3810DE, 0, 0, 0
	return g
}

func gb10() nvmlstub.GPU {
	g := nvmlstub.H100(0)
	g.Name, g.Architecture, g.PCIDevice, g.MemoryTotalB, g.PowerLimitW, g.ECC, g.MIG = "NVIDIA GB10", 10, 0x2E1210DE, 0, 0, 0, 0
	return g
}

// vivid plays power that jumps about, so that every period and window shows.
func vivid(t *testing.T) nvmlstub.GPU {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	text := &strings.Builder{}
	for at := 0.0; at < 60; at += 0.05 + 0.2*random.Float64() {
		watts := 80 + 400*random.Float64()
		fmt.Fprintf(text, "%.4f,%.3f\n%.4f,%.3f\n", at, watts, at+0.04, watts+20*random.Float64())
	}
	path := filepath.Join(t.TempDir(), "trace.csv")
	require.NoError(t, os.WriteFile(path, []byte(text.String()), 0o600))
	g := nvmlstub.H100(0)
	g.Power = nvmlstub.Trace(path)
	g.Update, g.EnergyUpdate, g.Window, g.AverageWindow = 20*time.Millisecond, 20*time.Millisecond, 0, 500*time.Millisecond
	return g
}

func open(t *testing.T, o nvml.Options) *nvml.Session {
	t.Helper()
	s, err := nvml.Open(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func absent(t *testing.T, o nvml.Options, why string) {
	t.Helper()
	_, err := nvml.Open(t.Context(), o)
	missing, ok := errors.AsType[*meters.Missing](err)
	require.True(t, ok, "%v", err)
	require.Contains(t, missing.Why, why)
	require.NotEmpty(t, missing.Mend)
}

func named(t *testing.T, m meters.Meter, name string) bench.Channel {
	t.Helper()
	all := m.Channels()
	i := slices.IndexFunc(all, func(c bench.Channel) bool { return c.Name == name })
	require.GreaterOrEqual(t, i, 0, "no channel %s", name)
	return all[i]
}

func names(m meters.Meter) []string {
	var all []string
	for _, c := range m.Channels() {
		all = append(all, c.Name)
	}
	return all
}

func result(facts bench.GPUFacts, call string) string {
	for _, c := range facts.Calls {
		if c.Name == call {
			return c.Result
		}
	}
	return "not tried"
}

func read(t *testing.T, m meters.Meter, clock meters.Clock) map[string]bench.Reading {
	t.Helper()
	dst := make([]bench.Reading, len(m.Channels()))
	require.NoError(t, m.Read(t.Context(), clock.Now, dst))
	all := map[string]bench.Reading{}
	for i, c := range m.Channels() {
		all[c.Name] = dst[i]
	}
	return all
}

// until reads until done says so, or too long has passed.
func until(t *testing.T, m meters.Meter, clock meters.Clock, done func(map[string]bench.Reading) bool) map[string]bench.Reading {
	t.Helper()
	for range 3000 {
		if all := read(t, m, clock); done(all) {
			return all
		}
		pause(t, 10*time.Millisecond)
	}
	t.Fatal("what was waited for did not come within 30 s")
	return nil
}

func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-t.Context().Done():
	case <-time.After(d):
	}
}

func nobody(context.Context) ([]int32, error) { return nil, nil }

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

// configure gives the library another configuration before it is opened.
func configure(t *testing.T, c nvmlstub.Config) {
	t.Helper()
	t.Setenv(nvmlstub.Env, nvmlstub.Write(t, c))
}

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
