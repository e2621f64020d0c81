package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	gopsnet "github.com/shirou/gopsutil/v4/net"
	"github.com/shirou/gopsutil/v4/process"

	"github.com/wattsweep/wattsweep/internal/app"
)

// sample is what is seen at one moment. Memory is proportional set size in
// bytes; what Postgres shares between its processes (its buffers, which have a
// fixed bound) is told apart. Zero of a server stands where it is not on this
// machine.
type sample struct {
	At    time.Duration `json:"at_ns"` // since the run began
	Final int           `json:"final"` // cells in a final state

	Worker   usageOf `json:"worker"`
	Temporal usageOf `json:"temporal"`
	Postgres usageOf `json:"postgres"`
}

// usageOf is what one program takes.
type usageOf struct {
	Bytes  int64         `json:"bytes"`            // memory of its own
	Shared int64         `json:"shared,omitempty"` // buffers shared between its processes
	CPU    time.Duration `json:"cpu_ns"`           // since it began
}

// databases is the bytes of both databases on disk.
type databases struct {
	Postgres int64 `json:"postgres"`
	Temporal int64 `json:"temporal"` // 0: not on this machine
}

// watcher looks at the sweep and at the processes.
type watcher struct {
	app                *app.App
	sql                *pgx.Conn
	temporal, postgres int32 // process ids, 0 where they are elsewhere
	// ended is the CPU time of Postgres' processes that are gone.
	backends map[int32]time.Duration
}

func newWatcher(ctx context.Context, a *app.App, dsn, temporal string) (*watcher, error) {
	w := &watcher{app: a, backends: map[int32]time.Duration{}}
	var err error
	if w.sql, err = pgx.Connect(ctx, dsn); err != nil {
		return nil, fmt.Errorf("connect to Postgres: %w", err)
	}
	database, err := url.Parse(dsn)
	if err != nil {
		return nil, fmt.Errorf("read the database's address: %w", err)
	}
	if w.temporal, err = listener(ctx, temporal); err != nil {
		return nil, err
	}
	w.postgres, err = listener(ctx, database.Host)
	return w, err
}

func (w *watcher) close() { _ = w.sql.Close(context.Background()) }

// listener finds the process that listens at an address, 0 when none of this
// machine does.
func listener(ctx context.Context, address string) (int32, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0, fmt.Errorf("read address of a server: %w", err)
	}
	conns, err := gopsnet.ConnectionsWithContext(ctx, "tcp")
	if err != nil {
		return 0, fmt.Errorf("look for the server on port %s: %w", port, err)
	}
	for _, c := range conns {
		if c.Status == "LISTEN" && strconv.Itoa(int(c.Laddr.Port)) == port {
			return c.Pid, nil
		}
	}
	return 0, nil
}

// sampleEvery is how often processes are looked at.
const sampleEvery = 2 * time.Second

// follow samples until every cell is final, or the run's time is over.
func (w *watcher) follow(ctx context.Context, o scaleOptions, run *scaleRun) error {
	began, told := time.Now(), time.Now()
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		s, err := w.sample(ctx, run)
		if err != nil {
			return err
		}
		s.At = time.Since(began)
		run.Samples = append(run.Samples, s)
		ended := s.Final == run.Cells || s.At > o.Limit
		if ended || time.Since(told) > time.Minute {
			told = time.Now()
			tell(*run)
			if err := writeCurve(o.Curve, *run); err != nil {
				return err
			}
		}
		if ended {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err() //nolint:wrapcheck // the caller's own cancellation
		case <-tick.C:
		}
	}
}

func tell(run scaleRun) {
	first, s := run.Samples[0], run.last()
	const mb = 1 << 20
	rate := float64(s.Final-first.Final) / max((s.At-first.At).Seconds(), 1e-9)
	say("%6s  %d of %d cells, %.2f cells/s; MB: worker %d, Temporal %d, Postgres %d + %d shared; CPU: worker %s, Temporal %s, Postgres %s",
		s.At.Round(time.Second), s.Final, run.Cells, rate, s.Worker.Bytes/mb, s.Temporal.Bytes/mb, s.Postgres.Bytes/mb, s.Postgres.Shared/mb,
		(s.Worker.CPU - first.Worker.CPU).Round(time.Second), (s.Temporal.CPU - first.Temporal.CPU).Round(time.Second),
		(s.Postgres.CPU - first.Postgres.CPU).Round(time.Second))
}

