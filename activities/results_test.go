package activities

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/runtimes"
)

// measured is a rig whose cell has both runs: the second call of each failed,
// the third found the category alone, the fourth said nothing.
func measured(t *testing.T, tweaks ...func(*bench.CellConfig)) *rig {
	t.Helper()
	r := newRig(t, tweaks...)
	r.rt.generate = func(_ context.Context, n int) (runtimes.Answer, error) {
		first, tokens := 5*time.Millisecond, 10
		ans := runtimes.Answer{Outcome: bench.OutcomeOK, Latency: time.Second, FirstToken: &first, PromptTokens: &tokens, OutputTokens: &tokens}
		switch (n - 1) % items {
		case 0:
			ans.Text = "I21.4"
		case 1:
			return runtimes.Answer{Text: "I21.4", Outcome: bench.OutcomeServerError, Latency: time.Second},
				fault.New(fault.Unavailable, fault.CodeServerError, "", "status 500")
		case 2:
			ans.Text = "I21.9"
		case 3:
			ans.Text = "Jag vet inte."
		}
		return ans, nil
	}
	for run := 1; run <= 2; run++ {
		must[contract.InferOut](r, contract.ActInfer, r.infer(run))
	}
	return r
}

// scores reads what is stored under the rules of the cell's task.
func (r *rig) scores(rules string) []bench.CallScore {
	r.t.Helper()
	scores, err := r.store.Scores(context.Background(), r.cell.ID, 1, rules)
	require.NoError(r.t, err)
	return scores
}

// Scores are a function of what is stored: the same twice, with failed calls
// in the denominator.
func TestScore(t *testing.T) {
	t.Parallel()
	r := measured(t)
	in := contract.PublishIn{CellRef: r.ref(), State: bench.StateDone}
	note := must[contract.Note](r, contract.ActScore, in)
	require.Equal(t, "8 answers scored by icd10/1 max=5; 8 readings of channels during calls", note.Text)
	scores := r.scores("icd10/1 max=5")
	require.Len(t, scores, 8)
	for run := range 2 {
		for item, want := range []float64{1, 0, 0.75, 0} {
			s := scores[run*items+item]
			require.Equal(t, []int{run + 1, item}, []int{s.Run, s.Item})
			require.InDelta(t, want, s.Weighted, 0, "item %d", item)
			require.Equal(t, []string{"I21.4"}, s.Gold)
		}
	}
	require.True(t, scores[1].NoCode, "what a failed call said is no answer")
	require.Equal(t, 1, scores[1].Full.FN, "its gold codes are missed")
	require.Equal(t, "j2", scores[2].JournalID)

	must[contract.Note](r, contract.ActScore, in)
	require.Empty(t, cmp.Diff(scores, r.scores("icd10/1 max=5")))
}

// Another set of rules is another set of scores; the old ones stay.
func TestScoreAgainstACodeList(t *testing.T) {
	t.Parallel()
	r := measured(t, func(c *bench.CellConfig) { c.Task.CodeList = "icd-10-se" })
	in := contract.PublishIn{CellRef: r.ref(), State: bench.StateDone}
	_, err := do[contract.Note](r, contract.ActScore, in)
	app := failed(t, err)
	require.True(t, app.NonRetryable(), "a list that was never stored does not come")
	require.Contains(t, app.Message(), "score against code list icd-10-se")

	require.NoError(t, r.store.PutCodeList(t.Context(), "icd-10-se", "ICD-10-SE", "0123456789abcdef", []string{"I21.4"}))
	note := must[contract.Note](r, contract.ActScore, in)
	require.Equal(t, "8 answers scored by icd10/1 max=5 list=icd-10-se@0123456789ab; 8 readings of channels during calls", note.Text)
	scores := r.scores("icd10/1 max=5 list=icd-10-se@0123456789ab")
	require.Equal(t, []int{0, 0, 1, 0}, []int{scores[0].Unknown, scores[1].Unknown, scores[2].Unknown, scores[3].Unknown})
}

// energy stores what a counter showed over both runs, and makes all windows as
// long as the played calls say they took.
func (r *rig) energy(joules float64) {
	r.t.Helper()
	readings, err := r.store.PhaseReadings(context.Background(), r.cell.ID, 1)
	require.NoError(r.t, err)
	readings = slices.DeleteFunc(readings, func(p bench.PhaseReading) bool { return p.Phase != bench.PhaseInference })
	first := map[int]time.Time{}
	for _, c := range r.calls() {
		if at, ok := first[c.Run]; !ok || c.StartedAt.Before(at) {
			first[c.Run] = c.StartedAt
		}
	}
	for run := 1; run <= 2; run++ {
		readings = append(readings, bench.PhaseReading{
			Cell: r.cell.ID, Run: run, Phase: bench.PhaseInference, No: 1,
			Channel: bench.Channel{Name: "scripted.energy", Unit: bench.UnitJoule, Scope: bench.ScopeBoard, Sensor: bench.SensorCounter, Counter: true},
			Samples: 80, Coverage: 1, EnergyJ: &joules, Method: bench.EnergyCounter,
		})
	}
	for i := range readings {
		readings[i].Started, readings[i].Window = first[readings[i].Run], 4*time.Second
	}
	require.NoError(r.t, r.store.PutPhaseReadings(context.Background(), 1, readings))
}

