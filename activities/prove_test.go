package activities

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/runtimes"
)

// A worker that was killed in the midst of a call may leave the runtime deaf. One
// discarded call finds that out: no measured one is spent on it, and the model
// is loaded anew.
func TestInferProvesTheRuntimeAfterACrash(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		token  string // of the load that the dead worker measured
		ended  bool   // its segment
		answer func() (runtimes.Answer, error)
		fails  string
		asked  int
	}{
		"sound":             {token: "load-0", asked: 1 + items},
		"ended in order":    {token: "load-0", ended: true, asked: items},
		"loaded anew since": {token: "earlier", asked: items},
		"deaf": {token: "load-0", asked: 1, fails: "ModelNotResident", answer: func() (runtimes.Answer, error) {
			return runtimes.Answer{Outcome: bench.OutcomeTimeout, Latency: time.Minute}, fault.New(fault.Unavailable, fault.CodeTimeout, "", "no answer within 1m")
		}},
		"slow": {token: "load-0", asked: 1 + items, answer: func() (runtimes.Answer, error) {
			first := time.Second
			return runtimes.Answer{Outcome: bench.OutcomeTimeout, FirstToken: &first, Latency: time.Minute}, fault.New(fault.Unavailable, fault.CodeTimeout, "", "no whole answer within 1m")
		}},
		"refused": {token: "load-0", asked: 1 + items, answer: func() (runtimes.Answer, error) {
			return runtimes.Answer{Outcome: bench.OutcomeRefused}, fault.New(fault.Invalid, fault.CodeRefused, "", "refused")
		}},
		"away": {token: "load-0", asked: 1, fails: "Unreachable", answer: func() (runtimes.Answer, error) { return runtimes.Answer{}, away() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			ctx := t.Context()
			dead := bench.Segment{Cell: r.cell.ID, Run: 1, LoadToken: c.token, Attempt: 1}
			no, _, err := r.store.OpenSegment(ctx, 1, dead)
			require.NoError(t, err)
			if c.ended {
				dead.No, dead.End = no, "drain"
				require.NoError(t, r.store.CloseSegment(ctx, 1, dead, false))
			}
			r.rt.generate = func(_ context.Context, n int) (runtimes.Answer, error) {
				if n == 1 && c.answer != nil {
					return c.answer()
				}
				return runtimes.Answer{}, nil
			}
			_, err = do[contract.InferOut](r, contract.ActInfer, r.infer(1))
			require.Len(t, r.rt.prompts(), c.asked)
			if c.fails != "" {
				app := failed(t, err)
				require.Equal(t, c.fails, app.Type())
				require.Empty(t, r.calls(), "nothing was measured")
				require.Len(t, r.ends(), 1, "no segment was begun for it")
				return
			}
			require.NoError(t, err)
			r.oncePerItem(1)
			require.Len(t, r.ends(), 2)
		})
	}
}
