//go:build cgo && linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/nvml"
)

// sampleHere samples in this process, and writes what it took to out as JSON.
func sampleHere(ctx context.Context, order string, out io.Writer) error {
	var run samplingRun
	if err := json.Unmarshal([]byte(order), &run); err != nil {
		return fmt.Errorf("read what to sample: %w", err)
	}
	measure := sampleGPUs
	if run.Library == "" {
		measure = onlyWake
	}
	cost, err := measure(ctx, run)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(out).Encode(cost); err != nil {
		return fmt.Errorf("tell what sampling cost: %w", err)
	}
	return nil
}

// sampleGPUs samples the GPUs that the library shows.
func sampleGPUs(ctx context.Context, run samplingRun) (cost samplingCost, err error) {
	session, err := nvml.Open(ctx, nvml.Options{Library: run.Library})
	if err != nil {
		return cost, fmt.Errorf("open the stand-in library: %w", err)
	}
	defer session.Close() //nolint:errcheck // the process ends
	sampler, err := meters.NewSampler(meters.NewClock(), run.Every, session.Meters(), meters.SamplerOptions{KernelTimers: true})
	if err != nil {
		return cost, fmt.Errorf("sample GPUs: %w", err)
	}
	if err := sampler.Start(ctx); err != nil {
		return cost, fmt.Errorf("sample GPUs: %w", err)
	}
	defer sampler.Stop()
	runtime.GC() // what was made before is not the sampler's
	before, began := usage(), time.Now()
	select {
	case <-ctx.Done():
		return cost, ctx.Err() //nolint:wrapcheck // the caller's own cancellation
	case <-time.After(run.For):
	}
	cost.CPU, cost.Wall, cost.Channels = usage()-before, time.Since(began), len(sampler.Channels())
	for _, m := range sampler.Stats() {
		if m.Err != nil {
			return cost, fmt.Errorf("sample %s: %w", m.Meter, m.Err)
		}
		cost.Meters++
		cost.Ticks += m.Ticks
		cost.Missed += m.Missed
		if m.Interval == run.Every {
			cost.LateP50, cost.LateP99, cost.LateMax = max(cost.LateP50, m.LateP50), max(cost.LateP99, m.LateP99), max(cost.LateMax, m.LateMax)
		}
	}
	return cost, nil
}

// onlyWake is the peer: one thread that wakes up at each tick and does nothing,
// by a bare call of nanosleep. It is what the machine takes for wakeups alone.
func onlyWake(_ context.Context, run samplingRun) (cost samplingCost, err error) {
	before, began := usage(), time.Now()
	pause := unix.NsecToTimespec(int64(run.Every))
	for time.Since(began) < run.For {
		if err := unix.Nanosleep(&pause, nil); err != nil && !errors.Is(err, unix.EINTR) {
			return cost, fmt.Errorf("sleep %s: %w", run.Every, err)
		}
		cost.Ticks++
	}
	cost.CPU, cost.Wall = usage()-before, time.Since(began)
	return cost, nil
}

// usage is the CPU time of this process, user and system.
func usage() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0 // it cannot fail for the process itself
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
