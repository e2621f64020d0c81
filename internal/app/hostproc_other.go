//go:build !linux

package app

import (
	"fmt"

	"github.com/shirou/gopsutil/v4/process"
)

// ProcessStart tells when a process was started, so that another one of the same
// number is told apart, and whether it still runs: a zombie does not.
func ProcessStart(pid int32) (start int64, alive bool, err error) {
	p, err := process.NewProcess(pid)
	if err != nil {
		return 0, false, fmt.Errorf("read process %d: %w", pid, err)
	}
	if start, err = p.CreateTime(); err != nil {
		return 0, false, fmt.Errorf("read process %d: %w", pid, err)
	}
	status, err := p.Status()
	return start, err != nil || len(status) == 0 || status[0] != process.Zombie, nil
}

// BootID is empty where starts of processes are told as times of day.
func BootID() string { return "" }
