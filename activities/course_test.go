package activities

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/trace"
	"github.com/wattsweep/wattsweep/internal/runtimes"
	"github.com/wattsweep/wattsweep/internal/store"
)

// slow makes calls last long enough to hold samples of the test's meters.
func slow(r *rig) {
	r.rt.generate = func(context.Context, int) (runtimes.Answer, error) {
		from := r.host.Clock.Now()
		time.Sleep(50 * time.Millisecond)
		return runtimes.Answer{
			Text: "I21.4", Outcome: bench.OutcomeOK, Start: from, Latency: r.host.Clock.Now() - from, Done: "stop",
		}, nil
	}
}

// Each window has its trace, which tells the same as its figures.
func TestTraceOfASegment(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	slow(r)
	must[contract.InferOut](r, contract.ActInfer, r.infer(1))
	var traces []store.Trace
	require.NoError(t, r.store.Traces(t.Context(), store.TraceQuery{Cell: r.cell.ID, Epoch: 1}, func(one store.Trace) error {
		traces = append(traces, one)
		return nil
	}))
	require.Len(t, traces, 1)
	one := traces[0]
	require.True(t, one.Complete)
	require.Equal(t, bench.TraceKey{Cell: r.cell.ID, Epoch: 1, Phase: bench.PhaseInference, Run: 1, No: 1, Meter: "scripted"}, one.Series.TraceKey)
	s, err := trace.Load(one.Series, one.Blocks, nil)
	require.NoError(t, err)

	readings, err := r.store.PhaseReadings(t.Context(), r.cell.ID, 1)
	require.NoError(t, err)
	for _, p := range readings {
		channel := s.Channel(p.Channel.Name)
		require.GreaterOrEqual(t, channel, 0, p.Channel.Name)
		first, last, ok := s.Span(channel)
		require.True(t, ok)
		from := s.Stamp(p.Started)
		require.LessOrEqual(t, first, from+time.Millisecond, "a sample before the window")
		require.GreaterOrEqual(t, last, from+p.Window, "and one after it")
		inside := 0
		for _, reading := range s.Readings[channel] {
			if reading.At >= from && reading.At < from+p.Window {
				inside++
			}
		}
		require.InDelta(t, p.Samples, inside, 1, "stamps are kept to the microsecond")
	}
	require.Positive(t, one.Series.Quality.Samples)
}

// A scored cell has the readings of its calls and the course of its channels.
func TestScoreReadsTheTraces(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *bench.CellConfig) { c.Meters.Interval = 5 * time.Millisecond })
	slow(r)
	baseline := contract.IdleIn{CellRef: r.ref(), Phase: bench.PhaseBaseline, Length: 50 * time.Millisecond}
	must[contract.Note](r, contract.ActMeasureIdle, baseline)
	r.rt.token = "load-0"
	for run := 1; run <= 2; run++ {
		must[contract.InferOut](r, contract.ActInfer, r.infer(run))
	}
	must[contract.Note](r, contract.ActScore, contract.PublishIn{CellRef: r.ref(), State: bench.StateDone})

	calls, err := r.store.CallReadings(t.Context(), r.cell.ID, 1)
	require.NoError(t, err)
	require.Len(t, calls, 2*items, "power of every call; a counter has no mean")
	told := 0
	for _, c := range calls {
		require.Equal(t, "scripted.power", c.Channel)
		if c.Mean == nil {
			require.NotEmpty(t, c.Missing) // a busy machine leaves gaps
			continue
		}
		told++
		require.InDelta(t, 100, *c.Mean, 1e-6)
	}
	require.Positive(t, told)
	course, err := r.store.GetCourse(t.Context(), r.cell.ID, 1)
	require.NoError(t, err)
	require.Len(t, course.Curves, 1)
	curve := course.Curves[0]
	require.Equal(t, []any{"scripted.power", bench.UnitWatt, bench.PartGPU, true},
		[]any{curve.Channel, curve.Unit, curve.Part, curve.Simulated})
	require.Equal(t, bench.PhaseBaseline, curve.Points[0].Phase, "the baseline is of every epoch")
	end := curve.Points[len(curve.Points)-1]
	require.Equal(t, bench.PhaseInference, end.Phase)
	var seconds float64
	phases, err := r.store.PhaseReadings(t.Context(), r.cell.ID, 1)
	require.NoError(t, err)
	for _, p := range phases {
		if p.Channel.Name == "scripted.power" {
			seconds += p.Window.Seconds() * p.Coverage
		}
	}
	require.InEpsilon(t, 100*seconds, *end.CumulativeJ, 0.05, "the curve adds up to the windows")
	require.Len(t, course.Sampling, 1)
	require.Positive(t, course.Sampling[0].StoredBytes)

	results := Results{Store: r.store}
	row, _, err := results.Row(t.Context(), r.cell.ID, bench.StateDone, "")
	require.NoError(t, err)
	require.NotEmpty(t, row.WhitePaper)
	require.NotEmpty(t, row.Thesis)
	require.Equal(t, course.Curves, row.Curves)
	require.NotNil(t, row.Energy)
	require.True(t, row.Energy.Simulated)
}

