package app

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// ProcessStart tells when a process was started, so that another one of the same
// number is told apart, and whether it still runs: a zombie does not. The start
// is counted in clock ticks since boot, which no step of the clock changes.
func ProcessStart(pid int32) (start int64, alive bool, err error) {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(int(pid)) + "/stat")
	if err != nil {
		return 0, false, fmt.Errorf("read process %d: %w", pid, err)
	}
	return startOf(raw)
}

// BootID is the kernel's id of this boot: a process's number and start are only
// the same process within one boot.
func BootID() string {
	body, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(body))
}

// startOf reads the kernel's line about a process. Its name, in brackets, may
// hold spaces and brackets; behind the last one stand the state (field 3) and,
// 19 fields on, the start (field 22).
func startOf(stat []byte) (start int64, alive bool, err error) {
	end := bytes.LastIndexByte(stat, ')')
	fields := bytes.Fields(stat[end+1:])
	if end < 0 || len(fields) < 20 {
		return 0, false, fmt.Errorf("read a process: its line has %d fields behind the name, 20 are needed", len(fields))
	}
	start, err = strconv.ParseInt(string(fields[19]), 10, 64)
	if err != nil || start < 0 {
		return 0, false, fmt.Errorf("read a process: its start is no number of ticks: %q", fields[19])
	}
	state := string(fields[0])
	return start, state != "Z" && state != "X", nil
}
