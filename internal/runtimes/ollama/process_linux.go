package ollama

import (
	"bytes"
	"os"
	"strconv"
)

// born gives the start of a process in clock ticks since boot, which no change
// of the clock moves; "" when it is gone or a zombie.
func born(pid int32) string {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(int(pid)) + "/stat")
	if err != nil {
		return ""
	}
	// The name stands in brackets and may hold anything; the state (field 3)
	// follows the last one, the start time is field 22.
	fields := bytes.Fields(raw[bytes.LastIndexByte(raw, ')')+1:])
	if len(fields) < 20 || fields[0][0] == 'Z' || fields[0][0] == 'X' {
		return ""
	}
	return string(fields[19])
}

// bootID names this run of the system.
func bootID() string {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(raw))
}
