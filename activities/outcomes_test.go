package activities

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/runtimes"
)

// onCall has the n-th call end as given, and all others well.
func (r *rig) onCall(n int, ans runtimes.Answer, err error) {
	r.rt.generate = func(_ context.Context, now int) (runtimes.Answer, error) {
		if now == n {
			return ans, err
		}
		return runtimes.Answer{}, nil
	}
}

// A call that failed is a result: it is stored with its time, and the loop
// goes on.
func TestFailedCallsAreResults(t *testing.T) {
	t.Parallel()
	cases := map[bench.Outcome]error{
		bench.OutcomePromptTruncated: fault.New(fault.Invalid, fault.CodePromptTruncated, "", "the prompt was shortened"),
		bench.OutcomeRefused:         fault.New(fault.Invalid, fault.CodeRefused, "", "status 400"),
		bench.OutcomeTimeout:         fault.New(fault.Unavailable, fault.CodeTimeout, "", "no answer within 1m"),
		bench.OutcomeServerError:     fault.New(fault.Unavailable, fault.CodeServerError, "", "status 500"),
		bench.OutcomeBadAnswer:       fault.New(fault.Corrupt, fault.CodeBadAnswer, "", "the stream ended"),
	}
	for outcome, err := range cases {
		t.Run(string(outcome), func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.onCall(2, runtimes.Answer{Outcome: outcome, Reason: "as scripted", Latency: 3 * time.Second}, err)
			out := must[contract.InferOut](r, contract.ActInfer, r.infer(1))
			require.Equal(t, []int{4, 1}, []int{out.Calls, out.Failed})
			r.oncePerItem(1)
			call := r.calls()[1]
			require.Equal(t, []any{outcome, "as scripted", 3 * time.Second}, []any{call.Outcome, call.Reason, call.Latency})
			require.Nil(t, call.TimeToFirstToken, "no token came: nothing, not zero")
			require.Nil(t, call.OutputTokens)
			begun, stored := r.begun()
			require.Equal(t, begun, stored)
		})
	}
}

// A runtime that no longer answers at all is told, not measured for days; what
// it cost so far is kept.
func TestStuckRuntimeEndsTheCell(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.rt.generate = func(context.Context, int) (runtimes.Answer, error) {
		return runtimes.Answer{Outcome: bench.OutcomeTimeout, Latency: time.Minute},
			fault.New(fault.Unavailable, fault.CodeTimeout, "", "no answer within 1m")
	}
	_, err := do[contract.InferOut](r, contract.ActInfer, r.infer(1))
	app := failed(t, err)
	require.Equal(t, "ServerStuck", app.Type())
	require.True(t, app.NonRetryable())
	require.Contains(t, app.Message(), "restart the runtime")
	require.Len(t, r.calls(), 3)
	for _, call := range r.calls() {
		require.Equal(t, []any{bench.OutcomeTimeout, time.Minute}, []any{call.Outcome, call.Latency}, "it took its time")
	}
	phases, err := r.store.PhaseReadings(t.Context(), r.cell.ID, 1)
	require.NoError(t, err)
	require.NotEmpty(t, phases, "and its energy")
}

// A model that answers, though not in time, is no fault of the host.
func TestSlowModelIsNoStuckRuntime(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.rt.generate = func(_ context.Context, n int) (runtimes.Answer, error) {
		ans := runtimes.Answer{Outcome: bench.OutcomeTimeout, Latency: time.Minute}
		if n == 2 {
			first := time.Second
			ans.FirstToken, ans.Text = &first, "I2"
		}
		return ans, fault.New(fault.Unavailable, fault.CodeTimeout, "", "no whole answer within 1m")
	}
	_, err := do[contract.InferOut](r, contract.ActInfer, r.infer(1))
	app := failed(t, err)
	require.Equal(t, []any{"TooSlow", true}, []any{app.Type(), app.NonRetryable()})
	require.Contains(t, app.Message(), "raise call_timeout")
	require.Len(t, r.calls(), 3)
}

// A runtime that accepts and never answers is the host's trouble, not the
// cell's.
func TestRuntimeThatNeverAnswersMakesTheHostUnfit(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.rt.trouble = fault.New(fault.Unavailable, fault.CodeTimeout, "", "GET /api/ps: no answer")
	for name, tries := range map[string]int{contract.ActInspect: 10, contract.ActUnload: 5} {
		for i := 1; i <= tries; i++ {
			_, err := do[contract.Note](r, name, r.ref())
			app := failed(t, err)
			require.Equal(t, i == tries, app.NonRetryable(), "%s, try %d", name, i)
			want := "Timeout"
			if i == tries {
				want = "HostUnfit"
			}
			require.Equal(t, want, app.Type())
		}
	}
}

