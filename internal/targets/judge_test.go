package targets

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wattsweep/wattsweep/internal/bench"
)

func ptr[T any](v T) *T { return &v }

func parsed(t require.TestingT, text string) Rule {
	r, err := Parse(text)
	require.NoError(t, err)
	return r
}

// cellWith is a cell that is done and has one figure.
func cellWith(f bench.FigureInterval) bench.CellResult {
	return bench.CellResult{
		Cell: "0123456789abcdef", State: bench.StateDone, Calls: 100, Runs: 10,
		Coordinates: bench.Coordinates{Host: "h1", Runtime: "ollama", Model: "m:1b", Task: "icd10", Dataset: "demo", Language: "sv"},
		Intervals:   []bench.FigureInterval{f},
	}
}

func latency(low, high *float64, runs int) bench.FigureInterval {
	return bench.FigureInterval{
		Metric: bench.MetricLatency, Stat: bench.StatP95, Unit: "s", Value: ptr(1.5), Low: low, High: high, Runs: runs,
		Open: "too few calls",
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule    string
		figure  bench.FigureInterval
		verdict bench.Verdict
		reason  string
	}{
		"wholly below":            {"latency_s p95 <= 2", latency(ptr(1.), ptr(1.9), 10), bench.VerdictPass, ""},
		"touches the limit":       {"latency_s p95 <= 2", latency(ptr(1.), ptr(2.), 10), bench.VerdictPass, ""},
		"must be below":           {"latency_s p95 < 2", latency(ptr(1.), ptr(2.), 10), bench.VerdictUndecided, "the interval, 1 to 2, holds the limit"},
		"across":                  {"latency_s p95 <= 2", latency(ptr(1.), ptr(2.1), 10), bench.VerdictUndecided, "1 to 2.1"},
		"wholly above":            {"latency_s p95 <= 1", latency(ptr(1.2), ptr(2.1), 10), bench.VerdictFail, ""},
		"from the limit on":       {"latency_s p95 <= 1", latency(ptr(1.), ptr(2.1), 10), bench.VerdictUndecided, "holds the limit"},
		"in another unit":         {"latency_s p95 <= 900 ms", latency(ptr(1.), ptr(2.1), 10), bench.VerdictFail, ""},
		"at least, pass":          {"latency_s p95 >= 1", latency(ptr(1.), ptr(2.1), 10), bench.VerdictPass, ""},
		"at least, fail":          {"latency_s p95 >= 3", latency(ptr(1.), ptr(2.1), 10), bench.VerdictFail, ""},
		"more than, at the end":   {"latency_s p95 > 2.1", latency(ptr(1.), ptr(2.1), 10), bench.VerdictFail, ""},
		"one run":                 {"latency_s p95 <= 9", latency(ptr(1.), ptr(2.1), 1), bench.VerdictUndecided, "one run"},
		"open above, maybe good":  {"latency_s p95 <= 9", latency(ptr(1.), nil, 10), bench.VerdictUndecided, "too few calls"},
		"open above, surely bad":  {"latency_s p95 <= 0.5", latency(ptr(1.), nil, 10), bench.VerdictFail, ""},
		"open above, surely good": {"latency_s p95 >= 0.5", latency(ptr(1.), nil, 10), bench.VerdictPass, ""},
		"no interval":             {"latency_s p95 <= 9", bench.FigureInterval{Metric: bench.MetricLatency, Stat: bench.StatP95, Value: ptr(1.), Missing: "why", Runs: 3}, bench.VerdictUndecided, "why"},
		"no figure":               {"latency_s p95 <= 9", bench.FigureInterval{Metric: bench.MetricLatency, Stat: bench.StatP95, Missing: "not told"}, bench.VerdictUndecided, "not told"},
		"another stat":            {"latency_s p99 <= 9", latency(ptr(1.), ptr(2.), 10), bench.VerdictUndecided, "build the results anew"},
		"not a number":            {"latency_s p95 <= 9", latency(ptr(math.NaN()), ptr(2.), 10), bench.VerdictUndecided, "not one"},
	} {
		list := Judge(parsed(t, c.rule), []bench.CellResult{cellWith(c.figure)})
		require.Len(t, list, 1, name)
		require.Equal(t, c.verdict, list[0].Verdict, name)
		require.Contains(t, list[0].Reason, c.reason, name)
		require.Equal(t, c.verdict == bench.VerdictUndecided, list[0].Reason != "", name)
		require.Equal(t, bench.CellID("0123456789abcdef"), list[0].Cell, name)
	}
}

func TestJudgeOnlyWhereItApplies(t *testing.T) {
	t.Parallel()
	cell := cellWith(latency(ptr(1.), ptr(1.9), 10))
	require.Len(t, Judge(parsed(t, "latency_s p95 <= 2 where language=sv, model=m*"), []bench.CellResult{cell, cell}), 2)
	require.Empty(t, Judge(parsed(t, "latency_s p95 <= 2 where language=en"), []bench.CellResult{cell}))
}

func TestJudgeACellThatIsNotDone(t *testing.T) {
	t.Parallel()
	for _, state := range []bench.State{
		bench.StateQueued, bench.StateRunning, bench.StateUnfit, bench.StateFailed, bench.StateSkipped, bench.StateCancelled,
	} {
		cell := cellWith(latency(ptr(1.), ptr(1.9), 10))
		cell.State, cell.Reason = state, "because"
		j := JudgeCell(parsed(t, "latency_s p95 <= 2"), cell)
		require.Equal(t, bench.VerdictUndecided, j.Verdict)
		require.Equal(t, "the cell is "+string(state)+": because", j.Reason)
	}
}

