//go:build !linux

package meters

import "time"

// newKernelAlarm gives nil: Go's timers serve here.
func newKernelAlarm(func() time.Duration) alarm { return nil }
