package activities

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/runtimes"
)

// Coherence is a matter of form: what it says is the task's business.
func TestIncoherent(t *testing.T) {
	t.Parallel()
	n := func(v int) *int { return &v }
	cases := map[string]struct {
		ans   runtimes.Answer
		bytes int
		doubt string // "" for a sound answer
	}{
		"codes":                {runtimes.Answer{Text: "I21.4, I10.9"}, 400, ""},
		"wrong but sound":      {runtimes.Answer{Text: "Jag vet inte."}, 400, ""},
		"another script":       {runtimes.Answer{Text: "診断は不明です。"}, 400, ""},
		"line breaks and tabs": {runtimes.Answer{Text: "I21.4\n\tI10.9\r\n"}, 400, ""},
		"only thought":         {runtimes.Answer{ThinkingBytes: 900}, 400, ""},
		"tokens unknown":       {runtimes.Answer{Text: "I21"}, 4000, ""},
		"byte tokens":          {runtimes.Answer{Text: "I21", PromptTokens: n(405)}, 400, ""},
		"word tokens":          {runtimes.Answer{Text: "I21", PromptTokens: n(60)}, 400, ""},
		"sixty-three dashes":   {runtimes.Answer{Text: strings.Repeat("-", 63)}, 400, ""},
		"empty":                {runtimes.Answer{}, 400, "the answer is empty"},
		"blank":                {runtimes.Answer{Text: " \n\t "}, 400, "the answer is empty"},
		"not UTF-8":            {runtimes.Answer{Text: "I21\xff\xfe"}, 400, "not valid UTF-8"},
		"replacement marks":    {runtimes.Answer{Text: "I21 " + strings.Repeat("\uFFFD", 30)}, 400, "30 of 34 characters are not printable"},
		"control characters":   {runtimes.Answer{Text: "ab\x01\x02\x03"}, 400, "3 of 5 characters are not printable"},
		"one character":        {runtimes.Answer{Text: strings.Repeat("å", 64)}, 400, "repeated 64 times"},
		"more tokens than can": {runtimes.Answer{Text: "I21", PromptTokens: n(500)}, 400, "500 prompt tokens for 400 bytes"},
		"prompt shortened":     {runtimes.Answer{Text: "I21", PromptTokens: n(19)}, 400, "19 prompt tokens for 400 bytes"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := incoherent(c.ans, c.bytes)
			if c.doubt == "" {
				require.Empty(t, got)
				return
			}
			require.Contains(t, got, c.doubt)
		})
	}
}

// A doubt marks the load as degraded; the cell is measured all the same.
func TestWarmUpMarksADegradedLoad(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	must[contract.LoadOut](r, contract.ActLoad, contract.LoadIn{CellRef: r.ref(), Rung: 1})
	r.onCall(2, runtimes.Answer{Text: "\xff\xfe", Outcome: bench.OutcomeOK}, nil)
	note := must[contract.Note](r, contract.ActWarmUp, r.infer(1).ResidentIn)
	require.Equal(t, "2 call(s); this load is degraded: call 2: the answer is not valid UTF-8: the tokenizer is wrong", note.Text)
	attempts, err := r.store.LoadAttempts(t.Context(), r.cell.ID)
	require.NoError(t, err)
	require.Equal(t, "call 2: the answer is not valid UTF-8: the tokenizer is wrong", attempts[0].Degraded)
	require.Empty(t, r.calls(), "warm-up calls are no results")

	r.onCall(0, runtimes.Answer{}, nil)
	require.Equal(t, "2 call(s), coherent", must[contract.Note](r, contract.ActWarmUp, r.infer(1).ResidentIn).Text)
	readings, err := r.store.PhaseReadings(t.Context(), r.cell.ID, 1)
	require.NoError(t, err)
	require.Len(t, readings, 4, "startup and warm-up, two channels each")
}

// More warm-up calls than journals go round.
func TestWarmUpGoesRound(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *bench.CellConfig) { c.Phases.WarmUpCalls = items + 2 })
	must[contract.Note](r, contract.ActWarmUp, r.infer(1).ResidentIn)
	require.Len(t, r.rt.prompts(), items+2)
	none := newRig(t, func(c *bench.CellConfig) { c.Phases.WarmUpCalls = 0 })
	require.Equal(t, "0 call(s), coherent", must[contract.Note](none, contract.ActWarmUp, none.infer(1).ResidentIn).Text)
}

// A capped answer warms up as well as any; a call that failed is told.
func TestWarmUpFailures(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.onCall(1, runtimes.Answer{Text: "I21", Outcome: bench.OutcomeOutputCapped}, nil)
	must[contract.Note](r, contract.ActWarmUp, r.infer(1).ResidentIn)

	cases := map[string]struct {
		err   error
		final bool
	}{
		"OutOfMemory": {fault.New(fault.OutOfMemory, fault.CodeOutOfMemory, "", "cudaMalloc failed"), true},
		"Timeout":     {fault.New(fault.Unavailable, fault.CodeTimeout, "", "no answer"), false},
	}
	for typ, c := range cases {
		r.rt.generate = func(context.Context, int) (runtimes.Answer, error) { return runtimes.Answer{}, c.err }
		_, err := do[contract.Note](r, contract.ActWarmUp, r.infer(1).ResidentIn)
		app := failed(t, err)
		require.Equal(t, []any{typ, c.final}, []any{app.Type(), app.NonRetryable()})
		require.Contains(t, app.Message(), "warm-up call 1 after")
	}
}

// A prompt that the server shortens is a result of each call it happens to,
// and no reason to give the cell up: the load is marked.
func TestWarmUpWithAPromptThatIsTooLong(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	must[contract.LoadOut](r, contract.ActLoad, contract.LoadIn{CellRef: r.ref(), Rung: 1})
	r.onCall(1, runtimes.Answer{Outcome: bench.OutcomePromptTruncated},
		fault.New(fault.Invalid, fault.CodePromptTruncated, "load with a larger context", "the prompt was shortened"))
	note := must[contract.Note](r, contract.ActWarmUp, r.infer(1).ResidentIn)
	require.Contains(t, note.Text, "call 1: the server shortened the prompt")
}
