// Package estimate is the meter of last resort: where no sensor tells power,
// it multiplies CPU time with stated watts,
//
//	E(t) = idle power × t + power per busy core × busy core-seconds,
//
// and marks every figure as estimated. Busy is the user, nice, system, irq and
// softirq time of all CPUs in /proc/stat. Idle and iowait are not busy, and
// steal is time in which the hypervisor ran another guest.
package estimate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/procfs"
)

// Name is the meter's name.
const Name = "estimate"

// The channels of the meter.
const (
	ChannelEnergy = "estimate.energy"
	ChannelPower  = "estimate.power"
)

// Options hold the stated watts.
type Options struct {
	Config bench.EstimateConfig
	// Interval is the sampling interval, over which power is the difference
	// quotient of energy; 0 is 50 ms.
	Interval time.Duration
	// ProcFS is where /proc is mounted; "" is /proc.
	ProcFS string
}

// maxPowerW bounds a stated power: 1 MW is no single host.
const maxPowerW = 1e6

// Meter estimates energy from CPU time.
type Meter struct {
	opts   Options
	stat   *procfs.File
	closed bool

	primed  bool
	busy    uint64        // ticks at the sample before
	at      time.Duration // of the sample before
	energyJ float64
}

var _ meters.Meter = (*Meter)(nil)

const (
	reasonFirst = iota
	reasonCPU
	reasonSameMoment
)

func reasons() []string {
	return []string{
		reasonFirst: "first sample: no earlier energy to compare with",
		reasonCPU:   "the CPU times of the host could not be read",

		reasonSameMoment: "no time has passed since the sample before",
	}
}

// New opens the meter. Watts that make no sense are fault.Invalid; where there
// is no /proc/stat it returns a *meters.Missing.
func New(opts Options) (*Meter, error) {
	if err := validate(opts.Config); err != nil {
		return nil, err
	}
	if opts.ProcFS == "" {
		opts.ProcFS = "/proc"
	}
	if opts.Interval == 0 {
		opts.Interval = 50 * time.Millisecond
	}
	stat, err := procfs.Open(filepath.Join(opts.ProcFS, "stat"), 256)
	if err != nil {
		return nil, absent(err)
	}
	text, err := stat.Read()
	if err == nil {
		_, err = procfs.ParseCPUTimes(text)
	}
	if err != nil {
		_ = stat.Close()
		return nil, absent(err)
	}
	return &Meter{opts: opts, stat: stat}, nil
}

func absent(err error) error {
	return &meters.Missing{
		Meter: Name, Why: "CPU times cannot be read: " + err.Error(),
		Mend: "an estimate needs Linux with /proc mounted; elsewhere use a power meter",
	}
}

func validate(c bench.EstimateConfig) error {
	check := func(name string, w float64) error {
		if math.IsNaN(w) || w < 0 || w > maxPowerW {
			return fault.New(fault.Invalid, "", "state the watts of this host, measured at the wall or from its data sheet",
				"estimate: %s is %g W, expected 0 to %g", name, w, float64(maxPowerW))
		}
		return nil
	}
	if err := errors.Join(
		check("idle_power_w", c.IdlePowerW),
		check("power_per_busy_core_w", c.PowerPerBusyCoreW),
	); err != nil {
		return fault.New(fault.Invalid, "", fault.HintOf(err), "%w", err)
	}
	if c.IdlePowerW == 0 && c.PowerPerBusyCoreW == 0 {
		return fault.New(fault.Invalid, "", "state idle_power_w and power_per_busy_core_w, or leave the estimate out",
			"estimate: both powers are 0 W, which would book every run as 0 J")
	}
	if strings.TrimSpace(c.Source) == "" {
		return fault.New(fault.Invalid, "", "say in source where the watts come from",
			"estimate: source is empty, expected where the watts come from")
	}
	return nil
}

// Name is "estimate".
func (m *Meter) Name() string { return Name }

