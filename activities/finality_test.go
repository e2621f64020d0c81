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

func broken() error {
	return fault.New(fault.Unavailable, fault.CodeServerError, "", "the runner ended")
}

// A load is given up after three failures of its own; in between the runtime
// may be away as often as it likes. Another load begins to count anew.
func TestLoadIsGivenUpAfterThreeFailuresOfItsOwn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	script := []error{broken(), away(), broken(), away(), away(), broken()}
	r.rt.loadErr = func(n int) error { return script[(n-1)%len(script)] }
	for round := 1; round <= 2; round++ {
		in := contract.LoadIn{CellRef: r.ref(), Rung: 1}
		in.No = round
		for i := range script {
			_, err := do[contract.LoadOut](r, contract.ActLoad, in)
			require.Equal(t, i == len(script)-1, failed(t, err).NonRetryable(), "try %d", i+1)
		}
	}
}

// Memory that does not come back is given up after five looks, and a runtime
// that is there and fails after ten; a registry never.
func TestWhatElseIsGivenUp(t *testing.T) {
	t.Parallel()
	stuck := fault.New(fault.Unavailable, fault.CodeNotUnloaded, "", "it still shows 1 model")
	cases := map[string]struct {
		activity string
		trouble  error
		most     int
	}{
		"reclaim": {contract.ActReclaim, stuck, 5},
		"unload":  {contract.ActUnload, stuck, 5},
		"inspect": {contract.ActInspect, broken(), 10},
		"pull":    {contract.ActPull, broken(), 0},
		"away":    {contract.ActInspect, away(), 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.rt.trouble = c.trouble
			for i := 1; i <= 12; i++ {
				_, err := do[contract.Note](r, c.activity, r.ref())
				final := c.most > 0 && i >= c.most
				require.Equal(t, final, failed(t, err).NonRetryable(), "try %d", i)
				if final {
					return
				}
			}
		})
	}
}

// Work that is cut since the worker goes down is handed on, not cancelled.
func TestWorkCutByAWorkerThatStopsIsHandedOn(t *testing.T) {
	t.Parallel()
	for name, down := range map[string]bool{"drain": true, "cancel": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			ctx, cancel := context.WithCancel(context.Background())
			r.ctx = ctx
			r.rt.loadErr = func(int) error {
				if down {
					close(r.stop)
				}
				cancel()
				return context.Canceled
			}
			_, err := do[contract.LoadOut](r, contract.ActLoad, contract.LoadIn{CellRef: r.ref(), Rung: 1})
			if !down {
				require.ErrorContains(t, err, "canceled")
				return
			}
			require.Equal(t, "WorkerDrain", failed(t, err).Type())
		})
	}
}

// A database that is away when a window ends, or a load, costs neither.
func TestWhatWasDoneRidesOutTheDatabase(t *testing.T) {
	p := throughProxy(t)
	r := newRig(t)
	cut := func() {
		before := p.refused()
		p.cut()
		go func() {
			for p.refused() < before+2 {
				time.Sleep(10 * time.Millisecond)
			}
			p.mend()
		}()
	}
	r.rt.loadErr = func(int) error { cut(); return nil }
	must[contract.LoadOut](r, contract.ActLoad, contract.LoadIn{CellRef: r.ref(), Rung: 1})
	require.Equal(t, 1, r.rt.loads)
	attempts, err := r.store.LoadAttempts(t.Context(), r.cell.ID)
	require.NoError(t, err)
	require.Len(t, attempts, 1)
	stage, state, _ := r.last()
	require.Equal(t, []any{bench.StageLoad, "done"}, []any{stage, state})

	idle := contract.IdleIn{CellRef: r.ref(), Phase: bench.PhaseIdle, Length: 200 * time.Millisecond}
	time.AfterFunc(100*time.Millisecond, cut)
	must[contract.Note](r, contract.ActMeasureIdle, idle)
}

