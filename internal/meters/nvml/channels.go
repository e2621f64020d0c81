package nvml

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters/procfs"
)

// newFast plans the fast meter of a GPU; nil when it tells nothing.
func newFast(g *gpu, opts Options) *Fast {
	m := &Fast{
		gpu: g, name: fmt.Sprintf("%s.gpu%d", Name, g.index), watchFor: opts.WatchFor,
		power: -1, average: -1, energy: -1, utilisation: -1, memory: -1,
		powerField: -1, averageField: -1, energyField: -1,
	}
	m.planPower()
	m.planEnergy()
	m.planUtilisation()
	m.planMemory(opts.ProcFS)
	if len(m.channels) == 0 {
		return nil
	}
	m.remember()
	return m
}

// base is what all channels of a GPU share.
func (g *gpu) base(name string, unit bench.Unit) bench.Channel {
	return bench.Channel{
		Name: fmt.Sprintf("gpu%d.%s", g.index, name), Unit: unit, Scope: bench.ScopeGPU, Sensor: bench.SensorInstant,
		Device: g.facts.UUID, Identity: g.facts.UUID, Simulated: g.simulated(),
	}
}

// origin ends a method with whom the value comes from.
func (g *gpu) origin() string {
	text := fmt.Sprintf("; %s, driver %s", g.kind, g.facts.Driver)
	if g.mig() {
		text += "; MIG is on: the whole board, not an instance"
	}
	if g.simulated() {
		text += "; simulated, no measurement"
	}
	return text
}

func (m *Fast) add(c bench.Channel) int {
	m.channels = append(m.channels, c)
	return len(m.channels) - 1
}

func (m *Fast) addField(id, scope uint32) int {
	m.fields = append(m.fields, field{id: id, scope: scope})
	return len(m.fields) - 1
}

// planPower takes instant power where there is such a field, else what
// nvmlDeviceGetPowerUsage gives, and the average beside it.
func (m *Fast) planPower() {
	can := m.gpu.can
	switch {
	case can.instant:
		m.powerField = m.addField(fieldPowerInstant, can.powerScope)
		m.power = m.add(m.gpu.powerChannel("power", sourceInstant, can.powerScope))
	case can.usage:
		m.power = m.add(m.gpu.powerChannel("power", sourceUsage, scopeGPU))
	}
	if can.average {
		m.averageField = m.addField(fieldPowerAverage, can.powerScope)
		m.average = m.add(m.gpu.powerChannel("power_average", sourceAverage, can.powerScope))
	}
}

func (g *gpu) powerChannel(name string, from source, scope uint32) bench.Channel {
	s := semanticsOf(g.kind, g.major, from)
	c := g.base(name, bench.UnitWatt)
	c.Sensor, c.Window, c.UpdatePeriod = s.sensor, s.window, s.period
	c.WindowBasis, c.PeriodBasis = s.basis, s.basis
	if c.Window == 0 {
		c.WindowBasis = "not known: " + s.basis
	}
	if c.UpdatePeriod == 0 {
		c.PeriodBasis = "not known: " + s.basis
	}
	c.Resolution = 0.001
	c.RelAccuracy, c.AccuracyNote = relAccuracy, accuracyNote
	c.Method = fmt.Sprintf("power of the GPU board with its memory, %s, %s", from, kindText(s))
	if scope == scopeModule {
		c.Scope = bench.ScopeModule
		c.Method = fmt.Sprintf("power of the module, CPU and GPU together, as the driver refuses the GPU alone, %s, %s", from, kindText(s))
	}
	c.Method += g.origin()
	return c
}

func kindText(s semantics) string {
	switch {
	case s.sensor == bench.SensorAveraged:
		return "averaged over " + s.window.String()
	case s.window > 0:
		return fmt.Sprintf("instant: the mean of the last %s", s.window)
	default:
		return "instant"
	}
}

// energyPeriod is how often the counter steps on GPUs that were watched.
const energyPeriod = 100 * time.Millisecond

