package activities

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/caches"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/runtimes"
)

// kernel gives the rig a file that stands for the kernel's, and counts how often
// the disk was written out.
func (r *rig) kernel() (file string, syncs *int) {
	r.t.Helper()
	file, syncs = filepath.Join(r.t.TempDir(), "drop_caches"), new(int)
	require.NoError(r.t, os.WriteFile(file, nil, 0o600))
	r.host.Caches = caches.Options{DropFile: file, Sync: func() { *syncs++ }}
	return file, syncs
}

// rested lists the cool-down windows of the cell as any of its epochs sees them.
func (r *rig) rested(epoch int) []bench.PhaseReading {
	r.t.Helper()
	readings, err := r.store.PhaseReadings(context.Background(), r.cell.ID, epoch)
	require.NoError(r.t, err)
	var out []bench.PhaseReading
	for _, p := range readings {
		if p.Phase == bench.PhaseCoolDown {
			out = append(out, p)
		}
	}
	return out
}

// The host is emptied, its caches dropped, and its rest is a window of the cell
// as a whole.
func TestPrepare(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	file, syncs := r.kernel()
	sync := r.host.Caches.Sync
	r.host.Caches.Sync = func() { r.untilHeard(); sync() }
	in := contract.PrepareIn{CellRef: r.ref(), ClearCaches: true, CoolDown: 40 * time.Millisecond}
	note := must[contract.Note](r, contract.ActPrepare, in)
	require.Regexp(t, `^nothing is loaded; caches of files: cleared; rested [0-9.]+m?s: 100 W mean on scripted\.`, note.Text)
	require.Equal(t, []string{""}, r.rt.unloads)
	require.Equal(t, 1, *syncs)
	dropped, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "3\n", string(dropped))
	stage, state, _ := r.last()
	require.Equal(t, []any{bench.StagePrepare, "done"}, []any{stage, state})
	require.NotEmpty(t, r.beats)
	for _, epoch := range []int{1, 7} {
		windows := r.rested(epoch)
		require.Len(t, windows, 2, "two channels in every epoch")
		for _, p := range windows {
			require.Equal(t, []int{0, 1}, []int{p.Run, p.No})
			require.GreaterOrEqual(t, p.Window, in.CoolDown)
		}
	}
	must[contract.Note](r, contract.ActPrepare, in)
	require.Len(t, r.rested(1), 2, "the same try again is the same window")
}

// What is not asked for is not done, and caches that cannot be dropped fail
// nothing.
func TestPrepareDoesWhatIsAsked(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, syncs := r.kernel()
	note := must[contract.Note](r, contract.ActPrepare, contract.PrepareIn{CellRef: r.ref()})
	require.Equal(t, "nothing is loaded", note.Text)
	require.Zero(t, *syncs)
	require.Empty(t, r.rested(1))

	r.host.Caches.DropFile = filepath.Join(t.TempDir(), "none")
	note = must[contract.Note](r, contract.ActPrepare, contract.PrepareIn{CellRef: r.ref(), ClearCaches: true})
	require.Contains(t, note.Text, "caches of files: not cleared: this system has no ")

	r.rt.trouble = fault.New(fault.Unavailable, fault.CodeNotUnloaded, "restart the server", "it still shows 1 model")
	_, err := do[contract.Note](r, contract.ActPrepare, contract.PrepareIn{CellRef: r.ref()})
	require.Equal(t, "NotUnloaded", failed(t, err).Type(), "a host that is not empty is not prepared")
}

// A cell with a thermal gate begins cool, or says that it does not.
func TestPrepareWaitsForTheGate(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		heat  func(waited time.Duration) float64
		limit time.Duration
		rest  time.Duration
		text  string
		flag  bool
	}{
		"cools down":     {func(w time.Duration) float64 { return 60 - 40*w.Seconds() }, time.Minute, 0, "°C on oven.temperature, wanted below 50.0 °C", false},
		"after the rest": {func(time.Duration) float64 { return 40 }, time.Minute, 20 * time.Millisecond, "thermal gate: 40.0 °C on oven.temperature", false},
		"never cools":    {func(time.Duration) float64 { return 60 }, 50 * time.Millisecond, 20 * time.Millisecond, "thermal gate: 60.0 °C on oven.temperature", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(c *bench.CellConfig) {
				c.Phases.ThermalGate = &bench.ThermalGate{BelowC: 50, Timeout: one.limit}
			})
			begun := time.Now()
			r.host.Meters = func(bench.MeterConfig, runtimes.Runtime) ([]meters.Meter, []string, error) {
				return []meters.Meter{oven{func() float64 { return one.heat(time.Since(begun)) }}}, nil, nil
			}
			note := must[contract.Note](r, contract.ActPrepare, contract.PrepareIn{CellRef: r.ref(), CoolDown: one.rest})
			require.Contains(t, note.Text, one.text)
			require.Contains(t, note.Text, "; rested ")
			windows := r.rested(1)
			require.Len(t, windows, 1)
			require.Equal(t, one.flag, len(windows[0].Flags) > 0)
		})
	}
}

