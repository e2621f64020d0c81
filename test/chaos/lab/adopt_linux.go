package lab

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// adopt makes this process the parent of what its children leave behind. So
// Ollama, which `wattsweep up` leaves running, is this process' child, and the
// worker, which reaches it through this process, finds its runners below the
// listener as it would without a link. What ends stays a zombie until this
// process does.
func adopt() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("adopt what children leave behind: %w", err)
	}
	return nil
}
