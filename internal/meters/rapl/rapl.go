package rapl

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"path/filepath"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// Name is the meter's name.
const Name = "rapl"

const (
	// updatePeriod is how often processors renew the counters.
	updatePeriod = time.Millisecond
	// MinInterval is the shortest interval worth reading at: below it the noise
	// that Intel adds against side channels (INTEL-SA-00389) and the period of
	// renewal outweigh what is measured.
	MinInterval = 10 * time.Millisecond

	defaultMaxPowerW = 1000
	highestMaxPowerW = 100e3
)

// Options say where to look and how often the counters will be read.
type Options struct {
	SysFS  string // where /sys is mounted; "" is /sys
	ProcFS string // where /proc is mounted, for the vendor of the processor; "" is /proc
	// Interval is how often the counters are to be read; 0 leaves it to the
	// sampler. It is kept between MinInterval and what the range of the counters
	// allows, and the channels say so where it was changed.
	Interval time.Duration
	// MaxPowerW is the most one domain can draw, W; 0 is 1,000. A counter that
	// wraps twice between two reads cannot be told from one that wrapped once,
	// so the interval is held below range ÷ (2 × MaxPowerW).
	MaxPowerW float64
	// Simulated marks the channels as made up; for trees that no kernel wrote.
	Simulated bool
}

func (o Options) withDefaults() (Options, error) {
	if o.SysFS == "" {
		o.SysFS = "/sys"
	}
	if o.ProcFS == "" {
		o.ProcFS = "/proc"
	}
	if o.MaxPowerW == 0 {
		o.MaxPowerW = defaultMaxPowerW
	}
	if !(o.MaxPowerW > 0 && o.MaxPowerW <= highestMaxPowerW) {
		return o, fault.New(fault.Invalid, "", "give the most watts that one processor package can draw, 1,000 is the default",
			"highest power of a RAPL domain is %g W, expected above 0 and at most %g", o.MaxPowerW, float64(highestMaxPowerW))
	}
	if o.Interval < 0 {
		return o, fault.New(fault.Invalid, "", "leave the interval at 0 for the sampler's own",
			"interval of the RAPL meter is %s, expected 0 or more", o.Interval)
	}
	return o, nil
}

// Meter reads the energy counters of the processors.
type Meter struct {
	domains  []domain
	channels []bench.Channel
	interval time.Duration
	limit    time.Duration
	closed   bool
}

var (
	_ meters.Meter = (*Meter)(nil)
	_ meters.Paced = (*Meter)(nil)
)

// opener opens an energy counter; tests put another in its place.
type opener func(path string) (source, error)

// New opens the meter. Where the host has no counters, or none that this user
// may read, it returns a *meters.Missing. A single counter that cannot be read
// keeps its channel, whose readings are missing and say why.
func New(opts Options) (*Meter, error) { return open(opts, openFile) }

func open(opts Options, open opener) (*Meter, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	class := filepath.Join(opts.SysFS, "class", "powercap")
	found, err := zones(class)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &meters.Missing{
			Meter: Name, Why: "the kernel shows no power capping (class/powercap is absent)",
			Mend: "load the module intel_rapl_msr; virtual machines and most containers have no RAPL counters: use a wall meter",
		}
	case err != nil:
		return nil, &meters.Missing{Meter: Name, Why: err.Error(), Mend: "give the worker read access to /sys/class/powercap"}
	case len(found) == 0:
		return nil, &meters.Missing{
			Meter: Name, Why: "the kernel lists no RAPL domain of a processor",
			Mend: "load the module intel_rapl_msr; virtual machines and containers usually lack RAPL: use a wall meter",
		}
	}
	m := &Meter{domains: openDomains(class, found, open)}
	if err := m.noneReadable(); err != nil {
		return nil, err
	}
	m.pace(opts)
	m.describe(opts, vendor(opts.ProcFS))
	return m, nil
}

const mendPermission = "energy counters are readable by root alone since CVE-2020-8694; let a group read them by a udev rule: " +
	`SUBSYSTEM=="powercap", ACTION=="add", RUN+="/bin/chgrp -R powercap /sys%p", RUN+="/bin/chmod -R g=u /sys%p", ` +
	"add the worker's user to that group, and do not run the worker as root"

// noneReadable gives the *meters.Missing where no counter can be read.
func (m *Meter) noneReadable() error {
	denied := false
	for _, d := range m.domains {
		if d.file != nil {
			return nil
		}
		denied = denied || d.why == reasonDenied
	}
	if denied {
		return &meters.Missing{Meter: Name, Why: "no permission to read any energy counter (energy_uj)", Mend: mendPermission}
	}
	return &meters.Missing{
		Meter: Name, Why: "RAPL domains are listed but none has an energy counter that can be read",
		Mend: "check class/powercap/intel-rapl:0/energy_uj; a virtual machine may list domains without counters",
	}
}

// unlimited is the limit where no counter tells its range.
const unlimited = time.Duration(math.MaxInt64 / 2)

// pace sets the interval and its upper limit.
func (m *Meter) pace(opts Options) {
	m.limit = unlimited
	for _, d := range m.domains {
		if d.file != nil && d.rangeUJ > 0 {
			seconds := float64(d.rangeUJ) * joulesPerMicrojoule / (2 * opts.MaxPowerW)
			m.limit = min(m.limit, time.Duration(min(seconds*float64(time.Second), float64(unlimited))))
		}
	}
	if opts.Interval > 0 {
		m.interval = min(max(opts.Interval, MinInterval), m.limit)
	}
}

// Name is "rapl".
func (m *Meter) Name() string { return Name }

// Channels describes one counter for each package, memory and platform.
func (m *Meter) Channels() []bench.Channel { return m.channels }

// Interval is how often the counters are worth reading; 0 leaves it to the
// sampler.
func (m *Meter) Interval() time.Duration { return m.interval }

// MaxInterval is the longest time between two reads in which no counter can
// wrap twice.
func (m *Meter) MaxInterval() time.Duration { return m.limit }

// Reasons lists why readings can hold no value.
func (m *Meter) Reasons() []string { return reasons() }

var errClosed = errors.New("rapl meter is closed")

// Read takes one sample of every counter.
func (m *Meter) Read(ctx context.Context, now func() time.Duration, dst []bench.Reading) error {
	if m.closed {
		return errClosed
	}
	if err := ctx.Err(); err != nil {
		return err //nolint:wrapcheck // the caller's own cancellation
	}
	for i := range m.domains {
		dst[i] = m.domains[i].read(now)
	}
	return nil
}

// Close closes the files.
func (m *Meter) Close() error {
	if m.closed {
		return nil
	}
	m.closed = true
	var errs []error
	for _, d := range m.domains {
		if d.file != nil {
			errs = append(errs, d.file.Close())
		}
	}
	return errors.Join(errs...)
}
