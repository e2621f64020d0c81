// Package caches drops the operating system's caches of files, so that what is
// read next comes from the disk and not from memory that an earlier load
// filled.
//
// Only Linux can: the kernel drops clean pages, and the entries by which it
// finds files, when 3 is written to /proc/sys/vm/drop_caches (kernel
// documentation, admin-guide/sysctl/vm). What is not on the disk yet cannot be
// dropped, so it is written out first. Pages that a process maps or has locked,
// and file systems that live in memory, stay.
package caches

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// States of the caches before something is read, as they are recorded.
const (
	Cleared = "cleared"
	AsFound = "as found" // nobody asked for cleared ones
)

// Options say how the caches are reached. The zero value is this machine's.
type Options struct {
	// DropFile is the kernel's file; empty is /proc/sys/vm/drop_caches.
	DropFile string
	// Sync writes out what is not on the disk yet; nil is the system's.
	Sync func()
	// Limit is how long writing out may take; 0 is two minutes.
	Limit time.Duration
}

const (
	dropFile  = "/proc/sys/vm/drop_caches"
	syncLimit = 2 * time.Minute
	// both drops pages and the entries of folders.
	both = "3\n"
)

// hintRoot says what the right to drop caches takes: the kernel asks for the
// user root, whatever capabilities another one has.
const hintRoot = "run the worker as root on the host itself (a container needs a writable /proc/sys), or leave clear_caches out"

// Clear drops the caches. An error says why they are as they were: Unsupported
// where the system has no such thing or this process has no right to it,
// Unavailable where the disk takes too long, or that of ctx when it ends first.
func Clear(ctx context.Context, opts Options) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if opts.DropFile == "" {
		opts.DropFile = dropFile
	}
	// Opening tells of a missing right before the disk is kept busy.
	file, err := os.OpenFile(opts.DropFile, os.O_WRONLY, 0)
	if err != nil {
		return refused(opts.DropFile, err)
	}
	defer func() { _ = file.Close() }() // the kernel has done its work when the write is back
	if err := flush(ctx, opts); err != nil {
		return err
	}
	if _, err := file.WriteString(both); err != nil {
		return refused(opts.DropFile, err)
	}
	return nil
}

// flush waits until everything is on the disk. The system cannot be stopped in
// that; where it takes too long it goes on by itself.
func flush(ctx context.Context, opts Options) error {
	sync, most := opts.Sync, opts.Limit
	if sync == nil {
		sync = syncAll
	}
	if most <= 0 {
		most = syncLimit
	}
	done := make(chan struct{})
	go func() { defer close(done); sync() }()
	limit := time.NewTimer(most)
	defer limit.Stop()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-limit.C:
		return fault.New(fault.Unavailable, fault.CodeTimeout, "see what else writes to the disk",
			"the disk did not take all that was to be written within %s", most)
	}
}

// refused types what the kernel says.
func refused(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.Unsupported, "", "measure on Linux, or leave clear_caches out",
			"this system has no %s", path)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fault.New(fault.Unsupported, "", hintRoot, "no right to write to %s", path)
	default:
		return fault.New(fault.Unavailable, "", "look at the kernel's log", "write to %s: %w", path, cause(err))
	}
}

// cause leaves the path out, which the message has already.
func cause(err error) error {
	if inner, ok := errors.AsType[*fs.PathError](err); ok {
		return inner.Err
	}
	return err
}
