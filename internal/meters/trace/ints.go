package trace

import (
	"math"
	"math/bits"
)

// How a column of integers is foretold.
const (
	fromBase = iota // as the column's middle: noise around a level
	fromLast        // as the value before
	fromRise        // as the value before and its last change: counters
	predictors
)

const (
	runContexts  = 32 // how long the value has stood still, which tells a source's update period
	sizeContexts = 6
	sizeNodes    = 128 // a tree over the 65 lengths of a 64-bit number
	topBits      = 2   // of a number below its leading one that are worth a model
)

// intModels are what is learned of one column.
type intModels struct {
	still [runContexts]model
	size  [sizeContexts][sizeNodes]model
	top   [65][1 << topBits]model
}

func (m *intModels) reset() {
	resetAll(m.still[:])
	for i := range m.size {
		resetAll(m.size[i][:])
	}
	for i := range m.top {
		resetAll(m.top[i][:])
	}
}

// foreteller gives what the next value of a column should be. Encoder and
// decoder step it alike; sums may wrap around, which both do alike too.
type foreteller struct {
	by         int
	base, last int64
	rise       int64
	stood      int // ticks since the last change
	sizeBefore int
}

func (f *foreteller) next() int64 {
	switch f.by {
	case fromBase:
		return f.base
	case fromLast:
		return f.last
	default:
		return f.last + f.rise
	}
}

func (f *foreteller) saw(v int64) {
	if v == f.last {
		f.stood++
		return
	}
	f.rise, f.last, f.stood = v-f.last, v, 0
}

func (f *foreteller) still() int { return min(f.stood, runContexts-1) }

// sizeContext groups the length of the number before.
func (f *foreteller) sizeContext() int { return min((f.sizeBefore+3)/4, sizeContexts-1) }

// cheapest tells which way of foretelling leaves the fewest bits, and the
// column's middle.
func cheapest(col []int64) (by int, base int64) {
	var sum float64
	for _, v := range col {
		sum += float64(v)
	}
	base = col[0]
	if mean := sum / float64(len(col)); math.Abs(mean) < 1<<62 {
		base = int64(mean)
	}
	var left [predictors]int
	f := foreteller{base: base, last: col[0]}
	for _, v := range col[1:] {
		if v != f.last {
			for by := range left {
				f.by = by
				left[by] += bits.Len64(zigzag(v - f.next()))
			}
		}
		f.saw(v)
	}
	for i := range left {
		if left[i] < left[by] {
			by = i
		}
	}
	return by, base
}

// ints codes a column that is not empty.
func (e *rangeEncoder) ints(m *intModels, col []int64) {
	e.number(col[0])
	divisor := commonDivisor(col)
	e.number(divisor) // 0: the value never changes
	if divisor == 0 {
		return
	}
	steps := col
	if divisor > 1 {
		steps = make([]int64, len(col))
		for i, v := range col {
			steps[i] = (v - col[0]) / divisor
		}
	}
	by, base := cheapest(steps)
	e.direct(uint64(by), 2) //nolint:gosec // one of three
	f := foreteller{by: by, last: steps[0]}
	if by == fromBase {
		e.number(base - steps[0])
		f.base = base
	}
	m.reset()
	for _, v := range steps[1:] {
		moved := uint32(1)
		if v == f.last {
			moved = 0
		}
		e.bit(&m.still[f.still()], moved)
		if moved == 1 {
			f.sizeBefore = e.sized(m, f.sizeContext(), zigzag(v-f.next()))
		}
		f.saw(v)
	}
}

// sized codes a number as its length and the bits below the leading one.
func (e *rangeEncoder) sized(m *intModels, context int, z uint64) int {
	n := bits.Len64(z)
	tree := &m.size[context]
	node := uint32(1)
	for k := 6; k >= 0; k-- {
		bit := uint32(n>>k) & 1 //nolint:gosec // one bit
		e.bit(&tree[node], bit)
		node = node<<1 | bit
	}
	rest := n - 1
	node = 1
	for k := 0; k < topBits && rest > 0; k++ {
		rest--
		bit := uint32(z>>rest) & 1 //nolint:gosec // one bit
		e.bit(&m.top[n][node], bit)
		node = node<<1 | bit
	}
	if rest > 0 {
		e.direct(z, rest)
	}
	return n
}

// ints reads a column of len(col) integers. It gives up when the bytes end.
func (d *rangeDecoder) ints(m *intModels, col []int64) {
	first, divisor := d.number(), d.number()
	col[0] = first
	if divisor == 0 {
		for i := range col {
			col[i] = first
		}
		return
	}
	f := foreteller{by: int(d.direct(2)), last: first} //nolint:gosec // two bits
	if divisor > 1 {
		f.last = 0
	}
	if f.by == fromBase {
		f.base = d.number() + f.last
	}
	m.reset()
	for i := 1; i < len(col) && !d.spent(); i++ {
		v := f.last
		if d.bit(&m.still[f.still()]) == 1 {
			var z uint64
			z, f.sizeBefore = d.sized(m, f.sizeContext())
			v = f.next() + unzigzag(z)
		}
		f.saw(v)
		if divisor > 1 {
			v = first + v*divisor
		}
		col[i] = v
	}
}

func (d *rangeDecoder) sized(m *intModels, context int) (z uint64, n int) {
	tree := &m.size[context]
	node := uint32(1)
	for range 7 {
		node = node<<1 | d.bit(&tree[node])
	}
	n = min(int(node&(sizeNodes-1)), 64)
	if n == 0 {
		return 0, 0
	}
	z, node = 1, 1
	rest := n - 1
	for k := 0; k < topBits && rest > 0; k++ {
		rest--
		bit := d.bit(&m.top[n][node])
		node = node<<1 | bit
		z = z<<1 | uint64(bit)
	}
	return z<<rest | d.direct(rest), n
}

// commonDivisor gives the largest number that divides every step from the
// first value, as of memory that grows in pages; 0 when there are no steps,
// and 1 when a step does not fit into 64 bits.
func commonDivisor(col []int64) int64 {
	var g uint64
	const large = 1 << 61
	for _, v := range col {
		if v >= large || v <= -large || col[0] >= large || col[0] <= -large {
			if v != col[0] {
				return 1
			}
			continue
		}
		step := v - col[0]
		if step < 0 {
			step = -step
		}
		for rest := uint64(step); rest != 0; { //nolint:gosec // not negative
			g, rest = rest, g%rest
		}
		if g == 1 {
			return 1
		}
	}
	return int64(g) //nolint:gosec // below 2^63 as every step is
}
