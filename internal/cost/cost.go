// Package cost turns energy into money and carbon, with every assumption
// stated beside the figure.
//
// What is priced is the electricity of the calls:
//
//	cost of 100 calls = energy per call [J] / 3.6e6 [J/kWh] × PUE × price per kWh × 100
//
// Hardware, staff and the time a machine stands idle are not in it.
package cost

import (
	"fmt"
	"math"

	"golang.org/x/text/currency"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/units"
)

// Calls is the number of calls that figures of cost are stated for.
const Calls = 100

// Priced is a result with its cost and carbon filled in, or with the reasons
// why they cannot be.
func Priced(r bench.CellResult, prices bench.PriceConfig) bench.CellResult {
	r.Cost, r.CostMissing, r.CarbonG, r.CarbonMissing = nil, "", nil, ""
	if r.Energy == nil {
		r.CostMissing, r.CarbonMissing = "no energy: "+r.EnergyMissing, "no energy: "+r.EnergyMissing
		return r
	}
	if figure, err := Per100Calls(*r.Energy, prices); err != nil {
		r.CostMissing = err.Error()
	} else {
		r.Cost = &figure
	}
	if grams, err := CarbonPer100Calls(*r.Energy, prices); err != nil {
		r.CarbonMissing = err.Error()
	} else {
		r.CarbonG = &grams
	}
	return r
}

// Per100Calls prices the energy of 100 calls. A price without a currency is not
// stated. A PUE of 0 is not stated either; it counts as 1 and is said to.
func Per100Calls(energyJ bench.EnergyFigure, prices bench.PriceConfig) (bench.CostFigure, error) {
	kwh, pue, words, err := supplied(energyJ, prices)
	if err != nil {
		return bench.CostFigure{}, err
	}
	if prices.Currency == "" {
		return bench.CostFigure{}, invalid("state prices.energy_per_kwh and prices.currency", "no price per kWh is stated")
	}
	if !finite(prices.EnergyPerKWh) || prices.EnergyPerKWh < 0 {
		return bench.CostFigure{}, invalid("state a price of 0 or more", "the price per kWh is %g, expected 0 or more", prices.EnergyPerKWh)
	}
	if err := CheckCurrency(prices.Currency); err != nil {
		return bench.CostFigure{}, err
	}
	amount := kwh * pue * prices.EnergyPerKWh * Calls
	if !finite(amount) {
		return bench.CostFigure{}, invalid("", "the cost is too large to be a number")
	}
	return bench.CostFigure{
		Amount: amount, Currency: prices.Currency, Estimated: energyJ.Estimated,
		Basis: fmt.Sprintf("%s × %g %s/kWh × %d calls; electricity of the calls only, without hardware and idle time",
			words, prices.EnergyPerKWh, prices.Currency, Calls),
	}, nil
}

// CarbonPer100Calls is the carbon dioxide equivalent of the energy of 100
// calls, in grams: kWh × PUE × grid intensity × 100.
func CarbonPer100Calls(energyJ bench.EnergyFigure, prices bench.PriceConfig) (grams float64, err error) {
	kwh, pue, _, err := supplied(energyJ, prices)
	if err != nil {
		return 0, err
	}
	if prices.CarbonGPerKWh == 0 {
		return 0, invalid("state prices.carbon_g_per_kwh", "no carbon intensity is stated")
	}
	if !positive(prices.CarbonGPerKWh) {
		return 0, invalid("state an intensity above 0", "the carbon intensity is %g g/kWh, expected a number above 0", prices.CarbonGPerKWh)
	}
	if grams = kwh * pue * prices.CarbonGPerKWh * Calls; !finite(grams) {
		return 0, invalid("", "the carbon is too large to be a number")
	}
	return grams, nil
}

// supplied gives the energy of one call in kWh and the PUE, with words for
// both.
func supplied(energyJ bench.EnergyFigure, prices bench.PriceConfig) (kwh, pue float64, words string, err error) {
	if !finite(energyJ.Mean) || energyJ.Mean < 0 {
		return 0, 0, "", fault.New(fault.Corrupt, "", "", "the energy per call is %g J, expected a number of 0 or more", energyJ.Mean)
	}
	pue, stated := prices.PUE, ""
	if pue == 0 {
		pue, stated = 1, " (not stated: no overhead counted)"
	}
	if !finite(pue) || pue < 1 {
		return 0, 0, "", invalid("state a power usage effectiveness of 1 or more", "the PUE is %g, expected 1 or more", pue)
	}
	joules := units.Joules(energyJ.Mean)
	words = fmt.Sprintf("%s per call (%s) ÷ 3.6e6 J/kWh × PUE %g%s", joules, energyJ.Method, pue, stated)
	return joules.KWh(), pue, words, nil
}

// CheckCurrency refuses what is no ISO 4217 code in capitals.
func CheckCurrency(code string) error {
	unit, err := currency.ParseISO(code)
	if err != nil || unit.String() != code {
		return invalid("use a code such as SEK or EUR", "the currency is %.16q, expected an ISO 4217 code in capitals", code)
	}
	return nil
}

func invalid(hint, format string, args ...any) error {
	return fault.New(fault.Invalid, "", hint, format, args...)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func positive(v float64) bool { return finite(v) && v > 0 }