// oven is a meter of one temperature.
type oven struct{ at func() float64 }

func (o oven) Name() string { return "oven" }

func (o oven) Channels() []bench.Channel {
	return []bench.Channel{{
		Name: "oven.temperature", Unit: bench.UnitCelsius, Scope: bench.ScopeGPU, Sensor: bench.SensorInstant,
		Identity: "oven", Method: "simulated", Simulated: true,
	}}
}

func (o oven) Read(_ context.Context, now func() time.Duration, dst []bench.Reading) error {
	dst[0] = bench.Reading{At: now(), Value: o.at()}
	return nil
}

func (o oven) Reasons() []string { return nil }
func (o oven) Close() error      { return nil }

// A run begins when the host is cool, or when waiting is over, and says so.
func TestThermalGate(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		heat  func(waited time.Duration) float64
		limit time.Duration
		text  string
		flag  bool
	}{
		"cool already":   {func(time.Duration) float64 { return 40 }, time.Minute, "thermal gate: 40.0 °C on oven.temperature, wanted below 50.0 °C", false},
		"cools down":     {func(w time.Duration) float64 { return 60 - 40*w.Seconds() }, time.Minute, "°C on oven.temperature, wanted below 50.0 °C", false},
		"never cools":    {func(time.Duration) float64 { return 60 }, 50 * time.Millisecond, "thermal gate: 60.0 °C on oven.temperature", true},
		"no temperature": {nil, time.Minute, "no temperature is read on this host", false},
	}
	for name, one := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(c *bench.CellConfig) {
				c.Phases.ThermalGate = &bench.ThermalGate{BelowC: 50, Timeout: one.limit}
			})
			begun := time.Now()
			if one.heat != nil {
				r.host.Meters = func(bench.MeterConfig, runtimes.Runtime) ([]meters.Meter, []string, error) {
					return []meters.Meter{oven{func() float64 { return one.heat(time.Since(begun)) }}}, nil, nil
				}
			}
			out := must[contract.InferOut](r, contract.ActInfer, r.infer(1))
			require.Equal(t, items, out.Calls, "hot or not, the run is measured")
			require.Contains(t, out.Text, one.text)
			readings, err := r.store.PhaseReadings(t.Context(), r.cell.ID, 1)
			require.NoError(t, err)
			flagged := 0
			for _, p := range readings {
				if p.Phase == bench.PhaseCoolDown {
					flagged += len(p.Flags)
					require.Equal(t, 1, p.Run)
				}
			}
			require.Equal(t, one.flag, flagged > 0)
			part := r.infer(1)
			part.From = 2
			require.NotContains(t, must[contract.InferOut](r, contract.ActInfer, part).Text, "thermal gate", "a chunk goes on with its run")

			r.rt.token = "load-9"
			part = r.infer(2)
			_, _, err = r.store.OpenSegment(t.Context(), 1, bench.Segment{Cell: r.cell.ID, Run: 2, LoadToken: "load-0", Attempt: 1})
			require.NoError(t, err)
			part.From = 2
			require.Contains(t, must[contract.InferOut](r, contract.ActInfer, part).Text, one.text, "a reload and warm-up calls heat")
		})
	}
}

// A gate waits no longer than the attempt lasts, which would else end in it, and
// begin again with the next.
func TestGateWithinTheAttempt(t *testing.T) {
	t.Parallel()
	gate := bench.ThermalGate{BelowC: 50, Timeout: time.Hour}
	require.Equal(t, gate, within(t.Context(), gate))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	require.InDelta(t, 9.5, within(ctx, gate).Timeout.Minutes(), 0.5)
	over, cancel := context.WithTimeout(t.Context(), -time.Second)
	defer cancel()
	require.Zero(t, within(over, gate).Timeout)
}

// Inspect tells who else is on the GPUs, and what watching the meters found.
func TestInspectTellsForeignProcesses(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *bench.CellConfig) { c.Meters.NVML = true })
	watched := 0
	r.host.Characterise = func(context.Context, bench.MeterConfig, runtimes.Runtime, func() time.Duration) error {
		watched++
		return nil
	}
	r.host.GPUs = func(context.Context) ([]bench.GPUFacts, []string, error) {
		return []bench.GPUFacts{{UUID: "GPU-1", Name: "simulated"}}, []string{"gpu0: process 7 trainer, 1 GiB"}, nil
	}
	note := must[contract.Note](r, contract.ActInspect, r.ref())
	require.Contains(t, note.Text, "1 foreign process(es) on the GPUs")
	require.Equal(t, 1, watched)
	facts, err := r.store.CellHostFacts(t.Context(), r.cell.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"gpu0: process 7 trainer, 1 GiB"}, facts.Foreign)
	require.Equal(t, "GPU-1", facts.GPUFacts[0].UUID)
}
