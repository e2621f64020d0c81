package pdu

import (
	"fmt"
	"math"
	"slices"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// object is one value that is read, with all that is known of it in the
// channel's unit.
type object struct {
	q      quantity
	oid    string
	digits string  // object that holds the decimal digits, "" when known
	factor float64 // channel's unit per raw count

	na         []int64
	wrapAt     float64
	resolution float64
	floor      float64
	floorA     float64 // the floor as a current, for power
	floorBasis string
	relative   float64
	absolute   float64
	accuracy   string // who states it
	window     float64
	assumed    bool
	method     string

	// Objects read beside it, "" when there is none, and which values are good.
	available, timestamp, quality string
	goodQuality                   []int64

	// Places in the question; -1 when not asked.
	slot, availableSlot, timestampSlot, qualitySlot int

	memory memory
	now    sample // of this read
}

// memory is what is kept of earlier reads.
type memory struct {
	has    bool
	value  float64
	stamp  float64 // the device's own
	stamps bool
	// unrolled is how much wraps have added since the start, so that a sum of
	// counters rises on.
	unrolled float64
}

// newObject makes an object of a profile's row.
func newObject(v *value, q quantity, unit int, index string) *object {
	u, _ := lookUnit(v.Unit)
	o := &object{
		q: q, oid: expand(v.OID, unit, index), factor: v.Scale * u.factor, na: v.NA,
		wrapAt: v.WrapsAt, resolution: v.Resolution * u.factor,
		relative: v.Accuracy.Relative, absolute: v.Accuracy.Absolute * u.factor, accuracy: v.Accuracy.Source,
		window: v.Window, assumed: v.Assumed, method: v.Method,
	}
	for _, aux := range []struct {
		to   *string
		from string
	}{{&o.digits, v.Digits}, {&o.available, v.Available}, {&o.timestamp, v.Timestamp}} {
		if aux.from != "" {
			*aux.to = expand(aux.from, unit, index)
		}
	}
	if o.digits != "" {
		o.factor = u.factor
	}
	if f := v.Floor; f != nil {
		o.floor, o.floorA, o.floorBasis = f.Value*u.factor, f.Ampere, f.Basis
	}
	o.settle()
	return o
}

// settle fills in what follows from the factor, once that is known.
func (o *object) settle() {
	if o.digits != "" {
		return
	}
	o.wrapAt *= o.factor
	if o.resolution == 0 {
		o.resolution = o.factor
	}
}

// setDigits makes a device's decimal digits the scale.
func (o *object) setDigits(d float64) error {
	if d < 0 || d > maxDigits || d != math.Trunc(d) {
		return fmt.Errorf("the device states %g decimal digits, expected 0 to %d", d, maxDigits)
	}
	o.factor /= math.Pow10(int(d))
	o.digits = ""
	o.settle()
	return nil
}

// note keeps a good value and names a fall: a wrap where the profile says that
// the counter wraps and it was near the end of its range, else a reset, as
// anyone may reset the energy of a PDU.
func (o *object) note() {
	s := &o.now
	if !s.ok() {
		return
	}
	m := &o.memory
	if o.q == energy && m.has && s.value < m.value {
		near := o.wrapAt > 0 && m.value >= nearRange*o.wrapAt && s.value <= (1-nearRange)*o.wrapAt
		if near {
			s.state = bench.ReadingWrapped
			m.unrolled += o.wrapAt
			s.reason = "the counter began again at the end of its range"
		} else {
			s.state = bench.ReadingReset
			m.unrolled = 0
			s.reason = "the counter fell: somebody reset it, or the device restarted"
		}
	}
	m.has, m.value = true, s.value
}

// nearRange is how far up its range a counter must have been for a fall to be
// a wrap.
const nearRange = 0.95

// good reports whether a list of good values holds the answer.
func good(list []int64, a sample) bool {
	return a.ok() && slices.ContainsFunc(list, func(n int64) bool { return a.value == float64(n) })
}

// take decodes this read's answers.
func (o *object) take(all []answer) {
	o.now = o.decode(all[o.slot].v)
	if !o.now.ok() {
		return
	}
	if o.availableSlot >= 0 && !good([]int64{1}, number(all[o.availableSlot].v)) {
		o.now = missing(whySensorOff)
		return
	}
	if o.qualitySlot >= 0 && !good(o.goodQuality, number(all[o.qualitySlot].v)) {
		o.now = missing(whyQuality)
		return
	}
	if o.timestampSlot < 0 {
		return
	}
	if stamp := number(all[o.timestampSlot].v); stamp.ok() {
		m := &o.memory
		if m.stamps && m.has && stamp.value == m.stamp && o.now.value == m.value {
			o.now.state, o.now.reason = bench.ReadingStale, whyStale
		}
		m.stamp, m.stamps = stamp.value, true
	}
}

// has reports whether the sample holds a value that is the device's standing
// one: a repeated one is, for a sum.
func (s sample) has() bool {
	switch s.state {
	case bench.ReadingOK, bench.ReadingWrapped, bench.ReadingReset, bench.ReadingStale:
		return true
	default:
		return false
	}
}
