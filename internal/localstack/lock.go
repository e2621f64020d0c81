package localstack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// lock is an exclusive hold on a folder. The kernel lets go of it when the
// process ends, however it ends; children do not inherit it.
type lock struct{ f *os.File }

// holder is what a lock file says of the program that holds it.
type holder struct {
	Pid   int       `json:"pid"`
	Owner string    `json:"owner"`
	Since time.Time `json:"since"`
}

// errHeld says that another program has the lock.
var errHeld = errors.New("lock is held")

func tryLock(path, owner string) (*lock, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, diskError(path, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errHeld
		}
		return nil, fault.New(fault.Unsupported, "", "choose a folder on a local disk", "lock %s: %w", path, err)
	}
	raw, err := json.Marshal(holder{Pid: os.Getpid(), Owner: owner, Since: time.Now().UTC().Truncate(time.Second)})
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt(append(raw, '\n'), 0)
	}
	if err != nil {
		_ = f.Close()
		return nil, diskError(path, err)
	}
	return &lock{f: f}, nil
}

func (l *lock) held() bool { return l != nil && l.f != nil }

// release lets go. The file stays: removing it would let two programs hold two
// files of the same name.
func (l *lock) release() {
	if l != nil && l.f != nil {
		_ = l.f.Truncate(0)
		_ = l.f.Close()
		l.f = nil
	}
}

// How often, and how long apart, a lock without an owner is tried.
const (
	letGoTries = 40
	letGoPause = 50 * time.Millisecond
)

// lockState takes the state folder or says who has it.
func lockState(folder, owner string) (*lock, error) {
	path := filepath.Join(folder, "lock")
	l, err := tryLock(path, owner)
	h := holder{}
	// A lock whose owner let go has no name in it any more, yet it lives on for
	// moments in a program that was being started just then.
	for range letGoTries {
		if !errors.Is(err, errHeld) {
			return l, err
		}
		if h = readHolder(path); h.Pid != 0 {
			break
		}
		time.Sleep(letGoPause)
		l, err = tryLock(path, owner)
	}
	if !errors.Is(err, errHeld) {
		return l, err
	}
	return nil, fault.New(fault.Unavailable, "",
		fmt.Sprintf("wait for it, stop it (kill %d), or choose another state folder", h.Pid),
		"state folder %s is in use by process %d (%s, since %s)", folder, h.Pid, h.Owner, h.Since.Format(time.RFC3339))
}

// readHolder tells who holds a lock; what cannot be read stays empty.
func readHolder(path string) holder {
	var h holder
	f, err := os.Open(path)
	if err != nil {
		return h
	}
	defer func() { _ = f.Close() }()
	if raw, err := io.ReadAll(io.LimitReader(f, 4096)); err == nil {
		_ = json.Unmarshal(raw, &h) // the holder may be writing it at this moment
	}
	return h
}

// waitLock takes a lock as soon as its holder lets go, telling once who it is.
func waitLock(ctx context.Context, path, owner string, waiting func(holder)) (*lock, error) {
	told := false
	for {
		l, err := tryLock(path, owner)
		if !errors.Is(err, errHeld) {
			return l, err
		}
		if !told {
			waiting(readHolder(path))
			told = true
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return nil, fmt.Errorf("wait for %s: %w", path, err)
		}
	}
}

// pause waits, or ends early with the context's error.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
