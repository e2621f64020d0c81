package plug

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
)

// played is a plug on fake time that draws p, whose chip renews its values once
// a period and whose answers take trip each way.
func played(t *testing.T, kind string, p metertest.Power, period, trip time.Duration, before func(*http.Request) error) *Meter {
	t.Helper()
	d := &device{kind: kind}
	began := time.Now()
	m, err := open(t.Context(), Options{Name: "desk", URL: "http://192.0.2.7", Simulated: true}, direct{
		handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			at := time.Since(began).Truncate(period)
			d.set(func(d *device) { d.powerW, d.energyWh = p.At(at), 500+p.Energy(at)/3600 })
			d.ServeHTTP(w, r)
			time.Sleep(trip)
		}),
		before: func(r *http.Request) error {
			time.Sleep(trip)
			if before != nil {
				return before(r)
			}
			return nil
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.Close() })
	return m
}

func sampler(t *testing.T, m *Meter) *meters.Sampler {
	t.Helper()
	s, err := meters.NewSampler(meters.NewClock(), m.Interval(), []meters.Meter{m}, meters.SamplerOptions{})
	require.NoError(t, err)
	require.NoError(t, s.Start(t.Context()))
	return s
}

func window(s *meters.Sampler, t0, t1 time.Duration) (power, energy bench.PhaseReading) {
	for _, r := range s.Window(context.Background(), bench.PhaseInference, 1, 1, t0, t1) {
		switch r.Channel.Name {
		case "plug.desk.power":
			power = r
		case "plug.desk.energy":
			energy = r
		}
	}
	return power, energy
}

func TestEnergyAgainstClosedForms(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]metertest.Power{
		"constant": metertest.Constant(470),
		"ramp":     metertest.Ramp(60, 4),
		"sine":     metertest.Sine(300, 150, 40*time.Second),
	} {
		for _, kind := range []string{ShellyGen1, ShellyGen2, Tasmota} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					began := time.Now()
					m := played(t, kind, p, time.Second, 20*time.Millisecond, nil)
					lead := time.Since(began) // the device's clock began before the sampler's
					s := sampler(t, m)
					time.Sleep(3 * time.Minute)
					t0, t1 := 20*time.Second, 160*time.Second
					power, energy := window(s, t0, t1)
					s.Stop()
					want := p.Energy(t1+lead) - p.Energy(t0+lead)
					// Values are up to a period old: half of one on average, at each edge.
					edge := (p.At(t1) + p.At(t0)) * time.Second.Seconds()
					require.NotNil(t, power.EnergyJ, power.Missing)
					require.NotNil(t, energy.EnergyJ, energy.Missing)
					require.InDelta(t, want, *power.EnergyJ, edge+power.Channel.Resolution*140)
					require.InDelta(t, want, *energy.EnergyJ, edge+2*energy.Channel.Resolution)
					if name == "constant" {
						require.InDelta(t, want, *power.EnergyJ, 1e-6*want)
					}
				})
			})
		}
	}
}

func TestRebootIsAReset(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		falls := metertest.Power{
			At: func(time.Duration) float64 { return 100 },
			Energy: func(at time.Duration) float64 {
				if at > 30*time.Second { // Gen1 and Tasmota begin anew
					return 100*(at-30*time.Second).Seconds() - 500*3600
				}
				return 100 * at.Seconds()
			},
		}
		m := played(t, ShellyGen1, falls, time.Second, time.Millisecond, nil)
		s := sampler(t, m)
		time.Sleep(time.Minute)
		power, energy := window(s, 10*time.Second, 50*time.Second)
		s.Stop()
		require.InDelta(t, 4000, *power.EnergyJ, 1e-6)
		require.Nil(t, energy.EnergyJ)
		require.Contains(t, energy.Missing, "reset")
	})
}

