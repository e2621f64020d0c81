package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/wattsweep/wattsweep/internal/localstack"
)

// Process is a process of the lab.
type Process struct {
	PID, Parent int
	// Command is its command line, cut to what names it.
	Command string
}

func (p Process) String() string { return fmt.Sprintf("%d (%s)", p.PID, p.Command) }

// Kill ends it at once.
func (p Process) Kill() error { return syscall.Kill(p.PID, syscall.SIGKILL) }

// IsRunner tells whether it is Ollama's process that holds a model.
func (p Process) IsRunner() bool { return strings.Contains(p.Command, " runner") }

// IsWorker tells whether it is a worker.
func (p Process) IsWorker() bool { return strings.Contains(p.Command, " worker ") }

// Processes lists what runs for the lab's state folder: whatever names the
// folder in its command line, its environment or its working folder.
func (l *Lab) Processes() []Process {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var list []Process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid <= 1 || pid == os.Getpid() || !living(pid) {
			continue
		}
		dir := "/proc/" + e.Name()
		command, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		env, _ := os.ReadFile(filepath.Join(dir, "environ"))
		cwd, _ := os.Readlink(filepath.Join(dir, "cwd"))
		if !bytes.Contains(command, []byte(l.State)) && !bytes.Contains(env, []byte(l.State)) && !strings.HasPrefix(cwd, l.Dir) {
			continue
		}
		text := string(bytes.ReplaceAll(bytes.TrimRight(command, "\x00"), []byte{0}, []byte(" ")))
		list = append(list, Process{PID: pid, Parent: parent(pid), Command: text[:min(len(text), 120)]})
	}
	return list
}

// statFields are the fields of /proc/PID/stat from the state on.
func statFields(pid int) []string {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil
	}
	return strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
}

// living tells whether a process runs; a zombie does not.
func living(pid int) bool {
	f := statFields(pid)
	return len(f) > 1 && f[0] != "Z" && f[0] != "X"
}

func parent(pid int) int {
	if f := statFields(pid); len(f) > 1 {
		n, _ := strconv.Atoi(f[1])
		return n
	}
	return 0
}

// family is a process and all that descend from it.
func (l *Lab) family(pid int) []Process {
	all := l.Processes()
	members := map[int]bool{pid: true}
	for range all { // at most as deep as there are processes
		for _, p := range all {
			members[p.PID] = members[p.PID] || members[p.Parent]
		}
	}
	return slices.DeleteFunc(all, func(p Process) bool { return !members[p.PID] })
}

// Part names what can be struck: a server, or the worker.
type Part string

// The parts of a lab.
const (
	PartWorker   Part = "worker"
	PartTemporal Part = "temporal"
	PartPostgres Part = "postgres"
	PartOllama   Part = "ollama"
)

// Parts lists them.
func Parts() []Part { return []Part{PartWorker, PartTemporal, PartPostgres, PartOllama} }

// Strike sends a signal to a part: to its first process, or with family to all
// that descend from it.
func (l *Lab) Strike(part Part, sig syscall.Signal, family bool) error {
	pid := l.PID(part)
	if pid == 0 {
		return fmt.Errorf("send %s to %s: it does not run", sig, part)
	}
	if !family {
		return syscall.Kill(pid, sig)
	}
	var failed []error
	for _, p := range l.family(pid) {
		if err := syscall.Kill(p.PID, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// PID of a part's first process, 0 when it does not run.
func (l *Lab) PID(part Part) int {
	if part == PartWorker {
		return l.WorkerPID()
	}
	return l.serverPID(localstack.Name(part))
}

// KillAndWait ends a part's first process with a signal and waits until the
// system shows it no more: what starts it again must not find it still there.
func (l *Lab) KillAndWait(ctx context.Context, part Part, sig syscall.Signal) error {
	pid := l.PID(part)
	if err := l.Strike(part, sig, false); err != nil {
		return err
	}
	return wait(ctx, 30*time.Second, fmt.Sprintf("the end of process %d", pid), func() bool { return !living(pid) })
}

// StrikeRunners sends a signal to the processes that hold models.
func (l *Lab) StrikeRunners(sig syscall.Signal) (int, error) {
	n := 0
	for _, p := range l.Processes() {
		if !p.IsRunner() {
			continue
		}
		if err := syscall.Kill(p.PID, sig); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// Runs tells whether a process holds a model.
func (l *Lab) Runs() bool { return slices.ContainsFunc(l.Processes(), Process.IsRunner) }

// settled lists the lab's processes once they are as wanted, or after ten
// seconds as they are: what was told to end needs moments to do so.
func (l *Lab) settled(ctx context.Context, wanted func([]Process) bool) []Process {
	until := time.Now().Add(10 * time.Second)
	for {
		list := l.Processes()
		if wanted(list) || time.Now().After(until) || ctx.Err() != nil {
			return list
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// Strays are processes that a lab at rest should not have: runners of models,
// and workers beside the one on record.
func (l *Lab) Strays(ctx context.Context) []string {
	stray := func(p Process) bool { return p.IsRunner() || (p.IsWorker() && p.PID != l.WorkerPID()) }
	var out []string
	for _, p := range l.settled(ctx, func(list []Process) bool { return !slices.ContainsFunc(list, stray) }) {
		if stray(p) {
			out = append(out, p.String())
		}
	}
	return out
}
