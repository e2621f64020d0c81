package app

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/stats"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/targets"
)

// answered is a cell of three runs with every kind of figure.
func answered() stats.CellInput {
	began := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	in := stats.CellInput{State: bench.StateDone, CodeList: "list"}
	for run := 1; run <= 3; run++ {
		at := began.Add(time.Duration(run) * time.Minute)
		for _, c := range []struct {
			name  string
			unit  bench.Unit
			scope bench.Scope
			mean  float64
		}{
			{"gpu0.power", bench.UnitWatt, bench.ScopeGPU, 100},
			{"host.cpu", bench.UnitPercent, bench.ScopeHost, 50},
			{"host.memory_used", bench.UnitByte, bench.ScopeHost, 1e9},
			{"runtime.memory", bench.UnitByte, bench.ScopeProcess, 1e8},
		} {
			mean := c.mean + float64(run)
			p := bench.PhaseReading{
				Phase: bench.PhaseInference, Run: run, No: 1, Started: at, Window: 30 * time.Second, Mean: &mean, Max: &mean, Coverage: 1,
				Channel: bench.Channel{Name: c.name, Unit: c.unit, Scope: c.scope},
			}
			if c.unit == bench.UnitWatt {
				joules := mean * 30
				p.EnergyJ, p.Method = &joules, bench.EnergyTrapezoid
				p.Uncertainty = &bench.Uncertainty{Standard: joules / 100, Parts: []bench.UncertaintyPart{{Name: "sensor accuracy", Standard: joules / 100, Type: "B", Common: true}}}
			}
			in.Phases = append(in.Phases, p)
		}
		for item := range 10 {
			key := bench.CallKey{Cell: "c", Run: run, Item: item}
			first, tokens := 100*time.Millisecond, 20+item
			in.Calls = append(in.Calls, bench.Call{
				CallKey: key, Segment: 1, JournalID: strconv.Itoa(item), Outcome: bench.OutcomeOK, StartedAt: at.Add(time.Duration(item) * 2 * time.Second),
				Latency: time.Duration(900+20*item+run) * time.Millisecond, TimeToFirstToken: &first, InterTokenTimes: []time.Duration{first, 2 * first},
				PromptTokens: &tokens, OutputTokens: &tokens, OutputWords: 9,
			})
			in.Scores = append(in.Scores, bench.CallScore{
				CallKey: key, JournalID: strconv.Itoa(item), Gold: []string{"I10"}, Codes: []string{"I10"}, Weighted: 0.5, ExactAt1: item%2 == 0,
				ExactAt5: true, Full: bench.Hits{TP: 1, FP: item % 2}, Category: bench.Hits{TP: 1}, Chapter: bench.Hits{TP: 1},
			})
		}
	}
	return in
}

// TestEveryTargetHasAFigure holds that whatever a rule may name is made: the
// two packages do not know each other.
func TestEveryTargetHasAFigure(t *testing.T) {
	t.Parallel()
	in := answered()
	row := stats.Cell(in)
	row.Cost, row.CarbonG = &bench.CostFigure{Amount: 1, Currency: "SEK"}, &row.Energy.Mean
	for _, m := range targets.Metrics() {
		for _, stat := range m.Stats {
			rule, err := targets.Parse(fmt.Sprintf("%s %s >= 0", m.Name, stat))
			require.NoError(t, err)
			row.Intervals = stats.Intervals(row, in, targets.Needs([]targets.Rule{rule}))
			j := targets.JudgeCell(rule, row)
			if m.Name == bench.MetricNetEnergy {
				require.Contains(t, j.Reason, "no baseline", "there is none here")
				continue
			}
			require.NotNil(t, j.Figure.Value, "%s: %s", rule, j.Reason)
			if m.Unit != "currency" {
				require.Equal(t, m.Unit, j.Figure.Unit, m.Name)
			}
			if j.Figure.Low != nil && j.Figure.Open == "" {
				require.Equal(t, bench.VerdictPass, j.Verdict, "%s: %s", rule, j.Reason)
			}
		}
	}
}

func TestRulesOfASweep(t *testing.T) {
	t.Parallel()
	more, err := targets.ParseAll([]string{"latency_s p95 <= 2", "power_w mean <= 90"})
	require.NoError(t, err)
	rules, err := rulesOf(store.Sweep{ID: "s", Targets: []string{"latency_s  p95 <= 2"}}, more)
	require.NoError(t, err)
	require.Len(t, rules, 2, "the same rule counts once")
	_, err = rulesOf(store.Sweep{ID: "s", Targets: []string{"gone_metric mean <= 2"}}, nil)
	require.ErrorContains(t, err, "stored targets of sweep s")
}

func TestLanguagePairs(t *testing.T) {
	t.Parallel()
	cell := func(model, lang string, calls int) store.Cell {
		c := store.Cell{CallsDone: calls}
		c.At.Model, c.At.Language = model, lang
		return c
	}
	cells := []store.Cell{
		cell("a", "sv", 5), cell("b", "sv", 5), cell("a", "en", 5), cell("b", "en", 0), cell("a", "sv", 5), cell("c", "sv", 1), cell("a", "de", 1),
	}
	var got []string
	for _, p := range languagePairs(cells) {
		require.Equal(t, p[0].At.Model, p[1].At.Model)
		got = append(got, p[0].At.Model+" "+p[0].At.Language+" "+p[1].At.Language)
	}
	require.Equal(t, []string{"a sv en", "a sv de", "a en sv", "a en de", "a sv de"}, got)
}