// A model that is another one now is no longer the one that was measured: told
// once there are calls, and taken as it is before.
func TestModelThatChanged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	pull := func(digest, source string) {
		r.rt.pulled = bench.Pulled{Facts: bench.ModelFacts{Name: "m", Digest: digest}, Source: source, Bytes: 7, Elapsed: time.Second}
	}
	digest := func() string {
		kept, err := r.store.GetPulled(t.Context(), r.cell.ID)
		require.NoError(t, err)
		return kept.Facts.Digest + " " + kept.Source
	}
	pull("aaaa", "registry")
	must[contract.Note](r, contract.ActPull, r.ref())
	pull("bbbb", "present")
	must[contract.Note](r, contract.ActPull, r.ref())
	require.Equal(t, "bbbb present", digest(), "nothing was measured yet")
	pull("bbbb", "registry")
	must[contract.Note](r, contract.ActPull, r.ref())
	require.Equal(t, "bbbb present", digest(), "the first pull of the same model is kept")

	must[contract.InferOut](r, contract.ActInfer, r.infer(1))
	must[contract.Note](r, contract.ActPull, r.ref())
	for _, source := range []string{"present", "registry"} {
		pull("cccc", source)
		_, err := do[contract.Note](r, contract.ActPull, r.ref())
		app := failed(t, err)
		require.Equal(t, []any{"ModelChanged", true}, []any{app.Type(), app.NonRetryable()})
		require.Contains(t, app.Message(), "has digest cccc now; the cell's calls were measured on bbbb")
		require.Contains(t, app.Message(), "measure the cell anew")
		require.Equal(t, "bbbb present", digest(), "no call is relabelled")
	}
	must[int](r, contract.ActRestartEpoch, r.ref())
	must[contract.Note](r, contract.ActPull, r.ref())
	require.Equal(t, "cccc registry", digest(), "the new epoch has no calls")
}

// The same for the prompt.
func TestPromptThatChanged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	require.NoError(t, r.store.SetPromptHash(t.Context(), r.cell.ID, "of an older build"))
	must[contract.Note](r, contract.ActPinDataset, r.ref())
	must[contract.InferOut](r, contract.ActInfer, r.infer(1))
	must[contract.Note](r, contract.ActPinDataset, r.ref())
	require.Equal(t, fault.Corrupt, fault.KindOf(r.store.SetPromptHash(t.Context(), r.cell.ID, "of a newer build")))
	must[int](r, contract.ActRestartEpoch, r.ref())
	require.NoError(t, r.store.SetPromptHash(t.Context(), r.cell.ID, "of an older build"))
	require.ErrorContains(t, r.store.SetPromptHash(t.Context(), "none", "x"), "not found")
}

// A later try is told on which rung the epoch's calls were measured, or how far
// down its ladder the epoch had come.
func TestClaimTellsTheRung(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	claims := 1
	claim := func() []int {
		claims++
		out := must[contract.ClaimOut](r, contract.ActClaimNext, contract.ClaimIn{V: 1, Host: "bench1", Lane: "lane", Claim: int64(claims)})
		return []int{out.Cell.Epoch, out.Cell.Rung, out.Cell.First}
	}
	load := func(rung, epoch int) contract.InferIn {
		in := contract.LoadIn{CellRef: r.ref(), Rung: rung}
		in.Epoch = epoch
		out := must[contract.LoadOut](r, contract.ActLoad, in)
		infer := r.infer(1)
		infer.Epoch, infer.Rung, infer.Token = epoch, rung, out.Token
		return infer
	}
	require.Equal(t, []int{1, 0, 1}, claim())
	in := load(2, 1)
	require.Equal(t, []int{1, 0, 2}, claim(), "loaded, not asked")
	r.onCall(3, runtimes.Answer{}, away())
	_, err := do[contract.InferOut](r, contract.ActInfer, in)
	require.Error(t, err)
	require.Len(t, r.calls(), 2)
	load(1, 1) // a try that never called
	require.Equal(t, []int{1, 2, 2}, claim())

	must[int](r, contract.ActRestartEpoch, r.ref())
	require.Equal(t, []int{2, 0, 1}, claim(), "another epoch knows nothing of it")
	r.onCall(0, runtimes.Answer{}, nil)
	must[contract.InferOut](r, contract.ActInfer, load(1, 2))
	require.Equal(t, []int{2, 1, 1}, claim())
}
