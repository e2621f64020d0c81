package localstack

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// openFolder makes the state folder and its parts and proves that they can be
// written and hold enough free space. It gives the folder with links resolved,
// so that the same folder always has the same name.
func openFolder(o Options) (string, error) {
	if err := os.MkdirAll(o.State, 0o755); err != nil {
		return "", diskError(o.State, err)
	}
	folder, err := filepath.EvalSymlinks(o.State)
	if err != nil {
		return "", diskError(o.State, err)
	}
	probe, err := os.CreateTemp(folder, ".probe.*")
	if err != nil {
		return "", diskError(folder, err)
	}
	_ = probe.Close()
	if err := os.Remove(probe.Name()); err != nil {
		return "", diskError(folder, err)
	}
	if err := checkFree(folder, o.MinFree); err != nil {
		return "", err
	}
	for _, sub := range []string{"logs", "postgres", "ollama", "temporal"} {
		if err := os.MkdirAll(filepath.Join(folder, sub), 0o755); err != nil {
			return "", diskError(folder, err)
		}
	}
	return folder, nil
}

// checkFree refuses a disk that would fill up while a sweep runs.
func checkFree(folder string, need uint64) error {
	free, err := freeBytes(folder)
	if err != nil {
		return diskError(folder, err)
	}
	if free < need {
		return fault.New(fault.Unavailable, fault.CodeDiskFull,
			"free some space, or choose a state folder on another disk",
			"state folder %s: %d MB free, %d MB are needed", folder, free>>20, need>>20)
	}
	return nil
}

// diskError says in one line why a folder cannot be used.
func diskError(path string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fault.New(fault.Unavailable, fault.CodeDiskFull,
			"free some space, or choose a state folder on another disk", "write %s: %w", path, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fault.New(fault.Invalid, "",
			"choose a state folder that this user may write, or mend its mode", "write %s: %w", path, err)
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		return fault.New(fault.Invalid, "",
			"a file is in the way: choose another state folder", "make folder %s: %w", path, err)
	}
	return fault.New(fault.Unavailable, "", "look at the disk", "use folder %s: %w", path, err)
}

// folderID reads the folder's random mark, or makes one. With the folder's path
// it is what our children carry in their environment.
func folderID(folder string) (string, error) {
	path := filepath.Join(folder, "id")
	raw, err := os.ReadFile(path)
	if id := strings.TrimSpace(string(raw)); err == nil && len(id) == 32 {
		return id, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", diskError(path, err)
	}
	id, err := randomHex(16)
	if err != nil {
		return "", err
	}
	return id, writeFileAtomic(path, []byte(id+"\n"), 0o644)
}

func randomHex(bytes int) (string, error) {
	raw := make([]byte, bytes)
	if _, err := rand.Read(raw); err != nil {
		return "", fault.New(fault.Internal, "", "", "draw random bytes: %w", err)
	}
	return hex.EncodeToString(raw), nil
}

// logFile opens a server's log for appending. A log over 32 MB is set aside
// first, so that a state folder used for months does not fill the disk.
func logFile(folder string, name Name) (*os.File, error) {
	path := filepath.Join(folder, "logs", string(name)+".log")
	if info, err := os.Stat(path); err == nil && info.Size() > 32<<20 {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, diskError(path, err)
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return nil, diskError(path, err)
	}
	return f, nil
}
