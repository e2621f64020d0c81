package host

import (
	"path/filepath"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/procfs"
)

// harness is the CPU time of this process: sampling, calling the runtime and
// keeping what it said.
type harness struct {
	stat   *procfs.File
	cpus   int
	ticks  uint64
	last   time.Duration
	primed bool
}

func openHarness(proc string, cpus int) (*harness, *meters.Missing) {
	stat, err := procfs.Open(filepath.Join(proc, "self", "stat"), 512)
	if err != nil {
		return nil, &meters.Missing{Meter: ChannelHarnessCPU, Why: err.Error(), Mend: "mount /proc with the worker's own process in it"}
	}
	return &harness{stat: stat, cpus: cpus}, nil
}

func (h *harness) channel(identity string, interval time.Duration) bench.Channel {
	const tick = time.Second / procfs.UserHz
	return bench.Channel{
		Name: ChannelHarnessCPU, Unit: bench.UnitPercent, Scope: bench.ScopeProcess, Sensor: bench.SensorAveraged,
		Window: interval, UpdatePeriod: tick, Identity: identity,
		Resolution:   100 * tick.Seconds() / (interval.Seconds() * float64(h.cpus)),
		Method:       "CPU time of the worker's own process as a share of all logical CPUs, since the sample before: what measuring costs, which is inside host.cpu and inside the energy",
		AccuracyNote: "kernel CPU times in steps of " + tick.String() + "; their mean over a window is finer than one reading",
	}
}

func (h *harness) read(now func() time.Duration) bench.Reading {
	asked := now()
	text, err := h.stat.Read()
	at := midpoint(asked, now())
	if err != nil {
		return missing(at, reasonHarness)
	}
	ticks, err := procfs.ParseProcessTicks(text)
	if err != nil {
		return missing(at, reasonHarness)
	}
	used, elapsed, primed := rise(h.ticks, ticks), at-h.last, h.primed
	h.ticks, h.last, h.primed = ticks, at, true
	if !primed {
		return missing(at, reasonFirst)
	}
	if elapsed <= 0 {
		return bench.Reading{At: at, State: bench.ReadingStale, Reason: reasonSameTick}
	}
	return bench.Reading{At: at, Value: 100 * float64(used) / procfs.UserHz / (elapsed.Seconds() * float64(h.cpus))}
}

func (h *harness) close() error { return h.stat.Close() } //nolint:wrapcheck // nothing to add
