package localstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// dataVersion is the major version that a data folder was made by, 0 without one.
func dataVersion(data string) int {
	raw, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if err != nil {
		return 0
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(raw[:min(len(raw), 8)])))
	if err != nil {
		return 0
	}
	return major
}

// clearData waits until nobody uses the data folder any more: a postmaster that
// no record knows is ended, and what its death left behind goes by itself.
func (k *postgresKind) clearData(ctx context.Context, data string) error {
	deadline := time.Now().Add(15 * time.Second)
	for {
		users := usersOf(data)
		if len(users) == 0 {
			return dropStalePid(data)
		}
		master := postmasterOf(data)
		for _, r := range users {
			if r.Pid == master {
				k.Progress(Event{Server: Postgres, Step: StepReap, Text: fmt.Sprintf("ending left-over process %d", r.Pid)})
				if err := end(ctx, Postgres, r, k.mark, k.StopLimit); err != nil {
					return err
				}
			}
		}
		if time.Now().After(deadline) {
			return fault.New(fault.Unavailable, "", fmt.Sprintf("end process %d", users[0].Pid),
				"Postgres data %s is still used by process %d", data, users[0].Pid)
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("wait for %s: %w", data, err)
		}
	}
}

// dropStalePid removes the pid file of a server that was killed. Postgres looks
// only whether the number is taken, and it can be: by another program, or by the
// dead server itself where the system's first process does not bury orphans.
// The caller has seen that no Postgres works in the folder; where folders of
// processes cannot be seen, a living process keeps its file.
func dropStalePid(data string) error {
	pid := postmasterOf(data)
	if pid == 0 {
		return nil
	}
	if _, alive := identify(pid); alive && workFolder(os.Getpid()) == "" {
		return nil
	}
	if err := os.Remove(filepath.Join(data, "postmaster.pid")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return diskError(data, err)
	}
	return nil
}

// usersOf lists the Postgres processes that work in a data folder.
func usersOf(data string) []record {
	var list []record
	for _, pid := range pids() {
		if workFolder(pid) != data {
			continue
		}
		if who, ok := identify(pid); ok && filepath.Base(who.exe) == "postgres" {
			list = append(list, record{Pid: pid, Start: who.start, Boot: who.boot, Exe: who.exe})
		}
	}
	return list
}

// postmasterOf reads the pid that a data folder's server wrote there; 0 without one.
func postmasterOf(data string) int {
	raw, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		return 0
	}
	return pid
}
