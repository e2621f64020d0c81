package activities

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/runtimes"
	"github.com/wattsweep/wattsweep/internal/store"
)

// failed reads the type of an activity's error and whether it is final.
func failed(t *testing.T, err error) *temporal.ApplicationError {
	t.Helper()
	require.Error(t, err)
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	return app
}

// oncePerItem holds that each journal was measured exactly once in a run.
func (r *rig) oncePerItem(run int, remeasured ...int) {
	r.t.Helper()
	var got []string
	for _, c := range r.calls() {
		if c.Run == run {
			got = append(got, fmt.Sprintf("%d %v", c.Item, c.Remeasured))
		}
	}
	want := make([]string, items)
	for i := range want {
		want[i] = fmt.Sprintf("%d %v", i, false)
		for _, again := range remeasured {
			if again == i {
				want[i] = fmt.Sprintf("%d %v", i, true)
			}
		}
	}
	require.Equal(r.t, want, got)
}

// Each call is committed before the next begins, with all that was measured.
func TestInferCommitsBeforeTheNextCall(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.rt.generate = func(_ context.Context, n int) (runtimes.Answer, error) {
		begun, stored := r.begun()
		require.Equal(t, []int{n, n - 1}, []int{begun, stored}, "at the start of call %d", n)
		return runtimes.Answer{}, nil
	}
	out := must[contract.InferOut](r, contract.ActInfer, r.infer(1))
	require.Equal(t, contract.InferOut{V: 1, Calls: 4, Segments: 1, Text: "4 calls, 4 in this segment, 0 failed, segment 1"}, out)
	r.oncePerItem(1)
	require.Equal(t, []string{"run 1 segment 1: complete, 4 calls"}, r.ends())

	call := r.calls()[2]
	prompt, hash, err := r.host.Ask("icd10", "sv", fmt.Sprintf("Journal 2: %s, bröstsmärta sedan i natt.", canary))
	require.NoError(t, err)
	require.Equal(t, r.rt.prompts()[2], "["+call.Nonce+"]\n"+prompt)
	require.Equal(t, []any{"j2", hash, bench.OutcomeOK, "stop", len(r.rt.prompts()[2])},
		[]any{call.JournalID, call.PromptHash, call.Outcome, call.Done, call.PromptBytes})
	require.Equal(t, "I21.4 och I10.9, "+canary, call.Output)
	require.Equal(t, []any{bench.Hash(call.Output), 4, len(call.Output)}, []any{call.OutputHash, call.OutputWords, call.OutputBytes})
	require.Equal(t, "2ms", call.TimeToFirstToken.String())
	require.Equal(t, 6, *call.OutputTokens)

	segments, err := r.store.Segments(t.Context(), r.cell.ID, 1)
	require.NoError(t, err)
	require.Equal(t, []string{"load-0", "test", "boot-1"}, []string{segments[0].LoadToken, segments[0].WorkerBuild, segments[0].BootID})
	readings, err := r.store.PhaseReadings(t.Context(), r.cell.ID, 1)
	require.NoError(t, err)
	require.Len(t, readings, 2)
	require.Equal(t, []any{bench.PhaseInference, 1, 1}, []any{readings[0].Phase, readings[0].Run, readings[0].No})
}

// An activity that ran already measures nothing again, and a chunk asks only
// for its own journals.
func TestInferIsIdempotent(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	part := r.infer(1)
	part.From, part.To = 1, 3
	must[contract.InferOut](r, contract.ActInfer, part)
	require.Len(t, r.rt.prompts(), 2)
	out := must[contract.InferOut](r, contract.ActInfer, r.infer(1))
	require.Equal(t, []int{4, 2, 0}, []int{out.Calls, out.Segments, out.Remeasured})
	require.Len(t, r.rt.prompts(), 4)
	again := must[contract.InferOut](r, contract.ActInfer, r.infer(1))
	require.Equal(t, []int{4, 2, 0}, []int{again.Calls, again.Segments, again.Remeasured})
	require.Len(t, r.rt.prompts(), 4)
	r.oncePerItem(1)
	require.Len(t, r.ends(), 2, "a segment without calls would say nothing")
}

// kill -9 leaves a call that was begun and a segment without an end: the call
// is measured again, once, and says so.
func TestInferAfterACrash(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctx := t.Context()
	dead := bench.Segment{Cell: r.cell.ID, Run: 1, LoadToken: "load-0", Attempt: 1}
	_, _, err := r.store.OpenSegment(ctx, 1, dead)
	require.NoError(t, err)
	require.NoError(t, r.store.BeginCall(ctx, 1, store.Begun{Key: bench.CallKey{Cell: r.cell.ID, Run: 1, Item: 0}, Attempt: 1, Segment: 1}))
	out := must[contract.InferOut](r, contract.ActInfer, r.infer(1))
	require.Equal(t, []int{4, 2, 1}, []int{out.Calls, out.Segments, out.Remeasured})
	require.Contains(t, out.Text, "1 measured again after an interruption")
	r.oncePerItem(1, 0)
	require.Equal(t, []string{"run 1 segment 1: crash, 0 calls", "run 1 segment 2: complete, 4 calls"}, r.ends())
}

