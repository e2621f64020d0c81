package stats

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

func one(t *testing.T, in CellInput, metric bench.MetricName, stat bench.Stat) bench.FigureInterval {
	t.Helper()
	list := Intervals(Cell(in), in, []bench.FigureKey{{Metric: metric, Stat: stat}})
	require.Len(t, list, 1)
	require.Equal(t, metric, list[0].Metric)
	require.Equal(t, stat, list[0].Stat)
	return list[0]
}

// TestFiguresAreThoseOfTheResult holds that a target is judged by the figure
// that the report shows; its interval is over journals and runs, not over runs.
func TestFiguresAreThoseOfTheResult(t *testing.T) {
	t.Parallel()
	in := rig()
	for run := 1; run <= 2; run++ {
		in.Phases = append(in.Phases, gauge(run, "host.cpu", 50+float64(run)))
	}
	for i := range in.Calls {
		in.Calls[i].OutputWords = 8
	}
	r := Cell(in)
	require.NotNil(t, r.Energy)
	for metric, want := range map[bench.MetricName]float64{
		bench.MetricLatency:          r.Latency.Mean,
		bench.MetricTTFT:             r.TTFT.Mean,
		bench.MetricInterToken:       r.InterToken.Mean,
		bench.MetricTokensPerSecond:  r.TokensPerSecond.Mean,
		bench.MetricWeightedScore:    r.WeightedScore.Mean,
		bench.MetricExactMatch:       r.ExactMatch.Mean,
		bench.MetricExactAt5:         r.ExactAt5.Mean,
		bench.MetricMicroPrecision:   r.FullCode.MicroPrecision,
		bench.MetricMicroRecall:      r.FullCode.MicroRecall,
		bench.MetricMicroF1:          r.FullCode.MicroF1,
		bench.MetricMacroF1:          r.FullCode.MacroF1,
		bench.MetricCategoryMicroF1:  r.Category.MicroF1,
		bench.MetricCategoryMacroF1:  r.Category.MacroF1,
		bench.MetricChapterMicroF1:   r.Chapter.MicroF1,
		bench.MetricChapterMacroF1:   r.Chapter.MacroF1,
		bench.MetricNoCodeShare:      *r.NoCodeShare,
		bench.MetricUnknownShare:     *r.UnknownShare,
		bench.MetricOKShare:          1,
		bench.MetricPromptTokens:     r.Tokens.Prompt,
		bench.MetricOutputTokens:     r.Tokens.Output,
		bench.MetricEnergy:           r.Energy.Mean,
		bench.MetricNetEnergy:        *r.Energy.NetMean,
		bench.MetricEnergyPerToken:   1 / *r.TokensPerJoule,
		bench.MetricTokensPerJoule:   *r.TokensPerJoule,
		bench.MetricEnergyPerWord:    *r.EnergyPerWord,
		bench.MetricEnergyPerCorrect: *r.EnergyPerCorrect,
		bench.MetricTokensPerWh:      r.TokensPerWh.Mean,
		bench.MetricPower:            344,
		bench.MetricHostCPU:          *r.HostCPU,
	} {
		f := one(t, in, metric, bench.StatMean)
		require.NotNil(t, f.Value, "%s: %s", metric, f.Missing)
		require.InEpsilon(t, want, *f.Value, 1e-9, metric)
		if f.Low != nil {
			require.LessOrEqual(t, *f.Low, *f.Value, metric)
			require.LessOrEqual(t, *f.Value, *f.High, metric)
			require.Equal(t, 2, f.Runs, metric)
			if metric != bench.MetricHostCPU {
				require.Contains(t, f.Over, "journals", metric)
			}
		} else {
			require.NotEmpty(t, f.Missing, metric)
		}
	}
	for metric, want := range map[bench.MetricName]*bench.Summary{
		bench.MetricLatency: r.Latency, bench.MetricTTFT: r.TTFT, bench.MetricInterToken: r.InterToken,
		bench.MetricEnergy: r.EnergyOfCalls, bench.MetricTokensPerWh: r.TokensPerWh,
	} {
		require.InEpsilon(t, want.P50, *one(t, in, metric, bench.StatP50).Value, 1e-9, metric)
		require.InEpsilon(t, want.P95, *one(t, in, metric, bench.StatP95).Value, 1e-9, metric)
		require.InEpsilon(t, want.P99, *one(t, in, metric, bench.StatP99).Value, 1e-9, metric)
	}
}

