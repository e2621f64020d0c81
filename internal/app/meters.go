package app

import (
	"context"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/estimate"
	"github.com/wattsweep/wattsweep/internal/meters/host"
	"github.com/wattsweep/wattsweep/internal/meters/hwmon"
	"github.com/wattsweep/wattsweep/internal/meters/rapl"
	"github.com/wattsweep/wattsweep/internal/runtimes"
)

// settled lists what a pool keeps open: what the host has and what its
// settings name.
func (p *MeterPool) settled(cfg bench.MeterConfig) []source {
	s := p.opts.Settings
	var list []source
	if cfg.NVML {
		list = append(list, p.nvidia())
	}
	if cfg.Hwmon {
		list = append(list, one("hwmon", func(context.Context) (meters.Meter, error) {
			return hwmon.New(hwmon.Options{SysFS: s.RAPL.SysFS})
		}))
	}
	if cfg.Wall {
		list = append(list, p.wall()...)
	}
	return list
}

// perCell lists the meters that rest on what a cell says; they cost next to
// nothing to open.
func (p *MeterPool) perCell(cfg bench.MeterConfig, rt runtimes.Runtime) []source {
	var list []source
	if cfg.Host {
		list = append(list, source{name: host.Name, open: func(context.Context) (opened, error) {
			opts := host.Options{Interval: cfg.Interval, SysFS: p.opts.Settings.RAPL.SysFS, Harness: true, Temperature: true}
			if rt != nil {
				opts.Processes = rt.Processes
			}
			m, err := host.New(opts)
			if err != nil {
				return opened{}, err
			}
			return opened{meters: []meters.Meter{m}, absent: m.Missing()}, nil
		}})
	}
	if cfg.RAPL {
		s := p.opts.Settings.RAPL
		list = append(list, one("rapl", func(context.Context) (meters.Meter, error) {
			return rapl.New(rapl.Options{SysFS: s.SysFS, MaxPowerW: s.MaxPowerW, Interval: cfg.Interval})
		}))
	}
	if cfg.Estimate != nil {
		list = append(list, one(estimate.Name, func(context.Context) (meters.Meter, error) {
			return estimate.New(estimate.Options{Config: *cfg.Estimate, Interval: cfg.Interval})
		}))
	}
	return list
}

// one is a source of a single meter.
func one(name string, open func(ctx context.Context) (meters.Meter, error)) source {
	return source{name: name, open: func(ctx context.Context) (opened, error) {
		m, err := open(ctx)
		if err != nil {
			return opened{}, err
		}
		return opened{meters: []meters.Meter{m}}, nil
	}}
}

// openLimit bounds the opening of meters for a stage: every source is asked at
// once, and gives up by its own timeouts long before, and so does watching.
const openLimit = 2 * time.Minute

// OpenMeters borrows what a cell asks for from the app's pool, and watches what
// was not watched. What the host lacks is told, not an error. rt may be nil.
func (a *App) OpenMeters(cfg bench.MeterConfig, rt runtimes.Runtime) (open []meters.Meter, missing []string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), openLimit)
	defer cancel()
	return a.Meters.Open(ctx, cfg, rt)
}
