package meters_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
)

// A window followed while it runs, with samples forgotten behind it and looked
// at now and then, tells just what a second sampler of the same script tells
// that kept all of them.
func TestFollowingEqualsLookingBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		script := drawScript(rt)
		ms := func(name string, from, to int) time.Duration {
			return time.Duration(rapid.IntRange(from, to).Draw(rt, name)) * time.Millisecond
		}
		t0, t1 := ms("from", 100, 2000), ms("to", 3000, 9000)
		steps := rapid.SliceOfN(rapid.IntRange(1, 1500), 0, 9).Draw(rt, "steps")
		synctest.Test(t, func(t *testing.T) {
			clock := meters.NewClock()
			kept, forgot := beginAt(t, clock, script), beginAt(t, clock, script)
			defer kept.Stop()
			defer forgot.Stop()
			time.Sleep(t0)
			synctest.Wait()
			f := forgot.Follow(bench.PhaseInference, 1, 2, t0)
			for _, step := range steps {
				time.Sleep(time.Duration(step) * time.Millisecond)
				at := forgot.Mark()
				if at >= t1 {
					break
				}
				switch step % 3 {
				case 0:
					f.Advance(at)
				case 1:
					_ = f.Readings(t.Context(), at)
				default:
					_ = f.SoFar(at)
					require.Equal(t, at, forgot.Mark(), "it does not wait")
				}
				forgot.Forget(at)
			}
			time.Sleep(12*time.Second - forgot.Mark())
			got := f.Readings(context.Background(), t1)
			want0, want1 := window(kept, t0, t1)
			require.Equal(t, []bench.PhaseReading{want0, want1}, got)
		})
	})
}

// beginAt starts a sampler of its own without waiting for its first sample.
func beginAt(t fataler, clock meters.Clock, script metertest.Script) *meters.Sampler {
	s, err := meters.NewSampler(clock, interval, []meters.Meter{metertest.NewScripted(script)}, meters.SamplerOptions{})
	require.NoError(t, err)
	require.NoError(t, s.Launch(t.Context()))
	return s
}

func TestFollowerOutlastsMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		script := metertest.Script{Power: metertest.Sine(100, 50, 3*time.Second), UpdatePeriod: 100 * time.Millisecond}
		s := begin(t, script, meters.SamplerOptions{MaxBytes: 1}) // two chunks: 102 s
		defer s.Stop()
		time.Sleep(time.Second)
		t0 := s.Mark()
		f, idle := s.Follow(bench.PhaseInference, 1, 1, t0), s.Follow(bench.PhaseInference, 1, 1, t0)
		for range 600 {
			time.Sleep(time.Second)
			_ = f.Readings(t.Context(), s.Mark())
			s.Forget(s.Mark())
		}
		t1 := s.Mark()
		got := f.Readings(t.Context(), t1)
		require.Positive(t, t1)
		for _, r := range got {
			require.Empty(t, r.Flags)
			require.Zero(t, r.Missed)
			require.InEpsilon(t, script.Truth(t0, t1), *r.EnergyJ, 1e-3)
			require.InDelta(t, 1, r.Coverage, 1e-9)
		}
		require.Len(t, idle.Readings(t.Context(), t1), 2)
	})
}

// What memory could not hold is said, not only missed.
func TestLostSamplesAreFlagged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := begin(t, metertest.Script{Power: metertest.Constant(9)}, meters.SamplerOptions{MaxBytes: 1})
		f := s.Follow(bench.PhaseInference, 1, 1, 50*time.Second)
		time.Sleep(300 * time.Second)
		s.Stop()
		late, early := f.Readings(t.Context(), 290*time.Second), s.Follow(bench.PhaseIdle, 0, 1, 280*time.Second)
		require.Equal(t, []string{"3096 samples were lost: the memory for samples was full"}, late[0].Flags)
		require.Nil(t, late[0].EnergyJ)
		require.GreaterOrEqual(t, late[0].Missed, 3096)
		require.Empty(t, early.Readings(t.Context(), 290*time.Second)[0].Flags)
	})
}

// The stop of sampling right at the end of a window leaves its figures, though
// the source tells late.
func TestWindowThatEndsWithTheSampler(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]metertest.Script{
		"held":     {Power: metertest.Constant(200), UpdatePeriod: 130 * time.Millisecond, Phase: 40 * time.Millisecond},
		"averaged": {Power: metertest.Constant(200), UpdatePeriod: 100 * time.Millisecond, Window: time.Second},
		"fast":     {Power: metertest.Constant(200), UpdatePeriod: 20 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := begin(t, script, meters.SamplerOptions{})
			t0 := s.Mark()
			time.Sleep(10010 * time.Millisecond)
			t1 := s.Mark()
			s.Stop()
			power, energy := window(s, t0, t1)
			for _, r := range []bench.PhaseReading{power, energy} {
				require.NotNil(t, r.EnergyJ, "%s: %s", name, r.Missing)
				require.InDelta(t, script.Truth(t0, t1), *r.EnergyJ, max(0.011*script.Truth(t0, t1), r.Uncertainty.U95), name)
				require.InDelta(t, 1, r.Coverage, 0.01, name)
			}
		})
	}
}
