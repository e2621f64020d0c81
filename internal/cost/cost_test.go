package cost

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// The white paper's first reference point, by our own formula.
func TestReferencePoint(t *testing.T) {
	t.Parallel()
	got, err := Per100Calls(bench.EnergyFigure{Mean: 470 * 0.73}, bench.PriceConfig{EnergyPerKWh: 0.386, Currency: "SEK", PUE: 1})
	require.NoError(t, err)
	require.InDelta(t, 0.00368, got.Amount, 0.000005)
}

func TestPer100CallsStatesItsAssumptions(t *testing.T) {
	t.Parallel()
	energy := bench.EnergyFigure{Mean: 36, Method: bench.EnergyEstimated, Estimated: true}
	got, err := Per100Calls(energy, bench.PriceConfig{EnergyPerKWh: 2, Currency: "EUR", PUE: 1.5})
	require.NoError(t, err)
	require.InDelta(t, 0.003, got.Amount, 1e-15) // 3.6 kJ = 1 Wh; × 1.5 × 2 EUR/kWh
	require.True(t, got.Estimated)
	require.Equal(t, "36 J per call (estimated) ÷ 3.6e6 J/kWh × PUE 1.5 × 2 EUR/kWh × 100 calls; electricity of the calls only, without hardware and idle time", got.Basis)
	got, err = Per100Calls(energy, bench.PriceConfig{EnergyPerKWh: 2, Currency: "EUR"})
	require.NoError(t, err)
	require.InDelta(t, 0.002, got.Amount, 1e-15)
	require.Contains(t, got.Basis, "PUE 1 (not stated: no overhead counted)")
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	good := bench.PriceConfig{EnergyPerKWh: 1, Currency: "SEK", PUE: 1, CarbonGPerKWh: 30}
	for text, change := range map[string]func(*bench.EnergyFigure, *bench.PriceConfig){
		"no price per kWh is stated": func(_ *bench.EnergyFigure, p *bench.PriceConfig) { p.Currency = "" },
		"the price per kWh is -1":    func(_ *bench.EnergyFigure, p *bench.PriceConfig) { p.EnergyPerKWh = -1 },
		"the price per kWh is NaN":   func(_ *bench.EnergyFigure, p *bench.PriceConfig) { p.EnergyPerKWh = math.NaN() },
		`the currency is "sek"`:      func(_ *bench.EnergyFigure, p *bench.PriceConfig) { p.Currency = "sek" },
		`the currency is "kronor"`:   func(_ *bench.EnergyFigure, p *bench.PriceConfig) { p.Currency = "kronor" },
		"the PUE is 0.5":             func(_ *bench.EnergyFigure, p *bench.PriceConfig) { p.PUE = 0.5 },
		"the PUE is +Inf":            func(_ *bench.EnergyFigure, p *bench.PriceConfig) { p.PUE = math.Inf(1) },
		"the energy per call is NaN": func(e *bench.EnergyFigure, _ *bench.PriceConfig) { e.Mean = math.NaN() },
		"the energy per call is -1":  func(e *bench.EnergyFigure, _ *bench.PriceConfig) { e.Mean = -1 },
		"the cost is too large":      func(e *bench.EnergyFigure, p *bench.PriceConfig) { e.Mean, p.EnergyPerKWh = 1e300, 1e300 },
	} {
		energy, prices := bench.EnergyFigure{Mean: 1}, good
		change(&energy, &prices)
		_, err := Per100Calls(energy, prices)
		require.ErrorContains(t, err, text)
		require.NotEqual(t, fault.Internal, fault.KindOf(err))
	}
}

// Electricity that costs nothing is stated with its currency.
func TestFreeElectricity(t *testing.T) {
	t.Parallel()
	got, err := Per100Calls(bench.EnergyFigure{Mean: 36}, bench.PriceConfig{Currency: "SEK", PUE: 1})
	require.NoError(t, err)
	require.Zero(t, got.Amount)
	require.Contains(t, got.Basis, "0 SEK/kWh")
}

func TestPriced(t *testing.T) {
	t.Parallel()
	r := Priced(bench.CellResult{EnergyMissing: "no meter", CostMissing: "old", CarbonMissing: "old"}, bench.PriceConfig{})
	require.Nil(t, r.Cost)
	require.Equal(t, "no energy: no meter", r.CostMissing)
	require.Equal(t, "no energy: no meter", r.CarbonMissing)

	r.Energy = &bench.EnergyFigure{Mean: 3600}
	r = Priced(r, bench.PriceConfig{EnergyPerKWh: 0.5, Currency: "SEK", PUE: 1})
	require.InDelta(t, 0.05, r.Cost.Amount, 1e-12)
	require.Empty(t, r.CostMissing)
	require.Nil(t, r.CarbonG)
	require.Equal(t, "no carbon intensity is stated", r.CarbonMissing)

	r = Priced(r, bench.PriceConfig{PUE: 2, CarbonGPerKWh: 25})
	require.Nil(t, r.Cost)
	require.Equal(t, "no price per kWh is stated", r.CostMissing)
	require.InDelta(t, 5, *r.CarbonG, 1e-12)
	r = Priced(r, bench.PriceConfig{CarbonGPerKWh: -25})
	require.Contains(t, r.CarbonMissing, "the carbon intensity is -25")
}

func TestCostGrowsWithEveryFactor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		energy := rapid.Float64Range(0.001, 1e6).Draw(t, "energy")
		price := rapid.Float64Range(0.01, 10).Draw(t, "price")
		pue := rapid.Float64Range(1, 3).Draw(t, "pue")
		of := func(e, p, u float64) float64 {
			got, err := Per100Calls(bench.EnergyFigure{Mean: e}, bench.PriceConfig{EnergyPerKWh: p, Currency: "SEK", PUE: u})
			require.NoError(t, err)
			return got.Amount
		}
		base := of(energy, price, pue)
		require.InEpsilon(t, 2*base, of(2*energy, price, pue), 1e-9)
		require.InEpsilon(t, 2*base, of(energy, 2*price, pue), 1e-9)
		require.InEpsilon(t, 2*base, of(energy, price, 2*pue), 1e-9)
	})
}
