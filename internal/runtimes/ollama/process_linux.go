package ollama

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
)

// childrenOf lists the children of a process by the kernel's own lists, one for
// each thread, or by looking at all processes where it keeps none.
func childrenOf(ctx context.Context, pid int32) []int32 {
	base := "/proc/" + strconv.Itoa(int(pid))
	files, err := filepath.Glob(base + "/task/*/children")
	if err != nil || len(files) == 0 {
		if _, err := os.Stat(base); err != nil {
			return nil
		}
		return childrenBySystem(ctx, pid)
	}
	var list []int32
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		for field := range bytes.FieldsSeq(raw) {
			if child, err := strconv.ParseInt(string(field), 10, 32); err == nil {
				list = append(list, int32(child))
			}
		}
	}
	return list
}

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
