package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/caches"
	"github.com/wattsweep/wattsweep/internal/contract"
)

// Prepare brings the host into the state in which a cell is to begin, whatever
// was measured on it before: nothing is loaded, the kernel's caches of files are
// dropped where that is asked for, and the host rests. Where the cell has a
// thermal gate it is waited for here, too, so that the baseline is not that of
// a warm machine. The rest is a window of its own and belongs, as the baseline
// does, to the cell as a whole. Caches that cannot be dropped, and a host that
// stays warm, are told and fail nothing.
func (h *Host) Prepare(ctx context.Context, in contract.PrepareIn) (contract.Note, error) {
	return onJob(ctx, h, in.CellRef, bench.StagePrepare, func(j *job) (contract.Note, error) {
		var doing cursor[contract.Note]
		doing.set(contract.Note{V: 1, Text: "unloading"})
		defer beating(ctx, doing.get)()
		if err := j.rt.Unload(ctx, ""); err != nil {
			return contract.Note{}, err
		}
		said := []string{"nothing is loaded"}
		if in.ClearCaches {
			doing.set(contract.Note{V: 1, Text: "dropping caches"})
			state, err := j.clearCaches(ctx)
			if err != nil {
				return contract.Note{}, err
			}
			said = append(said, "caches of files: "+state)
		}
		doing.set(contract.Note{V: 1, Text: "cooling down"})
		rested, err := j.rest(ctx, in)
		if err != nil {
			return contract.Note{}, err
		}
		return note("%s", strings.Join(append(said, rested...), "; ")), nil
	})
}

// rest lets the host cool down while meters sample: for the time that is asked
// for, and then until it passes the cell's thermal gate. It says how it went.
func (j *job) rest(ctx context.Context, in contract.PrepareIn) (said []string, err error) {
	gate := j.cell.Config.Phases.ThermalGate
	if in.CoolDown <= 0 && gate == nil {
		return nil, nil
	}
	m, err := j.sample(ctx)
	if err != nil {
		return nil, err
	}
	defer m.close()
	if in.CoolDown <= 0 && len(temperatures(m.sampler.Channels())) == 0 {
		return []string{noThermometer}, nil
	}
	if err := m.begin(ctx, 0, bench.PhaseCoolDown, 0, in.No); err != nil {
		return nil, err
	}
	if err := waitFor(ctx, in.CoolDown); err != nil {
		return nil, err
	}
	var cooled gateNote
	if gate != nil {
		if cooled, err = m.pass(ctx, *gate); err != nil {
			return nil, err
		}
	}
	rested := j.host.Clock.Now() - m.from
	readings, err := m.keepMarked(ctx, cooled.mark)
	if err != nil {
		return nil, err
	}
	said = append(said, fmt.Sprintf("rested %s: %s", rested.Round(100*time.Millisecond), powerText(readings)))
	if cooled.text != "" {
		said = append(said, cooled.text)
	}
	return said, nil
}

// pass waits until the host is as cool as the gate wants it, no longer than the
// gate and the attempt allow.
func (m *sampling) pass(ctx context.Context, gate bench.ThermalGate) (gateNote, error) {
	channels := temperatures(m.sampler.Channels())
	if len(channels) == 0 {
		return gateNote{text: noThermometer, doubt: true}, nil
	}
	gate = within(ctx, gate)
	from := m.job.host.Clock.Now()
	hottest, cool, err := waitCool(ctx, m.sampler, channels, gate)
	if err != nil {
		return gateNote{}, err
	}
	return gateNote{text: gateText(hottest, gate, m.job.host.Clock.Now()-from), doubt: !cool}, nil
}

// within has a gate wait no longer than the attempt may last.
func within(ctx context.Context, gate bench.ThermalGate) bench.ThermalGate {
	if end, ok := ctx.Deadline(); ok {
		gate.Timeout = max(0, min(gate.Timeout, time.Until(end)*19/20))
	}
	return gate
}

// waitFor waits, unless the worker goes down or the cell is stopped.
func waitFor(ctx context.Context, length time.Duration) error {
	end := time.NewTimer(length)
	defer end.Stop()
	select {
	case <-end.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-activity.GetWorkerStopChannel(ctx):
		return drained()
	}
}

// readyCaches puts the caches into the state that a load is to find, and names
// that state for the record.
func (j *job) readyCaches(ctx context.Context) (string, error) {
	if !j.cell.Config.Phases.ClearCaches {
		return caches.AsFound, nil
	}
	// Pages that a process maps stay: a runner of before would hold its model's.
	if err := j.rt.Unload(ctx, ""); err != nil {
		return "", err
	}
	return j.clearCaches(ctx)
}

// clearCaches drops the caches of files and says "cleared", or why not. It
// fails only when the worker goes down or the cell is stopped.
func (j *job) clearCaches(ctx context.Context) (string, error) {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-activity.GetWorkerStopChannel(ctx):
			cancel()
		case <-waiting.Done():
		}
	}()
	err := caches.Clear(waiting, j.host.Caches)
	switch {
	case err == nil:
		return caches.Cleared, nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "", stopping(ctx)
	default:
		return "not cleared: " + err.Error(), nil
	}
}