// A gate without a thermometer is told, and waits for nothing.
func TestPrepareWithoutThermometer(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *bench.CellConfig) { c.Phases.ThermalGate = &bench.ThermalGate{BelowC: 50, Timeout: time.Hour} })
	note := must[contract.Note](r, contract.ActPrepare, contract.PrepareIn{CellRef: r.ref()})
	require.Equal(t, "nothing is loaded; "+noThermometer, note.Text)
	require.Empty(t, r.rested(1))
	note = must[contract.Note](r, contract.ActPrepare, contract.PrepareIn{CellRef: r.ref(), CoolDown: time.Millisecond})
	require.Contains(t, note.Text, "; "+noThermometer)
	require.Len(t, r.rested(1), 2)
}

// Neither a rest nor a disk that hangs holds up a worker that goes down or a
// cell that is stopped, and a rest that was cut is not stored.
func TestPrepareStops(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]contract.PrepareIn{
		"in the rest": {CoolDown: time.Hour}, "at the disk": {ClearCaches: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stuck := make(chan struct{})
			defer close(stuck)
			r := newRig(t)
			r.kernel()
			r.host.Caches.Sync = func() { <-stuck }
			close(r.stop)
			in.CellRef = r.ref()
			_, err := do[contract.Note](r, contract.ActPrepare, in)
			require.Equal(t, "WorkerDrain", failed(t, err).Type())

			r = newRig(t)
			r.kernel()
			r.host.Caches.Sync = func() { <-stuck }
			ctx, cancel := context.WithCancelCause(context.Background())
			r.ctx = ctx
			in.CellRef = r.ref()
			time.AfterFunc(50*time.Millisecond, func() { cancel(temporal.NewCanceledError()) })
			_, err = do[contract.Note](r, contract.ActPrepare, in)
			require.True(t, temporal.IsCanceledError(err), "%v", err)
			require.Empty(t, r.rested(1))
		})
	}
}

// Every load of a cell that asks for it reads from the disk, also that of the
// next rung, and each says in what state it found the caches.
func TestLoadClearsCaches(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *bench.CellConfig) { c.Phases.ClearCaches = true })
	_, syncs := r.kernel()
	sync := r.host.Caches.Sync
	r.host.Caches.Sync = func() {
		require.Empty(t, r.rt.token, "what a runner maps stays in the cache")
		sync()
	}
	r.rt.loadErr = func(n int) error {
		require.Equal(t, n, *syncs, "before each load")
		if n == 1 {
			return fault.New(fault.OutOfMemory, fault.CodeOutOfMemory, "", "needs 40 GiB of 8")
		}
		return nil
	}
	_, err := do[contract.LoadOut](r, contract.ActLoad, contract.LoadIn{CellRef: r.ref(), Rung: 1})
	require.Equal(t, "OutOfMemory", failed(t, err).Type())
	must[contract.LoadOut](r, contract.ActLoad, contract.LoadIn{CellRef: r.ref(), Rung: 2})
	r.host.Caches.DropFile = t.TempDir()
	r.rt.loadErr = nil
	must[contract.LoadOut](r, contract.ActLoad, contract.LoadIn{CellRef: r.ref(), Rung: 2})
	attempts, err := r.store.LoadAttempts(t.Context(), r.cell.ID)
	require.NoError(t, err)
	require.Len(t, attempts, 3)
	require.Equal(t, []string{caches.Cleared, caches.Cleared}, []string{attempts[0].Caches, attempts[1].Caches})
	require.Regexp(t, `^not cleared: write to .*: is a directory$`, attempts[2].Caches)
	require.Equal(t, "loaded", attempts[2].Outcome)

	r = newRig(t)
	_, syncs = r.kernel()
	must[contract.LoadOut](r, contract.ActLoad, contract.LoadIn{CellRef: r.ref(), Rung: 1})
	attempts, err = r.store.LoadAttempts(t.Context(), r.cell.ID)
	require.NoError(t, err)
	require.Equal(t, caches.AsFound, attempts[0].Caches)
	require.Zero(t, *syncs)
}
