package app

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// CheckHost tells whether a worker could measure on a host now, so that
// nothing is started in vain; it takes no hold of the host. share says that the
// machine is shared, as the settings do.
func CheckHost(host string, share bool) error {
	release, err := lockNames(lockFolder(), host, share, lockPatience)
	if err != nil {
		return err
	}
	release()
	return nil
}

// lockFolder holds the locks of a machine's host names, for all its users.
func lockFolder() string { return filepath.Join(os.TempDir(), "wattsweep-locks") }

// lockNames takes a host's name and, unless it is shared, the machine: under
// two names two workers would measure over each other as well as under one.
func lockNames(folder, host string, share bool, patience time.Duration) (release func(), err error) {
	name, err := lockHost(folder, host, patience)
	if err != nil {
		return nil, err
	}
	machine, err := lockMachine(folder, host, share, patience)
	if err != nil {
		name()
		return nil, err
	}
	return func() { machine(); name() }, nil
}

// machineLock is no name that a host can have.
const machineLock = "@machine.lock"

// lockMachine keeps workers of other host names off this machine; with share it
// keeps off only those that do not share it.
func lockMachine(folder, host string, share bool, patience time.Duration) (release func(), err error) {
	f, err := openLock(folder, machineLock)
	if err != nil {
		return nil, cannotLock(folder, host, err)
	}
	how := unix.LOCK_EX
	if share {
		how = unix.LOCK_SH
	}
	if err := flock(f, how, patience); err != nil {
		owner, _ := io.ReadAll(io.LimitReader(f, 128)) // for the message only
		_ = f.Close()                                  // nothing was written
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock this machine for host %s: %w", host, err)
		}
		pid, name, _ := strings.Cut(strings.TrimSpace(string(owner)), " ")
		who := "other host names, by workers that share it"
		if name != "" {
			who = "the host name " + name + heldBy([]byte(pid))
		}
		return nil, fault.New(fault.Unavailable, fault.CodeHostTaken, alonehint,
			"host %s: this machine is already measured under %s; each would be in the other's figures", host, who)
	}
	if share {
		return func() { _ = f.Close() }, nil // of several holders none is to be named
	}
	if f.Truncate(0) == nil {
		_, _ = fmt.Fprintf(f, "%d %s\n", os.Getpid(), host)
	}
	return func() { _ = f.Truncate(0); _ = f.Close() }, nil
}

// alonehint mends that a machine is measured under two names.
const alonehint = "stop that worker first (wattsweep down where it was started, or end the process); " +
	"only where the two share neither GPU, CPU nor meter, set worker.share_machine for both"

func cannotLock(folder, host string, err error) error {
	return fault.New(fault.Unavailable, "", "let every user of this machine write into "+folder+" (chmod 1777), or point TMPDIR elsewhere",
		"lock host %s: %w", host, err)
}

// lockHost makes this process the only worker of a host name on this machine:
// two would measure over each other. The lock falls with the process, also
// when it is killed. Its file stays: taking it away would let two processes
// hold two files of the same name.
func lockHost(folder, host string, patience time.Duration) (release func(), err error) {
	f, err := openLock(folder, strings.ReplaceAll(host, string(filepath.Separator), "_")+".lock")
	if err != nil {
		return nil, cannotLock(folder, host, err)
	}
	if err := flock(f, unix.LOCK_EX, patience); err != nil {
		owner, _ := io.ReadAll(io.LimitReader(f, 32)) // for the message only
		_ = f.Close()                                 // nothing was written
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fault.New(fault.Unavailable, "", "stop it first (wattsweep down where it was started, or end the process)",
				"host %s is already measured by another worker on this machine%s", host, heldBy(owner))
		}
		return nil, fmt.Errorf("lock host %s: %w", host, err)
	}
	// The number only helps the message above; a file that we may only read
	// keeps another one's.
	if f.Truncate(0) == nil {
		_, _ = fmt.Fprintf(f, "%d\n", os.Getpid())
	}
	return func() { _ = f.Truncate(0); _ = f.Close() }, nil
}

// lockPatience is how long a lock is waited for: a worker that was just killed
// lets go of it within moments, not at once.
const lockPatience = 3 * time.Second

// flock tries to lock until patience ends.
func flock(f *os.File, how int, patience time.Duration) error {
	until := time.Now().Add(patience)
	for {
		err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) || time.Now().After(until) {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func heldBy(owner []byte) string {
	if pid := strings.TrimSpace(string(owner)); pid != "" {
		return ", process " + pid
	}
	return ""
}

// openLock opens a lock file that every user of the machine may share, or makes
// it. A file that another user made without that right is opened to read, which
// is enough to lock it.
func openLock(folder, name string) (*os.File, error) {
	if err := os.Mkdir(folder, 0o700); err == nil {
		// Not by Mkdir, whose mode the umask cuts.
		if err := os.Chmod(folder, 0o777|os.ModeSticky); err != nil { //nolint:gosec // shared by all users of the machine
			return nil, err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	path := filepath.Join(folder, name)
	// A link that somebody else put there is not followed, and a pipe not waited for.
	const guarded = unix.O_NOFOLLOW | unix.O_NONBLOCK
	for range 3 {
		// Without O_CREATE: in a sticky folder the kernel refuses it on the
		// files of others.
		f, err := os.OpenFile(path, os.O_RDWR|guarded, 0) //nolint:gosec // the folder is ours, the name without separators
		if errors.Is(err, fs.ErrPermission) {
			f, err = os.OpenFile(path, os.O_RDONLY|guarded, 0) //nolint:gosec // see above
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return plain(f, err)
		}
		f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|guarded, 0o600) //nolint:gosec // see above
		if errors.Is(err, fs.ErrExist) {
			continue // another one was faster
		}
		if err != nil {
			return nil, err
		}
		return f, f.Chmod(0o666) //nolint:gosec // shared by all users of the machine
	}
	return nil, fmt.Errorf("open %s: it comes and goes", path)
}

// plain refuses whatever is no ordinary file.
func plain(f *os.File, err error) (*os.File, error) {
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no plain file", f.Name())
	}
	if err != nil {
		_ = f.Close() // the first error is the one to tell
		return nil, err
	}
	return f, nil
}
