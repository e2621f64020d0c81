package activities

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/trace"
	"github.com/wattsweep/wattsweep/internal/store"
)

// storeEvery is how often what was sampled is made durable while a window is
// still open: a crash loses no more of it than this, and no call.
const storeEvery = time.Second

// keepSamples is how long samples of an open window stay in memory after they
// were stored.
const keepSamples = time.Minute

// sampling is a sampler over a job's meters, with the window it began and, from
// begin on, the figures and the trace of that window.
type sampling struct {
	job     *job
	open    []meters.Meter
	sampler *meters.Sampler
	from    time.Duration // on the host's clock
	started time.Time
	pulse   *pulse // sees when this process was stopped

	key      bench.TraceKey // of the window; its meter is empty
	follower *meters.Follower
	look     *meters.Follower // the same window, for what is stored while it goes on
	recorder *trace.Recorder
	settle   func()       // ends the storing beside the work; nil before begin
	sure     atomic.Int64 // the window ends no earlier, a time.Duration on the host's clock
	ended    *ending      // nil while the window goes on
}

// ending is a window that was ended, with its figures.
type ending struct {
	at       time.Duration
	readings []bench.PhaseReading
}

// sample opens the job's meters and begins to sample them.
func (j *job) sample(ctx context.Context) (*sampling, error) {
	cfg := j.cell.Config.Meters
	open, _, err := j.host.Meters(cfg, j.rt)
	if err != nil {
		return nil, err
	}
	s, err := meters.NewSampler(j.host.Clock, cfg.Interval, open, meters.SamplerOptions{KernelTimers: true})
	if err != nil {
		closeAll(open)
		return nil, fmt.Errorf("sample meters: %w", err)
	}
	// A cancelled activity still wants the samples of its last call.
	if err := s.Start(context.WithoutCancel(ctx)); err != nil {
		closeAll(open)
		return nil, fmt.Errorf("sample meters: %w", err)
	}
	m := &sampling{job: j, open: open, sampler: s, pulse: newPulse(j.host.Clock.Now)}
	m.start()
	m.sure.Store(math.MaxInt64)
	return m, nil
}

// start begins the window at this moment.
func (m *sampling) start() {
	m.from = m.job.host.Clock.Now()
	m.started = m.job.host.Clock.Wall(m.from)
}

// begin names the window that sampling is for. From now on until keep its
// figures and its trace are made durable once a second, beside the work and
// not in it. What fails then is tried again with the next tick, and by keep,
// where it counts. What an earlier try of the same window left goes first.
func (m *sampling) begin(ctx context.Context, epoch int, phase bench.Phase, run, no int) error {
	m.key = bench.TraceKey{Cell: m.job.ref.Cell, Epoch: epoch, Phase: phase, Run: run, No: no}
	if err := m.job.host.Store.BeginWindow(ctx, m.key); err != nil {
		return err
	}
	m.pulse.end() // a database that takes its time with the window is not in it
	m.pulse = newPulse(m.job.host.Clock.Now)
	m.start()
	m.follower, m.look = m.sampler.Follow(phase, run, no, m.from), m.sampler.Follow(phase, run, no, m.from)
	m.recorder = trace.NewRecorder(trace.Sampled(m.sampler), m.key, m.job.host.Clock.Anchor, m.from)
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(storeEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				m.storeSoFar(ctx)
			}
		}
	}()
	m.settle = func() { cancel(); <-ended; m.settle = nil }
	return nil
}

// keep ends the window now and makes it durable, however long the database is
// away. Stopping takes one last sample behind the window's end, so that nothing
// need be waited for, nor does a database that is away widen it.
func (m *sampling) keep(ctx context.Context) ([]bench.PhaseReading, error) {
	return m.keepMarked(ctx, nil)
}

// keepMarked does the same with a last word on each reading.
func (m *sampling) keepMarked(ctx context.Context, mark func(*bench.PhaseReading)) ([]bench.PhaseReading, error) {
	if m.ended == nil {
		m.endAt(ctx, m.job.host.Clock.Now())
	}
	to, readings := m.ended.at, m.ended.readings
	for i := range readings {
		if mark != nil {
			mark(&readings[i])
		}
	}
	return readings, keep(ctx, func(ctx context.Context) error {
		if err := m.storeReadings(ctx, readings); err != nil {
			return err
		}
		return m.storeTrace(ctx, to, true)
	})
}

// endAt ends the window at a moment that may lie behind, if not before what is
// sure of it, and keeps its figures until they are stored.
func (m *sampling) endAt(ctx context.Context, to time.Duration) {
	if m.ended != nil && to >= m.ended.at {
		return // it ended before
	}
	m.sampler.Stop()
	if m.settle != nil {
		m.settle()
	}
	m.ended = &ending{at: to, readings: m.follower.Readings(ctx, to)}
	if stopped := m.pulse.look(); stopped > 0 && m.key.Phase != bench.PhaseInference {
		for i := range m.ended.readings {
			r := &m.ended.readings[i]
			r.Flags = append(r.Flags, fmt.Sprintf("the worker was stopped for %s in this window", stopped.Round(100*time.Millisecond)))
		}
	}
}

// lastsTo says that the window ends no earlier than that. Until it is said the
// window ends now or later; once it was, samples behind it are kept so that the
// window may end there.
func (m *sampling) lastsTo(at time.Duration) { m.sure.Store(int64(at)) }

// storeSoFar makes durable what is known of a window that goes on, and lets go
// of samples that nothing needs any more: they are in its figures and in its
// trace.
func (m *sampling) storeSoFar(ctx context.Context) {
	now := m.job.host.Clock.Now()
	// A window that is cut here ends where samples do, or its counters would
	// have no end to be read at.
	if err := m.storeReadings(ctx, m.look.SoFar(min(now, m.sampler.Newest()))); err != nil {
		return
	}
	if err := m.storeTrace(ctx, now, false); err != nil {
		return
	}
	old := min(now-keepSamples, m.recorder.Taken(), time.Duration(m.sure.Load()))
	m.follower.Advance(old)
	m.sampler.Forget(old)
}

func (m *sampling) storeReadings(ctx context.Context, readings []bench.PhaseReading) error {
	for i := range readings {
		readings[i].Cell = m.key.Cell
	}
	return m.job.host.Store.PutPhaseReadings(ctx, m.key.Epoch, readings)
}

// storeTrace makes durable what was sampled since it was last called; the last
// call ends the trace.
func (m *sampling) storeTrace(ctx context.Context, to time.Duration, last bool) error {
	pending := m.recorder.Pending
	if last {
		pending = m.recorder.Finish
	}
	batches := pending(to)
	writes := make([]store.TraceWrite, len(batches))
	for i, b := range batches {
		writes[i] = store.TraceWrite(b)
	}
	if err := m.job.host.Store.PutTraces(ctx, writes...); err != nil {
		return err
	}
	for _, b := range batches {
		m.recorder.Stored(b)
	}
	return nil
}

// close ends sampling and releases the meters; a window that was not kept
// stays as it was last stored.
func (m *sampling) close() {
	if m.settle != nil {
		m.settle()
	}
	m.sampler.Stop()
	m.pulse.end()
	closeAll(m.open)
}
