package meters_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// lazy is a counter of 100 W that is renewed each millisecond and says when it
// was not, as RAPL's does.
type lazy struct{ last float64 }

func (l *lazy) Name() string { return "lazy" }

func (l *lazy) Channels() []bench.Channel {
	return []bench.Channel{{
		Name: "lazy.energy", Unit: bench.UnitJoule, Scope: bench.ScopePackage, Sensor: bench.SensorCounter, Counter: true,
		UpdatePeriod: time.Millisecond, PeriodBasis: "a function of time", Identity: "lazy", Method: "simulated", Simulated: true,
	}}
}

func (l *lazy) Read(_ context.Context, now func() time.Duration, dst []bench.Reading) error {
	at := now()
	value := 100 * at.Truncate(time.Millisecond).Seconds()
	dst[0] = bench.Reading{At: at, Value: value}
	if value == l.last {
		dst[0].State = bench.ReadingStale
	}
	l.last = value
	return nil
}

func (l *lazy) Reasons() []string { return []string{"it was not renewed"} }
func (l *lazy) Close() error      { return nil }

// A window that ends right after a tick has its energy: the last sample waits
// for the counter to be renewed.
func TestLastSampleWaitsForACounter(t *testing.T) {
	t.Parallel()
	const tick = 20 * time.Millisecond
	for range 10 {
		clock := meters.NewClock()
		s, err := meters.NewSampler(clock, tick, []meters.Meter{&lazy{last: -1}}, meters.SamplerOptions{})
		require.NoError(t, err)
		require.NoError(t, s.Start(t.Context()))
		from := clock.Now()
		time.Sleep(12*tick - time.Millisecond)            // about when a tick is due
		for before := s.Newest(); s.Newest() == before; { //nolint:revive // the sample that a tick has just taken
		}
		to := clock.Now()
		s.Stop()
		got := s.Window(t.Context(), bench.PhaseIdle, 0, 1, from, to)
		require.NotNil(t, got[0].EnergyJ, got[0].Missing)
	}
}
