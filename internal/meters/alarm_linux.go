package meters

import (
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// kernelAlarm waits on a timer of the kernel, as a file that Go's poller
// watches. It wakes within some tens of µs, where Go's own timers round to the
// poller's milliseconds, and spares what the runtime does beside them.
type kernelAlarm struct {
	now   func() time.Duration
	file  *os.File
	raw   syscall.RawConn
	until time.Duration
	ready func(fd uintptr) bool // due, made once
	ended atomic.Bool
}

// newKernelAlarm gives nil where there is no such timer, or no more files.
func newKernelAlarm(now func() time.Duration) alarm {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil
	}
	a := &kernelAlarm{now: now, file: os.NewFile(uintptr(fd), "timer")}
	a.ready = a.due
	// Only a file that is watched has deadlines.
	if err = a.file.SetReadDeadline(time.Time{}); err == nil {
		a.raw, err = a.file.SyscallConn()
	}
	if err != nil {
		a.close()
		return nil
	}
	return a
}

func (a *kernelAlarm) wait(t time.Duration) bool {
	a.until = t
	err := a.raw.Read(a.ready)
	return err == nil && !a.ended.Load()
}

// due sets the timer, until the moment has come. The poller was told to look
// out before each call, so that a timer that fires meanwhile is not lost; and
// end sets the timer after ended, so that setting it here instead is seen.
func (a *kernelAlarm) due(fd uintptr) bool {
	left := a.until - a.now()
	if left <= 0 {
		return true
	}
	set(fd, left)
	return a.ended.Load()
}

// set lets the timer fire after d.
func set(fd uintptr, d time.Duration) {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	// It fails for a wrong descriptor or time alone, and neither can be here.
	_ = unix.TimerfdSettime(int(fd), 0, &spec, nil)
}

func (a *kernelAlarm) end() {
	a.ended.Store(true)
	// After close there is nothing to wake.
	_ = a.raw.Control(func(fd uintptr) { set(fd, 1) })
}

func (a *kernelAlarm) close() { _ = a.file.Close() }
