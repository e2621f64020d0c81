package app

import (
	"context"
	"errors"
	"sync"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/nvml"
)

// gpuSession is NVML while it is open.
type gpuSession struct {
	mu   sync.Mutex
	open *nvml.Session
}

// nvidia is every NVIDIA GPU of the host, by one session.
func (p *MeterPool) nvidia() source {
	return source{name: nvml.Name, open: func(ctx context.Context) (opened, error) {
		session, err := nvml.Open(ctx, nvml.Options{Library: p.opts.Settings.NVML.Library, Own: p.ownProcesses})
		if err != nil {
			return opened{}, err
		}
		p.gpus.mu.Lock()
		p.gpus.open = session
		p.gpus.mu.Unlock()
		got := opened{meters: session.Meters(), close: func() error {
			p.gpus.mu.Lock()
			defer p.gpus.mu.Unlock()
			p.gpus.open = nil
			return session.Close()
		}}
		for _, why := range session.Absent() {
			got.absent = append(got.absent, &meters.Missing{Meter: nvml.Name, Why: why, Mend: "nothing to mend, if that is known"})
		}
		return got, nil
	}}
}

// GPUFacts describe the GPUs as NVML tells them; nil while NVML is not open.
func (p *MeterPool) GPUFacts() []bench.GPUFacts {
	p.gpus.mu.Lock()
	defer p.gpus.mu.Unlock()
	if p.gpus.open == nil {
		return nil
	}
	return p.gpus.open.Facts()
}

// Foreign looks who is on each GPU now; the runtime is that of the last Open.
// It gives nil while NVML is not open or nobody has meters, and may run while
// meters are lent.
func (p *MeterPool) Foreign(ctx context.Context) ([]nvml.Occupants, error) {
	p.gpus.mu.Lock()
	session := p.gpus.open
	p.gpus.mu.Unlock()
	if session == nil {
		return nil, nil
	}
	on, err := session.Foreign(ctx)
	if errors.Is(err, errNoStage) {
		return nil, nil
	}
	return on, err
}