// A runtime that goes away costs the call that it cut and no other; the
// activity is tried again for as long as it takes.
func TestInferWhileTheRuntimeIsAway(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.rt.generate = func(_ context.Context, n int) (runtimes.Answer, error) {
		if n == 2 || n == 4 {
			return runtimes.Answer{}, away()
		}
		return runtimes.Answer{}, nil
	}
	for range 2 {
		_, err := do[contract.InferOut](r, contract.ActInfer, r.infer(1))
		app := failed(t, err)
		require.Equal(t, "Unreachable", app.Type())
		require.False(t, app.NonRetryable())
	}
	out := must[contract.InferOut](r, contract.ActInfer, r.infer(1))
	require.Equal(t, []int{4, 3, 2}, []int{out.Calls, out.Segments, out.Remeasured}, "over all segments of the run")
	r.oncePerItem(1, 1, 2)
	require.Equal(t, []string{
		"run 1 segment 1: Unreachable, 1 calls", "run 1 segment 2: Unreachable, 1 calls", "run 1 segment 3: complete, 2 calls",
	}, r.ends())
	begun, stored := r.begun()
	require.Equal(t, []int{6, 4}, []int{begun, stored})
}

// A worker that shuts down finishes the call it makes and hands the rest on;
// nothing is measured again.
func TestInferDrains(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	stop := r.stop
	r.rt.generate = func(_ context.Context, n int) (runtimes.Answer, error) {
		if n == 2 {
			close(stop)
		}
		return runtimes.Answer{}, nil
	}
	_, err := do[contract.InferOut](r, contract.ActInfer, r.infer(1))
	app := failed(t, err)
	require.Equal(t, "WorkerDrain", app.Type())
	require.False(t, app.NonRetryable())
	require.Equal(t, temporal.ApplicationErrorCategoryBenign, app.Category())
	require.Positive(t, app.NextRetryDelay())
	require.Len(t, r.calls(), 2)

	r.stop = make(chan struct{})
	out := must[contract.InferOut](r, contract.ActInfer, r.infer(1))
	require.Equal(t, []int{4, 2, 0}, []int{out.Calls, out.Segments, out.Remeasured})
	r.oncePerItem(1)
	require.Equal(t, []string{"run 1 segment 1: drain, 2 calls", "run 1 segment 2: complete, 2 calls"}, r.ends())
	begun, stored := r.begun()
	require.Equal(t, begun, stored, "no call was begun that was not made")
}

// A cancelled activity finishes and stores the call it makes.
func TestInferCancelled(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	r.ctx = ctx
	r.rt.generate = func(ctx context.Context, n int) (runtimes.Answer, error) {
		if n == 2 {
			cancel(temporal.NewCanceledError())
			require.NoError(t, ctx.Err(), "a measured call is never cut")
		}
		return runtimes.Answer{}, nil
	}
	_, err := do[contract.InferOut](r, contract.ActInfer, r.infer(1))
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Len(t, r.calls(), 2)
	require.Equal(t, []string{"run 1 segment 1: cancelled, 2 calls"}, r.ends())
	stages, err := r.store.Stages(t.Context(), r.cell.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"failed", "cancelled"}, []string{stages[0].State, stages[0].Detail}, "the end is recorded all the same")
}

// The heartbeat carries the cursor and no text.
func TestInferBeats(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.rt.generate = func(context.Context, int) (runtimes.Answer, error) {
		r.untilHeard()
		return runtimes.Answer{}, nil
	}
	must[contract.InferOut](r, contract.ActInfer, r.infer(2))
	require.NotEmpty(t, r.beats)
	require.True(t, strings.HasPrefix(r.beats[0], "map[next:"), r.beats[0])
	require.Contains(t, r.beats[0], "run:2")
}

// Every prompt begins with a line of its own, so that a cache has nothing to
// answer from; also when a call is measured again.
func TestNoncesAreUnique(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.rt.generate = func(_ context.Context, n int) (runtimes.Answer, error) {
		if n == 3 {
			return runtimes.Answer{}, away()
		}
		return runtimes.Answer{}, nil
	}
	_, err := do[contract.InferOut](r, contract.ActInfer, r.infer(1))
	require.Error(t, err)
	must[contract.InferOut](r, contract.ActInfer, r.infer(1))
	must[contract.InferOut](r, contract.ActInfer, r.infer(2))
	must[contract.Note](r, contract.ActWarmUp, r.infer(1).ResidentIn)
	seen := map[string]bool{}
	for _, prompt := range r.rt.prompts() {
		nonce, _, _ := strings.Cut(prompt, "\n")
		require.Regexp(t, `^\[[0-9a-f]{16}\]$`, nonce)
		require.False(t, seen[nonce], "%s stands before two prompts", nonce)
		seen[nonce] = true
	}
	require.Len(t, seen, 11)
}

// With the prompt cache allowed, prompts are sent as they are.
func TestPromptCacheMeansNoNonce(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *bench.CellConfig) { c.Runtime.PromptCache = true })
	must[contract.InferOut](r, contract.ActInfer, r.infer(1))
	prompt, _, err := r.host.Ask("icd10", "sv", fmt.Sprintf("Journal 0: %s, bröstsmärta sedan i natt.", canary))
	require.NoError(t, err)
	require.Equal(t, prompt, r.rt.prompts()[0])
	require.Empty(t, r.calls()[0].Nonce)
}
