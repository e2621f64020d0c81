package trace

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// Block is a decoded stretch of a trace.
type Block struct {
	Seq      []int64 // number of each tick on the meter's schedule
	Interval time.Duration
	// Readings of each channel, tick by tick; nil for channels not asked for.
	// A missing reading has the value 0, which says nothing.
	Readings [][]bench.Reading
}

// Decoder reads blocks and keeps its memory between them. It is used by one
// goroutine at a time.
type Decoder struct {
	models intModels
	ints   []int64
	at     []int64
	values []float64
}

func broken(what string) error {
	return fault.New(fault.Corrupt, "", "the stored trace is damaged: restore the database, or measure the cell anew",
		"decode block of a trace: %s", what)
}

// head is what a block says of itself before its columns.
type head struct {
	channels, ticks int
	interval        time.Duration
	rest            []byte
}

func readHead(data []byte) (head, error) {
	switch {
	case len(data) < headBytes+sumBytes:
		return head{}, broken("it is too short")
	case data[0] != magic0 || data[1] != magic1:
		return head{}, broken("it does not begin as a block does")
	case data[2] != formatVersion:
		return head{}, fault.New(fault.Unsupported, "", "read it with a newer wattsweep",
			"decode block of a trace: its format has version %d, this build reads version %d", data[2], formatVersion)
	}
	body := data[:len(data)-sumBytes]
	if crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)) != binary.LittleEndian.Uint32(data[len(body):]) {
		return head{}, broken("its checksum does not fit its content")
	}
	var numbers [3]uint64
	rest := body[headBytes:]
	for i := range numbers {
		v, n := binary.Uvarint(rest)
		if n <= 0 {
			return head{}, broken("its head ends early")
		}
		numbers[i], rest = v, rest[n:]
	}
	channels, ticks, interval := numbers[0], numbers[1], numbers[2]
	if channels > maxChannels || ticks > MaxTicks || channels*ticks > MaxReadings || interval > math.MaxInt64 {
		return head{}, broken("it says that it is larger than a block can be")
	}
	return head{int(channels), int(ticks), time.Duration(interval), rest}, nil //nolint:gosec // bounded above
}

// part cuts the next column's bytes off.
func (h *head) part() ([]byte, bool) {
	size, n := binary.Uvarint(h.rest)
	if n <= 0 || size > uint64(len(h.rest)-n) { //nolint:gosec // n is at most the length
		return nil, false
	}
	part := h.rest[n : n+int(size)] //nolint:gosec // bounded above
	h.rest = h.rest[n+int(size):]   //nolint:gosec // bounded above
	return part, true
}

// Decode reads a block. want says which channels' readings are needed, nil for
// all. Bytes that no Encoder made give one error, whatever they hold.
func (d *Decoder) Decode(data []byte, want func(channel int) bool) (Block, error) {
	h, err := readHead(data)
	if err != nil {
		return Block{}, err
	}
	b := Block{Interval: h.interval, Readings: make([][]bench.Reading, h.channels)}
	if h.ticks == 0 {
		return b, nil
	}
	d.ints, d.at = grow(d.ints, h.ticks), grow(d.at, h.ticks)
	if cap(d.values) < h.ticks {
		d.values = make([]float64, h.ticks)
	}
	d.values = d.values[:h.ticks]
	if b.Seq, err = d.times(&h); err != nil {
		return Block{}, err
	}
	for i := range h.channels {
		part, ok := h.part()
		if !ok {
			return Block{}, broken("a channel's bytes end early")
		}
		wanted := want == nil || want(i)
		var c rangeDecoder
		c.begin(part)
		if i > 0 {
			c.ints(&d.models, d.ints)
			for k, offset := range d.ints {
				d.at[k] += offset
			}
		}
		if wanted {
			b.Readings[i] = d.readings(&c)
		}
		if c.spent() {
			return Block{}, broken("a channel's bytes end early")
		}
	}
	if len(h.rest) > 0 {
		return Block{}, broken("bytes follow its last channel")
	}
	return b, nil
}

// times reads the numbers of the ticks and, into d.at, the first channel's
// stamps.
func (d *Decoder) times(h *head) ([]int64, error) {
	part, ok := h.part()
	if !ok {
		return nil, broken("its ticks end early")
	}
	var c rangeDecoder
	c.begin(part)
	seq := make([]int64, h.ticks)
	c.ints(&d.models, seq)
	for i := range seq {
		seq[i] += int64(i)
		if i > 0 && seq[i] <= seq[i-1] {
			return nil, broken("its ticks are out of order")
		}
	}
	if h.channels > 0 {
		c.ints(&d.models, d.at)
		for i := range d.at {
			d.at[i] += due(seq[i]-seq[0], h.interval)
		}
	}
	if c.spent() {
		return nil, broken("its ticks end early")
	}
	return seq, nil
}

// readings reads one channel, whose stamps are in d.at.
func (d *Decoder) readings(c *rangeDecoder) []bench.Reading {
	out := make([]bench.Reading, len(d.at))
	plain := c.direct(1) == 1
	if !plain {
		c.ints(&d.models, d.ints)
		for i, v := range d.ints {
			out[i].State = bench.ReadingState(v) //nolint:gosec // any other number reads as unknown
		}
		c.ints(&d.models, d.ints)
		for i, v := range d.ints {
			out[i].Reason = uint8(v) //nolint:gosec // any other number points past the reasons
		}
	}
	c.values(&d.models, d.values, d.ints)
	for i := range out {
		out[i].At = time.Duration(d.at[i]) * StampStep
		if out[i].State != bench.ReadingMissing {
			out[i].Value = d.values[i]
		}
	}
	return out
}
