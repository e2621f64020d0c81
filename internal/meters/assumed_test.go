package meters_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
)

func TestAssumedPeriod(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		scope  bench.Scope
		method string
		want   time.Duration
	}{
		{"pdu.rack3.outlet4.power", bench.ScopeOutlet, "SNMP object 1.2.3 as apc-rpdu2 says", 3 * time.Second},
		{"pdu.cellar.power", bench.ScopeInlet, "SNMP object 1.2.3 as ups-mib says", 30 * time.Second},
		{"pdu.groups.power", bench.ScopeInlet, "SNMP object 1.2.3", 3 * time.Second},
		{"plug.desk.power", bench.ScopeOutlet, "", time.Second},
		{"redfish.bmc.power", bench.ScopePSU, "", 5 * time.Second},
		{"gpu0.power_instant", bench.ScopeGPU, "", 100 * time.Millisecond},
		{"gpu12.power", bench.ScopeModule, "", 100 * time.Millisecond},
		{"rapl.package0", bench.ScopePackage, "", time.Millisecond},
		{"hwmon.amdgpu0.power", bench.ScopeGPU, "", time.Second},
		{"host.power", bench.ScopeHost, "", 0},
		{"estimate.power", bench.ScopeHost, "", 0},
		// Names that no meter of ours gives go by what they cover.
		{"other.power", bench.ScopeOutlet, "", 3 * time.Second},
		{"other.power", bench.ScopePSU, "", 5 * time.Second},
		{"other.power", bench.ScopeDRAM, "", time.Millisecond},
		{"other.power", bench.ScopeHost, "", 0},
		{"pdux.power", bench.ScopeGPU, "", 100 * time.Millisecond},
	} {
		channel := bench.Channel{Name: c.name, Unit: bench.UnitWatt, Scope: c.scope, Method: c.method}
		got, basis := meters.AssumedPeriod(channel)
		require.Equal(t, c.want, got, c.name)
		require.Equal(t, c.want > 0, strings.HasPrefix(basis, "assumed: "), "%s: %q", c.name, basis)
		channel.PeriodBasis = "not stated by the driver"
		got, basis = meters.AssumedPeriod(channel)
		require.Equal(t, c.want, got, "%s: a reason for not knowing is no knowledge", c.name)
		require.Equal(t, c.want > 0, strings.HasSuffix(basis, "not stated by the driver"))
		channel.PeriodBasis = meters.Continuous
		got, _ = meters.AssumedPeriod(channel)
		require.Zero(t, got)
		channel.UpdatePeriod, channel.PeriodBasis = time.Second, "stated"
		got, _ = meters.AssumedPeriod(channel)
		require.Zero(t, got, "what is stated is not assumed")
		got, _ = meters.AssumedPeriod(bench.Channel{Name: c.name, Unit: bench.UnitCelsius, Scope: c.scope})
		require.Zero(t, got, "a temperature tells no energy")
	}
}

// renamed is a scripted meter whose channels are called and scoped otherwise.
type renamed struct {
	*metertest.Scripted
	scope bench.Scope
}

func (r renamed) Channels() []bench.Channel {
	all := r.Scripted.Channels()
	for i := range all {
		all[i].Scope = r.scope
	}
	return all
}

// A source that does not tell its period is treated as one of its kind: windows
// say so, hold its values, and have no energy below ten such periods.
func TestAnUnknownPeriodIsNotTakenForNone(t *testing.T) {
	t.Parallel()
	script := metertest.Script{Name: "pdu.rack3", Power: metertest.Constant(300), UpdatePeriod: 3 * time.Second, PeriodUntold: true}
	told := script
	told.PeriodUntold, told.Power = false, metertest.Square(100, 500, 40*time.Second)
	script.Power = told.Power
	look := func(script metertest.Script) (all [3]bench.PhaseReading) {
		synctest.Test(t, func(t *testing.T) {
			m := renamed{metertest.NewScripted(script), bench.ScopeOutlet}
			s, err := meters.NewSampler(meters.NewClock(), time.Second, []meters.Meter{m}, meters.SamplerOptions{})
			require.NoError(t, err)
			require.NoError(t, s.Start(t.Context()))
			time.Sleep(100 * time.Second)
			s.Stop()
			all[0], all[1] = window(s, 20*time.Second, 80*time.Second)
			all[2], _ = window(s, 20*time.Second, 49*time.Second)
		})
		return all
	}
	known, unknown := look(told), look(script)
	for i := range known {
		require.Equal(t, known[i].EnergyJ, unknown[i].EnergyJ)
		require.Equal(t, 3*time.Second, unknown[i].Channel.UpdatePeriod)
		require.Contains(t, unknown[i].Channel.PeriodBasis, "assumed: 3s")
	}
	require.Equal(t, meters.MissingShortWindow, unknown[2].Missing)
}

