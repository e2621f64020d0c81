package app

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// lockHost makes this process the only worker of a host name on this machine:
// two would measure over each other. The lock falls with the process, also
// when it is killed.
func lockHost(host string) (release func(), err error) {
	path := filepath.Join(os.TempDir(), "wattsweep-host-"+strings.ReplaceAll(host, string(filepath.Separator), "_")+".lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666) //nolint:gosec // shared by all users of the machine
	if err != nil {
		return nil, fmt.Errorf("lock host %s: %w", host, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		owner, _ := io.ReadAll(io.LimitReader(f, 32)) // for the message only
		_ = f.Close()                                 // nothing was written
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fault.New(fault.Unavailable, "", "stop it first (wattsweep down, or end the process), or give this worker another host name",
				"host %s is already measured by another worker on this machine, process %s", host, strings.TrimSpace(string(owner)))
		}
		return nil, fmt.Errorf("lock host %s: %w", host, err)
	}
	if err := f.Truncate(0); err == nil {
		_, err = fmt.Fprintf(f, "%d\n", os.Getpid())
		_ = err // the number only helps the message above
	}
	return func() { _ = f.Close() }, nil
}
