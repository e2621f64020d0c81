package hwmon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// Name is the meter's name.
const Name = "hwmon"

// Options say where to look.
type Options struct {
	SysFS string // where /sys is mounted; "" is /sys
	// Simulated marks the channels as made up; for trees that no kernel wrote.
	Simulated bool
}

// Meter reads the monitors of the drivers that are known.
type Meter struct {
	rails    []sensor
	channels []bench.Channel
	closed   bool
}

var _ meters.Meter = (*Meter)(nil)

// sensor is a rail with its open files.
type sensor struct {
	rail
	files []*os.File
	why   uint8 // reason where there are none
	buf   [32]byte
}

// What the reasons of readings are; the order is that of reasons.
const (
	reasonDenied = iota
	reasonFailed
	reasonGarbage
	reasonSentinel
	reasonRange
)

func reasons() []string {
	return []string{
		reasonDenied:   "the monitor cannot be opened by this user",
		reasonFailed:   "the monitor could not be read; a GPU that sleeps refuses",
		reasonGarbage:  "the monitor gave no number",
		reasonSentinel: "the monitor gave a value that drivers use for \"not known\"",
		reasonRange:    "the value is outside of what such a device can draw",
	}
}

// mostW is the most that one device can draw.
const mostW = 20e3

// New opens the meter, a *meters.Missing where the host has no such monitor.
func New(opts Options) (*Meter, error) {
	if opts.SysFS == "" {
		opts.SysFS = "/sys"
	}
	m := &Meter{}
	readable := false
	for _, r := range discover(filepath.Join(opts.SysFS, "class", "hwmon")) {
		s := sensor{rail: r}
		for _, path := range r.inputs {
			f, err := os.Open(path)
			if err != nil {
				s.close()
				s.files, s.why = nil, reasonDenied
				break
			}
			s.files = append(s.files, f)
		}
		readable = readable || s.files != nil
		m.rails = append(m.rails, s)
		m.channels = append(m.channels, channel(r, opts))
	}
	switch {
	case len(m.rails) == 0:
		return nil, &meters.Missing{
			Meter: Name, Why: "the kernel shows no power of a GPU, a Grace module or a Jetson board",
			Mend: "load the driver of the device; other hardware needs another meter",
		}
	case !readable:
		return nil, &meters.Missing{Meter: Name, Why: "no monitor can be opened by this user", Mend: "let a group of the worker's user read them by a udev rule"}
	}
	return m, nil
}

func channel(r rail, opts Options) bench.Channel {
	c := bench.Channel{
		Name: Name + "." + r.name + ".power", Unit: bench.UnitWatt, Scope: r.scope, Sensor: bench.SensorInstant,
		Device: r.device, PartOf: r.partOf, Identity: r.device, Simulated: opts.Simulated,
		PeriodBasis: "not stated by the driver", Resolution: r.unit, FloorBasis: "not stated by the driver",
		RelAccuracy: 0.10, AccuracyNote: "an assumption, ±10 %: the driver states no limit",
		Method: r.about,
	}
	if r.label != "" {
		c.Method += fmt.Sprintf("; its label is %q", r.label)
	}
	if r.partOf != "" {
		c.Method += "; a part of " + r.partOf
	}
	if r.window > 0 {
		c.Sensor, c.Window, c.WindowBasis = bench.SensorAveraged, r.window, "told by the driver"
	}
	if r.counter {
		c.Name, c.Unit = Name+"."+r.name+".energy", bench.UnitJoule
		c.Sensor, c.Counter = bench.SensorCounter, true
	}
	return c
}

// Name is "hwmon".
func (m *Meter) Name() string { return Name }

// Channels describes one power or energy for each rail.
func (m *Meter) Channels() []bench.Channel { return m.channels }

// Reasons lists why readings can hold no value.
func (m *Meter) Reasons() []string { return reasons() }

var errClosed = errors.New("hwmon meter is closed")

// Read takes one sample of every rail. It allocates nothing where the monitors
// answer.
func (m *Meter) Read(ctx context.Context, now func() time.Duration, dst []bench.Reading) error {
	if m.closed {
		return errClosed
	}
	if err := ctx.Err(); err != nil {
		return err //nolint:wrapcheck // the caller's own cancellation
	}
	for i := range m.rails {
		dst[i] = m.rails[i].read(now)
	}
	return nil
}

func (s *sensor) read(now func() time.Duration) bench.Reading {
	asked := now()
	if s.files == nil {
		return bench.Reading{At: asked, State: bench.ReadingMissing, Reason: s.why}
	}
	value, state, reason := s.unit, bench.ReadingOK, uint8(0)
	for _, f := range s.files {
		n, err := f.ReadAt(s.buf[:], 0)
		if err != nil && !errors.Is(err, io.EOF) {
			state, reason = bench.ReadingMissing, reasonFailed
			break
		}
		v, why, ok := whole(s.buf[:n])
		if !ok {
			state, reason = bench.ReadingOutOfRange, why
			break
		}
		value *= float64(v)
	}
	if state == bench.ReadingOK && !s.counter && value > mostW {
		state, reason = bench.ReadingOutOfRange, reasonRange
	}
	if state != bench.ReadingOK {
		value = 0
	}
	return bench.Reading{At: asked + (now()-asked)/2, Value: value, State: state, Reason: reason}
}

// whole reads an unsigned number of at most 18 digits and a line's end. Values
// that drivers give when they know nothing, -1 in 32 bits of their unit, are
// told apart.
func whole(text []byte) (v uint64, why uint8, ok bool) {
	if n := len(text); n > 0 && text[n-1] == '\n' {
		text = text[:n-1]
	}
	if len(text) == 0 || len(text) > 20 {
		return 0, reasonGarbage, false
	}
	if len(text) > 18 {
		return 0, reasonSentinel, false
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, reasonGarbage, false
		}
		v = v*10 + uint64(c-'0')
	}
	if v == 1<<32-1 || v == (1<<32-1)*1000 || v == (1<<32-1)*1_000_000 {
		return 0, reasonSentinel, false
	}
	return v, 0, true
}

func (s *sensor) close() {
	for _, f := range s.files {
		_ = f.Close() // only read
	}
}

// Close closes the files.
func (m *Meter) Close() error {
	if m.closed {
		return nil
	}
	m.closed = true
	for i := range m.rails {
		m.rails[i].close()
	}
	return nil
}
