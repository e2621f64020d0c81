package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// sampling is a sampler over a job's meters, with the window it began.
type sampling struct {
	job     *job
	open    []meters.Meter
	sampler *meters.Sampler
	from    time.Duration // on the host's clock
	started time.Time
}

// sample opens the job's meters and begins to sample them.
func (j *job) sample(ctx context.Context) (*sampling, error) {
	cfg := j.cell.Config.Meters
	open, _, err := j.host.Meters(cfg, j.rt)
	if err != nil {
		return nil, err
	}
	s, err := meters.NewSampler(j.host.Clock, cfg.Interval, open, meters.SamplerOptions{})
	if err != nil {
		closeAll(open)
		return nil, fmt.Errorf("sample meters: %w", err)
	}
	// A cancelled activity still wants the samples of its last call.
	if err := s.Start(context.WithoutCancel(ctx)); err != nil {
		closeAll(open)
		return nil, fmt.Errorf("sample meters: %w", err)
	}
	from := j.host.Clock.Now()
	return &sampling{job: j, open: open, sampler: s, from: from, started: j.host.Clock.Wall(from)}, nil
}

// store makes the window from the beginning to now durable as a phase. It
// waits for the sample that closes the window.
func (m *sampling) store(ctx context.Context, epoch int, phase bench.Phase, run, no int) ([]bench.PhaseReading, error) {
	return m.storeUntil(ctx, m.job.host.Clock.Now(), epoch, phase, run, no)
}

// storeUntil does the same for a window that ended before now.
func (m *sampling) storeUntil(
	ctx context.Context, to time.Duration, epoch int, phase bench.Phase, run, no int,
) ([]bench.PhaseReading, error) {
	readings := m.sampler.Window(ctx, phase, run, no, m.from, to)
	for i := range readings {
		readings[i].Cell = m.job.ref.Cell
	}
	return readings, m.job.host.Store.PutPhaseReadings(ctx, epoch, readings)
}

// close ends sampling and releases the meters.
func (m *sampling) close() {
	m.sampler.Stop()
	closeAll(m.open)
}
