package nvml

import (
	"context"
	"errors"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/procfs"
)

// Fast is what one GPU tells at every tick: power, energy, utilisation, memory.
type Fast struct {
	gpu      *gpu
	name     string
	channels []bench.Channel
	known    []knowledge // of each channel, what was found and not only read up
	logs     []channelLog
	watchFor time.Duration
	meminfo  *procfs.File // where memory is the host's
	closed   bool

	// Positions in channels, -1 for a channel that is not there.
	power, average, energy, utilisation, memory int
	// Positions in fields, -1 where a value does not come from a field.
	powerField, averageField, energyField int

	// What a read fills.
	fields []field
	mw     uint32
	mj     uint64
	use    use
}

var (
	_ meters.Meter         = (*Fast)(nil)
	_ meters.Characterised = (*Fast)(nil)
)

var errClosed = errors.New("nvml meter is closed")

// Name is nvml.gpu0 for the first GPU.
func (m *Fast) Name() string { return m.name }

// Channels describes what the GPU tells, of gpuN.power, gpuN.power_average,
// gpuN.energy, gpuN.utilisation and gpuN.memory_used.
func (m *Fast) Channels() []bench.Channel { return append([]bench.Channel(nil), m.channels...) }

// Reasons lists why readings can be missing.
func (m *Fast) Reasons() []string { return reasons() }

// Read takes one sample. It fails when the GPU or the driver is gone.
func (m *Fast) Read(ctx context.Context, now func() time.Duration, dst []bench.Reading) error {
	if m.closed {
		return errClosed
	}
	if err := ctx.Err(); err != nil {
		return err //nolint:wrapcheck // the caller's own cancellation
	}
	if err := m.read(now, dst); err != nil {
		return err
	}
	m.note(dst)
	return nil
}

func (m *Fast) read(now func() time.Duration, dst []bench.Reading) error {
	if err := m.readPower(now, dst); err != nil {
		return err
	}
	return m.readUse(now, dst)
}

// readPower reads both powers and the energy counter in one call where the
// driver has fields for them, so that they are of one moment.
func (m *Fast) readPower(now func() time.Duration, dst []bench.Reading) error {
	if len(m.fields) > 0 {
		asked := now()
		r := m.ask()
		if r == retUnknown {
			r = m.ask()
		}
		at := midpoint(asked, now())
		for _, one := range [...]struct{ ch, field int }{
			{m.power, m.powerField}, {m.average, m.averageField}, {m.energy, m.energyField},
		} {
			if one.ch < 0 || one.field < 0 {
				continue
			}
			if err := m.fill(&dst[one.ch], one.ch == m.energy, at, &m.fields[one.field], r); err != nil {
				return err
			}
		}
	}
	if m.power >= 0 && m.powerField < 0 {
		asked := now()
		r := again(func() ret { return m.gpu.sampler.power(&m.mw) })
		at := midpoint(asked, now())
		if r == retOK && m.mw == sentinel32 {
			r = retNotAvailable
		}
		if err := m.settle(&dst[m.power], at, float64(m.mw)/1000, r, false); err != nil {
			return err
		}
	}
	if m.energy >= 0 && m.energyField < 0 {
		asked := now()
		r := again(func() ret { return m.gpu.sampler.energy(&m.mj) })
		at := midpoint(asked, now())
		if r == retOK && m.mj == sentinel64 {
			r = retNotAvailable
		}
		return m.settle(&dst[m.energy], at, float64(m.mj)/1000, r, true)
	}
	return nil
}

// ask reads all fields; retUnknown where the call or one of them said so.
func (m *Fast) ask() ret {
	for i := range m.fields {
		m.fields[i].ret = uint32(retNoData)
	}
	r := m.gpu.sampler.fields(m.fields)
	if r != retOK {
		return r
	}
	for i := range m.fields {
		if ret(m.fields[i].ret) == retUnknown {
			return retUnknown
		}
	}
	return retOK
}

