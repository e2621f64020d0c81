package meters_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
)

// hanging is a meter whose driver does not return, as a call into a C library
// that has lost its device: no context ends it.
type hanging struct {
	*metertest.Scripted
	from    time.Duration
	release chan struct{}
}

func (h hanging) Read(ctx context.Context, now func() time.Duration, dst []bench.Reading) error {
	if now() >= h.from {
		<-h.release
	}
	return h.Scripted.Read(context.WithoutCancel(ctx), now, dst)
}

func TestStopLeavesAMeterThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := hanging{
			metertest.NewScripted(metertest.Script{Name: "stuck", Power: metertest.Constant(300)}), time.Second, make(chan struct{}),
		}
		sound := metertest.NewScripted(metertest.Script{Name: "sound", Power: metertest.Constant(100)})
		s, err := meters.NewSampler(meters.NewClock(), interval, []meters.Meter{h, sound}, meters.SamplerOptions{StopGrace: 3 * time.Second})
		require.NoError(t, err)
		require.NoError(t, s.Start(t.Context()))
		time.Sleep(5 * time.Second)
		require.Empty(t, s.Abandoned())
		end := s.Mark()
		s.Stop()
		require.Equal(t, 6*time.Second, s.Mark()-end, "a grace before it is cancelled, and one after")

		left := s.Abandoned()
		require.Len(t, left, 1)
		require.Equal(t, "stuck", left[0].Meter)
		stats := s.Stats()
		require.ErrorContains(t, stats[0].Err, "read of meter stuck hangs")
		require.Equal(t, fault.Unavailable, fault.KindOf(stats[0].Err))
		require.NoError(t, stats[1].Err)
		all := s.Window(t.Context(), bench.PhaseInference, 1, 1, time.Second, end)
		require.Nil(t, all[0].EnergyJ)
		require.NotEmpty(t, all[0].Missing)
		require.InDelta(t, 100*(end-time.Second).Seconds(), *all[2].EnergyJ, 1e-6, "the other is read to the end")
		select {
		case <-left[0].Returned:
			t.Fatal("its read has not returned yet")
		default:
		}

		close(h.release)
		<-left[0].Returned
		require.Equal(t, stats, s.Stats(), "what comes late is not kept")
		require.Len(t, s.Abandoned(), 1)
		s.Stop()
	})
}

// A meter that only heeds its context is cancelled after the grace, and is whole.
func TestStopDoesNotAbandonWhatCanBeCancelled(t *testing.T) {
	t.Parallel()
	script := metertest.Script{
		Power:  metertest.Constant(100),
		Stalls: []metertest.Span{{From: 5 * time.Second, To: time.Hour}},
	}
	synctest.Test(t, func(t *testing.T) {
		s := begin(t, script, meters.SamplerOptions{StopGrace: 3 * time.Second})
		time.Sleep(6 * time.Second)
		from := s.Mark()
		s.Stop()
		require.Equal(t, 3*time.Second, s.Mark()-from)
		require.Empty(t, s.Abandoned())
		require.NoError(t, s.Stats()[0].Err)
	})
}
