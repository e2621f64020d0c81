package trace

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// The bounds of a block. What says it is larger is broken.
const (
	// MaxTicks is how many ticks a block may hold.
	MaxTicks = 1 << 16
	// MaxReadings bounds ticks × channels, and so the memory of a decoder.
	MaxReadings = 1 << 21
	maxChannels = 1 << 12

	magic0, magic1 = 0xB7, 'w'
	formatVersion  = 1
	headBytes      = 3
	sumBytes       = 4
)

// StampStep is the step to which stamps are kept; values are kept to the bit.
const StampStep = time.Microsecond

// estimateDivisor is the grid on which an estimate's values are kept: a ten
// thousandth of a watt or a joule. They are products of stated watts and clock
// readings in steps of some tenths, so the bits below say nothing; what a
// device measured is kept to the bit.
const estimateDivisor = 1e4

// column holds the readings of one channel.
type column struct {
	at     []int64 // in StampStep
	values []float64
	states []uint8
	reason []uint8

	scales   []scale
	fitted   int // the scale that fitted last time
	estimate bool
}

// Encoder gathers the ticks of one meter and makes blocks of them. It is used
// by one goroutine at a time.
type Encoder struct {
	interval time.Duration
	seq      []int64
	columns  []column
	ints     []int64
	offsets  []int64
	models   intModels
	coder    []byte
}

// NewEncoder prepares an encoder for a meter's channels, sampled once per
// interval.
func NewEncoder(channels []bench.Channel, interval time.Duration) *Encoder {
	e := &Encoder{interval: interval, columns: make([]column, len(channels))}
	for i, c := range channels {
		e.columns[i].scales = scales(c.Resolution)
		if c.Estimated {
			e.columns[i].scales = []scale{{modeFraction, estimateDivisor}}
			e.columns[i].estimate = true
		}
	}
	return e
}

// Len is the number of ticks that are held.
func (e *Encoder) Len() int { return len(e.seq) }

// Full reports whether no further tick fits into a block.
func (e *Encoder) Full() bool {
	return len(e.seq) >= MaxTicks || (len(e.seq)+1)*len(e.columns) > MaxReadings
}

// Add keeps a tick: its number and a reading of each channel.
func (e *Encoder) Add(seq int64, readings []bench.Reading) {
	e.seq = append(e.seq, seq)
	for i := range e.columns {
		c, r := &e.columns[i], readings[i]
		v := r.Value
		switch {
		case r.State == bench.ReadingMissing:
			v = c.before() // nothing was read: the cheapest to code, and never read back
		case c.estimate:
			v = onGrid(v)
		}
		reason := r.Reason
		if r.State == bench.ReadingOK {
			reason = 0
		}
		c.at = append(c.at, int64((r.At+StampStep/2)/StampStep))
		c.values = append(c.values, v)
		c.states = append(c.states, uint8(r.State))
		c.reason = append(c.reason, reason)
	}
}

// onGrid rounds an estimate's value, unless it is too large for the grid.
func onGrid(v float64) float64 {
	if n := math.Round(v * estimateDivisor); math.Abs(n) < maxExact {
		return n / estimateDivisor
	}
	return v
}

func (c *column) before() float64 {
	if n := len(c.values); n > 0 {
		return c.values[n-1]
	}
	return 0
}

// Reset drops what is held and keeps the memory.
func (e *Encoder) Reset() {
	e.seq = e.seq[:0]
	for i := range e.columns {
		c := &e.columns[i]
		c.at, c.values, c.states, c.reason = c.at[:0], c.values[:0], c.states[:0], c.reason[:0]
	}
}

// Span gives the first and the last stamp of the ticks from up to, but
// without, to.
func (e *Encoder) Span(from, to int) (first, last time.Duration) {
	for i := range e.columns {
		at := e.columns[i].at
		a, b := time.Duration(at[from])*StampStep, time.Duration(at[to-1])*StampStep
		if i == 0 {
			first, last = a, b
		}
		first, last = min(first, a), max(last, b)
	}
	return first, last
}

// Encode makes a block of the ticks from up to, but without, to. The ticks
// stay held.
func (e *Encoder) Encode(from, to int) []byte {
	n := to - from
	out := make([]byte, headBytes, 64+n*len(e.columns)*2)
	out[0], out[1], out[2] = magic0, magic1, formatVersion
	out = binary.AppendUvarint(out, uint64(len(e.columns)))
	out = binary.AppendUvarint(out, uint64(n))          //nolint:gosec // not negative
	out = binary.AppendUvarint(out, uint64(e.interval)) //nolint:gosec // not negative
	if n > 0 {
		e.ints = grow(e.ints, n)
		e.offsets = grow(e.offsets, n)
		out = appendPart(out, e.times(from, to))
		for i := range e.columns {
			out = appendPart(out, e.channel(i, from, to))
		}
	}
	return binary.LittleEndian.AppendUint32(out, crc32.Checksum(out, crc32.MakeTable(crc32.Castagnoli)))
}

func grow(s []int64, n int) []int64 {
	if cap(s) < n {
		return make([]int64, n)
	}
	return s[:n]
}

func appendPart(out, part []byte) []byte {
	return append(binary.AppendUvarint(out, uint64(len(part))), part...)
}

// times codes the numbers of the ticks, and how late each began on the
// schedule that the first one sets: lateness does not add up over ticks.
func (e *Encoder) times(from, to int) []byte {
	var c rangeEncoder
	c.begin(e.coder[:0])
	for i := range e.ints {
		e.ints[i] = e.seq[from+i] - int64(i)
	}
	c.ints(&e.models, e.ints)
	if len(e.columns) > 0 {
		at := e.columns[0].at[from:to]
		for i := range e.ints {
			e.ints[i] = at[i] - due(e.seq[from+i]-e.seq[from], e.interval)
		}
		c.ints(&e.models, e.ints)
	}
	e.coder = c.end()
	return e.coder
}

// due is when a tick should begin, counted from tick 0. It wraps where broken
// bytes name ticks beyond time.
func due(tick int64, interval time.Duration) int64 {
	return tick * int64(interval/StampStep)
}

// channel codes the stamps of one channel as offsets from the channel before,
// then its values, states and reasons.
func (e *Encoder) channel(i, from, to int) []byte {
	col := &e.columns[i]
	var c rangeEncoder
	c.begin(e.coder[:0])
	if i > 0 {
		before := e.columns[i-1].at
		for k := range e.offsets {
			e.offsets[k] = col.at[from+k] - before[from+k]
		}
		c.ints(&e.models, e.offsets)
	}
	plain := true
	for _, s := range col.states[from:to] {
		plain = plain && s == uint8(bench.ReadingOK)
	}
	if plain {
		c.direct(1, 1)
	} else {
		c.direct(0, 1)
		c.bytes(&e.models, col.states[from:to], e.ints)
		c.bytes(&e.models, col.reason[from:to], e.ints)
	}
	col.fitted = c.values(&e.models, col.values[from:to], col.scales, col.fitted, e.ints)
	e.coder = c.end()
	return e.coder
}

// bytes codes a column of small numbers.
func (e *rangeEncoder) bytes(m *intModels, col []uint8, ints []int64) {
	for i, v := range col {
		ints[i] = int64(v)
	}
	e.ints(m, ints)
}
