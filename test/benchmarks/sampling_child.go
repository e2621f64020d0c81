//go:build cgo && linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"syscall"
	"time"

	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/nvml"
)

// sampleHere samples the GPUs that the library shows, in this process, and
// writes what it took to out as JSON.
func sampleHere(ctx context.Context, run samplingRun, out io.Writer) error {
	session, err := nvml.Open(ctx, nvml.Options{Library: run.Library})
	if err != nil {
		return fmt.Errorf("open the stand-in library: %w", err)
	}
	defer session.Close() //nolint:errcheck // the process ends
	sampler, err := meters.NewSampler(meters.NewClock(), run.Every, session.Meters(), meters.SamplerOptions{})
	if err != nil {
		return fmt.Errorf("sample GPUs: %w", err)
	}
	if err := sampler.Start(ctx); err != nil {
		return fmt.Errorf("sample GPUs: %w", err)
	}
	defer sampler.Stop()
	runtime.GC() // what was made before is not the sampler's
	before := usage()
	began := time.Now()
	select {
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // the caller's own cancellation
	case <-time.After(run.For):
	}
	cost := samplingCost{Wall: time.Since(began), CPU: usage() - before, Channels: len(sampler.Channels())}
	for _, m := range sampler.Stats() {
		if m.Err != nil {
			return fmt.Errorf("sample %s: %w", m.Meter, m.Err)
		}
		cost.Meters++
		cost.Ticks += m.Ticks
		cost.Missed += m.Missed
		if m.Interval == run.Every {
			cost.LateP50, cost.LateP99, cost.LateMax = max(cost.LateP50, m.LateP50), max(cost.LateP99, m.LateP99), max(cost.LateMax, m.LateMax)
		}
	}
	if err := json.NewEncoder(out).Encode(cost); err != nil {
		return fmt.Errorf("tell the cost: %w", err)
	}
	return nil
}

// usage is the CPU time of this process, user and system.
func usage() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0 // it cannot fail for the process itself
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
