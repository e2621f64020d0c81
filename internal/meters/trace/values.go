package trace

import (
	"math"
	"slices"
)

// How a column of values is coded. Whole numbers of a step are small; what has
// no step is kept bit by bit, over the distinct values where those are few.
const (
	modeMultiple = iota // integers times a step
	modeFraction        // integers over a divisor: 0.12 is 12/100, not 12 × 0.01
	modeDistinct        // numbers of the distinct values
	modeBits            // the bits of each value
)

const (
	maxDistinct = 256
	maxExact    = 1 << 53 // integers up to here have a float64 of their own
	maxDecimals = 9
)

// scale says how a value becomes an integer and back.
type scale struct {
	mode int
	unit float64 // step or divisor
}

func (s scale) value(n int64) float64 {
	if s.mode == modeMultiple {
		return float64(n) * s.unit
	}
	return float64(n) / s.unit
}

// integer gives the number whose value is v to the last bit.
func (s scale) integer(v float64) (int64, bool) {
	n := v / s.unit
	if s.mode == modeFraction {
		n = v * s.unit
	}
	n = math.Round(n)
	if !(math.Abs(n) < maxExact) { // also not a number
		return 0, false
	}
	i := int64(n)
	return i, math.Float64bits(s.value(i)) == math.Float64bits(v)
}

// integers fills out when all values fit the scale.
func (s scale) integers(values []float64, out []int64) bool {
	for i, v := range values {
		n, ok := s.integer(v)
		if !ok {
			return false
		}
		out[i] = n
	}
	return true
}

// scales lists what a channel's values may be whole numbers of: its own
// resolution, then decimals.
func scales(resolution float64) []scale {
	list := []scale{{modeMultiple, 1}}
	if resolution > 0 && !math.IsInf(resolution, 0) && resolution != 1 {
		list = append(list, scale{modeMultiple, resolution})
		if over := 1 / resolution; over == math.Trunc(over) {
			list = append(list, scale{modeFraction, over})
		}
	}
	divisor := 1.0
	for range maxDecimals {
		divisor *= 10
		list = append(list, scale{modeFraction, divisor})
	}
	return list
}

// ordered maps the bits of a float to an integer of the same order.
func ordered(v float64) int64 {
	i := int64(math.Float64bits(v)) //nolint:gosec // the bits are meant
	return i ^ i>>63&math.MaxInt64
}

func fromOrdered(i int64) float64 {
	return math.Float64frombits(uint64(i ^ i>>63&math.MaxInt64)) //nolint:gosec // the bits are meant
}

// values codes a column of values. first is the scale to try before the
// others; the one that fitted comes back.
func (e *rangeEncoder) values(m *intModels, values []float64, list []scale, first int, ints []int64) int {
	for k := range list {
		at := (first + k) % len(list)
		if !list[at].integers(values, ints) {
			continue
		}
		e.direct(uint64(list[at].mode), 2) //nolint:gosec // one of four
		e.unit(list[at].unit)
		e.ints(m, ints)
		return at
	}
	for i, v := range values {
		ints[i] = ordered(v)
	}
	distinct := distinctOf(ints)
	if distinct == nil {
		e.direct(modeBits, 2)
		e.ints(m, ints)
		return first
	}
	e.direct(modeDistinct, 2)
	e.direct(uint64(len(distinct)-1), 8) //nolint:gosec // 1 to 256 of them
	e.ints(m, distinct)
	for i, v := range ints {
		place, _ := slices.BinarySearch(distinct, v)
		ints[i] = int64(place)
	}
	e.ints(m, ints)
	return first
}

// unit codes a step or divisor: a power of ten by its number, else its bits.
func (e *rangeEncoder) unit(u float64) {
	power := 1.0
	for k := range maxDecimals + 1 {
		if u == power {
			e.direct(uint64(k), 4)
			return
		}
		power *= 10
	}
	e.direct(maxDecimals+1, 4)
	e.direct(math.Float64bits(u), 64)
}

func (d *rangeDecoder) unit() float64 {
	k := d.direct(4)
	if k > maxDecimals {
		return math.Float64frombits(d.direct(64))
	}
	power := 1.0
	for range k {
		power *= 10
	}
	return power
}

// distinctOf gives the distinct values in order, nil when there are so many
// that a list of them does not pay.
func distinctOf(ints []int64) []int64 {
	limit := min(maxDistinct, len(ints)/2)
	seen := make(map[int64]struct{}, limit)
	for _, v := range ints {
		seen[v] = struct{}{}
		if len(seen) > limit {
			return nil
		}
	}
	list := make([]int64, 0, len(seen))
	for v := range seen {
		list = append(list, v)
	}
	slices.Sort(list)
	return list
}

// values reads a column of values; ints is scratch of the same length.
func (d *rangeDecoder) values(m *intModels, values []float64, ints []int64) {
	mode := int(d.direct(2)) //nolint:gosec // two bits
	switch mode {
	case modeMultiple, modeFraction:
		s := scale{mode: mode, unit: d.unit()}
		d.ints(m, ints)
		for i, n := range ints {
			values[i] = s.value(n)
		}
	case modeDistinct:
		distinct := make([]int64, d.direct(8)+1)
		d.ints(m, distinct)
		d.ints(m, ints)
		for i, n := range ints {
			// Numbers beyond the list come of broken bytes alone.
			values[i] = fromOrdered(distinct[min(max(n, 0), int64(len(distinct)-1))])
		}
	default:
		d.ints(m, ints)
		for i, n := range ints {
			values[i] = fromOrdered(n)
		}
	}
}