func TestJudgeSaysThatCallsFailed(t *testing.T) {
	t.Parallel()
	cell := cellWith(latency(ptr(1.), ptr(1.9), 10))
	cell.FailedCalls = 12
	require.Equal(t, "12 of 100 calls failed and are not in it", JudgeCell(parsed(t, "latency_s p95 <= 2"), cell).Note)
	require.Empty(t, JudgeCell(parsed(t, "weighted_score mean >= 0.5"), cell).Note)
}

func TestJudgeMoneyAndCarbon(t *testing.T) {
	t.Parallel()
	cell := cellWith(bench.FigureInterval{
		Metric: bench.MetricEnergy, Stat: bench.StatMean, Unit: "J", Value: ptr(100.), Low: ptr(90.), High: ptr(110.), Runs: 5,
		MeasurementU95: 4,
	})
	cell.Energy = &bench.EnergyFigure{Mean: 100}
	cell.Cost = &bench.CostFigure{Amount: 0.5, Currency: "SEK", Estimated: true}
	cell.CarbonG = ptr(20.)
	require.Equal(t, []bench.FigureKey{{Metric: bench.MetricEnergy, Stat: bench.StatMean}}, Needs([]Rule{
		parsed(t, "cost_per_call mean <= 1"), parsed(t, "co2e_g_per_call mean <= 1"), parsed(t, "energy_j_per_call mean < 4"),
	}))
	j := JudgeCell(parsed(t, "cost_per_call mean <= 0.006 SEK"), cell)
	require.Equal(t, bench.VerdictPass, j.Verdict)
	require.InDelta(t, 0.0055, *j.Figure.High, 1e-12)
	require.InDelta(t, 0.0002, j.Figure.MeasurementU95, 1e-12)
	require.Equal(t, "SEK", j.Figure.Unit)
	require.True(t, j.Figure.Estimated)
	j = JudgeCell(parsed(t, "cost_per_100_calls mean <= 1 EUR"), cell)
	require.Equal(t, bench.VerdictUndecided, j.Verdict)
	require.Equal(t, "the cell is priced in SEK, not in EUR", j.Reason)
	require.Equal(t, bench.VerdictFail, JudgeCell(parsed(t, "carbon_g_per_100_calls mean < 18"), cell).Verdict)
	require.Equal(t, bench.VerdictPass, JudgeCell(parsed(t, "carbon_g_per_call mean <= 0.22"), cell).Verdict)
	cell.Cost, cell.CostMissing = nil, "no price per kWh is stated"
	require.Equal(t, "no price per kWh is stated", JudgeCell(parsed(t, "cost_per_call mean <= 1"), cell).Reason)
}

func TestPanel(t *testing.T) {
	t.Parallel()
	good, bad, open := cellWith(latency(ptr(1.), ptr(1.9), 5)), cellWith(latency(ptr(3.), ptr(4.), 5)), cellWith(latency(ptr(1.), ptr(3.), 5))
	bad.Intervals[0].Value = ptr(3.5)
	for name, c := range map[string]struct {
		rules []string
		cells []bench.CellResult
		want  bench.Verdict
	}{
		"all good":         {[]string{"latency_s p95 <= 2"}, []bench.CellResult{good, good}, bench.VerdictPass},
		"one open":         {[]string{"latency_s p95 <= 2"}, []bench.CellResult{good, open}, bench.VerdictUndecided},
		"one bad":          {[]string{"latency_s p95 <= 2"}, []bench.CellResult{open, bad, good}, bench.VerdictFail},
		"about no cell":    {[]string{"latency_s p95 <= 2", "latency_s p95 <= 2 where host=x"}, []bench.CellResult{good}, bench.VerdictUndecided},
		"no cells":         {[]string{"latency_s p95 <= 2"}, nil, bench.VerdictUndecided},
		"one of two rules": {[]string{"latency_s p95 <= 2", "latency_s p95 >= 3"}, []bench.CellResult{good}, bench.VerdictFail},
	} {
		var rules []Rule
		for _, text := range c.rules {
			rules = append(rules, parsed(t, text))
		}
		p := NewPanel(rules)
		for _, cell := range c.cells {
			p.Add(cell)
		}
		require.Equal(t, c.want, p.Results().Verdict, name)
		require.Len(t, p.Results().Targets, len(rules), name)
	}
	require.Nil(t, NewPanel(nil).Results())
	require.Equal(t, bench.VerdictPass, Worst(nil))
}

// TestNeverBothWays holds that a rule and its opposite never both pass, and
// that the verdict of a rule never depends on the value inside the interval.
func TestNeverBothWays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Float64Range(0, 10).Draw(t, "low")
		high := low + rapid.Float64Range(0, 10).Draw(t, "width")
		f := latency(&low, &high, 5)
		cell := cellWith(f)
		at := JudgeCell(parsed(t, "latency_s p95 <= 5"), cell).Verdict
		above := JudgeCell(parsed(t, "latency_s p95 > 5"), cell).Verdict
		require.Equal(t, at == bench.VerdictPass, above == bench.VerdictFail)
		require.Equal(t, at == bench.VerdictFail, above == bench.VerdictPass)
		*cell.Intervals[0].Value = rapid.Float64().Draw(t, "value")
		require.Equal(t, at, JudgeCell(parsed(t, "latency_s p95 <= 5"), cell).Verdict)
	})
}
