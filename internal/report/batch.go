package report

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// batch is a set of files that are written beside their places and put there
// together.
type batch struct{ files []*pending }

// pending is one file of a batch.
type pending struct {
	*bufio.Writer
	file   *os.File
	place  string
	closed bool
}

// open begins a file under a name of its own.
func (b *batch) open(place string) (*pending, error) {
	if info, err := os.Lstat(place); err == nil && !info.Mode().IsRegular() {
		return nil, fault.New(fault.Invalid, "", "move it away or choose another folder",
			"write %s: something that is not a file stands there", place)
	}
	file, err := os.CreateTemp(filepath.Dir(place), "."+filepath.Base(place)+".*")
	if err != nil {
		return nil, diskFault("write", place, err)
	}
	p := &pending{Writer: bufio.NewWriterSize(file, 1<<16), file: file, place: place}
	b.files = append(b.files, p)
	return p, nil
}

// finish writes what is left of a file to the disk.
func (p *pending) finish() error {
	err := p.Flush()
	if err == nil {
		err = p.file.Sync()
	}
	if err == nil {
		err = p.file.Chmod(0o644)
	}
	p.closed = true
	if closeErr := p.file.Close(); err == nil {
		err = closeErr
	}
	return diskFault("write", p.place, err)
}

// put finishes every file and puts each where it belongs.
func (b *batch) put() error {
	for _, f := range b.files {
		if err := f.finish(); err != nil {
			return err
		}
	}
	for len(b.files) > 0 {
		if err := os.Rename(b.files[0].file.Name(), b.files[0].place); err != nil {
			return diskFault("put in place", b.files[0].place, err)
		}
		b.files = b.files[1:]
	}
	return nil
}

// discard removes what was not put in place.
func (b *batch) discard() {
	for _, f := range b.files {
		if !f.closed {
			_ = f.file.Close() // it is removed
		}
		_ = os.Remove(f.file.Name()) // nothing more can be done about it
	}
	b.files = nil
}

// diskFault types what went wrong on the disk; other errors pass unchanged.
func diskFault(doing, path string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fault.New(fault.Unavailable, fault.CodeDiskFull, "free some disk space and build the report again",
			"%s %s: the disk is full: %w", doing, path, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EROFS):
		return fault.New(fault.Invalid, "", "choose a folder that can be written to", "%s %s: %w", doing, path, err)
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s %s: %w", doing, path, err)
	}
	return err
}
