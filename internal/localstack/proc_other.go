//go:build !linux

package localstack

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/shirou/gopsutil/v4/process"
)

// identify reads who a process is; start is its creation time in milliseconds
// since 1970, so that no boot is needed.
func identify(pid int) (identity, bool) {
	p, err := process.NewProcess(int32(pid)) //nolint:gosec // checked when the record was read
	if err != nil {
		return identity{}, false
	}
	start, err := p.CreateTime()
	if err != nil {
		return identity{}, false
	}
	if status, err := p.Status(); err == nil && len(status) > 0 && status[0] == process.Zombie {
		return identity{}, false
	}
	exe, err := p.Exe()
	if err == nil {
		if resolved, err := filepath.EvalSymlinks(exe); err == nil {
			exe = resolved
		}
	}
	return identity{pid: pid, start: strconv.FormatInt(start, 10), exe: exe}, true
}

// pids lists the processes of this system.
func pids() []int {
	all, err := process.Pids()
	if err != nil {
		return nil
	}
	var list []int
	for _, pid := range all {
		if pid > 1 && int(pid) != os.Getpid() {
			list = append(list, int(pid))
		}
	}
	return list
}

// environmentOf gives the mark in a process's environment, where the system
// lets us read it.
func environmentOf(pid int) (string, bool) {
	p, err := process.NewProcess(int32(pid)) //nolint:gosec // from the system's own list
	if err != nil {
		return "", false
	}
	env, err := p.Environ()
	if err != nil {
		return "", false
	}
	for _, one := range env {
		if value, ok := strings.CutPrefix(one, markVariable+"="); ok {
			return value, true
		}
	}
	return "", false
}

// childAttributes puts a child into a group of its own, so that a Ctrl-C at the
// terminal reaches the program alone. This system sends no signal when a parent
// dies: the next start finds what is left.
func childAttributes(detached bool, _ syscall.Signal, user *syscall.Credential) *syscall.SysProcAttr {
	if detached {
		return &syscall.SysProcAttr{Setsid: true, Credential: user}
	}
	return &syscall.SysProcAttr{Setpgid: true, Credential: user}
}

// workFolder is a process's current folder, empty when it cannot be told.
func workFolder(pid int) string {
	p, err := process.NewProcess(int32(pid)) //nolint:gosec // from the system's own list
	if err != nil {
		return ""
	}
	dir, err := p.Cwd()
	if err != nil {
		return ""
	}
	return dir
}
