package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/procfs"
)

// Name is the meter's name.
const Name = "host"

// The channels of the meter.
const (
	ChannelCPU           = "host.cpu"
	ChannelMemoryUsed    = "host.memory_used"
	ChannelRuntimeMemory = "runtime.memory"
	ChannelRuntimeCPU    = "runtime.cpu"
	ChannelHarnessCPU    = "harness.cpu"      // with Options.Harness
	ChannelTemperature   = "host.temperature" // with Options.Temperature, where the host has a sensor
)

// Options say what to watch.
type Options struct {
	// Processes gives the ids of the runtime's processes; their children are
	// found by the meter. Nil when the runtime's processes cannot be told.
	Processes func(ctx context.Context) ([]int32, error)
	// ProcFS is where /proc is mounted; "" is /proc.
	ProcFS string
	// SysFS is where /sys is mounted; "" is /sys.
	SysFS string
	// Harness adds harness.cpu: what this process itself uses, so that a reader
	// sees what measuring costs.
	Harness bool
	// Temperature adds host.temperature, the hottest processor's. Where the host
	// has no sensor the channel is not listed, and Missing says why.
	Temperature bool
	// Interval is the sampling interval, which decides over how long a CPU
	// reading is averaged; 0 is 50 ms.
	Interval time.Duration
	// RefreshEvery is how often the list of processes is looked up anew, in a
	// goroutine of its own; 0 is one second.
	RefreshEvery time.Duration
}

func (o Options) withDefaults() Options {
	if o.ProcFS == "" {
		o.ProcFS = "/proc"
	}
	if o.SysFS == "" {
		o.SysFS = "/sys"
	}
	if o.Interval == 0 {
		o.Interval = 50 * time.Millisecond
	}
	if o.RefreshEvery == 0 {
		o.RefreshEvery = time.Second
	}
	return o
}

// Meter reads the host's and the runtime's CPU and memory.
type Meter struct {
	stat    *procfs.File
	meminfo *procfs.File
	cpus    int
	pageB   float64
	before  procfs.CPUTimes
	primed  bool

	procs   *processes
	more    []extra
	missing []*meters.Missing
	opts    Options
	closed  bool
}

var _ meters.Meter = (*Meter)(nil)

// What the reasons of missing readings are; the order is that of Reasons.
const (
	reasonFirst = iota
	reasonCPU
	reasonMemory
	reasonNotTold
	reasonNotLooked
	reasonLookFailed
	reasonNoProcess
	reasonTooMany
	reasonRuntimeFirst
	reasonHarness
	reasonTemperature
	reasonTemperatureRange
	reasonSameTick
)

func reasons() []string {
	return []string{
		reasonFirst:        "first sample: no earlier CPU time to compare with",
		reasonCPU:          "the CPU times of the host could not be read",
		reasonMemory:       "the memory of the host could not be read",
		reasonNotTold:      "the runtime does not tell its processes",
		reasonNotLooked:    "the runtime's processes have not been looked up yet",
		reasonLookFailed:   "the runtime's processes could not be looked up",
		reasonNoProcess:    "no process of the runtime is running, or none is visible to this user",
		reasonTooMany:      "the runtime has more processes than the meter follows",
		reasonRuntimeFirst: "first sample of these processes: no earlier CPU time to compare with",

		reasonHarness:          "the CPU time of this process could not be read",
		reasonTemperature:      "no temperature sensor of a processor could be read",
		reasonTemperatureRange: "the temperature sensors gave values that no processor has",
		reasonSameTick:         "less than a clock tick has passed since the sample before",
	}
}

// statBytes and memBytes hold the lines that are read at every tick: the first
// of /proc/stat, the first three of /proc/meminfo.
const (
	statBytes = 256
	memBytes  = 160
)

