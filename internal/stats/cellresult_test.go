package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wattsweep/wattsweep/internal/bench"
)

func ptr[T any](v T) *T { return &v }

// cellOf makes a cell of the given runs over journals j0, j1, …; call i of run
// r takes 100·(i+1) + 10·r ms. Every run is one segment of 10 s.
func cellOf(runs, journals int) CellInput {
	in := CellInput{
		State: bench.StateDone, CodeList: "test list", PromptHash: "p", DatasetHash: "d",
		Pull: &bench.Pulled{Facts: bench.ModelFacts{Name: "m"}}, Loaded: &bench.Loaded{Token: "t"},
	}
	in.Cell.ID = "cell"
	in.Cell.Config.Meters.Estimate = &bench.EstimateConfig{IdlePowerW: 20, PowerPerBusyCoreW: 8, Source: "a guess"}
	in.Phases = append(in.Phases, reading(bench.PhaseBaseline, 0, 1, estimated(), 5*time.Second, 100))
	for run := 1; run <= runs; run++ {
		in.Segments = append(in.Segments, bench.Segment{Run: run, No: 1})
		in.Phases = append(in.Phases,
			reading(bench.PhaseInference, run, 1, estimated(), 10*time.Second, 240+float64(run)),
			gauge(run, "host.cpu", 50+float64(run)), gauge(run, "host.memory_used", 1e9), gauge(run, "runtime.memory", 1e8))
		for i := range journals {
			in.Calls = append(in.Calls, callOf(run, i))
			in.Scores = append(in.Scores, scoreOf(run, i))
		}
	}
	return in
}

func callOf(run, i int) bench.Call {
	latency := time.Duration(100*(i+1)+10*run) * time.Millisecond
	return bench.Call{
		CallKey: bench.CallKey{Cell: "cell", Run: run, Item: i}, Segment: 1, JournalID: fmt.Sprint("j", i),
		Outcome: bench.OutcomeOK, Latency: latency, TimeToFirstToken: ptr(latency / 2),
		InterTokenTimes: []time.Duration{latency / 4, latency / 4},
		PromptTokens:    ptr(100), OutputTokens: ptr(12),
	}
}

// scoreOf is right in one of two calls; one of its two codes is in no list.
func scoreOf(run, i int) bench.CallScore {
	s := bench.CallScore{
		CallKey: bench.CallKey{Cell: "cell", Run: run, Item: i}, JournalID: fmt.Sprint("j", i),
		Gold: []string{"I10", "E11.9"}, Codes: []string{"I10", "X99"}, Unknown: 1,
		Weighted: 1, ExactAt1: true, ExactAt5: true,
		Full: bench.Hits{TP: 1, FP: 1, FN: 1}, Category: bench.Hits{TP: 1, FP: 1, FN: 1}, Chapter: bench.Hits{TP: 1, FP: 1, FN: 1},
	}
	if i%2 == 1 {
		s.Codes, s.NoCode, s.Unknown, s.Weighted, s.ExactAt1, s.ExactAt5 = nil, true, 0, 0, false, false
		s.Full, s.Category, s.Chapter = bench.Hits{FN: 2}, bench.Hits{FN: 2}, bench.Hits{FN: 2}
	}
	return s
}

func estimated() bench.Channel {
	return bench.Channel{Name: "estimate.energy", Unit: bench.UnitJoule, Scope: bench.ScopeHost, Counter: true, Estimated: true, Identity: "cpu"}
}

func reading(phase bench.Phase, run, no int, c bench.Channel, window time.Duration, energyJ float64) bench.PhaseReading {
	method := bench.EnergyTrapezoid
	switch {
	case c.Estimated:
		method = bench.EnergyEstimated
	case c.Counter:
		method = bench.EnergyCounter
	}
	return bench.PhaseReading{Phase: phase, Run: run, No: no, Channel: c, Window: window, Coverage: 0.9, EnergyJ: &energyJ, Method: method}
}