// What a person must mend is said so in the stage's detail, and tried slowly.
func TestWaitForAPersonIsShown(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.rt.trouble = fault.New(fault.Invalid, fault.CodeUnauthorized, "give the runtime the right to the model", "pull: status 401")
	_, err := do[contract.Note](r, contract.ActPull, r.ref())
	app := failed(t, err)
	require.Equal(t, []any{"Unauthorized", false, 5 * time.Minute}, []any{app.Type(), app.NonRetryable(), app.NextRetryDelay()})
	_, state, detail := r.last()
	require.Equal(t, "failed", state)
	require.Equal(t, "waiting for a person: Unauthorized: pull: status 401 — give the runtime the right to the model", detail)
}

// An answer that hit the cap counts as an answer.
func TestCappedAnswerIsNoFailure(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.onCall(1, runtimes.Answer{Text: "I21", Outcome: bench.OutcomeOutputCapped, Done: "length"}, nil)
	out := must[contract.InferOut](r, contract.ActInfer, r.infer(1))
	require.Zero(t, out.Failed)
	require.Equal(t, bench.OutcomeOutputCapped, r.calls()[0].Outcome)
}

// Out of memory is stored as the call's outcome, and is for the workflow to
// decide: no retry, no alarm.
func TestOutOfMemoryIsStoredAndTold(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.onCall(2, runtimes.Answer{Outcome: bench.OutcomeOutOfMemory}, fault.New(fault.OutOfMemory, fault.CodeOutOfMemory, "", "cudaMalloc failed"))
	_, err := do[contract.InferOut](r, contract.ActInfer, r.infer(1))
	app := failed(t, err)
	require.Equal(t, "OutOfMemory", app.Type())
	require.True(t, app.NonRetryable())
	require.Equal(t, temporal.ApplicationErrorCategoryBenign, app.Category())
	require.Equal(t, []bench.Outcome{bench.OutcomeOK, bench.OutcomeOutOfMemory},
		[]bench.Outcome{r.calls()[0].Outcome, r.calls()[1].Outcome})
	require.Equal(t, []string{"run 1 segment 1: OutOfMemory, 2 calls"}, r.ends())
	begun, stored := r.begun()
	require.Equal(t, []int{2, 2}, []int{begun, stored}, "the next call was not begun")
}

// A failed call that took the model with it is stored; the rest waits for a
// reload.
func TestFailedCallThatTookTheModelAlong(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.rt.generate = func(_ context.Context, n int) (runtimes.Answer, error) {
		if n == 2 {
			r.rt.vanish()
			return runtimes.Answer{Outcome: bench.OutcomeServerError}, fault.New(fault.Unavailable, fault.CodeServerError, "", "status 500")
		}
		return runtimes.Answer{}, nil
	}
	in := r.infer(1)
	_, err := do[contract.InferOut](r, contract.ActInfer, in)
	require.Equal(t, "ModelNotResident", failed(t, err).Type())
	require.Len(t, r.calls(), 2)

	r.rt.token, in.Token = "load-9", "load-9"
	out := must[contract.InferOut](r, contract.ActInfer, in)
	require.Equal(t, []int{4, 2, 0}, []int{out.Calls, out.Segments, out.Remeasured})
	r.oncePerItem(1)
}

// A model that is not in memory as it was loaded is not asked at all.
func TestModelNotResident(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	in := r.infer(1)
	in.Token = "another load"
	for name, input := range map[string]any{contract.ActInfer: in, contract.ActWarmUp: in.ResidentIn} {
		_, err := do[contract.Note](r, name, input)
		app := failed(t, err)
		require.Equal(t, "ModelNotResident", app.Type(), name)
		require.True(t, app.NonRetryable(), name)
		require.Equal(t, temporal.ApplicationErrorCategoryBenign, app.Category(), name)
	}
	require.Empty(t, r.rt.prompts())
	require.Empty(t, r.ends(), "no segment was opened")
}

