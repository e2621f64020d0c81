package meters_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
)

func TestTicksAreToldOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		script := metertest.Script{
			Power:  metertest.Ramp(0, 1),
			Stalls: []metertest.Span{{From: 70 * time.Second, To: 71 * time.Second}},
		}
		s := begin(t, script, meters.SamplerOptions{})
		info := s.Meters()
		require.Len(t, info, 1)
		require.Equal(t, "scripted", info[0].Name)
		require.Equal(t, interval, info[0].Interval)
		require.Equal(t, s.Channels(), info[0].Channels)
		require.Equal(t, []string{"scripted gap"}, info[0].Reasons)
		var kept []meters.Tick
		cursor := int64(-1)
		for range 50 { // over several chunks, now and then
			time.Sleep(2777 * time.Millisecond)
			s.Ticks("scripted", cursor, func(seq int64, readings []bench.Reading) bool {
				require.Greater(t, seq, cursor)
				cursor = seq
				kept = append(kept, meters.Tick{Seq: seq, Readings: readings})
				return true
			})
		}
		s.Stop()
		s.Ticks("scripted", cursor, func(seq int64, readings []bench.Reading) bool {
			kept = append(kept, meters.Tick{Seq: seq, Readings: readings})
			return true
		})
		require.Len(t, kept, int(s.Stats()[0].Ticks))
		require.Equal(t, s.Stats()[0].Missed, kept[len(kept)-1].Seq+1-int64(len(kept)), "holes in the numbers are missed ticks")
		for i, r := range s.Samples("scripted.power", 0, time.Hour) {
			require.Equal(t, r, kept[i].Readings[0])
		}
		seen := 0
		s.Ticks("scripted", 100, func(seq int64, _ []bench.Reading) bool {
			require.Equal(t, int64(101+seen), seq)
			seen++
			return seen < 7
		})
		require.Equal(t, 7, seen)
		s.Ticks("absent", -1, func(int64, []bench.Reading) bool { t.Fatal("no such meter"); return false })
	})
}

// paced has a pace of its own.
type paced struct {
	meters.Meter
	every time.Duration
}

func (p paced) Interval() time.Duration { return p.every }

func TestAMetersOwnPaceIsKept(t *testing.T) {
	t.Parallel()
	scripted := func(name string) meters.Meter {
		return metertest.NewScripted(metertest.Script{Name: name, Power: metertest.Constant(1)})
	}
	ms := []meters.Meter{paced{scripted("own"), time.Second}, paced{scripted("none"), 0}, paced{scripted("set"), time.Second}}
	s, err := meters.NewSampler(meters.NewClock(), interval, ms,
		meters.SamplerOptions{Intervals: map[string]time.Duration{"set": 2 * time.Minute}})
	require.NoError(t, err)
	var got []time.Duration
	for _, m := range s.Meters() {
		got = append(got, m.Interval)
	}
	require.Equal(t, []time.Duration{time.Second, interval, 2 * time.Minute}, got)
	_, err = meters.NewSampler(meters.NewClock(), interval, []meters.Meter{paced{scripted("hasty"), time.Microsecond}}, meters.SamplerOptions{})
	require.ErrorContains(t, err, "hasty")
}