func writeCurve(path string, run scaleRun) error {
	body, err := json.Marshal(run)
	if err != nil {
		return fmt.Errorf("encode samples: %w", err)
	}
	next := path + ".new"
	if err := os.WriteFile(next, append(body, '\n'), 0o644); err != nil { //nolint:gosec // results are not secret
		return fmt.Errorf("write samples: %w", err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("write samples: %w", err)
	}
	return nil
}

func (w *watcher) sample(ctx context.Context, run *scaleRun) (s sample, err error) {
	err = w.sql.QueryRow(ctx, `SELECT count(*) FROM cells WHERE sweep_id = $1 AND state NOT IN ('queued', 'running')`, run.Sweep).Scan(&s.Final)
	if err != nil {
		return s, fmt.Errorf("count cells: %w", err)
	}
	s.Worker = look(int32(os.Getpid())) //nolint:gosec // a process id
	if w.temporal != 0 {
		s.Temporal = look(w.temporal)
	}
	if w.postgres != 0 {
		s.Postgres = w.cluster(ctx)
	}
	return s, nil
}

// cluster adds up Postgres' processes. Those that ended keep their CPU time.
func (w *watcher) cluster(ctx context.Context) (sum usageOf) {
	pids := []int32{w.postgres}
	if p, err := process.NewProcessWithContext(ctx, w.postgres); err == nil {
		if children, err := p.ChildrenWithContext(ctx); err == nil {
			for _, c := range children {
				pids = append(pids, c.Pid)
			}
		}
	}
	for _, pid := range pids {
		one := look(pid)
		sum.Bytes += one.Bytes
		sum.Shared += one.Shared
		w.backends[pid] = max(w.backends[pid], one.CPU)
	}
	for _, cpu := range w.backends {
		sum.CPU += cpu
	}
	return sum
}

// look reads a process' memory and CPU time; one that is gone has none.
func look(pid int32) (u usageOf) {
	folder := filepath.Join("/proc", strconv.Itoa(int(pid)))
	if text, err := os.ReadFile(filepath.Join(folder, "smaps_rollup")); err == nil {
		u.Bytes, u.Shared = rollup(string(text))
	}
	if text, err := os.ReadFile(filepath.Join(folder, "stat")); err == nil {
		u.CPU = cpuTime(string(text))
	}
	return u
}

// rollup reads the proportional set size of a process, without and of memory
// that it shares with others by shmem.
func rollup(text string) (own, shared int64) {
	var all int64
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[2] != "kB" {
			continue
		}
		kB, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			continue
		}
		switch fields[0] {
		case "Pss:":
			all = kB << 10
		case "Pss_Shmem:":
			shared = kB << 10
		}
	}
	return all - shared, shared
}

// ticksPerSecond is the unit of /proc/PID/stat, which Linux holds at 100.
const ticksPerSecond = 100

// cpuTime reads user and system time out of /proc/PID/stat.
func cpuTime(text string) time.Duration {
	_, rest, found := strings.Cut(text, ") ") // a name may hold anything
	fields := strings.Fields(rest)
	if !found || len(fields) < 13 {
		return 0
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if err1 != nil || err2 != nil {
		return 0
	}
	return time.Duration(user+system) * time.Second / ticksPerSecond
}

// databases reads the bytes that both databases take.
func (w *watcher) databases(ctx context.Context) (d databases, err error) {
	if err := w.sql.QueryRow(ctx, `SELECT pg_database_size(current_database())`).Scan(&d.Postgres); err != nil {
		return d, fmt.Errorf("ask for the database's size: %w", err)
	}
	if w.temporal == 0 {
		return d, nil
	}
	open, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(int(w.temporal)), "fd", "*"))
	if err != nil {
		return d, fmt.Errorf("look for Temporal's file: %w", err)
	}
	seen := map[string]bool{}
	for _, fd := range open {
		path, err := os.Readlink(fd)
		if err != nil || seen[path] || !strings.Contains(filepath.Base(path), ".db") {
			continue
		}
		seen[path] = true
		if info, err := os.Stat(path); err == nil {
			d.Temporal += info.Size()
		}
	}
	return d, nil
}
