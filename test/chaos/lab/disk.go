package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// CanMount tells whether this process may mount a disk, and why not.
func CanMount() (bool, string) {
	if os.Geteuid() != 0 {
		return false, "mounting a small disk takes root"
	}
	dir, err := os.MkdirTemp("", "wattsweep-mount-")
	if err != nil {
		return false, err.Error()
	}
	defer func() { _ = os.Remove(dir) }()
	if err := mountTmpfs(context.Background(), dir, 1<<20); err != nil {
		return false, err.Error()
	}
	if err := unmount(dir); err != nil {
		return false, err.Error()
	}
	return true, ""
}

// diskDir is where Postgres' data lies when the lab has a disk of its own.
func (l *Lab) diskDir() string { return filepath.Join(l.State, "postgres") }

func (l *Lab) mountDisk(ctx context.Context) error {
	if err := os.MkdirAll(l.diskDir(), 0o755); err != nil { //nolint:gosec // Postgres' user must pass through
		return fmt.Errorf("make the disk's folder: %w", err)
	}
	return mountTmpfs(ctx, l.diskDir(), l.DiskBytes)
}

func (l *Lab) unmountDisk() error {
	if l.DiskBytes == 0 {
		return nil
	}
	return unmount(l.diskDir())
}

// FillDisk takes all that is left of the disk.
func (l *Lab) FillDisk() error {
	f, err := os.OpenFile(filepath.Join(l.diskDir(), "filler"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("fill the disk: %w", err)
	}
	defer func() { _ = f.Close() }()
	for size := 1 << 20; size >= 4096; {
		switch _, err := f.Write(make([]byte, size)); {
		case errors.Is(err, syscall.ENOSPC):
			size /= 2
		case err != nil:
			return fmt.Errorf("fill the disk: %w", err)
		}
	}
	return nil
}

// FreeDisk gives back what FillDisk took.
func (l *Lab) FreeDisk() error { return os.Remove(filepath.Join(l.diskDir(), "filler")) }

// The programs mount and umount do what the system call does on every system
// that has a tmpfs.
func mountTmpfs(ctx context.Context, dir string, size int64) error {
	out, err := exec.CommandContext(ctx, "mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%d,mode=755", size), "tmpfs", dir).CombinedOutput() //nolint:gosec // our own folder
	if err != nil {
		return fmt.Errorf("mount a disk of %d bytes: %w: %s", size, err, out)
	}
	return nil
}

func unmount(dir string) error {
	out, err := exec.CommandContext(context.Background(), "umount", dir).CombinedOutput() //nolint:gosec // our own folder
	if err != nil {
		return fmt.Errorf("unmount %s: %w: %s", dir, err, out)
	}
	return nil
}
