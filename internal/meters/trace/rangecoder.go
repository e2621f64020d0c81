package trace

import "math/bits"

// An adaptive binary range coder: each decision is coded in close to −log2 p
// bits, where p is what its model has learned so far of such decisions.

const (
	probBits = 16
	probMin  = 64 // no decision is ever held for certain
	topValue = 1 << 24
	// codeBits of a probability take part in the arithmetic.
	codeBits = 12
	// trimmed is how many zero bytes may be left out at the end of a stream.
	trimmed = 4
	// directMax is how many bits one step can code without a model.
	directMax = 16
)

// model learns the probability that a decision is 0: fast at first, when it
// knows nothing, then slowly.
type model struct {
	p    uint16
	seen uint8
}

func (m *model) reset() { *m = model{p: 1 << (probBits - 1)} }

// slowest is the shift of a model that has seen much: it then follows over
// some 32 decisions.
const slowest = 5

func (m *model) learn(bit uint32) {
	shift := min(bits.Len8(m.seen)+1, slowest)
	p := uint32(m.p)
	if bit == 0 {
		p += (1<<probBits - p) >> shift
	} else {
		p -= p >> shift
	}
	m.p = uint16(min(max(p, probMin), 1<<probBits-probMin)) //nolint:gosec // bounded in this line
	if m.seen < 1<<slowest {
		m.seen++
	}
}

func resetAll(models []model) {
	for i := range models {
		models[i].reset()
	}
}

// rangeEncoder writes decisions behind out.
type rangeEncoder struct {
	out   []byte
	low   uint64
	width uint32
	cache byte
	held  int // bytes that a carry may still reach, the cache among them
}

func (e *rangeEncoder) begin(out []byte) {
	*e = rangeEncoder{out: out, width: 0xFFFFFFFF}
}

func (e *rangeEncoder) bit(m *model, bit uint32) {
	bound := (e.width >> codeBits) * uint32(m.p>>(probBits-codeBits))
	if bit == 0 {
		e.width = bound
	} else {
		e.low += uint64(bound)
		e.width -= bound
	}
	m.learn(bit)
	for e.width < topValue {
		e.width <<= 8
		e.shift()
	}
}

// direct codes the n lowest bits of v, each as likely 0 as 1.
func (e *rangeEncoder) direct(v uint64, n int) {
	for n > 0 {
		step := min(n, directMax)
		n -= step
		e.width >>= step
		e.low += uint64(e.width) * (v >> n & (1<<step - 1))
		for e.width < topValue {
			e.width <<= 8
			e.shift()
		}
	}
}

func (e *rangeEncoder) shift() {
	if e.low < 0xFF000000 || e.low > 0xFFFFFFFF {
		carry := byte(e.low >> 32) //nolint:gosec // 0 or 1
		if e.held > 0 {
			e.out = append(e.out, e.cache+carry)
			for ; e.held > 1; e.held-- {
				e.out = append(e.out, 0xFF+carry)
			}
		}
		e.held = 0
		e.cache = byte(e.low >> 24) //nolint:gosec // the bits are meant
	}
	e.held++
	e.low = e.low << 8 & 0xFFFFFFFF
}

// end writes out what is held, as short as it may be, and gives everything.
func (e *rangeEncoder) end() []byte {
	// Any value from low to low+width tells the same; the roundest has zeros
	// at its end, which the decoder makes up.
	for k := 31; k > 0; k-- {
		mask := uint64(1)<<k - 1
		if v := (e.low + mask) &^ mask; v < e.low+uint64(e.width) {
			e.low = v
			break
		}
	}
	for range 5 {
		e.shift()
	}
	for range trimmed {
		if n := len(e.out); n > 0 && e.out[n-1] == 0 {
			e.out = e.out[:n-1]
		}
	}
	return e.out
}

// rangeDecoder reads decisions. Past the end it reads zeros, and notes how
// far: hostile bytes end in an error, never in a panic.
type rangeDecoder struct {
	in    []byte
	code  uint32
	width uint32
	over  int
}

func (d *rangeDecoder) begin(in []byte) {
	*d = rangeDecoder{in: in, width: 0xFFFFFFFF}
	for range 4 {
		d.next()
	}
}

func (d *rangeDecoder) next() {
	d.code <<= 8
	if len(d.in) > 0 {
		d.code |= uint32(d.in[0])
		d.in = d.in[1:]
	} else {
		d.over++
	}
}

// spent reports whether more was read than was ever written.
func (d *rangeDecoder) spent() bool { return d.over > trimmed+4 }

func (d *rangeDecoder) bit(m *model) uint32 {
	bound := (d.width >> codeBits) * uint32(m.p>>(probBits-codeBits))
	var bit uint32
	if d.code < bound {
		d.width = bound
	} else {
		d.code -= bound
		d.width -= bound
		bit = 1
	}
	m.learn(bit)
	for d.width < topValue {
		d.width <<= 8
		d.next()
	}
	return bit
}

func (d *rangeDecoder) direct(n int) uint64 {
	var v uint64
	for n > 0 {
		step := min(n, directMax)
		n -= step
		d.width >>= step
		part := min(d.code/d.width, 1<<step-1) // more than that only in broken bytes
		d.code -= part * d.width
		v = v<<step | uint64(part)
		for d.width < topValue {
			d.width <<= 8
			d.next()
		}
	}
	return v
}

// number codes any integer in its length and its bits.
func (e *rangeEncoder) number(v int64) {
	z := zigzag(v)
	n := bits.Len64(z)
	e.direct(uint64(n), 7) //nolint:gosec // up to 64
	e.direct(z, n)
}

func (d *rangeDecoder) number() int64 {
	n := min(int(d.direct(7)), 64) //nolint:gosec // seven bits
	return unzigzag(d.direct(n))
}

// zigzag folds the sign into the lowest bit, so that small values of either
// sign are small.
func zigzag(v int64) uint64 { return uint64(v)<<1 ^ uint64(v>>63) } //nolint:gosec // the bits are meant

func unzigzag(z uint64) int64 { return int64(z>>1) ^ -int64(z&1) } //nolint:gosec // the bits are meant
