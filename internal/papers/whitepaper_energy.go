package papers

import (
	"fmt"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/units"
)

// PaperCalls is the number of calls that the white paper prices.
const PaperCalls = 100

// EnergyPerCall is the white paper's energy of a call: mean power × mean
// latency.
func EnergyPerCall(meanPower units.Watts, meanLatency time.Duration) units.Joules {
	return meanPower.For(meanLatency)
}

// CostPer100 is the white paper's energy cost of 100 calls, mean power × mean
// latency / 3.6e6 × price × 100, without PUE. Price is that of one kWh.
func CostPer100(meanPower units.Watts, meanLatency time.Duration, price units.Money) units.Money {
	return units.Money{
		Amount:   EnergyPerCall(meanPower, meanLatency).KWh() * price.Amount * PaperCalls,
		Currency: price.Currency,
	}
}

// energyCost is the energy of a call and what 100 cost, by the paper's own
// formula.
func (in Input) energyCost() []bench.Metric {
	currency := in.Config.Prices.Currency
	if currency == "" {
		currency = "SEK"
	}
	cost := fmt.Sprintf("Energy Cost per %d Calls", PaperCalls)
	set := in.power()
	draw := in.perCallOf("Average Power Draw", "W", set, mean, 1)
	latency := in.latency()
	missing := draw.Missing
	if missing == "" {
		missing = latency.Missing
	}
	if missing != "" {
		return []bench.Metric{
			untold("Energy per Call", "J", missing), untold("Energy Consumption per Request", "mWh", missing), untold(cost, currency, missing),
		}
	}
	power, mean := units.Watts(*draw.Value), time.Duration(*latency.Value*float64(time.Second))
	joules := EnergyPerCall(power, mean)
	formula := fmt.Sprintf("mean power × mean latency: %.4g W × %.4g s", *draw.Value, *latency.Value)
	out := []bench.Metric{
		set.marks(told("Energy per Call", "J", float64(joules), formula, set.note)),
		set.marks(told("Energy Consumption per Request", "mWh", joules.MilliWattHours(), formula, set.note)),
	}
	price := in.Config.Prices
	if price.Currency == "" || !finite(price.EnergyPerKWh) || price.EnergyPerKWh < 0 {
		return append(out, untold(cost, currency, "no price per kWh is stated"))
	}
	money := CostPer100(power, mean, units.Money{Amount: price.EnergyPerKWh, Currency: units.Currency(price.Currency)})
	return append(out, set.marks(told(cost, currency, money.Amount,
		fmt.Sprintf("%s / 3.6e6 × %g %s/kWh × %d, without PUE", formula, price.EnergyPerKWh, price.Currency, PaperCalls), set.note)))
}
