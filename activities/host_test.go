package activities

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/runtimes"
)

// last gives the newest step of a cell as it ended.
func (r *rig) last() (bench.Stage, string, string) {
	r.t.Helper()
	stages, err := r.store.Stages(context.Background(), r.cell.ID)
	require.NoError(r.t, err)
	s := stages[len(stages)-1]
	require.NotNil(r.t, s.FinishedAt)
	return s.Stage, s.State, s.Detail
}

// Inspect stores what the cell is measured on, and what is missing.
func TestInspectStoresFacts(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for range 2 {
		note := must[contract.Note](r, contract.ActInspect, r.ref())
		require.Equal(t, "fake, 8 threads, 64.00 GiB RAM, ollama 0.6.5, 2 channel(s)", note.Text)
	}
	facts, err := r.store.SweepHostFacts(t.Context(), r.cell.Sweep)
	require.NoError(t, err)
	require.Len(t, facts, 1)
	f := facts[0]
	require.Equal(t, []string{"bench1", "test", "boot-1", "ollama 0.6.5"}, []string{f.Host, f.WorkerBuild, f.BootID, f.Runtime})
	require.Equal(t, []string{"OLLAMA_NUM_PARALLEL=1"}, f.RuntimeEnv)
	require.Equal(t, []string{"nvml: no GPU"}, f.MetersMissing)
	require.Equal(t, []string{"scripted.power", "scripted.energy"}, []string{f.Meters[0].Name, f.Meters[1].Name})
	require.False(t, f.SeenAt.IsZero())
	stage, state, detail := r.last()
	require.Equal(t, []any{bench.StageInspect, "done"}, []any{stage, state})
	require.Contains(t, detail, "8 threads")
}

func TestInspectFailures(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.host.Facts = func(context.Context) (bench.HostFacts, error) { return bench.HostFacts{}, errors.New("no /proc") }
	_, err := do[contract.Note](r, contract.ActInspect, r.ref())
	require.Equal(t, "describe host bench1: no /proc", failed(t, err).Message())
	r = newRig(t)
	r.rt.trouble = away()
	_, err = do[contract.Note](r, contract.ActInspect, r.ref())
	require.Equal(t, "Unreachable", failed(t, err).Type())
	_, state, detail := r.last()
	require.Equal(t, []string{"failed", "Unreachable: ask the runtime: connection refused"}, []string{state, detail})
	r = newRig(t)
	r.host.Runtime = func(bench.RuntimeConfig) (runtimes.Runtime, error) {
		return nil, fault.New(fault.Unsupported, "", "use ollama", "runtime nim is not built in")
	}
	_, err = do[contract.Note](r, contract.ActInspect, r.ref())
	require.True(t, failed(t, err).NonRetryable())
}

// A pull that found the model keeps the first one's time and bytes.
func TestPullKeepsTheFirst(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.rt.pulled = bench.Pulled{
		Facts: bench.ModelFacts{Name: "deepseek-r1:1.5B", Digest: "abcdef0123456789", Parameters: 1_500_000_000, Quantisation: "Q4_K_M", Layers: 28, SizeBytes: 1 << 30},
		Bytes: 1 << 30, Elapsed: 90 * time.Second, Source: "registry",
	}
	r.rt.pulling = r.untilHeard
	note := must[contract.Note](r, contract.ActPull, r.ref())
	require.Contains(t, note.Text, "from registry in 1m30s")
	require.Contains(t, note.Text, "digest abcdef012345")
	require.NotEmpty(t, r.beats)
	r.rt.pulled.Source, r.rt.pulled.Bytes, r.rt.pulled.Elapsed = "present", 0, time.Millisecond
	must[contract.Note](r, contract.ActPull, r.ref())
	kept, err := r.store.GetPulled(t.Context(), r.cell.ID)
	require.NoError(t, err)
	require.Equal(t, []any{"registry", int64(1 << 30), 90 * time.Second}, []any{kept.Source, kept.Bytes, kept.Elapsed})

	r.rt.trouble = fault.New(fault.Invalid, fault.CodeModelNotFound, "", "no such model")
	_, err = do[contract.Note](r, contract.ActPull, r.ref())
	require.True(t, failed(t, err).NonRetryable())
}

