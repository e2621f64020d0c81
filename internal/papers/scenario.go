package papers

import (
	"fmt"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/units"
)

// The thesis' assumptions (its section 5).
const (
	ThesisQueriesPerDay   = 1e9
	ThesisHouseholdKWh    = 7.4  // a household's use of a day
	ThesisVehicleKWh      = 50   // a full charge of an electric car
	ThesisBatteryWh       = 14.8 // a smartphone's 4,000 mAh
	ThesisBatteryQueries  = 10   // queries a day from that battery
	thesisInferenceLength = 10 * time.Second
)

// Scenario states what a scaling rests on.
type Scenario struct {
	Power         units.Watts // drawn while a query is answered
	Duration      time.Duration
	QueriesPerDay float64
	HouseholdKWh  float64 // what a household uses in a day
	VehicleKWh    float64 // a full charge
	BatteryWh     float64 // of a device that answers queries itself
	BatteryADay   float64 // queries a day from that battery
}

// ThesisScenario is the thesis' scenario for a model that draws power: a
// billion queries a day of ten seconds each. Its own powers are 450 W for 70
// billion parameters and more, 300 W for 8 billion and 40 W for 270 million.
func ThesisScenario(power units.Watts) Scenario {
	return Scenario{
		Power: power, Duration: thesisInferenceLength, QueriesPerDay: ThesisQueriesPerDay,
		HouseholdKWh: ThesisHouseholdKWh, VehicleKWh: ThesisVehicleKWh,
		BatteryWh: ThesisBatteryWh, BatteryADay: ThesisBatteryQueries,
	}
}

// Scaled is what a scenario comes to.
type Scaled struct {
	QueryWh         float64 // energy of a query
	DailyKWh        float64
	Households      float64 // whose use of a day that is
	Vehicles        float64 // that it would charge
	BatteryShare    float64 // of a charge, per query
	BatteryDayShare float64 // of a charge, per day
}

// ScenarioScaling is power × duration × queries a day, and what it compares
// to. It is not rounded on the way: the thesis rounds ten seconds to 2.78e-3 h
// and so prints 1,251,000 kWh where 450 W come to 1,250,000. Inputs that are
// not above 0 are refused.
func ScenarioScaling(s Scenario) (Scaled, error) {
	for _, one := range []struct {
		name  string
		value float64
	}{
		{"power", float64(s.Power)},
		{"duration", s.Duration.Seconds()},
		{"queries a day", s.QueriesPerDay},
		{"household", s.HouseholdKWh},
		{"vehicle", s.VehicleKWh},
		{"battery", s.BatteryWh},
		{"queries from a battery", s.BatteryADay},
	} {
		if !finite(one.value) || one.value <= 0 {
			return Scaled{}, fault.New(fault.Invalid, "", "state a number above 0", "scale a scenario: %s is %g, expected more than 0", one.name, one.value)
		}
	}
	query := s.Power.For(s.Duration).KWh()
	daily := query * s.QueriesPerDay
	out := Scaled{
		QueryWh: query * 1000, DailyKWh: daily, Households: daily / s.HouseholdKWh, Vehicles: daily / s.VehicleKWh,
		BatteryShare: query * 1000 / s.BatteryWh,
	}
	out.BatteryDayShare = out.BatteryShare * s.BatteryADay
	if !finite(out.DailyKWh + out.Households + out.Vehicles + out.BatteryDayShare) {
		return Scaled{}, fault.New(fault.Invalid, "", "state smaller numbers", "scale a scenario: the energy is too large to be a number")
	}
	return out, nil
}

// scenarioMetrics are the lines of a scenario, each with its inputs.
func scenarioMetrics(s Scenario, source string) []bench.Metric {
	type line struct {
		name, unit string
		of         func(Scaled) float64
		by         string
	}
	lines := []line{
		{"Energy per Query", "Wh", func(r Scaled) float64 { return r.QueryWh }, ""},
		{"Daily Energy", "kWh", func(r Scaled) float64 { return r.DailyKWh }, fmt.Sprintf("× %g queries a day", s.QueriesPerDay)},
		{"Households", "households", func(r Scaled) float64 { return r.Households }, fmt.Sprintf("daily energy ÷ %g kWh a day", s.HouseholdKWh)},
		{"Electric Vehicles", "charges", func(r Scaled) float64 { return r.Vehicles }, fmt.Sprintf("daily energy ÷ %g kWh", s.VehicleKWh)},
		{"Battery per Query", "%", func(r Scaled) float64 { return 100 * r.BatteryShare }, fmt.Sprintf("of %g Wh", s.BatteryWh)},
		{"Battery per Day", "%", func(r Scaled) float64 { return 100 * r.BatteryDayShare }, fmt.Sprintf("of %g Wh at %g queries a day", s.BatteryWh, s.BatteryADay)},
	}
	scaled, err := ScenarioScaling(s)
	var out []bench.Metric
	for _, l := range lines {
		if err != nil {
			out = append(out, untold(l.name, l.unit, err.Error()))
			continue
		}
		out = append(out, told(l.name, l.unit, l.of(scaled),
			fmt.Sprintf("%.4g W × %.4g s", float64(s.Power), s.Duration.Seconds()), l.by, source))
	}
	return out
}