func TestSilenceIsAGap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		m := played(t, ShellyGen2, metertest.Constant(100), time.Second, time.Millisecond, func(r *http.Request) error {
			if at := time.Since(began); at > 30*time.Second && at < 40*time.Second {
				<-r.Context().Done()
				return r.Context().Err()
			}
			return nil
		})
		s := sampler(t, m)
		time.Sleep(time.Minute)
		power, energy := window(s, 10*time.Second, 50*time.Second)
		s.Stop()
		require.Nil(t, power.EnergyJ, "a quarter of the window is not known")
		require.InDelta(t, 0.75, power.Coverage, 0.05)
		require.Positive(t, power.Missed)
		require.InDelta(t, 4000, *energy.EnergyJ, 110, "the counter went on")
	})
}

func TestStampIsTheMidpoint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := played(t, ShellyGen2, metertest.Constant(100), time.Second, 30*time.Millisecond, nil)
		require.Equal(t, 30*time.Millisecond, m.Channels()[0].StampError)
		clock := meters.NewClock()
		dst := make([]bench.Reading, len(m.Channels()))
		require.NoError(t, m.Read(t.Context(), clock.Now, dst))
		require.Equal(t, 30*time.Millisecond, dst[0].At)
	})
}

func TestCharacterise(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		power  metertest.Power
		period time.Duration
		found  bool
		pace   time.Duration
	}{
		"renewed each second": {metertest.Ramp(100, 10), time.Second, true, 500 * time.Millisecond},
		"renewed often":       {metertest.Ramp(100, 10), 50 * time.Millisecond, true, 200 * time.Millisecond},
		"constant load":       {metertest.Constant(0), time.Second, false, 500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := played(t, ShellyGen2, c.power, c.period, 5*time.Millisecond, nil)
				before := m.Channels()
				require.NoError(t, m.Characterise(t.Context(), meters.NewClock().Now))
				require.Equal(t, assumedPeriod, before[0].UpdatePeriod, "what was handed out does not change")
				for _, ch := range m.Channels() {
					require.Equal(t, 5*time.Millisecond, ch.StampError)
					if c.found {
						require.InDelta(t, max(c.period, leastInterval).Seconds(), ch.UpdatePeriod.Seconds(), 0.15, ch.PeriodBasis)
						require.NotContains(t, ch.PeriodBasis, "assumed")
					} else {
						require.Equal(t, assumedPeriod, ch.UpdatePeriod)
						require.Contains(t, ch.PeriodBasis, "assumed")
					}
				}
				require.InDelta(t, c.pace.Seconds(), m.Interval().Seconds(), 0.08)
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				require.ErrorIs(t, m.Characterise(ctx, meters.NewClock().Now), context.Canceled)
			})
		})
	}
}

// At rest a plug's period is not seen; the stage that follows shows it, and
// watching at rest again takes nothing away.
func TestPeriodIsLearntFromABusyStage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		from := 30 * time.Second
		busy := metertest.Power{
			At: func(at time.Duration) float64 {
				if at < from || at > 3*time.Minute {
					return 100
				}
				return 200 + float64(at/(4*time.Second)%5)
			},
			Energy: func(time.Duration) float64 { return 0 },
		}
		m := played(t, ShellyGen2, busy, 4*time.Second, 5*time.Millisecond, nil)
		clock := meters.NewClock()
		require.NoError(t, m.Characterise(t.Context(), clock.Now))
		m.Learn()
		require.Contains(t, m.Channels()[0].PeriodBasis, "assumed")
		s := sampler(t, m)
		time.Sleep(4 * time.Minute)
		s.Stop()
		m.Learn()
		for range 2 {
			for _, c := range m.Channels() {
				require.InDelta(t, 4, c.UpdatePeriod.Seconds(), 0.1, c.PeriodBasis)
				require.Contains(t, c.PeriodBasis, "earlier stages")
			}
			require.InDelta(t, 2, m.Interval().Seconds(), 0.05)
			require.NoError(t, m.Characterise(t.Context(), clock.Now))
		}
	})
}

// The settings name the supply that a plug is in.
func TestFeedIsNamed(t *testing.T) {
	t.Parallel()
	opts := serve(t, &device{kind: ShellyGen2})
	opts.Feed = "left"
	for _, c := range opened(t, opts).Channels() {
		if c.Unit == bench.UnitWatt || c.Unit == bench.UnitJoule {
			require.Equal(t, "left", c.Feed)
		} else {
			require.Empty(t, c.Feed, c.Name)
		}
	}
}
