package meters_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const interval = 50 * time.Millisecond

// play samples a script for so long in fake time and hands the sampler over
// after it has stopped.
func play(t *testing.T, length time.Duration, script metertest.Script, look func(*testing.T, *meters.Sampler)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := begin(t, script, meters.SamplerOptions{})
		time.Sleep(length)
		s.Stop()
		look(t, s)
	})
}

type fataler interface {
	require.TestingT
	Context() context.Context
}

func begin(t fataler, script metertest.Script, opts meters.SamplerOptions) *meters.Sampler {
	s, err := meters.NewSampler(meters.NewClock(), interval, []meters.Meter{metertest.NewScripted(script)}, opts)
	require.NoError(t, err)
	require.NoError(t, s.Start(t.Context()))
	return s
}

// window looks at the scripted meter's two channels.
func window(s *meters.Sampler, t0, t1 time.Duration) (power, energy bench.PhaseReading) {
	all := s.Window(context.Background(), bench.PhaseInference, 1, 2, t0, t1)
	return all[0], all[1]
}

func TestMissedTicksAreCountedNotInvented(t *testing.T) {
	t.Parallel()
	// A read that begins at 5.00 s hangs until 5.23 s: ticks 101 to 103 pass
	// unseen, tick 104 is taken late, at 5.23.
	script := metertest.Script{
		Power:  metertest.Constant(100),
		Stalls: []metertest.Span{{From: 5 * time.Second, To: 5230 * time.Millisecond}},
	}
	play(t, 10*time.Second, script, func(t *testing.T, s *meters.Sampler) {
		power, energy := window(s, 2*time.Second, 9*time.Second)
		require.Equal(t, 4, power.Missed)
		require.Equal(t, 136, power.Samples)
		require.InDelta(t, (7-0.28)/7, power.Coverage, 1e-9, "4.95 to 5.23 s is a gap")
		require.InDelta(t, 700, *power.EnergyJ, 1e-6, "of the gap the mean of the rest is taken")
		require.InDelta(t, 700, *energy.EnergyJ, 1e-6, "the device counted on")
		stats := s.Stats()[0]
		require.Equal(t, int64(3), stats.Missed, "the fourth tick was taken, at a moment that had a sample")
		require.Zero(t, stats.Dropped)
		require.NoError(t, stats.Err)
		clean, _ := window(s, 6*time.Second, 9*time.Second)
		require.Zero(t, clean.Missed)
		require.InDelta(t, 1, clean.Coverage, 1e-9)
	})
}

func TestWindowWaitsForTheSampleAfterItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := begin(t, metertest.Script{Power: metertest.Ramp(0, 10)}, meters.SamplerOptions{})
		defer s.Stop()
		time.Sleep(2020 * time.Millisecond)
		t1 := s.Mark()
		power, energy := window(s, time.Second, t1)
		require.Equal(t, 2050*time.Millisecond, s.Mark(), "it waits for the next tick and no longer")
		want := metertest.Ramp(0, 10).Energy(t1) - metertest.Ramp(0, 10).Energy(time.Second)
		require.InEpsilon(t, want, *power.EnergyJ, 1e-3)
		require.InEpsilon(t, want, *energy.EnergyJ, 1e-3)
		require.InDelta(t, 1, power.Coverage, 1e-9)

		ended, cancel := context.WithCancel(t.Context())
		cancel()
		time.Sleep(10 * time.Millisecond)
		before := s.Mark()
		_ = s.Window(ended, bench.PhaseIdle, 0, 1, time.Second, before)
		require.Equal(t, before, s.Mark(), "a context that has ended is not waited for")
	})
}

func TestWindowDoesNotWaitForAMeterThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		script := metertest.Script{Power: metertest.Constant(1), Stalls: []metertest.Span{{From: time.Second, To: time.Hour}}}
		s := begin(t, script, meters.SamplerOptions{StopGrace: 3 * time.Second})
		time.Sleep(2 * time.Second)
		power, energy := window(s, 500*time.Millisecond, s.Mark())
		require.Less(t, s.Mark(), 2200*time.Millisecond)
		require.Nil(t, power.EnergyJ)
		require.Contains(t, power.Missing, "cover 30.0 %")
		require.Nil(t, energy.EnergyJ)
		require.Equal(t, "no samples around the end of the window", energy.Missing)
		require.InDelta(t, 20, power.Missed, 1)
		asked := s.Mark()
		s.Stop()
		require.Equal(t, 3*time.Second, s.Mark()-asked, "a hanging read is cancelled after its grace")
		s.Stop()
	})
}

func TestMeterThatFailsEndsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := metertest.NewScripted(metertest.Script{Name: "a", Power: metertest.Constant(5), FailAt: 3 * time.Second})
		sound := metertest.NewScripted(metertest.Script{Name: "b", Power: metertest.Constant(7)})
		s, err := meters.NewSampler(meters.NewClock(), interval, []meters.Meter{broken, sound}, meters.SamplerOptions{})
		require.NoError(t, err)
		require.NoError(t, s.Start(t.Context()))
		time.Sleep(6 * time.Second)
		all := s.Window(t.Context(), bench.PhaseIdle, 0, 1, 4*time.Second, 5*time.Second)
		s.Stop()
		require.Nil(t, all[0].Mean)
		require.Equal(t, "the meter failed: scripted failure", all[0].Missing)
		require.Equal(t, 20, all[0].Missed)
		require.InDelta(t, 7, *all[2].EnergyJ, 1e-9)
		require.ErrorIs(t, s.Stats()[0].Err, metertest.ErrFailed)
		require.NoError(t, s.Stats()[1].Err)
	})
}

