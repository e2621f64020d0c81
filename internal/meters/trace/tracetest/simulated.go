package tracetest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Simulated makes up the trace of a host's GPUs under a language model's
// calls, in the shape that NVML gives for an H100: power in mW renewed every
// 100 ms, once instant and once averaged over a second, the energy counter in
// mJ, memory in MiB, shares in whole %, clocks in MHz, temperature in °C. Some
// ticks are missed and some readings missing. Every channel is marked as
// simulated; the same seed gives the same trace.
func Simulated(seed uint64, gpus, ticks int, interval time.Duration) Trace {
	t := Trace{Meter: "nvml", Interval: interval, Reasons: []string{"the driver gave no value (simulated)"}}
	g := make([]gpu, gpus)
	for i := range g {
		g[i].random = rand.New(rand.NewPCG(seed, uint64(i))) //nolint:gosec // made-up values, the same for each seed
		g[i].energyMJ = 1e9 + 1e7*float64(i)
		t.Channels = append(t.Channels, gpuChannels(i)...)
	}
	random := rand.New(rand.NewPCG(seed, 1<<32)) //nolint:gosec // as above
	seq := int64(-1)
	for range ticks {
		seq++
		if random.IntN(2000) == 0 {
			seq += 1 + random.Int64N(4) // ticks that the machine was too busy for
		}
		late := time.Duration(60_000 + random.ExpFloat64()*40_000)
		at := time.Second + time.Duration(seq)*interval + late
		tick := make([]bench.Reading, 0, len(t.Channels))
		for i := range g {
			g[i].until(at)
			tick = g[i].read(tick, &at)
		}
		t.Seq = append(t.Seq, seq)
		t.Ticks = append(t.Ticks, tick)
	}
	return t
}

func gpuChannels(i int) []bench.Channel {
	device := fmt.Sprintf("GPU-simulated-%d", i)
	one := func(name string, unit bench.Unit, sensor bench.Sensor, resolution float64) bench.Channel {
		return bench.Channel{
			Name: fmt.Sprintf("gpu%d.%s", i, name), Unit: unit, Scope: bench.ScopeGPU, Sensor: sensor,
			Resolution: resolution, Device: device, Identity: device, Simulated: true,
			Counter: sensor == bench.SensorCounter, Method: "made up by a seeded generator",
		}
	}
	return []bench.Channel{
		one("power", bench.UnitWatt, bench.SensorInstant, 1e-3),
		one("power_average", bench.UnitWatt, bench.SensorAveraged, 1e-3),
		one("energy", bench.UnitJoule, bench.SensorCounter, 1e-3),
		one("memory_used", bench.UnitByte, bench.SensorInstant, 1),
		one("utilisation", bench.UnitPercent, bench.SensorAveraged, 1),
		one("memory_utilisation", bench.UnitPercent, bench.SensorAveraged, 1),
		one("sm_clock", bench.UnitHertz, bench.SensorInstant, 1e6),
		one("memory_clock", bench.UnitHertz, bench.SensorInstant, 1e6),
		one("temperature", bench.UnitCelsius, bench.SensorInstant, 1),
		one("throttle_reasons", bench.UnitCount, bench.SensorInstant, 1),
	}
}

// gpu is the made-up device; its sensors renew every 100 ms.
type gpu struct {
	random      *rand.Rand
	renewed     time.Duration
	busyUntil   time.Duration
	idleUntil   time.Duration
	powerMW     float64
	averageMW   float64
	energyMJ    float64
	temperature float64
	memoryMiB   float64
	busy        float64 // share
}

const renewal = 100 * time.Millisecond

// until lets the device live up to a moment.
func (g *gpu) until(at time.Duration) {
	for g.renewed+renewal <= at {
		g.renewed += renewal
		if g.renewed > g.busyUntil && g.renewed > g.idleUntil { // the next call, and the pause after it
			g.busyUntil = g.renewed + time.Duration((0.5+3*g.random.Float64())*float64(time.Second))
			g.idleUntil = g.busyUntil + time.Duration(g.random.Float64()*float64(500*time.Millisecond))
			g.memoryMiB = 42_000 + float64(g.random.IntN(64))
		}
		target, noise, share := 71_500.0, 150.0, 0.0
		if g.renewed < g.busyUntil {
			target, noise, share = 470_000, 9_000, 0.97
		}
		g.busy += (share - g.busy) * 0.6
		g.powerMW = math.Round(g.powerMW + (target-g.powerMW)*0.7 + noise*g.random.NormFloat64())
		g.averageMW = math.Round(g.averageMW + (g.powerMW-g.averageMW)*0.1)
		g.energyMJ = math.Round(g.energyMJ + g.powerMW*renewal.Seconds())
		g.temperature += (30 + 35*g.powerMW/470_000 - g.temperature) * 0.004
	}
}

// read asks one channel after the other, each some microseconds later.
func (g *gpu) read(tick []bench.Reading, at *time.Duration) []bench.Reading {
	throttled := 0.0
	if g.powerMW > 480_000 {
		throttled = 4
	}
	for _, value := range []float64{
		g.powerMW / 1000, g.averageMW / 1000, g.energyMJ / 1000, g.memoryMiB * (1 << 20), math.Round(100 * g.busy),
		math.Round(40 * g.busy), 1e6 * (345 + 15*math.Round(109*g.busy)), 2619e6, math.Round(g.temperature), throttled,
	} {
		*at += time.Duration(4_000 + g.random.ExpFloat64()*1_500)
		r := bench.Reading{At: *at, Value: value}
		if g.random.IntN(5000) == 0 {
			r = bench.Reading{At: *at, State: bench.ReadingMissing}
		}
		tick = append(tick, r)
	}
	return tick
}
