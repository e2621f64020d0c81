//go:build cgo && linux

package nvmlstub_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/meters/metertest"
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
	t.Parallel()
	whole := nvmlstub.Build(t)
	for name, s := range scenarios() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			library := whole
			if len(s.omit) > 0 {
				library = nvmlstub.Build(t, s.omit...)
			}
			runAlone(t, "^TestOneScenario$/^"+strings.ReplaceAll(name, " ", "_")+"$", library, nvmlstub.Write(t, s.config))
		})
	}
}

// TestOneScenario is what such a process runs. It sets variables, so that it
// cannot be parallel.
func TestOneScenario(t *testing.T) {
	library := os.Getenv(childOf)
	if library == "" {
		t.Skip("run by TestScenarios, in a process of its own")
	}
	for name, s := range scenarios() {
		t.Run(name, func(t *testing.T) { s.check(t, library) })
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
