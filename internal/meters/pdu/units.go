package pdu

import (
	"slices"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// quantity is what a value of an inlet, phase or outlet measures.
type quantity string

const (
	power         quantity = "power"
	energy        quantity = "energy"
	current       quantity = "current"
	voltage       quantity = "voltage"
	powerFactor   quantity = "power_factor"
	apparentPower quantity = "apparent_power"
)

// quantities lists them in the order of channels.
func quantities() []quantity {
	return []quantity{power, energy, current, voltage, powerFactor, apparentPower}
}

// siUnit is the unit of the channel, and the largest value that is believed:
// above it the source is wrong. Energy has no limit.
func (q quantity) siUnit() (unit bench.Unit, most float64) {
	switch q {
	case power:
		return bench.UnitWatt, 1e6
	case energy:
		return bench.UnitJoule, 0
	case current:
		return bench.UnitAmpere, 1e4
	case voltage:
		return bench.UnitVolt, 1e4
	case powerFactor:
		return bench.UnitCount, 1.05
	default:
		return bench.UnitVA, 1e6
	}
}

// unitFactor gives the quantity that a profile's unit belongs to and how much
// of the channel's unit one of it is.
type unitFactor struct {
	unit   string
	q      quantity
	factor float64
}

func unitTable() []unitFactor {
	return []unitFactor{
		{"W", power, 1},
		{"kW", power, 1e3},
		{"mW", power, 1e-3},
		{"J", energy, 1},
		{"Wh", energy, 3600},
		{"kWh", energy, 3.6e6},
		{"A", current, 1},
		{"mA", current, 1e-3},
		{"V", voltage, 1},
		{"mV", voltage, 1e-3},
		{"VA", apparentPower, 1},
		{"kVA", apparentPower, 1e3},
		{"1", powerFactor, 1},
		{"%", powerFactor, 1e-2},
	}
}

// lookUnit finds a unit by its text.
func lookUnit(text string) (unitFactor, bool) {
	all := unitTable()
	i := slices.IndexFunc(all, func(u unitFactor) bool { return u.unit == text })
	if i < 0 {
		return unitFactor{}, false
	}
	return all[i], true
}

// unitNames lists the units that a profile may use.
func unitNames() []string {
	var all []string
	for _, u := range unitTable() {
		all = append(all, u.unit)
	}
	return all
}
