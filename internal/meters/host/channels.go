package host

import (
	"fmt"
	"runtime"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/procfs"
)

// extra is a channel that was asked for beside the usual ones.
type extra interface {
	channel(identity string, interval time.Duration) bench.Channel
	// read takes one sample and allocates nothing.
	read(now func() time.Duration) bench.Reading
	close() error
}

// addExtras opens what was asked for beside the usual channels.
func (m *Meter) addExtras() {
	if m.opts.Harness {
		if one, gone := openHarness(m.opts.ProcFS, m.cpus); gone != nil {
			m.missing = append(m.missing, gone)
		} else {
			m.more = append(m.more, one)
		}
	}
	if m.opts.Temperature {
		if one, gone := openTemperature(m.opts.SysFS); gone != nil {
			m.missing = append(m.missing, gone)
		} else {
			m.more = append(m.more, one)
		}
	}
}

// Missing lists the channels that were asked for and that this host lacks,
// each with the reason.
func (m *Meter) Missing() []*meters.Missing { return m.missing }

// Channels describes host.cpu, host.memory_used, runtime.memory, runtime.cpu,
// and what was asked for beside them.
func (m *Meter) Channels() []bench.Channel {
	identity := fmt.Sprintf("%s, %d logical CPUs", runtime.GOOS, m.cpus)
	all := m.usual(identity)
	for _, one := range m.more {
		all = append(all, one.channel(identity, m.opts.Interval))
	}
	return all
}

func (m *Meter) usual(identity string) []bench.Channel {
	const tick = time.Second / procfs.UserHz
	step := 100 * tick.Seconds() / (m.opts.Interval.Seconds() * float64(m.cpus))
	cpuNote := fmt.Sprintf("kernel CPU times in steps of %s, over one sampling interval at a time", tick)
	return []bench.Channel{
		{
			Name: ChannelCPU, Unit: bench.UnitPercent, Scope: bench.ScopeHost, Sensor: bench.SensorAveraged,
			Window: m.opts.Interval, UpdatePeriod: tick, Resolution: step, Identity: identity,
			Method:       "busy share of all logical CPUs together, 0 to 100 %, since the sample before: user, nice, system, irq and softirq over all time in /proc/stat; idle, iowait and steal are not busy",
			AccuracyNote: cpuNote,
		},
		{
			Name: ChannelMemoryUsed, Unit: bench.UnitByte, Scope: bench.ScopeHost, Sensor: bench.SensorInstant,
			Resolution: 1024, Identity: identity,
			Method: "MemTotal less MemAvailable in /proc/meminfo; page cache that can be dropped is not used memory",
		},
		{
			Name: ChannelRuntimeMemory, Unit: bench.UnitByte, Scope: bench.ScopeProcess, Sensor: bench.SensorInstant,
			Resolution: m.pageB, Identity: identity,
			Method:       "resident memory (RSS) of the runtime's processes and their children, added up; pages of a mapped model file count, pages shared between processes count once for each",
			AccuracyNote: "RSS, not PSS: reading PSS walks the page tables of the whole model and would disturb the run",
		},
		{
			Name: ChannelRuntimeCPU, Unit: bench.UnitPercent, Scope: bench.ScopeProcess, Sensor: bench.SensorAveraged,
			Window: m.opts.Interval, UpdatePeriod: tick, Resolution: step, Identity: identity,
			Method:       "CPU time of the runtime's processes and their children as a share of all logical CPUs, since the sample before; a process counts from when it was first seen, and a reading can pass 100 % by its resolution",
			AccuracyNote: cpuNote,
		},
	}
}
