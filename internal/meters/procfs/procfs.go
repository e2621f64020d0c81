// Package procfs reads the few lines of Linux's /proc that meters need, many
// times a second and without allocating: files stay open, buffers are reused,
// numbers are read straight from bytes. It imports the standard library only.
//
// A general library was tried first and would disturb what is measured; the
// figures stand in package host.
package procfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// UserHz is the unit of CPU times in /proc: 100 ticks a second, a constant of
// the kernel's interface on every architecture that Go supports.
const UserHz = 100

// File is a file of /proc that stays open and is read again and again from its
// start. A file below /proc/<pid> stays bound to that process: once it has
// ended, reading fails, even if its id is given to another.
type File struct {
	f   *os.File
	buf []byte
}

// Open opens path; size is how many bytes of it Read gives at most. A size
// smaller than the file saves a second call to the kernel.
func Open(path string, size int) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open kernel statistics: %w", err)
	}
	return &File{f: f, buf: make([]byte, size)}, nil
}

// Read gives the start of the file as it is now. The bytes are valid until the
// next Read.
func (f *File) Read() ([]byte, error) {
	n, err := f.f.ReadAt(f.buf, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err //nolint:wrapcheck // wrapping would allocate; callers turn it into a reason
	}
	return f.buf[:n], nil
}

// Close closes the file.
func (f *File) Close() error { return f.f.Close() } //nolint:wrapcheck // nothing to add

// CPUTimes are the times that all CPUs together have spent since boot, in
// ticks of 1/UserHz second. Guest time is inside User and Nice already.
type CPUTimes struct {
	User, Nice, System, Idle, IOWait, IRQ, SoftIRQ, Steal uint64
}

// Busy is the time in which the CPUs of this machine worked: user, nice,
// system, irq and softirq. Idle and waiting for input or output are not work;
// steal is time in which the hypervisor ran somebody else.
func (t CPUTimes) Busy() uint64 { return t.User + t.Nice + t.System + t.IRQ + t.SoftIRQ }

// Total is all time, steal included.
func (t CPUTimes) Total() uint64 { return t.Busy() + t.Idle + t.IOWait + t.Steal }

// ErrFormat says that a file of /proc does not look as it should.
var ErrFormat = errors.New("unexpected format of kernel statistics")

// ParseCPUTimes reads the first line of /proc/stat.
func ParseCPUTimes(stat []byte) (CPUTimes, error) {
	rest, ok := bytes.CutPrefix(stat, []byte("cpu "))
	if !ok {
		return CPUTimes{}, ErrFormat
	}
	var v [8]uint64
	for i := range v {
		if v[i], rest, ok = number(rest); !ok {
			// Kernels before 2.6.11 lack irq, softirq and steal; none of
			// them runs Go.
			return CPUTimes{}, ErrFormat
		}
	}
	return CPUTimes{
		User: v[0], Nice: v[1], System: v[2], Idle: v[3],
		IOWait: v[4], IRQ: v[5], SoftIRQ: v[6], Steal: v[7],
	}, nil
}

// CountCPUs counts the logical CPUs listed in /proc/stat.
func CountCPUs(stat []byte) int {
	n := 0
	for line := range bytes.Lines(stat) {
		if len(line) > 3 && bytes.HasPrefix(line, []byte("cpu")) && line[3] >= '0' && line[3] <= '9' {
			n++
		}
	}
	return n
}

// Memory is the machine's memory in bytes.
type Memory struct {
	TotalB     uint64
	AvailableB uint64 // what programs could still get without swapping
}

// UsedB is what is neither free nor given back on demand: total less
// available. Page cache that can be dropped is not used.
func (m Memory) UsedB() uint64 {
	if m.AvailableB > m.TotalB {
		return 0
	}
	return m.TotalB - m.AvailableB
}

// ParseMemory reads MemTotal and MemAvailable from the start of /proc/meminfo.
func ParseMemory(meminfo []byte) (Memory, error) {
	total, ok1 := kilobytes(meminfo, memTotal)
	available, ok2 := kilobytes(meminfo, memAvailable)
	if !ok1 || !ok2 {
		return Memory{}, ErrFormat
	}
	return Memory{TotalB: total, AvailableB: available}, nil
}

const (
	memTotal     = "MemTotal:"
	memAvailable = "MemAvailable:"
)

func kilobytes(text []byte, key string) (uint64, bool) {
	for len(text) > 0 {
		end := bytes.IndexByte(text, '\n')
		if end < 0 {
			return 0, false // a line that was cut off
		}
		line := text[:end]
		text = text[end+1:]
		if len(line) > len(key) && string(line[:len(key)]) == key {
			n, _, ok := number(line[len(key):])
			if !ok || n > 1<<53 {
				return 0, false
			}
			return n * 1024, true
		}
	}
	return 0, false
}

// ParseProcessTicks reads user and system time, in ticks, from
// /proc/<pid>/stat. The name in brackets may itself hold brackets and spaces.
func ParseProcessTicks(stat []byte) (uint64, error) {
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return 0, ErrFormat
	}
	rest := stat[end+1:]
	// After the name: state, then ten fields before utime and stime.
	if len(rest) < 3 {
		return 0, ErrFormat
	}
	rest = rest[2:]
	for range 11 {
		cut := bytes.IndexByte(rest, ' ')
		if cut < 0 {
			return 0, ErrFormat
		}
		rest = rest[cut+1:]
	}
	user, rest, ok1 := number(rest)
	system, _, ok2 := number(rest)
	if !ok1 || !ok2 {
		return 0, ErrFormat
	}
	return user + system, nil
}

// ParseResidentPages reads the resident set, in pages, from /proc/<pid>/statm.
func ParseResidentPages(statm []byte) (uint64, error) {
	_, rest, ok := number(statm)
	if !ok {
		return 0, ErrFormat
	}
	resident, _, ok := number(rest)
	if !ok {
		return 0, ErrFormat
	}
	return resident, nil
}

// ParseInt reads a file that holds one whole number, as those below /sys do:
// 45000, or -5000.
func ParseInt(text []byte) (int64, error) {
	text = bytes.TrimSuffix(text, []byte("\n"))
	digits, negative := bytes.CutPrefix(text, []byte("-"))
	if len(digits) == 0 || digits[0] == ' ' {
		return 0, ErrFormat
	}
	n, rest, ok := number(digits)
	if !ok || len(rest) > 0 || n > 1<<62 {
		return 0, ErrFormat
	}
	if negative {
		return -int64(n), nil
	}
	return int64(n), nil
}

// number reads an unsigned decimal after spaces and gives what follows it.
func number(text []byte) (uint64, []byte, bool) {
	i := 0
	for i < len(text) && text[i] == ' ' {
		i++
	}
	start := i
	var n uint64
	for i < len(text) && text[i] >= '0' && text[i] <= '9' {
		d := uint64(text[i] - '0')
		if n > (1<<64-1-d)/10 {
			return 0, nil, false
		}
		n = n*10 + d
		i++
	}
	return n, text[i:], i > start
}
