package activities

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/runtimes"
)

// A database that goes away while a call is measured costs nothing: the call
// is held until the database is back. What the outage takes is no call's: the
// window ends with the call, and the run goes on in another segment.
func TestInferRidesOutTheDatabase(t *testing.T) {
	p := throughProxy(t)
	r := newRig(t, func(c *bench.CellConfig) { c.Meters.Interval = 5 * time.Millisecond })
	const outage = 5 * time.Second
	slow(r)
	inner := r.rt.generate
	r.rt.generate = func(ctx context.Context, n int) (runtimes.Answer, error) {
		ans, err := inner(ctx, n)
		if n == 2 {
			p.cut()
			time.AfterFunc(outage, p.mend)
		}
		return ans, err
	}
	out := must[contract.InferOut](r, contract.ActInfer, r.infer(1))
	require.Equal(t, []int{4, 2, 0}, []int{out.Calls, out.Segments, out.Remeasured})
	require.Len(t, r.rt.prompts(), 4, "nothing was measured twice")
	r.oncePerItem(1)
	require.Equal(t, []string{"run 1 segment 1: database away, 2 calls", "run 1 segment 2: complete, 2 calls"}, r.ends())
	begun, stored := r.begun()
	require.Equal(t, begun, stored, "the call that was noted during the outage is begun once")
	require.Positive(t, p.refused())
	r.windowsWithout(outage)
}

// A database that is always slow costs segments and time, and each segment makes
// a call: the run comes to its end.
func TestInferOverASlowDatabase(t *testing.T) {
	p := throughProxy(t)
	r := newRig(t)
	r.rt.generate = func(_ context.Context, n int) (runtimes.Answer, error) {
		p.late.Store(int64(patientCommit + patientCommit/10))
		if n > items {
			return runtimes.Answer{}, fault.New(fault.Invalid, fault.CodeRefused, "", "asked for call %d of %d", n, items)
		}
		return runtimes.Answer{}, nil
	}
	in := r.infer(1)
	in.To = 2
	out := must[contract.InferOut](r, contract.ActInfer, in)
	p.late.Store(0)
	require.Equal(t, []int{2, 2, 0}, []int{out.Calls, out.Segments, out.Remeasured})
	require.Len(t, r.calls(), 2)
	begun, stored := r.begun()
	require.Equal(t, begun, stored)
}

// windowsWithout holds that the windows of a run have their energy and all calls,
// and nothing of an interruption of that length.
func (r *rig) windowsWithout(interruption time.Duration) {
	r.t.Helper()
	readings, err := r.store.PhaseReadings(r.t.Context(), r.cell.ID, 1)
	require.NoError(r.t, err)
	windows := 0
	for _, p := range readings {
		if p.Phase != bench.PhaseInference || p.Channel.Unit != bench.UnitWatt {
			continue
		}
		windows++
		require.Less(r.t, p.Window, interruption/2, "segment %d", p.No)
		if p.EnergyJ == nil {
			require.Contains(r.t, p.Missing, "samples cover") // a busy machine leaves gaps
		} else {
			require.InEpsilon(r.t, 100*p.Window.Seconds(), *p.EnergyJ, 0.1)
		}
		require.Empty(r.t, p.Flags)
		for _, c := range r.calls() {
			if c.Segment == p.No {
				require.False(r.t, c.StartedAt.Before(p.Started.Add(-time.Millisecond)), "call %d begins in its window", c.Item)
				require.False(r.t, c.StartedAt.Add(c.Latency).After(p.Started.Add(p.Window+time.Millisecond)), "call %d ends in its window", c.Item)
			}
		}
	}
	require.Equal(r.t, 2, windows)
}

// A worker that is stopped in the midst of a call measures that one again, once:
// what it timed is the stop. No window holds the stop.
func TestInferWhenTheWorkerIsStopped(t *testing.T) { //nolint:paralleltest // it stops the whole process
	r := newRig(t, func(c *bench.CellConfig) { c.Meters.Interval = 5 * time.Millisecond })
	const length = 4 * time.Second
	slow(r)
	inner := r.rt.generate
	r.rt.generate = func(ctx context.Context, n int) (runtimes.Answer, error) {
		if n == 3 {
			from := r.host.Clock.Now()
			//nolint:gosec // our own process
			waker := exec.CommandContext(t.Context(), "sh", "-c", fmt.Sprintf("kill -STOP %d; sleep %d; kill -CONT %[1]d", os.Getpid(), int(length.Seconds())))
			require.NoError(t, waker.Run())
			return runtimes.Answer{Text: "I21.4", Outcome: bench.OutcomeOK, Start: from, Latency: r.host.Clock.Now() - from, Done: "stop"}, nil
		}
		return inner(ctx, n)
	}
	out := must[contract.InferOut](r, contract.ActInfer, r.infer(1))
	require.Equal(t, []int{4, 2, 1}, []int{out.Calls, out.Segments, out.Remeasured})
	require.Len(t, r.rt.prompts(), 5)
	r.oncePerItem(1, 2)
	require.Equal(t, []string{"run 1 segment 1: worker stopped, 2 calls", "run 1 segment 2: complete, 2 calls"}, r.ends())
	for _, c := range r.calls() {
		require.Less(t, c.Latency, length/2)
	}
	r.windowsWithout(length)
}

