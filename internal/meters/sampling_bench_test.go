//go:build linux

package meters_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
)

// gpuLike is a meter of five channels whose values cost nothing to get, so
// that what is measured is the sampler.
type gpuLike struct {
	name  string
	ticks uint64
}

func (g *gpuLike) Name() string      { return g.name }
func (g *gpuLike) Reasons() []string { return nil }
func (g *gpuLike) Close() error      { return nil }

func (g *gpuLike) Channels() []bench.Channel {
	var list []bench.Channel
	for i := range 5 {
		list = append(list, bench.Channel{Name: fmt.Sprintf("%s.%d", g.name, i), Unit: bench.UnitWatt, Simulated: true})
	}
	return list
}

func (g *gpuLike) Read(_ context.Context, now func() time.Duration, dst []bench.Reading) error {
	g.ticks++
	at := now()
	for i := range dst {
		dst[i] = bench.Reading{At: at, Value: float64(g.ticks + uint64(i))}
	}
	return nil
}

// BenchmarkSampling runs samplers for some seconds each on the real clock and
// tells the CPU time that the whole process takes for it, as a share of one
// core, and how late samples began. An op is a second of sampling.
func BenchmarkSampling(b *testing.B) {
	for _, c := range []struct {
		name  string
		count int
		pace  time.Duration
	}{{"8x5@50ms", 8, 50 * time.Millisecond}, {"1x5@1ms", 1, time.Millisecond}} {
		b.Run(c.name, func(b *testing.B) {
			var ms []meters.Meter
			for i := range c.count {
				ms = append(ms, &gpuLike{name: fmt.Sprintf("gpu%d", i)})
			}
			s, err := meters.NewSampler(meters.NewClock(), c.pace, ms, meters.SamplerOptions{KernelTimers: true})
			require.NoError(b, err)
			require.NoError(b, s.Start(b.Context()))
			runtime.GC() // what was made before is not the sampler's
			before, from := cpuTime(b), time.Now()
			for b.Loop() {
				time.Sleep(time.Second)
			}
			spent, passed := cpuTime(b)-before, time.Since(from)
			s.Stop()
			b.ReportMetric(100*spent.Seconds()/passed.Seconds(), "%core")
			var p50, p99 time.Duration
			var ticks, missed int64
			for _, m := range s.Stats() {
				p50, p99 = max(p50, m.LateP50), max(p99, m.LateP99)
				ticks, missed = ticks+m.Ticks, missed+m.Missed
			}
			b.ReportMetric(float64(p50.Microseconds()), "late-p50-µs")
			b.ReportMetric(float64(p99.Microseconds()), "late-p99-µs")
			b.ReportMetric(100*float64(missed)/float64(ticks+missed), "%missed")
		})
	}
}

// BenchmarkFollow is what it costs to account one more second of a window.
func BenchmarkFollow(b *testing.B) {
	s, err := meters.NewSampler(meters.NewClock(), interval,
		[]meters.Meter{metertest.NewScripted(metertest.Script{Power: metertest.Constant(5)})}, meters.SamplerOptions{})
	require.NoError(b, err)
	f := s.Follow(bench.PhaseInference, 1, 1, 0)
	seq := int64(0)
	b.ReportAllocs()
	for b.Loop() {
		for range 20 {
			if !s.Tick(b.Context(), seq) {
				b.Fatal("the meter failed")
			}
			seq++
		}
		s.RefillSpares()
		f.Advance(s.Mark())
		s.Forget(s.Mark())
	}
}
