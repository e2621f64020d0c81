package papers

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/units"
)

// The reference points of the white paper (design, section 5) to all digits
// that it prints.
func TestReferencePoints(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		power   units.Watts
		latency time.Duration
		j, mWh  string
	}{
		{470, 730 * time.Millisecond, "343.1", "95.3"},
		{143, 5120 * time.Millisecond, "732.2", "203.4"},
		{65, 3320 * time.Millisecond, "215.8", "59.9"},
	} {
		e := EnergyPerCall(c.power, c.latency)
		require.Equal(t, c.j, fmt.Sprintf("%.1f", float64(e)))
		require.Equal(t, c.mWh, fmt.Sprintf("%.1f", e.MilliWattHours()))
	}
	got := CostPer100(470, 730*time.Millisecond, units.Money{Amount: 0.386, Currency: "SEK"})
	require.Equal(t, units.Currency("SEK"), got.Currency)
	require.Equal(t, "0.00368", fmt.Sprintf("%.5f", got.Amount))
}

// The same reference points through the metrics of a cell.
func TestReferencePointsOfACell(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		power, latency float64
		j, mWh, sek    string
	}{
		{470, 0.73, "343.1", "95.3", "0.00368"}, {143, 5.12, "732.2", "203.4", "0.00785"}, {65, 3.32, "215.8", "59.9", "0.00231"},
	} {
		in := sample()
		power := gpuOf("gpu0.power", bench.UnitWatt)
		in.Phases = []bench.PhaseReading{window(bench.PhaseInference, 1, power, 1, 2)}
		for i := range in.Readings {
			in.Readings[i].Mean = &c.power
		}
		in.Result.Latency = &bench.Summary{Mean: c.latency, N: 4}
		list := WhitePaper(in)
		require.Equal(t, c.j, fmt.Sprintf("%.1f", *find(t, list, "Energy per Call").Value))
		require.Equal(t, c.mWh, fmt.Sprintf("%.1f", *find(t, list, "Energy Consumption per Request").Value))
		cost := find(t, list, "Energy Cost per 100 Calls")
		require.Equal(t, c.sek, fmt.Sprintf("%.5f", *cost.Value))
		require.Equal(t, "SEK", cost.Unit)
		require.Contains(t, cost.Basis, "without PUE")
	}
}

// Table 6 of the thesis and what it compares to.
func TestScenarioScaling(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		powerW                                units.Watts
		dailyKWh, printed, homes, cars, phone float64
	}{
		{450, 1.25e6, 1_251_000, 169_000, 25_000, 0},
		{300, 1e7 / 12, 834_000, 113_000, 16_700, 0},
		{40, 1e6 / 9, 111_200, 15_000, 2_220, 0.0075},
	} {
		got, err := ScenarioScaling(ThesisScenario(c.powerW))
		require.NoError(t, err)
		require.InDelta(t, c.dailyKWh, got.DailyKWh, 1e-6)
		require.InEpsilon(t, c.printed, got.DailyKWh, 0.001, "the thesis rounds 10 s to 2.78e-3 h")
		require.InDelta(t, got.DailyKWh/7.4, got.Households, 1e-6)
		require.InEpsilon(t, c.homes, got.Households, 0.005)
		require.InDelta(t, got.DailyKWh/50, got.Vehicles, 1e-6)
		require.InEpsilon(t, c.cars, got.Vehicles, 0.005)
		if c.phone > 0 {
			require.Equal(t, "0.111", fmt.Sprintf("%.3f", got.QueryWh))
			require.InDelta(t, c.phone, got.BatteryShare, 0.0001)
			require.InDelta(t, 0.075, got.BatteryDayShare, 0.0002)
		}
	}
	for _, change := range []func(*Scenario){
		func(s *Scenario) { s.Power = 0 }, func(s *Scenario) { s.Duration = -1 }, func(s *Scenario) { s.VehicleKWh = 0 },
		func(s *Scenario) { s.QueriesPerDay = math.NaN() }, func(s *Scenario) { s.VehicleKWh = math.SmallestNonzeroFloat64 },
	} {
		s := ThesisScenario(450)
		change(&s)
		_, err := ScenarioScaling(s)
		require.Error(t, err)
	}
}