// New opens the meter. Where there is no /proc, as on other systems than
// Linux, it returns a *meters.Missing.
func New(opts Options) (*Meter, error) {
	opts = opts.withDefaults()
	cpus, err := countCPUs(opts.ProcFS)
	if err != nil {
		return nil, &meters.Missing{
			Meter: Name, Why: "CPU times cannot be read: " + err.Error(),
			Mend: "the host meter needs Linux with /proc mounted",
		}
	}
	m := &Meter{cpus: cpus, pageB: float64(os.Getpagesize()), opts: opts}
	m.stat, err = procfs.Open(filepath.Join(opts.ProcFS, "stat"), statBytes)
	if err != nil {
		return nil, &meters.Missing{Meter: Name, Why: err.Error(), Mend: "mount /proc"}
	}
	m.meminfo, err = procfs.Open(filepath.Join(opts.ProcFS, "meminfo"), memBytes)
	if err != nil {
		_ = m.stat.Close()
		return nil, &meters.Missing{Meter: Name, Why: err.Error(), Mend: "mount /proc"}
	}
	m.addExtras()
	m.procs = newProcesses(opts)
	return m, nil
}

// countCPUs reads the whole of /proc/stat once.
func countCPUs(proc string) (int, error) {
	f, err := procfs.Open(filepath.Join(proc, "stat"), 1<<20)
	if err != nil {
		return 0, fmt.Errorf("count processors: %w", err)
	}
	defer f.Close()
	text, err := f.Read()
	if err != nil {
		return 0, fmt.Errorf("count processors: %w", err)
	}
	if _, err := procfs.ParseCPUTimes(text); err != nil {
		return 0, fmt.Errorf("count processors: %w", err)
	}
	if n := procfs.CountCPUs(text); n > 0 {
		return n, nil
	}
	return 0, fmt.Errorf("count processors: %w", procfs.ErrFormat)
}

// Name is "host".
func (m *Meter) Name() string { return Name }

// Reasons lists why readings can be missing.
func (m *Meter) Reasons() []string { return reasons() }

// usualChannels is how many channels there are without extras.
const usualChannels = 4

// Read takes one sample.
func (m *Meter) Read(ctx context.Context, now func() time.Duration, dst []bench.Reading) error {
	if m.closed {
		return errClosed
	}
	if err := ctx.Err(); err != nil {
		return err //nolint:wrapcheck // the caller's own cancellation
	}
	dst[0] = m.cpu(now)
	dst[1] = m.memory(now)
	dst[2], dst[3] = m.procs.read(now, m.cpus, m.pageB)
	for i, one := range m.more {
		dst[usualChannels+i] = one.read(now) //nolint:gosec // dst is as long as Channels, the usual ones and one for each of m.more
	}
	return nil
}

var errClosed = errors.New("host meter is closed")

func (m *Meter) cpu(now func() time.Duration) bench.Reading {
	asked := now()
	text, err := m.stat.Read()
	at := midpoint(asked, now())
	if err != nil {
		return missing(at, reasonCPU)
	}
	times, err := procfs.ParseCPUTimes(text)
	if err != nil {
		return missing(at, reasonCPU)
	}
	before, primed := m.before, m.primed
	if !primed {
		m.before, m.primed = times, true
		return missing(at, reasonFirst)
	}
	total := rise(before.Total(), times.Total())
	if total == 0 {
		// Less than a tick has passed; the share waits for the next sample.
		return bench.Reading{At: at, State: bench.ReadingStale, Reason: reasonSameTick}
	}
	m.before = times
	busy := min(rise(before.Busy(), times.Busy()), total)
	return bench.Reading{At: at, Value: 100 * float64(busy) / float64(total)}
}

func (m *Meter) memory(now func() time.Duration) bench.Reading {
	asked := now()
	text, err := m.meminfo.Read()
	at := midpoint(asked, now())
	if err != nil {
		return missing(at, reasonMemory)
	}
	memory, err := procfs.ParseMemory(text)
	if err != nil {
		return missing(at, reasonMemory)
	}
	return bench.Reading{At: at, Value: float64(memory.UsedB())}
}

// Close releases the files and ends the look-up of processes.
func (m *Meter) Close() error {
	if m.closed {
		return nil
	}
	m.closed = true
	m.procs.close()
	errs := []error{m.stat.Close(), m.meminfo.Close()}
	for _, one := range m.more {
		errs = append(errs, one.close())
	}
	return errors.Join(errs...)
}

func midpoint(asked, got time.Duration) time.Duration { return asked + (got-asked)/2 }

func missing(at time.Duration, reason uint8) bench.Reading {
	return bench.Reading{At: at, State: bench.ReadingMissing, Reason: reason}
}

// rise is the growth of a counter of the kernel. Idle and iowait can step back
// a little; that is no growth.
func rise(from, to uint64) uint64 {
	if to < from {
		return 0
	}
	return to - from
}
