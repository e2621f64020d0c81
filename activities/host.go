package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/caches"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/runtimes"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/units"
)

// Host is the work on one measuring host. Its worker runs one activity at a
// time, so nothing here is called twice at once.
type Host struct {
	Store *store.Store
	// Name is the host's name in specs.
	Name string
	// Build names the worker's version.
	Build string
	// BootID tells boots of the host apart.
	BootID string
	// Clock is the host's one clock for samples and calls.
	Clock meters.Clock
	// Runtime gives the runtime that a spec names.
	Runtime func(bench.RuntimeConfig) (runtimes.Runtime, error)
	// Meters opens the meters that a cell asks for; what a host lacks is told
	// in missing. They may be borrowed: closing gives them back.
	Meters func(cfg bench.MeterConfig, rt runtimes.Runtime) (open []meters.Meter, missing []string, err error)
	// Characterise finds out how the meters of a cell renew their values, where
	// that is not known of late; nil finds out nothing.
	Characterise func(ctx context.Context, cfg bench.MeterConfig, rt runtimes.Runtime, now func() time.Duration) error
	// GPUs describes the GPUs as their driver tells them, and lists who is on
	// them besides the runtime; nil where no driver is asked.
	GPUs func(ctx context.Context) (facts []bench.GPUFacts, foreign []string, err error)
	// Facts describes the machine.
	Facts func(ctx context.Context) (bench.HostFacts, error)
	// Source says where a model comes from.
	Source func(bench.ModelConfig) runtimes.Source
	// Ask builds the prompt of a journal for a task.
	Ask func(task, language, body string) (prompt, hash string, err error)
	// WithNonce puts the line that defeats the prompt cache before a prompt.
	WithNonce func(nonce, prompt string) string
	// Finishes is told how long a call of an activity may last: one that is to end
	// finishes its present call. Nil tells nobody.
	Finishes func(ctx context.Context, call time.Duration)
	// Caches say how the kernel's caches of files are dropped; the zero value is
	// this machine's way.
	Caches caches.Options
}

// job is a cell with its runtime and open meters, for one activity.
type job struct {
	host *Host
	cell store.Cell
	ref  contract.CellRef
	rt   runtimes.Runtime
}

func (h *Host) job(ctx context.Context, ref contract.CellRef) (*job, error) {
	cell, err := h.Store.GetCell(ctx, ref.Cell)
	if err != nil {
		return nil, err
	}
	rt, err := h.Runtime(cell.Config.Runtime)
	if err != nil {
		return nil, err
	}
	return &job{host: h, cell: cell, ref: ref, rt: rt}, nil
}

// rung gives the settings of a rung, 1-based.
func (j *job) rung(no int) (bench.Rung, error) {
	ladder := j.cell.Config.Model.Ladder
	if no < 1 || no > len(ladder) {
		return bench.Rung{}, fault.New(fault.Invalid, "", "", "use rung %d: the ladder has %d", no, len(ladder))
	}
	return ladder[no-1], nil
}

// onJob prepares a job and runs a stage's body with it.
func onJob[T texter](ctx context.Context, h *Host, ref contract.CellRef, stage bench.Stage, body func(*job) (T, error)) (T, error) {
	return staged(ctx, h.Store, ref, stage, func() (T, error) {
		j, err := h.job(ctx, ref)
		if err != nil {
			var zero T
			return zero, err
		}
		if h.Finishes != nil {
			h.Finishes(ctx, j.cell.Config.Runtime.CallTimeout)
		}
		return body(j)
	})
}

// Inspect describes host, runtime and meters, and stores them as the cell's
// provenance.
func (h *Host) Inspect(ctx context.Context, in contract.CellRef) (contract.Note, error) {
	return onJob(ctx, h, in, bench.StageInspect, func(j *job) (contract.Note, error) {
		facts, err := h.Facts(ctx)
		if err != nil {
			return contract.Note{}, fmt.Errorf("describe host %s: %w", h.Name, err)
		}
		info, err := j.rt.Inspect(ctx)
		if err != nil {
			return contract.Note{}, err
		}
		missing, err := j.describeMeters(ctx, &facts)
		if err != nil {
			return contract.Note{}, err
		}
		facts.Host, facts.WorkerBuild, facts.SeenAt = h.Name, h.Build, time.Now().UTC()
		facts.Runtime, facts.RuntimeEnv = info.Kind+" "+info.Version, info.Env
		facts.MetersMissing = missing
		if err := h.Store.PutHostFacts(ctx, in.Cell, facts); err != nil {
			return contract.Note{}, err
		}
		text := fmt.Sprintf("%s, %d threads, %s RAM, %s, %d channel(s)", facts.CPU, facts.Threads,
			units.Bytes(facts.MemoryBytes), facts.Runtime, len(facts.Meters))
		if n := len(facts.Foreign); n > 0 {
			text += fmt.Sprintf(", %d foreign process(es) on the GPUs", n)
		}
		return note("%s", text), nil
	})
}

