package meters_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/gum"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
)

// hardCase is a load whose windows begin and end with steps of power, as those
// of inference do, seen by a sensor that the form makes difficult.
type hardCase struct {
	script   metertest.Script
	interval time.Duration
	windows  []metertest.Span
	after    time.Duration // sampling goes on for so long after the last window
	wrong    [2]float64    // factor by which power and counter are wrong besides; 0 is none
}

// hardForm draws cases of one kind.
type hardForm struct {
	name string
	draw func(r *rand.Rand) hardCase
	// medians of U95 / truth at most, of the trapezoid and of the counter,
	// beyond the sensor's own limit
	trapezoid, counter float64
}

// misread is a scripted meter of which one channel is wrong by a factor that no
// stated limit allows.
type misread struct {
	*metertest.Scripted
	factor [2]float64
}

func (m misread) Read(ctx context.Context, now func() time.Duration, dst []bench.Reading) error {
	err := m.Scripted.Read(ctx, now, dst)
	for i, f := range m.factor {
		if f > 0 {
			dst[i].Value *= f
		}
	}
	return err //nolint:wrapcheck // as the scripted meter says it
}

const (
	hardCases   = 150
	manyWindows = 10
)

func drawBetween(r *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(r.Int64N(int64(to-from)+1))
}

// during is low, and high in the windows.
func during(low, high float64, windows []metertest.Span) metertest.Power {
	return metertest.Power{
		At: func(t time.Duration) float64 {
			for _, w := range windows {
				if t >= w.From && t < w.To {
					return high
				}
			}
			return low
		},
		Energy: func(t time.Duration) float64 {
			joules := low * t.Seconds()
			for _, w := range windows {
				joules += (high - low) * (min(max(t, w.From), w.To) - w.From).Seconds()
			}
			return joules
		},
	}
}

// stepped draws a load that is high in each of n windows of a length about
// length, with a sensor of the given update period.
func stepped(r *rand.Rand, n int, update, length time.Duration) hardCase {
	c := hardCase{interval: interval, after: []time.Duration{time.Millisecond, 3 * time.Second}[r.IntN(2)]}
	at := max(3*time.Second, 2*update)
	for range n {
		at += drawBetween(r, max(2*time.Second, update), max(4*time.Second, 2*update))
		w := metertest.Span{From: at, To: at + drawBetween(r, length, length+length/2)}
		c.windows, at = append(c.windows, w), w.To
	}
	low := 40 + 60*r.Float64()
	c.script = metertest.Script{
		Power: during(low, low+50+400*r.Float64(), c.windows), UpdatePeriod: update, Phase: drawBetween(r, 0, update),
		NoiseW: 1, QuantumW: 0.001, StepJ: 0.001, Seed: r.Uint64(), RelAccuracy: statedLimit, OffsetJ: 1e5 * r.Float64(),
		Gain: 1 + statedLimit*(2*r.Float64()-1),
	}
	return c
}

// withGap leaves a gap of up to 4.5 % in each window.
func withGap(r *rand.Rand, c hardCase) hardCase {
	for _, w := range c.windows {
		length := w.To - w.From
		from := drawBetween(r, w.From+length/10, w.To-length/5)
		c.script.Gaps = append(c.script.Gaps, metertest.Span{From: from, To: from + drawBetween(r, length/40, length/24)})
	}
	return c
}