// fill turns a field in thousandths into a reading.
func (m *Fast) fill(dst *bench.Reading, counter bool, at time.Duration, f *field, r ret) error {
	value := 0.0
	// After two unknown errors the other fields of the call still stand.
	if r == retOK || (r == retUnknown && ret(f.ret) != retNoData) {
		value, r = f.number()
	}
	return m.settle(dst, at, value/1000, r, counter)
}

// settle makes a reading of a power or energy, or ends the meter.
func (m *Fast) settle(dst *bench.Reading, at time.Duration, value float64, r ret, counter bool) error {
	switch {
	case r.gone():
		return m.gpu.lost(r)
	case r != retOK:
		*dst = missing(at, reasonOf(r))
	case !counter && value == 0:
		*dst = outOfRange(at, value, reasonZeroPower)
	case !counter && value > maxPlausibleWatts:
		*dst = outOfRange(at, value, reasonImplausible)
	default:
		*dst = bench.Reading{At: at, Value: value}
	}
	return nil
}

func (m *Fast) readUse(now func() time.Duration, dst []bench.Reading) error {
	if m.utilisation < 0 && m.memory < 0 {
		return nil
	}
	asked := now()
	if m.utilisation >= 0 || m.meminfo == nil {
		m.gpu.sampler.use(&m.use)
		if (m.utilisation >= 0 && ret(m.use.utilisationRet) == retUnknown) || (m.memory >= 0 && ret(m.use.memoryRet) == retUnknown) {
			m.gpu.sampler.use(&m.use)
		}
	}
	at := midpoint(asked, now())
	if m.utilisation >= 0 {
		switch r := ret(m.use.utilisationRet); {
		case r.gone():
			return m.gpu.lost(r)
		case r != retOK:
			dst[m.utilisation] = missing(at, reasonOf(r))
		case m.use.utilisation > 100:
			dst[m.utilisation] = outOfRange(at, float64(m.use.utilisation), reasonImplausible)
		default:
			dst[m.utilisation] = bench.Reading{At: at, Value: float64(m.use.utilisation)}
		}
	}
	if m.memory < 0 {
		return nil
	}
	if m.meminfo != nil {
		dst[m.memory] = m.hostMemory(now)
		return nil
	}
	switch r := ret(m.use.memoryRet); {
	case r.gone():
		return m.gpu.lost(r)
	case r != retOK:
		dst[m.memory] = missing(at, reasonOf(r))
	case m.use.usedB == sentinel64:
		dst[m.memory] = missing(at, reasonNotAvailable)
	case m.use.usedB > m.use.totalB:
		dst[m.memory] = outOfRange(at, float64(m.use.usedB), reasonImplausible)
	default:
		dst[m.memory] = bench.Reading{At: at, Value: float64(m.use.usedB)}
	}
	return nil
}

func (m *Fast) hostMemory(now func() time.Duration) bench.Reading {
	asked := now()
	text, err := m.meminfo.Read()
	at := midpoint(asked, now())
	if err != nil {
		return missing(at, reasonHostMemory)
	}
	memory, err := procfs.ParseMemory(text)
	if err != nil {
		return missing(at, reasonHostMemory)
	}
	return bench.Reading{At: at, Value: float64(memory.UsedB())}
}

// lost is why a GPU cannot be read any more.
func (g *gpu) lost(r ret) error {
	hint := "look at the kernel's messages for Xid errors; reset the GPU or reboot the host"
	if r == retMismatch || r == retNotLoaded || r == retUninitialised {
		hint = "the driver was reloaded or upgraded: start the worker again"
	}
	return fault.New(fault.Unavailable, "", hint, "read GPU %d (%s): %s", g.index, g.facts.UUID, r)
}

// Close ends the meter; the library stays open until the session is closed.
func (m *Fast) Close() error {
	if m.closed {
		return nil
	}
	m.closed = true
	if m.meminfo != nil {
		return m.meminfo.Close() //nolint:wrapcheck // nothing to add
	}
	return nil
}