// A failed call is followed by a note of the next one, which waits as well.
func TestInferRidesOutTheDatabaseAfterAFailedCall(t *testing.T) {
	p := throughProxy(t)
	r := newRig(t)
	r.host.Runtime = func(bench.RuntimeConfig) (runtimes.Runtime, error) { return &afterFailure{r.rt, p}, nil }
	r.onCall(2, runtimes.Answer{Outcome: bench.OutcomeServerError}, fault.New(fault.Unavailable, fault.CodeServerError, "", "status 500"))
	out := must[contract.InferOut](r, contract.ActInfer, r.infer(1))
	require.Equal(t, []int{4, 1, 1, 0}, []int{out.Calls, out.Segments, out.Failed, out.Remeasured})
	r.oncePerItem(1)
}

// afterFailure cuts the database when the loop asks whether a failed call took
// the model along, and mends it once that was noticed.
type afterFailure struct {
	*fake
	p *proxy
}

func (a *afterFailure) Resident(ctx context.Context, model, token string) (bool, error) {
	if len(a.prompts()) == 2 {
		a.p.cut()
		go func() {
			for a.p.refused() < 2 {
				time.Sleep(10 * time.Millisecond)
			}
			a.p.mend()
		}()
	}
	return a.fake.Resident(ctx, model, token)
}

// A database that is away when a stage begins is a passing trouble.
func TestStageWithoutADatabase(t *testing.T) {
	p := throughProxy(t)
	r := newRig(t)
	p.cut()
	for name, in := range map[string]any{
		contract.ActInfer: r.infer(1), contract.ActPublish: contract.PublishIn{CellRef: r.ref()},
		contract.ActClaimNext: contract.ClaimIn{V: 1, Host: "bench1", Lane: "lane", Claim: 2}, contract.ActInspect: r.ref(),
	} {
		_, err := do[map[string]any](r, name, in)
		app := failed(t, err)
		require.Equal(t, "Unreachable", app.Type(), name)
		require.False(t, app.NonRetryable(), name)
	}
	p.mend()
}

// What a journal says and what a model answers goes to two columns, and
// nowhere else: not to another row, a result, an error, or a heartbeat.
func TestTextStaysInItsTwoColumns(t *testing.T) {
	p := throughProxy(t)
	r := newRig(t, func(c *bench.CellConfig) { c.Phases.WarmUpCalls = 3 })
	require.Equal(t, items, p.count(canary), "each journal's body once")

	var said []string
	hear := func(out any, err error) {
		said = append(said, fmt.Sprintf("%+v %v", out, err))
		for e := err; e != nil; e = errors.Unwrap(e) {
			said = append(said, fmt.Sprintf("%+v", e))
			if app, ok := e.(*temporal.ApplicationError); ok && app.HasDetails() { //nolint:errorlint // each link is looked at
				var details any
				_ = app.Details(&details)
				said = append(said, fmt.Sprint(details))
			}
		}
	}
	r.onCall(2, runtimes.Answer{Text: canary + strings.Repeat("a", 70), Outcome: bench.OutcomeOK}, nil) // babble, in warm-up
	r.host.Characterise = func(context.Context, bench.MeterConfig, runtimes.Runtime, func() time.Duration) error {
		r.untilHeard()
		return nil
	}
	in := r.infer(1)
	hear(do[contract.Note](r, contract.ActInspect, r.ref()))
	hear(do[contract.Note](r, contract.ActPinDataset, r.ref()))
	hear(do[contract.LoadOut](r, contract.ActLoad, contract.LoadIn{CellRef: r.ref(), Rung: 1}))
	in.Token = r.rt.token
	hear(do[contract.Note](r, contract.ActWarmUp, in.ResidentIn))
	require.Equal(t, items, p.count(canary), "warm-up stores no answer")

	r.onCall(5, runtimes.Answer{Text: canary, Outcome: bench.OutcomeServerError}, fault.New(fault.Unavailable, fault.CodeServerError, "", "status 500"))
	hear(do[contract.InferOut](r, contract.ActInfer, in))
	in.Run = 2
	r.onCall(9, runtimes.Answer{}, away())
	hear(do[contract.InferOut](r, contract.ActInfer, in))
	hear(do[contract.InferOut](r, contract.ActInfer, in))
	r.onCall(0, runtimes.Answer{}, nil)
	r.host.Ask = func(_, _, body string) (string, string, error) { return "", "", errors.New("no such task") }
	hear(do[contract.Note](r, contract.ActWarmUp, in.ResidentIn))
	published := contract.PublishIn{CellRef: r.ref(), State: bench.StateDone}
	for _, name := range []string{contract.ActScore, contract.ActCost, contract.ActPublish, contract.ActUnload} {
		if name == contract.ActUnload {
			hear(do[contract.Note](r, name, r.ref()))
			continue
		}
		hear(do[contract.Note](r, name, published))
	}
	require.Len(t, r.calls(), 8)
	require.Equal(t, items+8, p.count(canary), "each answer once, beside the journals")
	for _, text := range append(said, r.beats...) {
		require.NotContains(t, text, canary)
	}
	require.NotEmpty(t, r.beats)
}
