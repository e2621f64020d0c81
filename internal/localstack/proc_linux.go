package localstack

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// identify reads who a process is. A zombie does not count as living.
func identify(pid int) (identity, bool) {
	dir := "/proc/" + strconv.Itoa(pid)
	raw, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return identity{}, false
	}
	// The name, in brackets, may hold spaces and brackets itself; what follows
	// the last bracket is the state (field 3) and, 19 fields on, the start time
	// in clock ticks since boot (field 22).
	_, rest, ok := bytes.Cut(raw[bytes.LastIndexByte(raw, ')')+1:], []byte(" "))
	fields := strings.Fields(string(rest))
	if !ok || len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return identity{}, false
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return identity{}, false
	}
	// A process of another user hides its executable; it stays empty then, and
	// an empty one never matches.
	exe, _ := os.Readlink(dir + "/exe")
	return identity{
		pid:   pid,
		start: fields[19],
		boot:  strings.TrimSpace(string(boot)),
		exe:   strings.TrimSuffix(exe, " (deleted)"), // a package upgrade replaced the file
	}, true
}

// pids lists the processes of this system.
func pids() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var list []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && pid > 1 {
			list = append(list, pid)
		}
	}
	return list
}

// environmentOf gives the mark in a process's environment.
func environmentOf(pid int) (string, bool) {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return "", false
	}
	for one := range bytes.SplitSeq(raw, []byte{0}) {
		if value, ok := bytes.CutPrefix(one, []byte(markVariable+"=")); ok {
			return string(value), true
		}
	}
	return "", false
}

// childAttributes puts a child into a group of its own, so that a Ctrl-C at the
// terminal reaches the program alone. An owned child gets farewell from the
// kernel when the thread that started it ends; a detached one gets a session.
func childAttributes(detached bool, farewell syscall.Signal, user *syscall.Credential) *syscall.SysProcAttr {
	if detached {
		return &syscall.SysProcAttr{Setsid: true, Credential: user}
	}
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: farewell, Credential: user}
}

// workFolder is a process's current folder, empty when it cannot be told.
func workFolder(pid int) string {
	dir, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/cwd")
	if err != nil {
		return ""
	}
	return dir
}
