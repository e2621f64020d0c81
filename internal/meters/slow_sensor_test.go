package meters_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
)

// Sources that hold their values, tell them late or average are right to 0.1 %
// over a minute, though most of the readings repeat an older value.
func TestClosedFormsOfSlowSensors(t *testing.T) {
	t.Parallel()
	forms := map[string]metertest.Power{
		"constant": metertest.Constant(143), "ramp": metertest.Ramp(60, 8),
		"sine":                          metertest.Sine(300, 150, 4*time.Second),
		"square near the update period": metertest.Square(60, 480, 107*time.Millisecond),
	}
	for name, script := range map[string]metertest.Script{
		"100 ms":               {UpdatePeriod: 100 * time.Millisecond, Phase: 31 * time.Millisecond},
		"100 ms, mean of it":   {UpdatePeriod: 100 * time.Millisecond, Phase: 31 * time.Millisecond, Window: 100 * time.Millisecond},
		"20 ms, mean of 1 s":   {UpdatePeriod: 20 * time.Millisecond, Window: time.Second},
		"500 ms, mean of it":   {UpdatePeriod: 500 * time.Millisecond, Phase: 77 * time.Millisecond, Window: 500 * time.Millisecond},
		"100 ms, steps of 1 W": {UpdatePeriod: 100 * time.Millisecond, Phase: 31 * time.Millisecond, QuantumW: 1},
	} {
		for form, power := range forms {
			script.Power = power
			play(t, 70*time.Second, script, func(t *testing.T, s *meters.Sampler) {
				t0, t1 := 4013*time.Millisecond, 64013*time.Millisecond
				p, e := window(s, t0, t1)
				truth := script.Truth(t0, t1)
				near := func(r bench.PhaseReading, within float64) {
					require.NotNil(t, r.EnergyJ, "%s, %s: %s", name, form, r.Missing)
					require.InEpsilon(t, truth, *r.EnergyJ, within, "%s, %s, %s", name, form, r.Channel.Name)
					require.LessOrEqual(t, *r.EnergyJ-truth, r.Uncertainty.U95, "%s, %s, %s", name, form, r.Channel.Name)
					require.GreaterOrEqual(t, *r.EnergyJ-truth, -r.Uncertainty.U95, "%s, %s, %s", name, form, r.Channel.Name)
				}
				near(e, 2e-3)
				if form == "square near the update period" && script.Window < script.UpdatePeriod {
					near(p, 3e-2) // most of it goes by between two renewals
					return
				}
				near(p, 1e-3)
			})
		}
	}
}

// A level value that is renewed with equal ones is level up to its change.
func TestHeldValuesAreNotStretched(t *testing.T) {
	t.Parallel()
	script := metertest.Script{Power: metertest.Square(100, 300, 20*time.Second), UpdatePeriod: time.Second}
	play(t, 40*time.Second, script, func(t *testing.T, s *meters.Sampler) {
		// 300 W to 10 s, 100 W to 20 s: a line between the changes would be a ramp.
		p, e := window(s, 3*time.Second, 17*time.Second)
		require.InDelta(t, script.Truth(3*time.Second, 17*time.Second), *p.EnergyJ, 110)
		require.InDelta(t, script.Truth(3*time.Second, 17*time.Second), *e.EnergyJ, 10)
		require.InDelta(t, 300, *p.Max, 1e-9)
		require.InDelta(t, 100, *p.Min, 1e-9)
		high, _ := window(s, 22*time.Second, 28*time.Second)
		require.InDelta(t, 300, *high.Mean, 1e-9)
	})
}