// The floor is measured with nothing loaded and holds for every epoch; idle
// is measured with the model left alone.
func TestMeasureIdle(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	in := contract.IdleIn{CellRef: r.ref(), Phase: bench.PhaseIdle, Length: 30 * time.Millisecond}
	note := must[contract.Note](r, contract.ActMeasureIdle, in)
	require.Contains(t, note.Text, "idle of 30ms: ")
	require.Empty(t, r.rt.unloads)
	in.Phase = bench.PhaseBaseline
	must[contract.Note](r, contract.ActMeasureIdle, in)
	require.Equal(t, []string{""}, r.rt.unloads, "everything goes out of memory")

	for epoch, want := range map[int][]bench.Phase{1: {bench.PhaseIdle, bench.PhaseBaseline}, 7: {bench.PhaseBaseline}} {
		readings, err := r.store.PhaseReadings(t.Context(), r.cell.ID, epoch)
		require.NoError(t, err)
		var got []bench.Phase
		for _, reading := range readings {
			require.GreaterOrEqual(t, reading.Window, in.Length)
			if reading.Channel.Counter {
				got = append(got, reading.Phase)
			}
		}
		require.Equal(t, want, got, "epoch %d", epoch)
	}
}

// The sentence names what the first channel with an energy showed, and says
// when it is an estimate.
func TestPowerText(t *testing.T) {
	t.Parallel()
	energy := 250.0
	silent := bench.PhaseReading{Window: time.Second, Channel: bench.Channel{Name: "gpu0.power"}, Missing: "short window"}
	known := bench.PhaseReading{Window: 2 * time.Second, Channel: bench.Channel{Name: "pdu.inlet"}, EnergyJ: &energy}
	guess := known
	guess.Channel = bench.Channel{Name: "estimate", Estimated: true}
	require.Equal(t, "no power source", powerText(nil))
	require.Equal(t, "no power source", powerText([]bench.PhaseReading{silent}))
	require.Equal(t, "125 W mean on pdu.inlet", powerText([]bench.PhaseReading{silent, known, guess}))
	require.Equal(t, "125 W mean on estimate (estimated)", powerText([]bench.PhaseReading{guess}))
}