// describeMeters watches the meters at the start of a cell and puts what they
// measure, and how, into the host's facts.
func (j *job) describeMeters(ctx context.Context, facts *bench.HostFacts) (missing []string, err error) {
	h, cfg := j.host, j.cell.Config.Meters
	defer beating(ctx, func() any { return contract.Note{V: 1, Text: "watching the meters"} })()
	if h.Characterise != nil {
		if err := h.Characterise(ctx, cfg, j.rt, h.Clock.Now); err != nil {
			return nil, err
		}
	}
	open, missing, err := h.Meters(cfg, j.rt)
	if err != nil {
		return nil, err
	}
	defer closeAll(open)
	for _, m := range open {
		facts.Meters = append(facts.Meters, m.Channels()...)
	}
	if h.GPUs != nil && cfg.NVML {
		if facts.GPUFacts, facts.Foreign, err = h.GPUs(ctx); err != nil {
			return nil, err
		}
	}
	return missing, nil
}

// Pull makes the model available to the runtime.
func (h *Host) Pull(ctx context.Context, in contract.CellRef) (contract.Note, error) {
	return onJob(ctx, h, in, bench.StagePull, func(j *job) (contract.Note, error) {
		var at cursor[contract.PullBeat]
		at.set(contract.PullBeat{V: 1})
		defer beating(ctx, at.get)()
		pulled, err := j.rt.Pull(ctx, h.Source(j.cell.Config.Model), func(p runtimes.Progress) {
			at.set(contract.PullBeat{V: 1, Bytes: p.Completed, Total: p.Total})
		})
		if err != nil {
			return contract.Note{}, err
		}
		if err := h.Store.PutPulled(ctx, in.Cell, pulled); err != nil {
			return contract.Note{}, err
		}
		f := pulled.Facts
		return note("%s from %s in %s: %s, %d parameters, %s, %d layers, digest %.12s", f.Name, pulled.Source,
			pulled.Elapsed.Round(time.Millisecond), units.Bytes(f.SizeBytes), f.Parameters, f.Quantisation, f.Layers, f.Digest), nil
	})
}

// MeasureIdle lets a window pass without calls while meters sample: baseline
// with nothing loaded, idle with the model loaded.
func (h *Host) MeasureIdle(ctx context.Context, in contract.IdleIn) (contract.Note, error) {
	stage := bench.StageIdle
	if in.Phase == bench.PhaseBaseline {
		stage = bench.StageBaseline
	}
	return onJob(ctx, h, in.CellRef, stage, func(j *job) (contract.Note, error) {
		// An unload may take longer than a heartbeat time-out.
		defer beating(ctx, func() any { return contract.Note{V: 1, Text: string(in.Phase)} })()
		epoch := in.Epoch
		if in.Phase == bench.PhaseBaseline {
			epoch = 0 // the floor holds for every epoch of the cell
			if err := j.rt.Unload(ctx, ""); err != nil {
				return contract.Note{}, err
			}
		}
		m, err := j.sample(ctx)
		if err != nil {
			return contract.Note{}, err
		}
		defer m.close()
		if err := m.begin(ctx, epoch, in.Phase, 0, in.No); err != nil {
			return contract.Note{}, err
		}
		if err := waitFor(ctx, in.Length); err != nil {
			return contract.Note{}, err
		}
		readings, err := m.keep(ctx)
		if err != nil {
			return contract.Note{}, err
		}
		return note("%s of %s: %s", in.Phase, in.Length, powerText(readings)), nil
	})
}

