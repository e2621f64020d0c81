package localstack

import (
	"errors"
	"os"
	"strings"
	"syscall"
)

// markVariable is set in the environment of every child: "server:id:folder".
const markVariable = "WATTSWEEP_STACK"

// identity names a process for good: a pid alone is used again by the kernel.
type identity struct {
	pid   int
	start string // start time in the kernel's own unit
	boot  string // the boot it counts from; empty where start is absolute
	exe   string // links resolved
}

// running tells whether the process on record is still that process.
func (r record) running() bool {
	if r.Pid <= 1 || r.Pid == os.Getpid() {
		return false
	}
	now, ok := identify(r.Pid)
	return ok && now.start == r.Start && now.boot == r.Boot && now.exe == r.Exe && now.exe != ""
}

// signal sends sig to the process on record, and to no other: the handle is
// taken first and the identity checked after it, so that a number that was used
// again in between cannot be hit where the system has handles for processes.
func (r record) signal(sig syscall.Signal) error {
	p, err := os.FindProcess(r.Pid)
	if err != nil {
		return err
	}
	defer func() { _ = p.Release() }()
	if !r.running() {
		return os.ErrProcessDone
	}
	return p.Signal(sig)
}

// kin is a process that carries the mark of a state folder.
type kin struct {
	server Name
	record record
}

// kinOf lists every living process that carries this folder's mark, ours or
// their children.
func kinOf(id, folder string) []kin {
	var list []kin
	suffix := ":" + id + ":" + folder
	for _, pid := range pids() {
		value, ok := environmentOf(pid)
		if !ok || !strings.HasSuffix(value, suffix) || pid == os.Getpid() {
			continue
		}
		if who, ok := identify(pid); ok {
			list = append(list, kin{
				server: Name(strings.TrimSuffix(value, suffix)),
				record: record{Pid: pid, Start: who.start, Boot: who.boot, Exe: who.exe},
			})
		}
	}
	return list
}

// killKin ends what a server left behind: its own children that outlived it.
func killKin(id, folder string, server Name) {
	for _, k := range kinOf(id, folder) {
		if k.server == server {
			_ = k.record.signal(syscall.SIGKILL) // gone already is as good
		}
	}
}

// gone tells whether a signal failed because there was nobody to take it.
func gone(err error) bool {
	return errors.Is(err, os.ErrProcessDone) || errors.Is(err, syscall.ESRCH)
}
