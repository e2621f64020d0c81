package app

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/process"

	"github.com/wattsweep/wattsweep/internal/hostfacts"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/version"
)

// machineIDs are where a system keeps the id that it was given when it was
// installed.
func machineIDs() []string { return []string{"/etc/machine-id", "/var/lib/dbus/machine-id"} }

// ownIdentity describes this process as a holder of a host's name.
func ownIdentity(ctx context.Context, host string) (store.Lease, error) {
	facts, err := hostfacts.Read(ctx, hostfacts.Options{Host: host})
	if err != nil {
		return store.Lease{}, err
	}
	name, err := os.Hostname()
	if err != nil {
		return store.Lease{}, fmt.Errorf("read host name: %w", err)
	}
	me := store.Lease{
		Host: host, Holder: rand.Text(), Machine: machineOf(machineIDs(), name), Hostname: name, BootID: facts.BootID,
		PID: int64(os.Getpid()), Build: version.String(),
	}
	me.PIDSpace, _ = os.Readlink("/proc/self/ns/pid")     // without it no process is ever judged by its number
	me.ProcStart, _, _ = ProcessStart(int32(os.Getpid())) //nolint:gosec // a pid fits; else see above
	return me, nil
}

// machineOf tells machines apart by the installed id and the name together:
// copies of one image share the id. It is empty where there is no id, and then
// no holder is taken to be of this machine.
func machineOf(paths []string, hostname string) string {
	for _, path := range paths {
		body, err := os.ReadFile(path) //nolint:gosec // two fixed places
		if id := strings.TrimSpace(string(body)); err == nil && id != "" {
			sum := sha256.Sum256([]byte("wattsweep\x00" + id + "\x00" + hostname))
			return hex.EncodeToString(sum[:8])
		}
	}
	return ""
}

// holderIsDead says why a holder can no longer be at work, as this machine can
// see, or nothing: another machine's holder, or one in another space of
// processes, is only ever judged by its silence, and one of another boot by that
// it did not renew its lease when it was to.
func holderIsDead(ctx context.Context, holder, me store.Lease) string {
	if holder.Epoch == 0 || holder.Machine == "" || holder.Machine != me.Machine {
		return ""
	}
	if holder.BootID != me.BootID {
		// Copies of a virtual machine share id and name, and each has a boot of
		// its own: one that lives renews its lease.
		if holder.Silent < missedRenewal(holder) {
			return ""
		}
		return "the machine was started anew"
	}
	if holder.PIDSpace == "" || holder.PIDSpace != me.PIDSpace || holder.ProcStart == 0 {
		return ""
	}
	if runs(ctx, holder.PID, holder.ProcStart) {
		return ""
	}
	return "its process is gone"
}

// missedRenewal is how long a holder that lives is never silent: it renews every
// third of its lease, and has as long for it. The row tells how long that is.
func missedRenewal(holder store.Lease) time.Duration { return (holder.Left + holder.Silent) * 2 / 3 }

// runs tells whether the process of that number and start is there; in doubt it
// is.
func runs(ctx context.Context, pid, start int64) bool {
	there, err := process.PidExistsWithContext(ctx, int32(pid)) //nolint:gosec // it was a pid
	if err != nil || !there {
		return err != nil
	}
	now, alive, err := ProcessStart(int32(pid)) //nolint:gosec // see above
	return err != nil || (alive && now == start)
}
