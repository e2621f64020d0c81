package pdu

import (
	"fmt"
	"math"
	"slices"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// How far values of one feed may contradict each other, beside their
// resolutions.
const (
	toleranceVA     = 0.05 // power above volt × ampere
	toleranceFactor = 0.20 // power against volt × ampere × power factor
	toleranceInlet  = 0.10 // outlets above their inlet
)

// plausible holds the values of each member against each other.
func (m *Meter) plausible() {
	for _, one := range m.members {
		p := one.of(power)
		if p == nil || !p.now.has() || p.assumed {
			continue
		}
		if why := one.tooMuch(p); why != "" {
			p.now = outOfRange(why)
			m.doubt(one.text + ": " + why)
			continue
		}
		if text := one.factorDoubt(p); text != "" {
			m.doubt(one.text + ": " + text)
		}
	}
	m.inletDoubt()
}

// usable gives the quantity's value of this read, and its resolution.
func (m *member) usable(q quantity) (value, resolution float64, ok bool) {
	o := m.of(q)
	if o == nil || !o.now.has() {
		return 0, 0, false
	}
	return o.now.value, o.resolution, true
}

// tooMuch says why a power cannot be, "" when it can: W ≤ V × A, W ≤ VA.
func (m *member) tooMuch(p *object) string {
	w := p.now.value - p.resolution
	if va, step, ok := m.usable(apparentPower); ok && w > (va+step)*(1+toleranceVA) {
		return "power exceeds the apparent power: one of the two is not what it is said to be"
	}
	v, stepV, okV := m.usable(voltage)
	a, stepA, okA := m.usable(current)
	if m.voltAmpere && okV && okA && w > (v+stepV)*(a+stepA)*(1+toleranceVA) {
		return "power exceeds volt × ampere: one of the three is not what it is said to be"
	}
	return ""
}

// factorDoubt holds power against V × A × power factor.
func (m *member) factorDoubt(p *object) string {
	v, stepV, okV := m.usable(voltage)
	a, stepA, okA := m.usable(current)
	f, stepF, okF := m.usable(powerFactor)
	if !m.voltAmpere || !okV || !okA || !okF {
		return ""
	}
	low := max(0, v-stepV) * max(0, a-stepA) * max(0, f-stepF) * (1 - toleranceFactor)
	high := (v + stepV) * (a + stepA) * (f + stepF) * (1 + toleranceFactor)
	if w := p.now.value; w+p.resolution < low || w-p.resolution > high {
		return "power and volt × ampere × power factor differ by more than 20 %"
	}
	return ""
}

// addInletCheck has the inlet read too where outlets are, if the profile has
// one: outlets cannot draw more than it lets in.
func (m *Meter) addInletCheck() {
	s, ok := m.profile.Scopes["inlet"]
	if name, _ := m.opts.named(); name != "outlet" || !ok || s.First == "" || s.Power == nil {
		return
	}
	unit := m.profile.unit(m.opts)
	index, err := fullIndex(s.Index, s.First, unit)
	if err != nil {
		return
	}
	one := m.profile.member("inlet", s.First, index, unit)
	one.values, one.onOID = slices.DeleteFunc(one.values, func(o *object) bool { return o.q != power }), ""
	m.checks = append(m.checks, one)
}

func (m *Meter) inletDoubt() {
	for _, inlet := range m.checks {
		in, step, ok := inlet.usable(power)
		sum := 0.0
		for _, one := range m.members {
			p := one.of(power)
			if p == nil || !p.now.has() {
				ok = false
				break
			}
			sum, step = sum+p.now.value, step+p.resolution
		}
		if ok && sum-step > in*(1+toleranceInlet) {
			m.doubt("the outlets named draw more than the inlet tells: it may be one of several, or a scale is wrong")
		}
	}
}

// maxDoubts bounds the list of doubts.
const maxDoubts = 50

func (m *Meter) doubt(text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.doubts[text]; known || len(m.doubts) < maxDoubts {
		m.doubts[text] = min(m.doubts[text]+1, math.MaxInt32)
	}
}

// Doubts lists what contradicted itself since the meter was opened, with how
// often. It may be called from any goroutine.
func (m *Meter) Doubts() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []string
	for text, n := range m.doubts {
		all = append(all, fmt.Sprintf("%s (%d×)", text, n))
	}
	slices.Sort(all)
	return all
}

// Plausible says why a set of readings of one feed contradicts itself, "" when
// it does not: watts must not exceed volts × amperes by more than 5 %. It is
// the rule that Read applies, for readings that are kept elsewhere.
func Plausible(powerW, voltageV, currentA bench.Reading) string {
	if !powerW.Has() || !voltageV.Has() || !currentA.Has() {
		return ""
	}
	if powerW.Value > voltageV.Value*currentA.Value*(1+toleranceVA) {
		return fmt.Sprintf("%.4g W exceeds %.4g V × %.4g A", powerW.Value, voltageV.Value, currentA.Value)
	}
	return ""
}