func gauge(run int, name string, mean float64) bench.PhaseReading {
	return bench.PhaseReading{
		Phase: bench.PhaseInference, Run: run, No: 1, Channel: bench.Channel{Name: name},
		Window: 10 * time.Second, Mean: &mean, Max: ptr(mean * 2),
	}
}

func TestCell(t *testing.T) {
	t.Parallel()
	r := Cell(cellOf(2, 10))
	requireReasons(t, r)
	require.Equal(t, 2, r.Runs)
	require.Equal(t, 20, r.Calls)
	require.Zero(t, r.FailedCalls)
	require.Equal(t, map[string]int{"ok": 20}, r.Outcomes)
	require.InDelta(t, 0.565, r.Latency.Mean, 1e-12) // 0.55 + 0.015
	require.InDelta(t, 0.2825, r.TTFT.Mean, 1e-12)
	require.InDelta(t, 0.14125, r.InterToken.Mean, 1e-12)
	require.Equal(t, 40, r.InterToken.N)
	require.Equal(t, bench.TokenCounts{Prompt: 100, Output: 12}, *r.Tokens)
	require.InDelta(t, 12/0.565, r.TokensPerSecond.Mean, 1e-9)
	require.InDelta(t, 0.5, r.WeightedScore.Mean, 1e-12)
	require.InDelta(t, 0.5, r.ExactMatch.Mean, 1e-12)
	require.Equal(t, "journals (Wilson; the 2 runs agree exactly)", r.ExactMatch.IntervalOver)
	require.InDelta(t, 0.5, r.FullCode.MicroPrecision, 1e-12)
	require.InDelta(t, 0.25, r.FullCode.MicroRecall, 1e-12)
	require.InDelta(t, 0.25, r.FullCode.MacroF1, 1e-12)
	require.InDelta(t, 0.5, *r.NoCodeShare, 1e-12)
	require.InDelta(t, 0.5, *r.UnknownShare, 1e-12)
	require.InDelta(t, 51.5, *r.HostCPU, 1e-12)
	require.InDelta(t, 1e9, *r.HostMemory, 1e-3)
	require.InDelta(t, 2e8, *r.ProcMemory, 1e-3)
	require.Equal(t, NotPriced, r.CostMissing)
}

func TestCellEnergy(t *testing.T) {
	t.Parallel()
	r := Cell(cellOf(2, 10))
	require.InDelta(t, 483.0/20, r.Energy.Mean, 1e-12)
	require.InDelta(t, (483.0-20*20)/20, *r.Energy.NetMean, 1e-12) // baseline 100 J in 5 s
	require.Equal(t, bench.EnergyEstimated, r.Energy.Method)
	require.True(t, r.Energy.Estimated)
	require.Equal(t, "estimate.energy", r.Energy.Channel)
	require.InDelta(t, 0.9, r.Energy.Coverage, 1e-12)
	require.InDelta(t, 24.15+12.7062*0.05, *r.Energy.CI95High, 1e-4) // run means 24.1 and 24.2
	require.InDelta(t, 240/483.0, *r.TokensPerJoule, 1e-12)
	require.InDelta(t, 483.0/10, *r.EnergyPerCorrect, 1e-12)
	require.Equal(t, "estimated: CPU time × stated watts (idle 20 W + 8 W per busy core; source: a guess); "+
		"energy of 2 inference windows over the 20 calls that ended in them, failed calls included; interval over runs (Student t, n = 2)", r.Energy.Basis)
}

func TestCellCountsFailedCalls(t *testing.T) {
	t.Parallel()
	in := cellOf(2, 10)
	in.Calls[0].Outcome = bench.OutcomeTimeout // run 1, a journal that run 2 answers rightly
	in.Calls[0].Remeasured = true
	in.Scores = in.Scores[1:]
	r := Cell(in)
	requireReasons(t, r)
	require.Equal(t, 1, r.FailedCalls)
	require.Equal(t, 1, r.Remeasured)
	require.Equal(t, 19, r.Latency.N)
	require.InDelta(t, 9.0/20, r.ExactMatch.Mean, 1e-12, "the failed call counts as wrong")
	require.InDelta(t, 9.0/40, r.FullCode.MicroRecall, 1e-12, "and its gold codes as missed")
	require.InDelta(t, 10.0/19, *r.NoCodeShare, 1e-12)
	require.InDelta(t, 483.0/20, r.Energy.Mean, 1e-12, "and costs energy")
	require.InDelta(t, 483.0/9, *r.EnergyPerCorrect, 1e-12)
	require.Contains(t, r.Energy.Basis, "1 of them measured again")
}