func hardForms() []hardForm {
	const update = 100 * time.Millisecond
	smeared := func(r *rand.Rand, n int) hardCase {
		c := stepped(r, n, update, 15*time.Second)
		c.script.Window = []time.Duration{0, 25 * time.Millisecond, update, time.Second}[r.IntN(4)]
		return c
	}
	late := func(r *rand.Rand, n int, untold bool) hardCase {
		c := smeared(r, n)
		c.script.Lag, c.script.LagUntold = drawBetween(r, 0, 300*time.Millisecond), untold
		return c
	}
	slow := func(r *rand.Rand, n int) hardCase {
		c := stepped(r, n, drawBetween(r, 500*time.Millisecond, 3*time.Second), 90*time.Second)
		c.interval, c.script.Name, c.script.PeriodUntold = time.Second, "pdu", true
		if r.IntN(2) == 0 { // steady, so that readings repeat though they were renewed
			c.script.NoiseW, c.script.QuantumW = 0, 10
		}
		return c
	}
	broken := func(r *rand.Rand, n int) hardCase {
		c := smeared(r, n)
		factor := 1.15 + 0.35*r.Float64()
		if r.IntN(2) == 0 {
			factor = 1 / factor
		}
		c.wrong[r.IntN(2)] = factor
		return c
	}
	return []hardForm{
		{"steps at the edges", func(r *rand.Rand) hardCase { return smeared(r, 1) }, 0.01, 0.005},
		{"steps at the edges, ten windows", func(r *rand.Rand) hardCase { return smeared(r, manyWindows) }, 0.01, 0.005},
		{"known lag", func(r *rand.Rand) hardCase { return late(r, 1, false) }, 0.01, 0.005},
		{"known lag, ten windows", func(r *rand.Rand) hardCase { return late(r, manyWindows, false) }, 0.01, 0.005},
		{"unknown lag", func(r *rand.Rand) hardCase { return late(r, 1, true) }, 0.02, 0.02},
		{"unknown lag, ten windows", func(r *rand.Rand) hardCase { return late(r, manyWindows, true) }, 0.02, 0.02},
		{"gaps", func(r *rand.Rand) hardCase { return withGap(r, smeared(r, 1)) }, 0.025, 0.005},
		{"gaps, ten windows", func(r *rand.Rand) hardCase { return withGap(r, smeared(r, manyWindows)) }, 0.025, 0.005},
		{"one view is wrong", func(r *rand.Rand) hardCase { return broken(r, 1) }, 0.45, 0.45},
		{"one view is wrong, ten windows", func(r *rand.Rand) hardCase { return broken(r, manyWindows) }, 0.45, 0.45},
		{"unknown period", func(r *rand.Rand) hardCase { return slow(r, 1) }, 0.04, 0.03},
		{"unknown period, ten windows", func(r *rand.Rand) hardCase { return slow(r, manyWindows) }, 0.04, 0.03},
	}
}

// sumOf samples a case and adds up its windows on each channel.
func sumOf(t *testing.T, c hardCase) (joules [2]float64, u [2]bench.Uncertainty) {
	t.Helper()
	var list [2][]bench.Uncertainty
	synctest.Test(t, func(t *testing.T) {
		s, err := meters.NewSampler(meters.NewClock(), c.interval, []meters.Meter{misread{metertest.NewScripted(c.script), c.wrong}}, meters.SamplerOptions{})
		require.NoError(t, err)
		require.NoError(t, s.Start(t.Context()))
		time.Sleep(c.windows[len(c.windows)-1].To + c.after)
		s.Stop()
		for _, w := range c.windows {
			power, energy := window(s, w.From, w.To)
			for i, r := range []bench.PhaseReading{power, energy} {
				require.NotNil(t, r.EnergyJ, r.Missing)
				joules[i] += *r.EnergyJ
				list[i] = append(list[i], *r.Uncertainty)
			}
		}
	})
	for i := range u {
		u[i] = gum.SumOver(list[i])
	}
	return joules, u
}

// The stated uncertainty covers the truth where windows begin and end with
// steps, the source is late by what is told or not, holds values for a time
// that nobody told, says nothing for a while, or is wrong by more than it states
// beside a view that is right: in one window and in the sum
// of ten, over which an error that always has one sign does not average out.
func TestHardFormsCoverTheTruth(t *testing.T) {
	t.Parallel()
	for k, form := range hardForms() {
		t.Run(form.name, func(t *testing.T) {
			t.Parallel()
			for _, limit := range []float64{statedLimit, 0} {
				form.holds(t, uint64(k), limit)
			}
		})
	}
}

func (form hardForm) holds(t *testing.T, stream uint64, limit float64) {
	t.Helper()
	var scores [2]score
	for seed := range uint64(hardCases) {
		c := form.draw(rand.New(rand.NewPCG(seed, stream)))
		if limit == 0 { // the other parts alone
			c.script.Gain, c.script.RelAccuracy = 1, 0
		}
		truth := 0.0
		for _, w := range c.windows {
			truth += c.script.Truth(w.From, w.To)
		}
		joules, u := sumOf(t, c)
		for i := range scores {
			scores[i].add(math.Abs(joules[i]-truth)/truth, u[i].U95/truth)
		}
	}
	for i, beyond := range []float64{form.trapezoid, form.counter} {
		one, name := &scores[i], form.name+", "+[]string{"trapezoid", "counter"}[i]
		t.Logf("gain ±%g %%: %-44s covered %3d of %3d (%5.1f %%), median error %.3f %%, median U95 %.3f %%", 100*limit, name,
			one.covered, one.n, 100*one.share(), 100*median(one.errs), 100*median(one.u95s))
		require.GreaterOrEqual(t, one.share(), 0.95, name)
		require.LessOrEqual(t, median(one.u95s), 1.14*limit+beyond, name)
	}
}
