//go:build cgo && linux

package nvmlstub_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
	"github.com/wattsweep/wattsweep/internal/meters/nvml"
	"github.com/wattsweep/wattsweep/test/nvmlstub"
)

// measure samples a GPU that plays power for a while and gives what each
// channel showed, with the window on the library's own clock.
func measure(t *testing.T, library string, g nvmlstub.GPU, length time.Duration) (map[string]bench.PhaseReading, time.Duration, time.Duration) {
	t.Helper()
	epoch := nvmlstub.Monotonic() - 10*time.Second // it has run for a while
	config := one(g)
	config.Epoch = &epoch
	configure(t, config)
	s := open(t, nvml.Options{Library: library})
	clock := meters.NewClock()
	shift := nvmlstub.Monotonic() - clock.Now() - epoch // from the sampler's clock to the library's
	sampler, err := meters.NewSampler(clock, 5*time.Millisecond, s.Meters()[:1], meters.SamplerOptions{})
	require.NoError(t, err)
	require.NoError(t, sampler.Start(t.Context()))
	defer sampler.Stop()
	t0 := sampler.Mark()
	pause(t, length)
	t1 := sampler.Mark()
	all := map[string]bench.PhaseReading{}
	for _, r := range sampler.Window(t.Context(), bench.PhaseInference, 1, 1, t0, t1) {
		all[r.Channel.Name] = r
	}
	return all, t0 + shift, t1 + shift
}

// energyOf holds counter and trapezoid against the integral of the true power.
func energyOf(played nvmlstub.Power, truth metertest.Power) func(t *testing.T, library string) {
	return func(t *testing.T, library string) {
		g := nvmlstub.H100(0)
		g.Power, g.Update, g.Window = played, time.Millisecond, 0
		all, t0, t1 := measure(t, library, g, 2500*time.Millisecond)
		want := truth.Energy(t1) - truth.Energy(t0)
		counter, power := all["gpu0.energy"], all["gpu0.power"]
		require.NotNil(t, counter.EnergyJ, counter.Missing)
		require.Equal(t, bench.EnergyCounter, counter.Method)
		t.Logf("truth %.3f J, counter %.3f J", want, *counter.EnergyJ)
		require.InEpsilon(t, want, *counter.EnergyJ, 0.003)
		if power.EnergyJ == nil { // a busy machine missed too many samples, and says so
			require.NotEmpty(t, power.Missing)
			return
		}
		require.Equal(t, bench.EnergyTrapezoid, power.Method)
		t.Logf("trapezoid %.3f J", *power.EnergyJ)
		require.InEpsilon(t, want, *power.EnergyJ, 0.02)
	}
}

func energyOfTrace(t *testing.T, library string) {
	// One second: 100 W rising to 300, then falling back; 200 J each second.
	path := filepath.Join(t.TempDir(), "trace.csv")
	text := "t_s,watts,util,mem_bytes\n"
	for i := range 101 {
		at := float64(i) / 100
		text += fmt.Sprintf("%g,%g,%d,%d\n", at, 300-400*max(at-0.5, 0.5-at), i, 1<<30)
	}
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	g := nvmlstub.H100(0)
	g.Power, g.Update, g.Window = nvmlstub.Trace(path), time.Millisecond, 0
	all, t0, t1 := measure(t, library, g, 3*time.Second)
	counter := all["gpu0.energy"]
	require.NotNil(t, counter.EnergyJ, counter.Missing)
	require.InDelta(t, 200*(t1-t0).Seconds(), *counter.EnergyJ, 30) // less than half of one swing
	require.InDelta(t, float64(1<<30), *all["gpu0.memory_used"].Mean, 0)
	require.LessOrEqual(t, *all["gpu0.utilisation"].Max, 100.0)
}

func counterReset(t *testing.T, library string) {
	s := open(t, nvml.Options{Library: library})
	sampler, err := meters.NewSampler(meters.NewClock(), 5*time.Millisecond, s.Meters()[:1], meters.SamplerOptions{})
	require.NoError(t, err)
	require.NoError(t, sampler.Start(t.Context()))
	defer sampler.Stop()
	t0 := sampler.Mark()
	pause(t, 2*time.Second)
	t1 := sampler.Mark()
	all := sampler.Window(t.Context(), bench.PhaseInference, 1, 1, t0, t1)
	for _, r := range all {
		if r.Channel.Name == "gpu0.energy" {
			require.Nil(t, r.EnergyJ)
			require.Contains(t, r.Missing, "reset")
		}
	}
	resets := 0
	for _, r := range sampler.Samples("gpu0.energy", 0, t1) {
		if r.State == bench.ReadingReset {
			resets++
		}
	}
	require.Equal(t, 1, resets)
}

func TestConfigRefusesWhatCouldPass(t *testing.T) {
	t.Parallel()
	_, err := nvmlstub.Config{Driver: "550.54"}.Text()
	require.ErrorContains(t, err, "simulated")
	_, err = nvmlstub.Config{Driver: "1 (simulated)", GPUs: []nvmlstub.GPU{{Name: "a\nb"}}}.Text()
	require.ErrorContains(t, err, "one line")
}

// BenchmarkRead is what one sample of one GPU costs with a library that
// answers at once: the meter's own part.
func BenchmarkRead(b *testing.B) {
	library := nvmlstub.Build(b)
	b.Setenv(nvmlstub.Env, nvmlstub.Write(b, one(nvmlstub.H100(0))))
	s, err := nvml.Open(b.Context(), nvml.Options{Library: library})
	require.NoError(b, err)
	defer s.Close()
	now, ctx := meters.NewClock().Now, b.Context()
	for _, m := range s.Meters() {
		b.Run(m.Name(), func(b *testing.B) {
			dst := make([]bench.Reading, len(m.Channels()))
			b.ReportAllocs()
			for b.Loop() {
				if err := m.Read(ctx, now, dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