// pulsed is high from a to b, as a window is that loads a machine.
func pulsed(low, high float64, a, b time.Duration) metertest.Power {
	return metertest.Power{
		At: func(t time.Duration) float64 {
			if t >= a && t < b {
				return high
			}
			return low
		},
		Energy: func(t time.Duration) float64 {
			return low*t.Seconds() + (high-low)*max(0, min(t, b)-a).Seconds()
		},
	}
}

// A source that publishes late, and says how late, is right to its uncertainty
// in windows that begin and end with a step.
func TestALagThatIsToldIsTakenOff(t *testing.T) {
	t.Parallel()
	for _, lag := range []time.Duration{0, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond} {
		for _, averaged := range []time.Duration{0, time.Second} {
			var worst, sum [2]float64
			const cases = 40
			for seed := range uint64(cases) {
				r := rand.New(rand.NewPCG(seed, 7))
				t0 := 3*time.Second + time.Duration(r.Int64N(int64(time.Second)))
				t1 := t0 + 10*time.Second + time.Duration(r.Int64N(int64(5*time.Second)))
				script := metertest.Script{
					UpdatePeriod: 100 * time.Millisecond, Phase: time.Duration(r.Int64N(1e8)), Window: averaged, Lag: lag,
					Power: pulsed(70, 470, t0, t1), NoiseW: 1, Seed: seed, QuantumW: 0.001,
				}
				play(t, t1+3*time.Second, script, func(t *testing.T, s *meters.Sampler) {
					p, e := window(s, t0, t1)
					truth := script.Truth(t0, t1)
					for i, one := range []bench.PhaseReading{p, e} {
						off := *one.EnergyJ - truth
						sum[i] += off / cases
						worst[i] = max(worst[i], math.Abs(off)/one.Uncertainty.U95)
						require.Equal(t, lag, one.Channel.Lag)
					}
				})
			}
			t.Logf("lag %s, mean of %s: mean error %.0f J (power), %.0f J (counter), worst %.2f and %.2f of U95",
				lag, averaged, sum[0], sum[1], worst[0], worst[1])
			require.LessOrEqual(t, worst[0], 1.0, "power, lag %s, mean of %s", lag, averaged)
			require.LessOrEqual(t, worst[1], 1.0, "counter, lag %s, mean of %s", lag, averaged)
			require.InDelta(t, 0, sum[1], 20, "less than 400 W for half a period")
		}
	}
}

// The delay that is fitted with an averaging window is told.
func TestAveragingWindowTellsItsLag(t *testing.T) {
	t.Parallel()
	// One sine alone is no test: its mean over half the window, later, is the same but for its height.
	slow, fast := metertest.Sine(300, 150, 2700*time.Millisecond), metertest.Sine(0, 80, 810*time.Millisecond)
	power := metertest.Power{
		At:     func(t time.Duration) float64 { return slow.At(t) + fast.At(t) },
		Energy: func(t time.Duration) float64 { return slow.Energy(t) + fast.Energy(t) },
	}
	for _, lag := range []time.Duration{0, 50 * time.Millisecond, 200 * time.Millisecond} {
		late := metertest.NewScripted(metertest.Script{Power: power, Window: time.Second, Lag: lag, UpdatePeriod: 100 * time.Millisecond})
		reference := metertest.NewScripted(metertest.Script{Power: power, UpdatePeriod: 20 * time.Millisecond})
		var a, b []bench.Reading
		dst := make([]bench.Reading, 2)
		for at := time.Duration(0); at < 12*time.Second; at += 5 * time.Millisecond {
			now := func() time.Duration { return at }
			require.NoError(t, late.Read(t.Context(), now, dst))
			a = append(a, dst[0])
			require.NoError(t, reference.Read(t.Context(), now, dst))
			b = append(b, dst[0])
		}
		found := meters.AveragingWindow(a, b, false)
		require.True(t, found.OK, found.Basis)
		require.Equal(t, time.Second, found.Value)
		require.InDelta(t, lag.Seconds(), found.Lag.Seconds(), 0.02)
		require.Contains(t, found.Basis, found.Lag.String()+" late")
	}
}
