package meters_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// fixed gives the same reading on and on.
type fixed struct {
	reading bench.Reading
	reasons []string
}

func (fixed) Name() string { return "fixed" }

func (fixed) Channels() []bench.Channel {
	return []bench.Channel{{Name: "fixed.power", Unit: bench.UnitWatt, Scope: bench.ScopeOutlet, Sensor: bench.SensorInstant}}
}

func (f fixed) Read(_ context.Context, now func() time.Duration, dst []bench.Reading) error {
	dst[0] = f.reading
	if f.reading.At == 0 {
		dst[0].At = now()
	}
	return nil
}
func (f fixed) Reasons() []string { return f.reasons }
func (fixed) Close() error        { return nil }

func TestEveryStateHasItsReason(t *testing.T) {
	t.Parallel()
	floor := "below the floor of the device (0.5 A)"
	reasons := []string{"timeout", floor, ""}
	for name, c := range map[string]struct {
		r    bench.Reading
		want string
	}{
		"out of range":      {bench.Reading{State: bench.ReadingOutOfRange, Reason: 1}, floor},
		"stale":             {bench.Reading{State: bench.ReadingStale, Reason: 0}, "timeout"},
		"reason not listed": {bench.Reading{State: bench.ReadingStale, Reason: 9}, "the source did not renew its value"},
		"empty reason":      {bench.Reading{State: bench.ReadingOutOfRange, Reason: 2}, "the source gave a value out of range"},
		"no number":         {bench.Reading{Value: math.NaN()}, "the source gave a value that is no finite number"},
		"untouched":         {bench.Reading{State: bench.ReadingMissing, Reason: 255}, "the meter left this channel unread"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, err := meters.NewSampler(meters.NewClock(), interval, []meters.Meter{fixed{c.r, reasons}}, meters.SamplerOptions{})
			require.NoError(t, err)
			require.NoError(t, s.Start(t.Context()))
			time.Sleep(3 * time.Second)
			s.Stop()
			r := s.Window(context.Background(), bench.PhaseIdle, 0, 1, time.Second, 2*time.Second)[0]
			require.Equal(t, c.want, r.Missing, name)
			require.Equal(t, 20, r.States.Missing+r.States.Stale+r.States.OutOfRange, name)
			require.Zero(t, r.Samples, name)
			for _, one := range s.Samples("fixed.power", 0, time.Hour) {
				require.Equal(t, c.want, meters.ReasonText(s.Meters()[0].Reasons, one), name)
			}
		})
	}
	for state := bench.ReadingMissing; state <= bench.ReadingOutOfRange; state++ {
		for reason := range 256 {
			require.NotEmpty(t, meters.ReasonText(nil, bench.Reading{State: state, Reason: uint8(reason)}))
		}
	}
	require.Empty(t, meters.ReasonText(nil, bench.Reading{}))
}