// Load brings the model into memory on one rung and records the try, however
// it ends. Where the cell asks for cleared caches they are dropped before each
// load, whichever rung or repetition it is, and not only before the first: else
// a load after a rung that did not fit would read what that one left in memory.
// That is done before the window begins, so it is in no time and no energy.
func (h *Host) Load(ctx context.Context, in contract.LoadIn) (contract.LoadOut, error) {
	return onJob(ctx, h, in.CellRef, bench.StageLoad, func(j *job) (contract.LoadOut, error) {
		rung, err := j.rung(in.Rung)
		if err != nil {
			return contract.LoadOut{}, err
		}
		defer beating(ctx, func() any { return contract.Note{V: 1, Text: "loading"} })()
		found, err := j.readyCaches(ctx)
		if err != nil {
			return contract.LoadOut{}, err
		}
		m, err := j.sample(ctx)
		if err != nil {
			return contract.LoadOut{}, err
		}
		defer m.close()
		if err := m.begin(ctx, in.Epoch, bench.PhaseStartup, 0, in.No); err != nil {
			return contract.LoadOut{}, err
		}
		attempt := bench.LoadAttempt{
			Cell: in.Cell, Rung: in.Rung, Name: rung.Name, Settings: rung, StartedAt: m.started.UTC().Truncate(time.Microsecond),
			Caches: found,
		}
		limit, cancel := limited(ctx)
		defer cancel()
		loaded, loadErr := j.rt.Load(limit, j.cell.Config.Model, rung, j.cell.Config.Runtime)
		attempt.Elapsed = h.Clock.Now() - m.from
		attempt.Outcome, attempt.Reason = loadOutcome(loadErr)
		if loadErr == nil {
			attempt.Loaded = &loaded
		}
		if err := keep(ctx, func(ctx context.Context) error {
			_, err := h.Store.PutLoadAttempt(ctx, in.Epoch, attempt)
			return err
		}); err != nil {
			return contract.LoadOut{}, err
		}
		// A load that failed took its time and energy, too.
		if _, err := m.keep(ctx); err != nil && loadErr == nil {
			return contract.LoadOut{}, err
		}
		if loadErr != nil {
			return contract.LoadOut{}, loadErr
		}
		return contract.LoadOut{V: 1, Token: loaded.Token, Text: loadText(attempt)}, nil
	})
}

func loadOutcome(err error) (outcome, reason string) {
	switch {
	case err == nil:
		return "loaded", ""
	case fault.CodeOf(err) == fault.CodeOutOfMemory:
		return "out_of_memory", err.Error()
	case fault.CodeOf(err) == fault.CodeRungRejected:
		return "rejected", err.Error()
	default:
		return "failed", err.Error()
	}
}

func loadText(a bench.LoadAttempt) string {
	l := a.Loaded
	return fmt.Sprintf("loaded in %s: %s, of which %s in VRAM, %d/%d layers on GPU (%s)", a.Elapsed.Round(time.Millisecond),
		units.Bytes(l.SizeBytes), units.Bytes(l.SizeVRAMBytes), l.LayersGPU, l.LayersTotal, l.LayersSource)
}

// Reclaim takes everything out of memory after a rung that did not fit.
func (h *Host) Reclaim(ctx context.Context, in contract.CellRef) (contract.Note, error) {
	return onJob(ctx, h, in, bench.StageLoad, func(j *job) (contract.Note, error) {
		defer beating(ctx, func() any { return contract.Note{V: 1, Text: "reclaiming memory"} })()
		if err := j.rt.Unload(ctx, ""); err != nil {
			return contract.Note{}, err
		}
		return note("memory reclaimed: the runtime shows no model loaded"), nil
	})
}

// Unload takes the model out and measures the shutdown phase.
func (h *Host) Unload(ctx context.Context, in contract.CellRef) (contract.Note, error) {
	return onJob(ctx, h, in, bench.StageUnload, func(j *job) (contract.Note, error) {
		defer beating(ctx, func() any { return contract.Note{V: 1, Text: "unloading"} })()
		m, err := j.sample(ctx)
		if err != nil {
			return contract.Note{}, err
		}
		defer m.close()
		if err := m.begin(ctx, in.Epoch, bench.PhaseShutdown, 0, in.No); err != nil {
			return contract.Note{}, err
		}
		if err := j.rt.Unload(ctx, ""); err != nil {
			return contract.Note{}, err
		}
		took := h.Clock.Now() - m.from
		if _, err := m.keep(ctx); err != nil {
			return contract.Note{}, err
		}
		return note("gone from memory after %s, as the runtime shows", took.Round(time.Millisecond)), nil
	})
}

func closeAll(open []meters.Meter) {
	for _, m := range open {
		_ = m.Close() // a meter that fails to close has nothing left to lose
	}
}

// powerText says in words what the power or energy channels showed.
func powerText(readings []bench.PhaseReading) string {
	for _, r := range readings {
		if r.EnergyJ == nil || r.Window <= 0 {
			continue
		}
		mark := ""
		if r.Channel.Estimated {
			mark = " (estimated)"
		}
		return fmt.Sprintf("%s mean on %s%s", units.Watts(*r.EnergyJ/r.Window.Seconds()), r.Channel.Name, mark)
	}
	return "no power source"
}

var errNoJournals = errors.New("the cell has no journals")