func TestCellWithoutScores(t *testing.T) {
	t.Parallel()
	in := cellOf(1, 6)
	in.Scores = in.Scores[:4]
	r := Cell(in)
	requireReasons(t, r)
	require.Equal(t, "2 answered calls are not scored yet", r.WeightedScoreMissing)
	require.Equal(t, r.WeightedScoreMissing, r.EnergyPerCorrectMissing)
	require.NotNil(t, r.Energy)
	require.Nil(t, r.Energy.CI95Low)
	require.Contains(t, r.Energy.Basis, "no interval: one run")

	in = cellOf(1, 6)
	for i := range in.Scores {
		in.Scores[i].Gold = nil
	}
	in.Calls[0].Outcome, in.Scores = bench.OutcomeRefused, in.Scores[1:]
	require.Equal(t, "none of 6 calls is on a journal with gold codes", Cell(in).WeightedScoreMissing)

	in = cellOf(1, 6)
	in.Scores[3].Weighted = math.NaN()
	require.Contains(t, Cell(in).WeightedScoreMissing, "not between 0 and 1")
}

func TestCellThatNeverAnswered(t *testing.T) {
	t.Parallel()
	in := cellOf(2, 6)
	in.Scores = nil
	for i := range in.Calls {
		in.Calls[i] = bench.Call{CallKey: in.Calls[i].CallKey, Segment: 1, JournalID: in.Calls[i].JournalID, Outcome: bench.OutcomeServerError}
	}
	r := Cell(in)
	requireReasons(t, r)
	require.Equal(t, "none of 12 calls was answered", r.LatencyMissing)
	require.Zero(t, r.WeightedScore.Mean)
	require.Equal(t, "the gold codes of 12 unanswered calls are not known", r.F1Missing)
	require.Equal(t, "no call was answered", r.SharesMissing)
	require.Equal(t, "no correct answer", r.EnergyPerCorrectMissing)
	require.NotNil(t, r.Energy)
}

func TestCellThatWasNotMeasured(t *testing.T) {
	t.Parallel()
	for _, state := range []bench.State{bench.StateQueued, bench.StateUnfit, bench.StateFailed, bench.StateCancelled} {
		r := Cell(CellInput{State: state, Reason: "why", PullMissing: "asked for no pull"})
		requireReasons(t, r)
		require.Equal(t, "no call was made: the cell is "+string(state)+": why", r.LatencyMissing)
		require.Equal(t, r.LatencyMissing, r.WeightedScoreMissing)
		require.Equal(t, r.LatencyMissing, r.EnergyMissing)
		require.Equal(t, "asked for no pull", r.ModelFactsMissing)
		require.Contains(t, r.LoadedMissing, string(state))
		require.NotNil(t, r.Outcomes)
		require.NotNil(t, r.Phases)
		require.NotNil(t, r.LoadAttempts)
	}
}