// TestMetersWidenWhatRestsOnThem holds that no number of calls makes an
// interval narrower than what the meters may be off.
func TestMetersWidenWhatRestsOnThem(t *testing.T) {
	t.Parallel()
	in := rig()
	for _, key := range []bench.FigureKey{
		{Metric: bench.MetricTokensPerWh, Stat: bench.StatP50},
		{Metric: bench.MetricEnergy, Stat: bench.StatP50},
		{Metric: bench.MetricEnergy, Stat: bench.StatMean},
		{Metric: bench.MetricEnergyPerToken, Stat: bench.StatMean},
		{Metric: bench.MetricTokensPerJoule, Stat: bench.StatMean},
		{Metric: bench.MetricPower, Stat: bench.StatMean},
	} {
		f := one(t, in, key.Metric, key.Stat)
		require.NotNil(t, f.Low, "%s %s: %s", key.Metric, key.Stat, f.Missing)
		// 1 % common to all windows, rectangular or not, is ±1.96 % at 95 %.
		require.GreaterOrEqual(t, *f.High-*f.Low, 2*0.0195**f.Value, "%s %s", key.Metric, key.Stat)
		require.InEpsilon(t, 0.0196**f.Value, f.MeasurementU95, 0.02, "%s %s", key.Metric, key.Stat)
	}
	// Tokens per joule are the inverse of joules per token, bounds included.
	per, rate := one(t, in, bench.MetricEnergyPerToken, bench.StatMean), one(t, in, bench.MetricTokensPerJoule, bench.StatMean)
	require.InEpsilon(t, 1 / *per.High, *rate.Low, 1e-12)
	require.InEpsilon(t, 1 / *per.Low, *rate.High, 1e-12)
}

func TestNoIntervalWithoutTheMetersUncertainty(t *testing.T) {
	t.Parallel()
	in := rig()
	for i := range in.Phases {
		in.Phases[i].Uncertainty = nil
	}
	for _, metric := range []bench.MetricName{bench.MetricEnergy, bench.MetricTokensPerWh, bench.MetricPower, bench.MetricTokensPerJoule} {
		f := one(t, in, metric, bench.StatMean)
		require.NotNil(t, f.Value, metric)
		require.Nil(t, f.Low, metric)
		require.Contains(t, f.Missing, "what the meters may be off", metric)
	}
}

func TestIntervalsSayWhatIsMissing(t *testing.T) {
	t.Parallel()
	for metric, want := range map[bench.MetricName]string{
		bench.MetricLatency: "the cell is failed: why", bench.MetricEnergy: "the cell is failed: why",
		bench.MetricMicroF1: "the cell is failed: why", bench.MetricWeightedScore: "the cell is failed: why",
		bench.MetricOKShare: "the cell is failed: why", bench.MetricHostCPU: "host.cpu", "nonsense": "the cell is failed: why",
	} {
		f := one(t, CellInput{State: bench.StateFailed, Reason: "why"}, metric, bench.StatMean)
		require.Nil(t, f.Value, metric)
		require.Contains(t, f.Missing, want, metric)
	}
	in := cellOf(3, 6)
	for i := range in.Calls {
		in.Calls[i].OutputTokens = nil
	}
	require.Contains(t, one(t, in, bench.MetricOutputTokens, bench.StatP95).Missing, "did not tell")
	require.Contains(t, one(t, in, bench.MetricTokensPerJoule, bench.StatMean).Missing, "no output tokens")
	require.Contains(t, one(t, in, "nonsense", bench.StatMean).Missing, "no figure is called nonsense")
	require.Nil(t, Intervals(Cell(in), in, nil))
}

// TestPercentilesOfRatesRunDown holds that p95 of a rate is what 95 % reach.
func TestPercentilesOfRatesRunDown(t *testing.T) {
	t.Parallel()
	in := cellOf(3, 40)
	p50, p95 := one(t, in, bench.MetricTokensPerSecond, bench.StatP50), one(t, in, bench.MetricTokensPerSecond, bench.StatP95)
	require.Less(t, *p95.Value, *p50.Value)
	require.Less(t, *one(t, in, bench.MetricLatency, bench.StatP50).Value, *one(t, in, bench.MetricLatency, bench.StatP95).Value)
	reached := 0
	for _, c := range in.Calls {
		if float64(*c.OutputTokens)/c.Latency.Seconds() >= *p95.Value {
			reached++
		}
	}
	require.Equal(t, 114, reached, "of 120 calls")
}

func TestOneRunHasOneRun(t *testing.T) {
	t.Parallel()
	f := one(t, cellOf(1, 40), bench.MetricLatency, bench.StatP50)
	require.Equal(t, 1, f.Runs)
	require.NotNil(t, f.Low)
	require.Equal(t, 1, one(t, cellOf(1, 40), bench.MetricLatency, bench.StatMean).Runs)
}

// TestRunsThatAgreeAreBoundedOverJournals: a model at temperature zero repeats
// itself; what is known then is how journals differ.
func TestRunsThatAgreeAreBoundedOverJournals(t *testing.T) {
	t.Parallel()
	in := cellOf(3, 40)
	f := one(t, in, bench.MetricMicroF1, bench.StatMean)
	require.Contains(t, f.Over, "40 journals and 3 runs crossed")
	require.Less(t, *f.Low, *f.Value)
	for i := range in.Calls {
		in.Calls[i].Latency = time.Second
	}
	same := one(t, in, bench.MetricLatency, bench.StatMean)
	require.Nil(t, same.Low)
	require.Contains(t, same.Missing, "equal")
	require.False(t, math.IsNaN(*same.Value))
}