// Cost is the price of the energy under the stated assumptions, or says why
// there is none.
func TestCost(t *testing.T) {
	t.Parallel()
	r := measured(t)
	in := contract.PublishIn{CellRef: r.ref(), State: bench.StateDone}
	r.energy(1440) // 360 J a call: 0.1 Wh, 0.01 kWh for a hundred, at 2 SEK
	for range 2 {
		note := must[contract.Note](r, contract.ActCost, in)
		require.Contains(t, note.Text, "SEK per 100 calls")
	}
	rules := pricesOf(r.cell.Config.Prices)
	require.Equal(t, "2 SEK/kWh PUE 1 0 g/kWh", rules)
	c, err := r.store.GetCost(t.Context(), r.cell.ID, 1, rules)
	require.NoError(t, err)
	require.InDelta(t, 0.02, c.Per100.Amount, 1e-9)
	require.Equal(t, "SEK", c.Per100.Currency)
	require.Nil(t, c.CarbonG)
	require.NotEmpty(t, c.CarbonMissing, "no grid intensity was stated")

	empty := newRig(t)
	note := must[contract.Note](empty, contract.ActCost, contract.PublishIn{CellRef: empty.ref(), State: bench.StateFailed})
	require.Contains(t, note.Text, "no call was made")
	c, err = empty.store.GetCost(t.Context(), empty.cell.ID, 1, rules)
	require.NoError(t, err)
	require.Nil(t, c.Per100)
	require.NotEmpty(t, c.Missing)
}

// The published row is a function of what is stored: computed twice it is the
// same, and a later report computes the same again.
func TestPublish(t *testing.T) {
	t.Parallel()
	r := measured(t)
	r.energy(1440)
	res := &Results{Store: r.store}
	in := contract.PublishIn{CellRef: r.ref(), State: bench.StateDone}
	require.Equal(t, "8 calls, 2 failed, done", must[contract.Note](r, contract.ActPublish, in).Text)
	first, _, err := res.Row(t.Context(), r.cell.ID, bench.StateDone, "")
	require.NoError(t, err)
	require.Equal(t, []int{8, 2, 2}, []int{first.Calls, first.FailedCalls, first.Segments})
	require.InDelta(t, 1.75/4, first.WeightedScore.Mean, 1e-9)
	require.NotNil(t, first.Cost)
	require.Equal(t, map[string]int{"ok": 6, "server_error": 2}, first.Outcomes)

	must[contract.Note](r, contract.ActScore, in)
	must[contract.Note](r, contract.ActCost, in)
	must[contract.Note](r, contract.ActPublish, in)
	second, _, err := res.Row(t.Context(), r.cell.ID, bench.StateDone, "")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(first, second))

	answers, err := res.Answers(t.Context(), r.cell.ID)
	require.NoError(t, err)
	require.Equal(t, []int{8, 8}, []int{len(answers.Calls), len(answers.Scores)})
}

// A cell without a call is published with its reason and no figure.
func TestPublishWithoutACall(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	in := contract.PublishIn{CellRef: r.ref(), State: bench.StateUnfit, Reason: "no rung fitted"}
	for _, name := range []string{contract.ActScore, contract.ActCost, contract.ActPublish} {
		must[contract.Note](r, name, in)
	}
	row, _, err := (&Results{Store: r.store}).Row(t.Context(), r.cell.ID, in.State, in.Reason)
	require.NoError(t, err)
	require.Equal(t, []any{bench.StateUnfit, "no rung fitted", 0}, []any{row.State, row.Reason, row.Calls})
	require.Nil(t, row.Latency)
	require.NotEmpty(t, row.LatencyMissing)
	require.Nil(t, row.WeightedScore)
	require.Nil(t, row.Energy)
	require.Nil(t, row.Cost)
}

// Only the calls of the present epoch count.
func TestResultsAreOfThePresentEpoch(t *testing.T) {
	t.Parallel()
	r := measured(t)
	must[int](r, contract.ActRestartEpoch, r.ref())
	row, _, err := (&Results{Store: r.store}).Row(t.Context(), r.cell.ID, bench.StateRunning, "")
	require.NoError(t, err)
	require.Zero(t, row.Calls)
	calls, err := r.store.Calls(t.Context(), r.cell.ID, 1)
	require.NoError(t, err)
	require.Len(t, calls, 8, "earlier calls stay")
}

// The load that the figures come from is the last that succeeded.
func TestRowTellsTheLastLoad(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for i, a := range []bench.LoadAttempt{
		{Rung: 1, Outcome: "out_of_memory", Reason: "too large"},
		{Rung: 2, Outcome: "loaded", Loaded: &bench.Loaded{Token: "one"}},
		{Rung: 2, Outcome: "loaded", Loaded: &bench.Loaded{Token: "two"}},
	} {
		a.Cell, a.StartedAt = r.cell.ID, time.Unix(int64(i), 0)
		_, err := r.store.PutLoadAttempt(t.Context(), 1, a)
		require.NoError(t, err)
	}
	row, _, err := (&Results{Store: r.store}).Row(t.Context(), r.cell.ID, bench.StateDone, "")
	require.NoError(t, err)
	require.Equal(t, "two", row.Loaded.Token)
	require.Len(t, row.LoadAttempts, 3)
}
