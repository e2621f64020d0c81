// Package hostfacts describes the machine that measures: system, processor,
// memory, boot and GPUs. It is read once per session, so it uses gopsutil
// where speed does not matter.
package hostfacts

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/mem"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// Options say which host is described.
type Options struct {
	Host        string // the name the host has in specs; "" is the system's host name
	WorkerBuild string // version and commit of the program
	// ProcFS and SysFS are where the kernel's tables of GPUs and of the boot
	// are mounted; "" is /proc and /sys.
	ProcFS, SysFS string
	// Now is the wall clock; nil is time.Now.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.ProcFS == "" {
		o.ProcFS = "/proc"
	}
	if o.SysFS == "" {
		o.SysFS = "/sys"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Read describes the host. What is about meters and runtimes is the caller's
// to add. When a fact that a result cannot do without (system, processor,
// memory) cannot be read, the error names it and the rest is still returned.
func Read(ctx context.Context, opts Options) (bench.HostFacts, error) {
	opts = opts.withDefaults()
	facts := bench.HostFacts{Host: opts.Host, WorkerBuild: opts.WorkerBuild, SeenAt: opts.Now()}
	err := errors.Join(
		system(ctx, opts, &facts),
		processor(ctx, &facts),
		memory(ctx, &facts),
	)
	gpus := readGPUs(opts)
	facts.GPUs, facts.GPUsMissing, facts.Driver = gpus.names, gpus.missing, gpus.driver
	if err != nil {
		return facts, fault.New(fault.Unavailable, "", "the system's own tables must be readable: is /proc mounted?",
			"describe host: %w", err)
	}
	return facts, nil
}

func system(ctx context.Context, opts Options, facts *bench.HostFacts) error {
	info, err := host.InfoWithContext(ctx)
	if err != nil {
		return fmt.Errorf("read system: %w", err)
	}
	if facts.Host == "" {
		facts.Host = info.Hostname
	}
	facts.OS = strings.TrimSpace(info.Platform + " " + info.PlatformVersion)
	if facts.OS == "" {
		facts.OS = info.OS
	}
	facts.Kernel = strings.TrimSpace(info.OS + " " + info.KernelVersion + " " + info.KernelArch)
	facts.BootID = bootID(opts.ProcFS, info.BootTime)
	return nil
}

// bootID is the kernel's id of this boot or, where there is none, the boot
// time: it only has to change when the machine starts anew.
func bootID(proc string, bootTime uint64) string {
	text, err := os.ReadFile(filepath.Join(proc, "sys/kernel/random/boot_id"))
	if id := strings.TrimSpace(string(text)); err == nil && id != "" {
		return id
	}
	return time.Unix(int64(min(bootTime, math.MaxInt64)), 0).UTC().Format(time.RFC3339)
}

func processor(ctx context.Context, facts *bench.HostFacts) error {
	info, err := cpu.InfoWithContext(ctx)
	if err != nil {
		return fmt.Errorf("read processor: %w", err)
	}
	if len(info) == 0 {
		return errors.New("read processor: the system lists none")
	}
	facts.CPU = info[0].ModelName
	sockets := map[string]bool{}
	for _, one := range info {
		sockets[one.PhysicalID] = true
	}
	facts.Sockets = len(sockets)
	if facts.Threads, err = cpu.CountsWithContext(ctx, true); err != nil {
		return fmt.Errorf("count threads: %w", err)
	}
	if facts.Cores, err = cpu.CountsWithContext(ctx, false); err != nil {
		return fmt.Errorf("count cores: %w", err)
	}
	return nil
}

func memory(ctx context.Context, facts *bench.HostFacts) error {
	v, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return fmt.Errorf("read memory: %w", err)
	}
	facts.MemoryBytes = int64(min(v.Total, math.MaxInt64))
	return nil
}