// A call that loaded the model anew is no measurement: it is not stored, and
// measured again after a proper load. A long load time alone proves nothing.
func TestHiddenReload(t *testing.T) {
	t.Parallel()
	for _, gone := range []bool{true, false} {
		r := newRig(t)
		r.rt.generate = func(_ context.Context, n int) (runtimes.Answer, error) {
			if n != 2 {
				return runtimes.Answer{}, nil
			}
			if gone {
				r.rt.vanish()
			}
			return runtimes.Answer{Text: "I21", Outcome: bench.OutcomeOK, Server: bench.ServerTimes{Load: time.Second}}, nil
		}
		in := r.infer(1)
		_, err := do[contract.InferOut](r, contract.ActInfer, in)
		if !gone {
			require.NoError(t, err)
			r.oncePerItem(1)
			continue
		}
		require.Equal(t, "ModelNotResident", failed(t, err).Type())
		require.Len(t, r.calls(), 1, "the call is not stored")
		r.rt.token, in.Token = "load-9", "load-9"
		out := must[contract.InferOut](r, contract.ActInfer, in)
		require.Equal(t, 1, out.Remeasured)
		r.oncePerItem(1, 1)
	}
}

// A dataset that shrank under a plan is told, and nothing is asked.
func TestInferOverTooFewJournals(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	in := r.infer(1)
	in.To = items + 1
	_, err := do[contract.InferOut](r, contract.ActInfer, in)
	app := failed(t, err)
	require.Equal(t, "DatasetChanged", app.Type())
	require.True(t, app.NonRetryable())
	require.Empty(t, r.rt.prompts())
}

// A runtime that does not answer at the start is waited for.
func TestInferWithNoRuntimeAtTheStart(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.rt.trouble = away()
	_, err := do[contract.InferOut](r, contract.ActInfer, r.infer(1))
	app := failed(t, err)
	require.Equal(t, "Unreachable", app.Type())
	require.False(t, app.NonRetryable())
	require.Contains(t, app.Message(), "start it", "the hint is told")
}

// A call that takes the model along each time that it is asked ends as a failed
// one: it would be asked for ever.
func TestCallThatKillsTheRuntime(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.rt.generate = func(_ context.Context, n int) (runtimes.Answer, error) {
		if n < 2 || n > 6 {
			return runtimes.Answer{}, nil
		}
		r.rt.vanish()
		return runtimes.Answer{Outcome: bench.OutcomeServerError}, fault.New(fault.Unavailable, fault.CodeModelNotResident, "", "its process ended")
	}
	in := r.infer(1)
	for range 5 {
		_, err := do[contract.InferOut](r, contract.ActInfer, in)
		require.Equal(t, "ModelNotResident", failed(t, err).Type())
		in.Token += "+"
		r.rt.token = in.Token
	}
	out := must[contract.InferOut](r, contract.ActInfer, in)
	require.Equal(t, 4, out.Calls)
	require.Len(t, r.rt.prompts(), 8)
	calls := r.calls()
	require.Len(t, calls, 4)
	require.Equal(t, bench.OutcomeServerError, calls[1].Outcome)
	require.Equal(t, "the model was gone from memory; the call was begun 5 times", calls[1].Reason)
	require.True(t, calls[1].Remeasured)
}

// A runtime that says late whether the model is still there costs its window
// nothing: that ends with the failed call, and the run goes on in another.
func TestRuntimeThatIsSlowToSayWhatItHolds(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *bench.CellConfig) { c.Meters.Interval = 5 * time.Millisecond })
	slow(r)
	inner := r.rt.generate
	sluggish := &slowToTell{fake: r.rt}
	r.host.Runtime = func(bench.RuntimeConfig) (runtimes.Runtime, error) { return sluggish, nil }
	r.rt.generate = func(ctx context.Context, n int) (runtimes.Answer, error) {
		ans, err := inner(ctx, n)
		if n == 2 {
			sluggish.next.Store(true)
			ans.Outcome = bench.OutcomeServerError
			return ans, fault.New(fault.Unavailable, fault.CodeServerError, "", "status 500")
		}
		return ans, err
	}
	out := must[contract.InferOut](r, contract.ActInfer, r.infer(1))
	require.Equal(t, []int{4, 2, 1, 0}, []int{out.Calls, out.Segments, out.Failed, out.Remeasured})
	require.Equal(t, []string{"run 1 segment 1: runtime away, 2 calls", "run 1 segment 2: complete, 2 calls"}, r.ends())
	r.windowsWithout(slowToTellFor)
}

const slowToTellFor = 5 * time.Second

// slowToTell says once, late, what is in memory.
type slowToTell struct {
	*fake
	next atomic.Bool
}

func (s *slowToTell) Resident(ctx context.Context, model, token string) (bool, error) {
	if s.next.Swap(false) {
		select {
		case <-ctx.Done():
		case <-time.After(slowToTellFor):
		}
	}
	return s.fake.Resident(ctx, model, token)
}
