//go:build !linux

package ollama

import (
	"context"
	"strconv"

	"github.com/shirou/gopsutil/v4/host"
	ps "github.com/shirou/gopsutil/v4/process"
)

// born gives the start of a process in milliseconds since 1970, "" when it is
// gone or a zombie.
func born(pid int32) string {
	p, err := ps.NewProcess(pid)
	if err != nil {
		return ""
	}
	if status, err := p.Status(); err == nil && len(status) > 0 && status[0] == ps.Zombie {
		return ""
	}
	at, err := p.CreateTime()
	if err != nil {
		return ""
	}
	return strconv.FormatInt(at, 10)
}

// bootID names this run of the system.
func bootID() string {
	at, err := host.BootTime()
	if err != nil {
		return ""
	}
	return strconv.FormatUint(at, 10)
}

// childrenOf lists the children of a process.
func childrenOf(ctx context.Context, pid int32) []int32 { return childrenBySystem(ctx, pid) }
