package meters_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
)

// viewed changes the channels of a scripted meter.
type viewed struct {
	meters.Meter
	change func(c *bench.Channel)
}

func (v viewed) Channels() []bench.Channel {
	list := v.Meter.Channels()
	for i := range list {
		v.change(&list[i])
	}
	return list
}

// twoViews samples two scripts of one device, the second wrong by gain.
func twoViews(t *testing.T, gain float64, change func(c *bench.Channel)) []bench.PhaseReading {
	t.Helper()
	var all []bench.PhaseReading
	synctest.Test(t, func(t *testing.T) {
		one := metertest.NewScripted(metertest.Script{Name: "a", Power: metertest.Constant(100)})
		other := metertest.NewScripted(metertest.Script{Name: "b", Power: metertest.Constant(100), Gain: gain})
		device := func(c *bench.Channel) { c.Device = "GPU-1" }
		s, err := meters.NewSampler(meters.NewClock(), interval,
			[]meters.Meter{viewed{one, device}, viewed{other, func(c *bench.Channel) { device(c); change(c) }}}, meters.SamplerOptions{})
		require.NoError(t, err)
		require.NoError(t, s.Start(t.Context()))
		time.Sleep(20 * time.Second)
		s.Stop()
		all = s.Window(context.Background(), bench.PhaseInference, 1, 1, time.Second, 19*time.Second)
	})
	return all // a.power, a.energy, b.power, b.energy
}

func TestViewsOfOneDeviceAreCompared(t *testing.T) {
	t.Parallel()
	same := func(*bench.Channel) {}
	near := twoViews(t, 1.04, same)
	require.Equal(t, "a.energy", near[2].Disagreement.With, "a power is held against a counter")
	require.InDelta(t, 0.04/1.02, near[2].Disagreement.Relative, 1e-9)
	require.False(t, near[2].Disagreement.Exceeded)
	require.Empty(t, near[2].Flags)

	far := twoViews(t, 1.2, same)
	d := far[2].Disagreement
	require.True(t, d.Exceeded)
	require.InDelta(t, 0.2/1.1, d.Relative, 1e-9)
	require.InDelta(t, bench.DisagreementLimit, d.Limit, 0)
	require.InDelta(t, 1800, d.EnergyJ, 1e-6)
	require.Equal(t, []string{"differs by 18.2 % from what a.energy tells (limit 5 %)"}, far[2].Flags)
	last := far[2].Uncertainty.Parts[len(far[2].Uncertainty.Parts)-1]
	require.Equal(t, meters.PartDisagreement, last.Name)
	require.InDelta(t, 360/1.7320508, last.Standard, 1e-3, "360 J, rectangular: either may be the right one")
	require.Greater(t, far[2].Uncertainty.U95, near[2].Uncertainty.U95)
	for _, r := range far[2:] {
		for _, truth := range []float64{1800, 2160} {
			require.InDelta(t, truth, *r.EnergyJ, r.Uncertainty.U95, "%s covers what either view tells", r.Channel.Name)
		}
	}
}

// Two views differ only where their own uncertainties do not explain it: a
// counter with coarse steps says nothing against a good power.
func TestADifferenceWithinTheUncertaintiesIsNone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		relative float64 // limit of the second sensor
		exceeded bool
	}{{0, true}, {0.1, true}, {0.14, true}, {0.15, false}, {0.3, false}} {
		all := twoViews(t, 1.2, func(ch *bench.Channel) { ch.RelAccuracy, ch.AccuracyNote = c.relative, "stated" })
		power := all[2]
		require.InDelta(t, 0.2/1.1, power.Disagreement.Relative, 1e-9, "the difference is told in any case")
		require.Equal(t, c.exceeded, power.Disagreement.Exceeded, "limit %g", c.relative)
		require.Equal(t, c.exceeded, len(power.Flags) > 0)
		part := power.Uncertainty.Parts[len(power.Uncertainty.Parts)-1].Name
		require.Equal(t, c.exceeded, part == meters.PartDisagreement)
	}
	coarse := metertest.Script{Power: metertest.Constant(500), StepJ: 360000, OffsetJ: 100000, QuantumW: 10, RelAccuracy: 0.03}
	play(t, 630*time.Second, coarse, func(t *testing.T, s *meters.Sampler) {
		power, counted := window(s, 10*time.Second, 610*time.Second)
		require.InDelta(t, 360000, *counted.EnergyJ, 1, "one step of the counter")
		require.False(t, power.Disagreement.Exceeded)
		require.Less(t, power.Uncertainty.U95, 0.04*300000)
	})
}

func TestViewsOfDifferentThingsAreNot(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(c *bench.Channel){
		"module beside GPU": func(c *bench.Channel) { c.Scope = bench.ScopeModule },
		"another device":    func(c *bench.Channel) { c.Device = "GPU-2" },
		"another source":    func(c *bench.Channel) { c.Identity = "other" },
		"an estimate":       func(c *bench.Channel) { c.Estimated = true },
	} {
		all := twoViews(t, 1.5, change)
		require.Equal(t, "a.energy", all[0].Disagreement.With, name)
		require.InDelta(t, 0, all[0].Disagreement.Relative, 1e-9, name)
		if all[2].Disagreement != nil {
			require.Equal(t, "b.energy", all[2].Disagreement.With, name)
		}
	}
	// Without Device the name's stem is the device.
	play(t, 12*time.Second, metertest.Script{Power: metertest.Constant(5)}, func(t *testing.T, s *meters.Sampler) {
		power, energy := window(s, time.Second, 11*time.Second)
		require.Equal(t, "scripted.energy", power.Disagreement.With)
		require.Equal(t, "scripted.power", energy.Disagreement.With)
	})
}
