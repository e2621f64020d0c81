// Package clock runs a program whose wall clock can be stepped while it runs,
// and nobody else's. The kernel hands the program's questions for the time of
// day to us (seccomp's user notification), and the shortcut by which programs
// ask without the kernel (the vDSO) is hidden from it before its first
// instruction of its own. The monotonic clock stays true, as when an operator or
// a time server steps a machine's clock. It works for programs made by Go.
package clock

import (
	"os"
	"sync/atomic"
	"time"
)

// launchVariable tells a process to be the launcher and nothing else.
const launchVariable = "CHAOS_CLOCK_LAUNCH"

// Clock is the wall clock of one program.
type Clock struct {
	step     atomic.Int64 // nanoseconds
	answered atomic.Int64
	listen   *os.File
	done     chan struct{}
}

// Step sets how far the program's clock is from the true time.
func (c *Clock) Step(by time.Duration) { c.step.Store(int64(by)) }

// Answered is how often the program was told the time.
func (c *Clock) Answered() int64 { return c.answered.Load() }

// Close ends answering; the program must have ended.
func (c *Clock) Close() error {
	select {
	case <-c.done:
	case <-time.After(5 * time.Second):
	}
	return c.listen.Close()
}