// Reasons lists why readings can be missing.
func (m *Meter) Reasons() []string { return reasons() }

// Channels describes estimate.energy and estimate.power.
func (m *Meter) Channels() []bench.Channel {
	const tick = time.Second / procfs.UserHz
	c := m.opts.Config
	method := fmt.Sprintf("%g W idle × time + %g W × busy core-seconds of all CPUs (user, nice, system, irq, softirq; not idle, iowait, steal); watts stated by: %s",
		c.IdlePowerW, c.PowerPerBusyCoreW, c.Source)
	base := bench.Channel{
		Unit: bench.UnitJoule, Scope: bench.ScopeHost, Sensor: bench.SensorEstimate,
		UpdatePeriod: tick, PeriodBasis: "the clock tick of the kernel's CPU times",
		LagBasis: "the kernel books CPU time by the tick", Identity: "CPU time of this host", Estimated: true,
		AccuracyNote: "not measured: as good as the stated watts; accuracy unknown",
	}
	if c.RelAccuracy > 0 {
		base.RelAccuracy = c.RelAccuracy
		base.AccuracyNote = fmt.Sprintf("not measured: the stated watts may be off by %g %%, as the spec says", 100*c.RelAccuracy)
	}
	energy, power := base, base
	energy.Name, energy.Counter = ChannelEnergy, true
	energy.Resolution = c.PowerPerBusyCoreW * tick.Seconds()
	energy.Method = "estimated energy since the meter was opened: " + method
	power.Name, power.Unit, power.Window = ChannelPower, bench.UnitWatt, m.opts.Interval
	power.Resolution = c.PowerPerBusyCoreW * tick.Seconds() / m.opts.Interval.Seconds()
	power.Method = "growth of the estimated energy since the sample before, per second: " + method
	return []bench.Channel{energy, power}
}

var errClosed = errors.New("estimate meter is closed")

// Read takes one sample. Energy is zero at the first.
func (m *Meter) Read(ctx context.Context, now func() time.Duration, dst []bench.Reading) error {
	if m.closed {
		return errClosed
	}
	if err := ctx.Err(); err != nil {
		return err //nolint:wrapcheck // the caller's own cancellation
	}
	asked := now()
	text, err := m.stat.Read()
	got := now()
	at := asked + (got-asked)/2
	var times procfs.CPUTimes
	if err == nil {
		times, err = procfs.ParseCPUTimes(text)
	}
	if err != nil {
		dst[0] = bench.Reading{At: at, State: bench.ReadingMissing, Reason: reasonCPU}
		dst[1] = dst[0]
		return nil //nolint:nilerr // a reading that is missing is stored as such, with its reason
	}
	m.add(at, times.Busy(), dst)
	return nil
}

// add books what happened since the sample before. Energy never falls: a step
// back of the kernel's counters is no work.
func (m *Meter) add(at time.Duration, busy uint64, dst []bench.Reading) {
	if !m.primed {
		m.primed, m.busy, m.at = true, busy, at
		dst[0] = bench.Reading{At: at}
		dst[1] = bench.Reading{At: at, State: bench.ReadingMissing, Reason: reasonFirst}
		return
	}
	elapsed := (at - m.at).Seconds()
	var ticks uint64
	if busy > m.busy {
		ticks = busy - m.busy
		m.busy = busy
	}
	grown := m.opts.Config.IdlePowerW*max(0, elapsed) +
		m.opts.Config.PowerPerBusyCoreW*float64(ticks)/procfs.UserHz
	m.energyJ += grown
	m.at = at
	dst[0] = bench.Reading{At: at, Value: m.energyJ}
	if elapsed <= 0 {
		dst[1] = bench.Reading{At: at, State: bench.ReadingStale, Reason: reasonSameMoment}
		return
	}
	dst[1] = bench.Reading{At: at, Value: grown / elapsed}
}

// Close releases the file.
func (m *Meter) Close() error {
	if m.closed {
		return nil
	}
	m.closed = true
	return m.stat.Close()
}