// requireReasons checks by reflection that a figure is there or has a reason,
// never both and never neither.
func requireReasons(t require.TestingT, r bench.CellResult) {
	v := reflect.ValueOf(r)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		reason := v.FieldByName(name + "Missing")
		if v.Field(i).Kind() != reflect.Pointer || !reason.IsValid() {
			continue
		}
		require.Equal(t, v.Field(i).IsNil(), reason.String() != "", name)
	}
	require.Equal(t, r.FullCode == nil, r.F1Missing != "")
	require.Equal(t, r.Category == nil, r.Chapter == nil)
	require.Equal(t, r.NoCodeShare == nil || r.UnknownShare == nil, r.SharesMissing != "")
	for _, e := range []*bench.Estimate{r.WeightedScore, r.ExactMatch, r.ExactAt5, r.TokensPerSecond} {
		if e != nil {
			requireInterval(t, e.Mean, e.CI95Low, e.CI95High, e.IntervalOver, e.CIMissing)
		}
	}
	if e := r.Energy; e != nil {
		require.Equal(t, e.CI95Low == nil, e.CIMissing != "")
		require.Equal(t, e.CI95High == nil, e.CIMissing != "")
		require.Equal(t, e.NetMean == nil, e.NetMeanMissing != "")
	}
	for _, s := range []*bench.Summary{r.Latency, r.TTFT, r.InterToken} {
		if s != nil {
			require.Equal(t, s.SD == nil, s.SDMissing != "")
			requireInterval(t, s.Mean, s.CI95Low, s.CI95High, s.IntervalOver, s.CIMissing)
		}
	}
}

// The rows of a database come in any order, and none may be refused by a panic.
func TestCellIsPure(t *testing.T) {
	t.Parallel()
	outcomes := []bench.Outcome{bench.OutcomeOK, bench.OutcomeOK, bench.OutcomeOutputCapped, bench.OutcomeTimeout}
	rapid.Check(t, func(t *rapid.T) {
		in := cellOf(rapid.IntRange(1, 3).Draw(t, "runs"), rapid.IntRange(1, 8).Draw(t, "journals"))
		for i := range in.Calls {
			in.Calls[i].Outcome = rapid.SampledFrom(outcomes).Draw(t, "outcome")
			in.Calls[i].Segment = rapid.IntRange(1, 2).Draw(t, "segment")
			if rapid.Bool().Draw(t, "quiet") {
				in.Calls[i].TimeToFirstToken, in.Calls[i].InterTokenTimes, in.Calls[i].OutputTokens = nil, nil, nil
			}
		}
		in.Phases = in.Phases[:rapid.IntRange(0, len(in.Phases)).Draw(t, "phases")]
		want := Cell(in)
		requireReasons(t, want)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		r.Shuffle(len(in.Calls), func(i, j int) { in.Calls[i], in.Calls[j] = in.Calls[j], in.Calls[i] })
		r.Shuffle(len(in.Scores), func(i, j int) { in.Scores[i], in.Scores[j] = in.Scores[j], in.Scores[i] })
		r.Shuffle(len(in.Phases), func(i, j int) { in.Phases[i], in.Phases[j] = in.Phases[j], in.Phases[i] })
		require.Empty(t, cmp.Diff(want, Cell(in)))
	})
}

func TestScoreDifference(t *testing.T) {
	t.Parallel()
	sv, en := cellOf(2, 10), cellOf(2, 12)
	for i := range en.Scores {
		if en.Scores[i].Item == 0 {
			en.Scores[i].Weighted, en.Scores[i].ExactAt1 = 0.75, false
		}
	}
	d, err := ScoreDifference(Answers{sv.Calls, sv.Scores}, Answers{en.Calls, en.Scores}, 1)
	require.NoError(t, err)
	require.Equal(t, 10, d.Journals)
	require.Equal(t, 0, d.OnlyFirst)
	require.Equal(t, 2, d.OnlySecond)
	require.InDelta(t, 0.025, d.Weighted.Mean, 1e-12)
	require.InDelta(t, 0.1, d.ExactAt1.Mean, 1e-12)
	require.InDelta(t, 0.5, d.WeightedFirst, 1e-12)
	require.InDelta(t, 0.475, d.WeightedSecond, 1e-12)
	require.NotNil(t, d.ExactAt1.CI95High)
	require.Equal(t, "all 10 values are equal, so an interval would have no width", d.ExactAt5.CIMissing)
	_, err = ScoreDifference(Answers{sv.Calls, nil}, Answers{en.Calls, en.Scores}, 1)
	require.ErrorContains(t, err, "not scored yet")
	_, err = ScoreDifference(Answers{}, Answers{}, 1)
	require.ErrorContains(t, err, "no call was made")
}
