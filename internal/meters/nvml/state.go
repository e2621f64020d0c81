package nvml

import (
	"context"
	"fmt"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// State is what one GPU tells once a second: temperature, clocks, throttling,
// memory errors and who is on it.
type State struct {
	gpu      *gpu
	position int // of the GPU in its session
	name     string
	pace     time.Duration
	watcher  *watcher
	withOwn  bool
	channels []bench.Channel
	fill     []filler // one for each channel
	closed   bool

	now    state
	at     time.Duration
	shares [2]share // of time at the power cap, and slowed by temperature
	who    census
	whoWhy uint8
}

// filler makes a reading of what was just read.
type filler func(m *State) (bench.Reading, ret)

// share turns a driver's count of nanoseconds into a share of time.
type share struct {
	field  []field
	before float64
	since  time.Duration
	primed bool
}

var (
	_ meters.Meter = (*State)(nil)
	_ meters.Paced = (*State)(nil)
)

// Name is nvml.gpu0.state for the first GPU.
func (m *State) Name() string { return m.name }

// Interval is how often it is worth reading.
func (m *State) Interval() time.Duration { return m.pace }

// Channels describes what the GPU tells of itself.
func (m *State) Channels() []bench.Channel { return append([]bench.Channel(nil), m.channels...) }

// Reasons lists why readings can be missing.
func (m *State) Reasons() []string { return reasons() }

// Read takes one sample. Who is on the GPU comes from a look that is at most
// some seconds old. It fails when the GPU or the driver is gone.
func (m *State) Read(ctx context.Context, now func() time.Duration, dst []bench.Reading) error {
	if m.closed {
		return errClosed
	}
	if err := ctx.Err(); err != nil {
		return err //nolint:wrapcheck // the caller's own cancellation
	}
	if m.gpu.can.processes {
		m.watcher.start()
		m.who, m.whoWhy = m.watcher.latest(m.position)
	}
	asked := now()
	m.gpu.sampler.state(&m.now, m.gpu.can.ecc)
	m.at = midpoint(asked, now())
	for i, fill := range m.fill {
		r, code := fill(m)
		if code == retUnknown {
			m.gpu.sampler.state(&m.now, m.gpu.can.ecc)
			r, code = fill(m)
		}
		switch {
		case code.gone():
			return m.gpu.lost(code)
		case code != retOK:
			dst[i] = missing(m.at, reasonOf(code))
		default:
			dst[i] = r
			if r.At == 0 {
				dst[i].At = m.at
			}
		}
	}
	return nil
}

// Rest ends the look at processes until the next Read. It may be called while a
// Read is under way.
func (m *State) Rest() { m.watcher.rest() }

// Close ends the meter; the library stays open until the session is closed.
func (m *State) Close() error {
	m.closed = true
	return nil
}

// newState plans the slow meter of a GPU; nil when it tells nothing.
func newState(g *gpu, position int, opts Options, w *watcher) *State {
	m := &State{
		gpu: g, position: position, name: fmt.Sprintf("%s.gpu%d.state", Name, g.index),
		pace: opts.StateEvery, watcher: w, withOwn: opts.Own != nil,
	}
	m.planTemperature()
	m.planThrottle()
	m.planECC()
	m.planProcesses()
	if len(m.channels) == 0 {
		return nil
	}
	return m
}

func (m *State) add(c bench.Channel, fill filler) {
	c.Method += m.gpu.origin()
	m.channels, m.fill = append(m.channels, c), append(m.fill, fill)
}

// value is a reading that is stamped by Read.
func value(v float64, r uint32) (bench.Reading, ret) { return bench.Reading{Value: v}, ret(r) }

func (m *State) planTemperature() {
	g := m.gpu
	if g.can.temperature {
		c := g.base("temperature", bench.UnitCelsius)
		c.Resolution, c.Method = 1, "temperature of the GPU's die, nvmlDeviceGetTemperature"
		m.add(c, func(m *State) (bench.Reading, ret) {
			if t := m.now.temperature; m.now.temperatureRet == 0 && (t < -50 || t > 200) {
				return outOfRange(m.at, float64(t), reasonImplausible), retOK
			}
			return value(float64(m.now.temperature), m.now.temperatureRet)
		})
	}
	clock := func(name, what string, fill filler) {
		c := g.base(name, bench.UnitHertz)
		c.Resolution, c.Method = 1e6, what
		m.add(c, fill)
	}
	if g.can.clockSM {
		clock("clock_sm", "clock of the streaming multiprocessors, nvmlDeviceGetClockInfo", func(m *State) (bench.Reading, ret) {
			return value(1e6*float64(m.now.smMHz), m.now.smRet)
		})
	}
	if g.can.clockMB {
		clock("clock_memory", "clock of the memory, nvmlDeviceGetClockInfo", func(m *State) (bench.Reading, ret) {
			return value(1e6*float64(m.now.memoryMHz), m.now.memoryRet)
		})
	}
	if g.can.pstate {
		c := g.base("pstate", bench.UnitCount)
		c.Resolution, c.Method = 1, "performance state, 0 the fastest and 15 the slowest, nvmlDeviceGetPerformanceState"
		m.add(c, func(m *State) (bench.Reading, ret) {
			if m.now.pstateRet == 0 && m.now.pstate > 15 { // 32 says unknown
				return missing(m.at, reasonNotAvailable), retOK
			}
			return value(float64(m.now.pstate), m.now.pstateRet)
		})
	}
}

// planThrottle adds one channel for each cause of a lowered clock, and the
// share of time that the driver itself counted, which misses nothing between
// two samples.
func (m *State) planThrottle() {
	g := m.gpu
	if g.can.throttle {
		for _, cause := range []struct {
			name, what string
			bit        uint64
		}{
			{"throttle_power_cap", "the power limit", bitPowerCap},
			{"throttle_thermal", "temperature, by software", bitSWThermal},
			{"throttle_hw_slowdown", "the hardware, for power or temperature", bitHWSlowdown},
			{"throttle_hw_thermal", "temperature, by hardware", bitHWThermal},
			{"throttle_power_brake", "the power brake of the supply", bitPowerBrake},
			{"throttle_sync_boost", "another GPU of its group", bitSyncBoost},
		} {
			c := g.base(cause.name, bench.UnitCount)
			c.Resolution = 1
			c.Method = "1 while clocks are held down by " + cause.what + ", else 0, nvmlDeviceGetCurrentClocksEventReasons"
			bit := cause.bit
			m.add(c, func(m *State) (bench.Reading, ret) {
				on := 0.0
				if m.now.throttle&bit != 0 {
					on = 1
				}
				return value(on, m.now.throttleRet)
			})
		}
	}
	if g.can.throttlePower {
		m.addShare(0, fieldThrottlePower, "throttle_power_cap_time", "the power limit, from the driver's own count (field 74)")
	}
	if g.can.throttleThermal {
		m.addShare(1, fieldThrottleThermal, "throttle_thermal_time", "temperature, from the driver's own count (field 75)")
	}
}

func (m *State) addShare(no int, id uint32, name, what string) {
	c := m.gpu.base(name, bench.UnitPercent)
	c.Sensor, c.Window, c.WindowBasis = bench.SensorAveraged, m.pace, "the sampling interval"
	c.Method = "share of the time since the sample before in which clocks were held down by " + what
	m.shares[no].field = []field{{id: id}}
	m.add(c, func(m *State) (bench.Reading, ret) { return m.shares[no].read(m) })
}

// read asks for the count and compares it with the sample before.
func (s *share) read(m *State) (bench.Reading, ret) {
	s.field[0].ret = uint32(retNoData)
	if r := m.gpu.sampler.fields(s.field); r != retOK {
		return bench.Reading{}, r
	}
	ns, r := s.field[0].number()
	if r != retOK {
		return bench.Reading{}, r
	}
	before, since, primed := s.before, s.since, s.primed
	s.before, s.since, s.primed = ns, m.at, true
	elapsed := float64(m.at - since)
	switch {
	case !primed:
		return missing(m.at, reasonFirst), retOK
	case ns < before:
		return missing(m.at, reasonCounterFell), retOK
	case elapsed <= 0:
		return bench.Reading{At: m.at, State: bench.ReadingStale, Reason: reasonSameMoment}, retOK
	}
	// The count is renewed on its own, so that a share can pass 100 % a little.
	return bench.Reading{At: m.at, Value: min(100, 100*(ns-before)/elapsed)}, retOK
}

func (m *State) planECC() {
	g := m.gpu
	if !g.can.ecc || g.facts.ECC == "off" {
		return
	}
	c := g.base("ecc_errors_corrected", bench.UnitCount)
	c.Sensor, c.Counter, c.Resolution = bench.SensorCounter, true, 1
	c.Method = "memory errors that were corrected since the driver was loaded, nvmlDeviceGetTotalEccErrors"
	m.add(c, func(m *State) (bench.Reading, ret) { return value(float64(m.now.corrected), m.now.correctedRet) })
	c.Name = g.base("ecc_errors_uncorrected", "").Name
	c.Method = "memory errors that could not be corrected since the driver was loaded, nvmlDeviceGetTotalEccErrors"
	m.add(c, func(m *State) (bench.Reading, ret) { return value(float64(m.now.uncorrected), m.now.uncorrectedRet) })
}

func (m *State) planProcesses() {
	g := m.gpu
	if !g.can.processes {
		return
	}
	base := func(name string, unit bench.Unit, what string) bench.Channel {
		c := g.base(name, unit)
		c.UpdatePeriod, c.PeriodBasis = m.pace, "looked up so often, by this program"
		c.StampError = m.pace
		c.Method = what + ", nvmlDeviceGetComputeRunningProcesses and nvmlDeviceGetGraphicsRunningProcesses"
		return c
	}
	m.add(base("processes", bench.UnitCount, "processes that hold memory of the GPU"), func(m *State) (bench.Reading, ret) {
		if m.whoWhy != reasonNone {
			return missing(m.at, m.whoWhy), retOK
		}
		return value(float64(m.who.all), 0)
	})
	if !m.withOwn {
		g.facts.Missing["foreign_processes"] = "the runtime does not tell its processes, so none can be called foreign"
		return
	}
	foreign := func(fill func(census) bench.Reading) filler {
		return func(m *State) (bench.Reading, ret) {
			switch {
			case m.whoWhy != reasonNone:
				return missing(m.at, m.whoWhy), retOK
			case m.who.doubt != reasonNone:
				return missing(m.at, m.who.doubt), retOK
			}
			return fill(m.who), retOK
		}
	}
	m.add(base("foreign_processes", bench.UnitCount, "processes on the GPU that are neither the runtime's nor descend from them"),
		foreign(func(c census) bench.Reading { return bench.Reading{Value: float64(c.foreign)} }))
	m.add(base("foreign_memory", bench.UnitByte, "memory of processes on the GPU that are neither the runtime's nor descend from them"),
		foreign(func(c census) bench.Reading {
			if !c.told {
				return bench.Reading{State: bench.ReadingMissing, Reason: reasonMemoryUnknown}
			}
			return bench.Reading{Value: float64(c.bytes)}
		}))
}
