package activities

import (
	"time"

	"golang.org/x/sys/unix"
)

// asleep is how long the machine has slept since it was started: of two clocks
// that begin at its start, one stands still meanwhile (clock_gettime(2)).
func asleep() time.Duration {
	var with, without unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &with) != nil || unix.ClockGettime(unix.CLOCK_MONOTONIC, &without) != nil {
		return 0
	}
	return time.Duration(with.Nano() - without.Nano())
}