func (m *Fast) planEnergy() {
	g := m.gpu
	if !g.can.energyField && !g.can.energyCall {
		g.facts.Missing["energy"] = "no energy counter: Volta and newer have one, many virtual and embedded GPUs have not"
		return
	}
	c := g.base("energy", bench.UnitJoule)
	c.Sensor, c.Counter = bench.SensorCounter, true
	c.UpdatePeriod, c.PeriodBasis = energyPeriod, "seen on others: about 100 ms (ml.energy); 10 to 100 ms reported"
	c.Resolution = 0.001
	c.RelAccuracy, c.AccuracyNote = relAccuracy, "taken to be that of the power sensor that it adds up: "+accuracyNote
	from := "nvmlDeviceGetTotalEnergyConsumption"
	if g.can.energyField {
		m.energyField = m.addField(fieldEnergy, g.can.energyScope)
		from = "field 83 (NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION)"
	}
	c.Method = "energy since the driver was loaded, " + from
	// Where the driver tells power for the module alone, as on Grace Hopper,
	// its counter covers the module too (ml-energy/zeus#172).
	if g.can.energyScope == scopeModule || ((g.can.instant || g.can.average) && g.can.powerScope == scopeModule) {
		c.Scope = bench.ScopeModule
		c.Method += "; it covers the module, CPU and GPU together"
	}
	c.Method += g.origin()
	m.energy = m.add(c)
}

func (m *Fast) planUtilisation() {
	g := m.gpu
	if !g.can.utilisation || g.mig() {
		if _, told := g.facts.Missing["utilisation"]; !told {
			g.facts.Missing["utilisation"] = "not supported"
		}
		return
	}
	c := g.base("utilisation", bench.UnitPercent)
	c.Sensor, c.Window = bench.SensorAveraged, time.Second
	c.WindowBasis = "NVML's documentation: 1/6 to 1 s, depending on the product; the longer is taken"
	c.UpdatePeriod, c.PeriodBasis = time.Second/6, "NVML's documentation: 1/6 to 1 s, depending on the product; the shorter is taken"
	c.Resolution = 1
	c.Method = "share of time in which at least one kernel ran, nvmlDeviceGetUtilizationRates; it says nothing of how much of the GPU it used" + g.origin()
	m.utilisation = m.add(c)
}

func (m *Fast) planMemory(proc string) {
	g := m.gpu
	c := g.base("memory_used", bench.UnitByte)
	switch {
	case g.can.memory && g.can.memoryVersion == 2:
		c.Method = "memory allocated on the GPU, without what driver and firmware reserve, nvmlDeviceGetMemoryInfo_v2"
	case g.can.memory:
		c.Method = "memory in use on the GPU, with what driver and firmware reserve, nvmlDeviceGetMemoryInfo"
	case g.can.unified:
		file, totalB, err := openMemory(proc)
		if err != nil {
			g.facts.Missing["memory_bytes"] = "the GPU shares the host's memory, which could not be read"
			return
		}
		m.meminfo, g.facts.MemoryBytes = file, totalB
		delete(g.facts.Missing, "memory_bytes")
		c.Scope = bench.ScopeHost
		c.Method = "the GPU shares the host's memory and the driver tells none of its own: MemTotal less MemAvailable of the host, all programs included"
	default:
		return
	}
	c.Resolution = 1024
	c.Method += g.origin()
	m.memory = m.add(c)
}

// openMemory opens the host's account of memory and gives its size.
func openMemory(proc string) (*procfs.File, int64, error) {
	file, err := procfs.Open(filepath.Join(proc, "meminfo"), memBytes)
	if err != nil {
		return nil, 0, err //nolint:wrapcheck // the caller says what is missing
	}
	text, err := file.Read()
	if err == nil {
		var memory procfs.Memory
		if memory, err = procfs.ParseMemory(text); err == nil {
			return file, int64(memory.TotalB), nil //nolint:gosec // bounded by the parser
		}
	}
	_ = file.Close()
	return nil, 0, err //nolint:wrapcheck // as above
}

// memBytes holds the first three lines of /proc/meminfo.
const memBytes = 160
