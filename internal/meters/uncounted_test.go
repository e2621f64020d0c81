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

// floored is an outlet that neither shows nor counts what lies in its low
// stretch, as an APC below half an ampere.
type floored struct {
	*metertest.Scripted
	low metertest.Span
}

func (f *floored) Reasons() []string { return []string{"not counted below the floor of the device"} }

func (f *floored) Read(ctx context.Context, now func() time.Duration, dst []bench.Reading) error {
	t := now()
	if t >= f.low.From && t < f.low.To {
		dst[0] = bench.Reading{At: t, State: bench.ReadingOutOfRange}
		dst[1] = dst[0]
		return nil
	}
	return f.Scripted.Read(ctx, now, dst)
}

func readFloored(t *testing.T, script metertest.Script, low metertest.Span, length time.Duration, look func(*meters.Sampler)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := &floored{Scripted: metertest.NewScripted(script), low: low}
		s, err := meters.NewSampler(meters.NewClock(), time.Second, []meters.Meter{m}, meters.SamplerOptions{})
		require.NoError(t, err)
		require.NoError(t, s.Start(t.Context()))
		time.Sleep(length)
		s.Stop()
		look(s)
	})
}

// What a counter did not count is in no later reading: a window that holds such
// a stretch has no energy, however short it is, and whether or not the source
// holds its values; windows on either side have.
func TestACounterThatDidNotCountHasNoEnergy(t *testing.T) {
	t.Parallel()
	const why = "the counter did not count in a part of the window: not counted below the floor of the device"
	for name, script := range map[string]metertest.Script{
		"":      {Power: metertest.Constant(200)},
		"holds": {Power: metertest.Constant(200), UpdatePeriod: 3 * time.Second},
	} {
		for _, to := range []time.Duration{201 * time.Second, 203 * time.Second, 400 * time.Second} {
			low := metertest.Span{From: 200 * time.Second, To: to}
			readFloored(t, script, low, 610*time.Second, func(s *meters.Sampler) {
				_, e := window(s, 5*time.Second, 605*time.Second)
				require.Nil(t, e.EnergyJ, "%s %s", name, to)
				require.Equal(t, why, e.Missing)
				require.Empty(t, e.Method)
				_, e = window(s, 100*time.Second, 190*time.Second)
				require.InDelta(t, 18000, *e.EnergyJ, 1e-6)
				_, e = window(s, 500*time.Second, 600*time.Second)
				require.InDelta(t, 20000, *e.EnergyJ, 1e-6)
			})
		}
		// Sampling ends while it does not count.
		readFloored(t, script, metertest.Span{From: 200 * time.Second, To: time.Hour}, 202*time.Second, func(s *meters.Sampler) {
			_, e := window(s, 5*time.Second, 201500*time.Millisecond)
			require.Nil(t, e.EnergyJ)
			require.Equal(t, why, e.Missing)
		})
	}
}

// A wrap too many cannot be seen in what rose over a gap, as that is what it
// falsifies: the lines beside the gap tell how soon the range may be full.
func TestAWrapTooManyInAGapIsNotOverlooked(t *testing.T) {
	t.Parallel()
	const rangeJ = 65532.6 // AMD, 16 bits of 1/65536 J
	for gap, known := range map[time.Duration]bool{
		50 * time.Second: true, 70 * time.Second: false, 263 * time.Second: false, 300 * time.Second: false,
	} {
		script := metertest.Script{
			Power: metertest.Constant(250), WrapAtJ: rangeJ, OffsetJ: 20000,
			Gaps: []metertest.Span{{From: 20 * time.Second, To: 20*time.Second + gap}},
		}
		play(t, gap+50*time.Second, script, func(t *testing.T, s *meters.Sampler) {
			t0, t1 := 5*time.Second, 45*time.Second+gap
			_, e := window(s, t0, t1)
			if !known {
				require.Nil(t, e.EnergyJ, gap)
				require.Contains(t, e.Missing, "may have wrapped more than once", gap)
				return
			}
			require.NotNil(t, e.EnergyJ, "%s: %s", gap, e.Missing)
			require.InDelta(t, script.Truth(t0, t1), *e.EnergyJ, 1)
		})
	}
}