func TestContextEndsSampling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, err := meters.NewSampler(meters.NewClock(), interval,
			[]meters.Meter{metertest.NewScripted(metertest.Script{Power: metertest.Constant(1)})}, meters.SamplerOptions{})
		require.NoError(t, err)
		s.Stop() // not started: nothing to stop
		ctx, cancel := context.WithCancel(t.Context())
		require.NoError(t, s.Start(ctx))
		require.ErrorIs(t, s.Start(ctx), meters.ErrStarted)
		time.Sleep(time.Second)
		cancel()
		synctest.Wait()
		ticks := s.Stats()[0].Ticks
		time.Sleep(time.Second)
		require.Equal(t, ticks, s.Stats()[0].Ticks)
		require.NoError(t, s.Stats()[0].Err, "the caller's own end is no failure of the meter")
		s.Stop()
	})
}

func TestMetersKeepTheirOwnPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fast := metertest.NewScripted(metertest.Script{Name: "gpu", Power: metertest.Constant(5)})
		slow := metertest.NewScripted(metertest.Script{Name: "pdu", Power: metertest.Constant(7)})
		s, err := meters.NewSampler(meters.NewClock(), interval, []meters.Meter{fast, slow},
			meters.SamplerOptions{Intervals: map[string]time.Duration{"pdu": time.Second}})
		require.NoError(t, err)
		require.NoError(t, s.Start(t.Context()))
		time.Sleep(20 * time.Second)
		s.Stop()
		require.Len(t, s.Samples("gpu.power", 0, 20*time.Second), 400)
		require.Len(t, s.Samples("pdu.power", 0, 20*time.Second), 20)
		all := s.Window(t.Context(), bench.PhaseIdle, 0, 1, 1500*time.Millisecond, 7500*time.Millisecond)
		require.InDelta(t, 30, *all[0].EnergyJ, 1e-9)
		require.Equal(t, meters.MissingShortWindow, all[2].Missing, "6 s are fewer than ten of its seconds")
		all = s.Window(t.Context(), bench.PhaseIdle, 0, 1, 1500*time.Millisecond, 16500*time.Millisecond)
		require.InDelta(t, 105, *all[2].EnergyJ, 1e-9)
	})
}

func TestForgetKeepsWhatLaterWindowsNeed(t *testing.T) {
	t.Parallel()
	play(t, 200*time.Second, metertest.Script{Power: metertest.Sine(100, 50, 3*time.Second)}, func(t *testing.T, s *meters.Sampler) {
		before, counted := window(s, 110*time.Second, 190*time.Second)
		s.Forget(110 * time.Second)
		require.Empty(t, s.Samples("scripted.power", 0, 50*time.Second))
		require.Empty(t, s.Samples("absent", 0, 50*time.Second))
		after, recounted := window(s, 110*time.Second, 190*time.Second)
		require.Equal(t, before, after)
		require.Equal(t, counted, recounted)
		lost, _ := window(s, 0, 20*time.Second)
		require.Zero(t, lost.Samples)
		require.Zero(t, lost.Coverage)
		require.Equal(t, 400, lost.Missed)
		require.Equal(t, "the samples of this window are no longer kept", lost.Missing)
	})
}

func TestFullMemoryDropsTheOldestAndSaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := begin(t, metertest.Script{Power: metertest.Constant(9)}, meters.SamplerOptions{MaxBytes: 1})
		time.Sleep(300 * time.Second)
		s.Stop()
		stats := s.Stats()[0]
		require.Equal(t, int64(6001), stats.Ticks)
		require.Equal(t, int64(4*1024), stats.Dropped)
		early, _ := window(s, 10*time.Second, 20*time.Second)
		require.Equal(t, 200, early.Missed)
		require.Nil(t, early.EnergyJ)
		late, _ := window(s, 280*time.Second, 290*time.Second)
		require.InDelta(t, 90, *late.EnergyJ, 1e-6)
	})
}

func TestSamplesKeepTheirStates(t *testing.T) {
	t.Parallel()
	script := metertest.Script{
		Power: metertest.Constant(9), Gaps: []metertest.Span{{From: time.Second, To: 1100 * time.Millisecond}},
		ResetsAt: []time.Duration{2 * time.Second},
	}
	play(t, 3*time.Second, script, func(t *testing.T, s *meters.Sampler) {
		count := map[bench.ReadingState]int{}
		for _, r := range s.Samples("scripted.energy", 0, 3*time.Second) {
			count[r.State]++
		}
		require.Equal(t, map[bench.ReadingState]int{bench.ReadingOK: 57, bench.ReadingMissing: 2, bench.ReadingReset: 1}, count)
	})
}

func TestNewSamplerRefuses(t *testing.T) {
	t.Parallel()
	one := metertest.NewScripted(metertest.Script{Name: "a"})
	for name, c := range map[string]struct {
		pace time.Duration
		ms   []meters.Meter
	}{
		"too fast":   {time.Microsecond, []meters.Meter{one}},
		"not at all": {0, []meters.Meter{one}},
		"twice":      {interval, []meters.Meter{one, one}},
	} {
		_, err := meters.NewSampler(meters.NewClock(), c.pace, c.ms, meters.SamplerOptions{})
		require.Equal(t, fault.Invalid, fault.KindOf(err), name)
		require.NotEmpty(t, fault.HintOf(err), name)
	}
	none, err := meters.NewSampler(meters.NewClock(), interval, nil, meters.SamplerOptions{})
	require.NoError(t, err, "a host without any meter can still be timed")
	require.NoError(t, none.Start(t.Context()))
	require.Empty(t, none.Window(t.Context(), bench.PhaseIdle, 0, 1, 0, time.Second))
	none.Stop()
}