// A window is not waited for when the worker or the cell stops, and a window
// cut short is not stored.
func TestMeasureIdleStops(t *testing.T) {
	t.Parallel()
	in := contract.IdleIn{Phase: bench.PhaseBaseline, Length: time.Hour}
	r := newRig(t)
	close(r.stop)
	in.CellRef = r.ref()
	_, err := do[contract.Note](r, contract.ActMeasureIdle, in)
	require.Equal(t, "WorkerDrain", failed(t, err).Type())
	_, _, detail := r.last()
	require.Equal(t, "the worker is shutting down; the work goes on when it is back", detail)

	r = newRig(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	r.ctx = ctx
	in.CellRef = r.ref()
	time.AfterFunc(50*time.Millisecond, func() { cancel(temporal.NewCanceledError()) })
	_, err = do[contract.Note](r, contract.ActMeasureIdle, in)
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	readings, err := r.store.PhaseReadings(t.Context(), r.cell.ID, 1)
	require.NoError(t, err)
	require.Empty(t, readings)
}

// Every try of every rung is a row, however it ended.
func TestLoadRecordsEveryTry(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	script := []error{
		fault.New(fault.OutOfMemory, fault.CodeOutOfMemory, "", "needs 40 GiB of 8"),
		fault.New(fault.Invalid, fault.CodeRungRejected, "", "num_gpu is not known"),
		away(),
		nil,
	}
	r.rt.loadErr = func(n int) error { return script[n-1] }
	wants := []struct {
		rung       int
		typ        string
		final      bool
		no         int
		outcome    string
		layers     int
		hasReading bool
	}{
		{1, "OutOfMemory", true, 1, "out_of_memory", 0, false},
		{1, "RungRejected", true, 2, "rejected", 0, false},
		{2, "Unreachable", false, 1, "failed", 0, false},
		{1, "", false, 3, "loaded", 29, true},
	}
	for i, want := range wants {
		ref := r.ref()
		ref.No = i + 1
		out, err := do[contract.LoadOut](r, contract.ActLoad, contract.LoadIn{CellRef: ref, Rung: want.rung})
		if want.typ != "" {
			app := failed(t, err)
			require.Equal(t, []any{want.typ, want.final}, []any{app.Type(), app.NonRetryable()})
		} else {
			require.NoError(t, err)
			require.Equal(t, "load-4", out.Token)
			require.Contains(t, out.Text, "5.00 GiB, of which 4.00 GiB in VRAM, 29/29 layers on GPU (log)")
		}
		attempts, err := r.store.LoadAttempts(t.Context(), r.cell.ID)
		require.NoError(t, err)
		require.Len(t, attempts, i+1)
		a := attempts[i]
		require.Equal(t, []any{want.rung, want.no, want.outcome}, []any{a.Rung, a.No, a.Outcome})
		require.Equal(t, r.cell.Config.Model.Ladder[want.rung-1], a.Settings)
		require.Equal(t, want.outcome == "loaded", a.Reason == "")
		require.Positive(t, a.Elapsed)
		require.Equal(t, want.hasReading, a.Loaded != nil)
	}
	readings, err := r.store.PhaseReadings(t.Context(), r.cell.ID, 1)
	require.NoError(t, err)
	require.Len(t, readings, 8, "every try took time and energy: two channels each")
	for i, p := range readings {
		require.Equal(t, []any{bench.PhaseStartup, i/2 + 1}, []any{p.Phase, p.No})
	}
}

// A rung that the plan does not have is refused, not looked up.
func TestLoadOffTheLadder(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, rung := range []int{-1, 0, 3} {
		_, err := do[contract.LoadOut](r, contract.ActLoad, contract.LoadIn{CellRef: r.ref(), Rung: rung})
		require.ErrorContains(t, err, "the ladder has 2")
		in := r.infer(1)
		in.Rung = rung
		_, err = do[contract.InferOut](r, contract.ActInfer, in)
		require.ErrorContains(t, err, "the ladder has 2")
		_, err = do[contract.Note](r, contract.ActWarmUp, in.ResidentIn)
		require.ErrorContains(t, err, "the ladder has 2")
	}
	require.Zero(t, r.rt.loads)
	require.Empty(t, r.rt.prompts())
}

// Reclaim and unload take everything out, and say when it stays.
func TestReclaimAndUnload(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	require.Contains(t, must[contract.Note](r, contract.ActReclaim, r.ref()).Text, "memory reclaimed")
	require.Contains(t, must[contract.Note](r, contract.ActUnload, r.ref()).Text, "gone from memory after")
	require.Equal(t, []string{"", ""}, r.rt.unloads)
	readings, err := r.store.PhaseReadings(t.Context(), r.cell.ID, 1)
	require.NoError(t, err)
	require.Equal(t, bench.PhaseShutdown, readings[0].Phase)

	r.rt.trouble = fault.New(fault.Unavailable, fault.CodeNotUnloaded, "restart the server", "it still shows 1 model")
	for _, name := range []string{contract.ActReclaim, contract.ActUnload} {
		_, err := do[contract.Note](r, name, r.ref())
		app := failed(t, err)
		require.Equal(t, []any{"NotUnloaded", false}, []any{app.Type(), app.NonRetryable()})
		require.Contains(t, app.Message(), "restart the server")
	}
}

// A cell that the database does not have is told at once.
func TestStagesOfAnUnknownCell(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ref := r.ref()
	ref.Cell = "0000000000000000"
	for _, name := range []string{contract.ActInspect, contract.ActPull, contract.ActUnload, contract.ActPinDataset} {
		_, err := do[contract.Note](r, name, ref)
		require.Error(t, err, name)
	}
}
