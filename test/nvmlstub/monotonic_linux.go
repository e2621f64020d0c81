package nvmlstub

import (
	"syscall"
	"time"
	"unsafe"
)

// Monotonic is the present on the system's monotonic clock, which the library
// and Go's own monotonic times share: a test that sets Config.Epoch to it
// knows where in its power curve a GPU is.
func Monotonic() time.Duration {
	const clockMonotonic = 1
	var ts syscall.Timespec
	//nolint:gosec // the kernel fills ts and keeps no pointer to it
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&ts)), 0); errno != 0 {
		return 0
	}
	return time.Duration(ts.Nano())
}
