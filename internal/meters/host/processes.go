package host

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters/procfs"
)

// maxProcesses bounds how many processes of a runtime are followed: two open
// files and two reads per tick for each.
const maxProcesses = 128

// processes follows the runtime's processes. Which they are is looked up once
// a second in a goroutine, because asking a runtime or walking /proc can take
// longer than a tick; the files themselves are opened and read by the sampling
// goroutine alone.
type processes struct {
	opts   Options
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu      sync.Mutex
	found   []int32 // sorted
	reason  uint8   // why found is empty
	changed bool

	open []process // by the sampling goroutine only
	why  uint8
	last time.Duration
}

// process is one process with its open files.
type process struct {
	pid    int32
	stat   *procfs.File
	statm  *procfs.File
	ticks  uint64
	primed bool
}

func newProcesses(opts Options) *processes {
	p := &processes{opts: opts, reason: reasonNotLooked, why: reasonNotLooked}
	if opts.Processes == nil {
		p.why = reasonNotTold
		p.cancel = func() {}
		return p
	}
	var ctx context.Context
	ctx, p.cancel = context.WithCancel(context.Background())
	p.done.Go(func() { p.watch(ctx) })
	return p
}

func (p *processes) watch(ctx context.Context) {
	ticker := time.NewTicker(p.opts.RefreshEvery)
	defer ticker.Stop()
	for {
		p.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look finds the runtime's processes and their children.
func (p *processes) look(ctx context.Context) {
	roots, err := p.opts.Processes(ctx)
	reason, pids := uint8(reasonNoProcess), []int32(nil)
	switch {
	case err != nil:
		reason = reasonLookFailed
	case len(roots) > 0:
		pids = family(p.opts.ProcFS, roots)
		if len(pids) > maxProcesses {
			reason, pids = reasonTooMany, nil
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if reason != p.reason || !slices.Equal(pids, p.found) {
		p.found, p.reason, p.changed = pids, reason, true
	}
}

// family adds the children of roots, and theirs, by /proc/<pid>/task/*/children.
// It looks one past the bound, so that too many is seen and no more is spent.
func family(proc string, roots []int32) []int32 {
	var all []int32
	queue := slices.Clone(roots)
	for len(queue) > 0 && len(all) <= maxProcesses {
		pid := queue[0]
		queue = queue[1:]
		if slices.Contains(all, pid) {
			continue
		}
		all = append(all, pid)
		queue = append(queue, children(proc, pid)...)
	}
	slices.Sort(all)
	return all
}

func children(proc string, pid int32) []int32 {
	var all []int32
	tasks := filepath.Join(proc, strconv.Itoa(int(pid)), "task")
	entries, err := os.ReadDir(tasks)
	if err != nil {
		return nil // it has ended, or is another user's
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(tasks, e.Name(), "children"))
		if err != nil {
			continue
		}
		all = append(all, parsePIDs(text)...)
	}
	return all
}

// parsePIDs reads process ids parted by spaces; what is no id is left out.
func parsePIDs(text []byte) []int32 {
	var all []int32
	for len(text) > 0 {
		end := slices.Index(text, ' ')
		word := text
		if end >= 0 {
			word, text = text[:end], text[end+1:]
		} else {
			text = nil
		}
		if n, err := strconv.ParseInt(string(word), 10, 32); err == nil && n > 0 {
			all = append(all, int32(n))
		}
	}
	return all
}

// read takes one sample of the processes' memory and CPU.
func (p *processes) read(now func() time.Duration, cpus int, pageB float64) (memory, cpu bench.Reading) {
	p.update()
	asked := now()
	var pages, ticks uint64
	primed := false
	for i := 0; i < len(p.open); {
		one := &p.open[i]
		rss, used, had, ok := one.read()
		if !ok { // it has ended
			one.close()
			p.open = slices.Delete(p.open, i, i+1)
			continue
		}
		pages += rss
		if had {
			ticks += used
			primed = true
		}
		i++
	}
	at := midpoint(asked, now())
	elapsed := at - p.last
	p.last = at
	if len(p.open) == 0 {
		return missing(at, p.why), missing(at, p.why)
	}
	memory = bench.Reading{At: at, Value: float64(pages) * pageB}
	if !primed {
		return memory, missing(at, reasonRuntimeFirst)
	}
	if elapsed <= 0 {
		return memory, bench.Reading{At: at, State: bench.ReadingStale, Reason: reasonSameTick}
	}
	seconds := float64(ticks) / procfs.UserHz
	return memory, bench.Reading{At: at, Value: 100 * seconds / (elapsed.Seconds() * float64(cpus))}
}

// update opens the files of processes that came and closes those of processes
// that went.
func (p *processes) update() {
	p.mu.Lock()
	found, reason, changed := p.found, p.reason, p.changed
	p.changed = false
	p.mu.Unlock()
	if !changed {
		return
	}
	p.why = reason
	kept := make([]process, 0, len(found))
	for _, one := range p.open {
		if slices.Contains(found, one.pid) {
			kept = append(kept, one)
		} else {
			one.close()
		}
	}
	for _, pid := range found {
		if slices.ContainsFunc(kept, func(one process) bool { return one.pid == pid }) {
			continue
		}
		if one, err := openProcess(p.opts.ProcFS, pid); err == nil {
			kept = append(kept, one)
		}
	}
	p.open = kept
}

func openProcess(proc string, pid int32) (process, error) {
	folder := filepath.Join(proc, strconv.Itoa(int(pid)))
	stat, err := procfs.Open(filepath.Join(folder, "stat"), 512)
	if err != nil {
		return process{}, err
	}
	statm, err := procfs.Open(filepath.Join(folder, "statm"), 128)
	if err != nil {
		_ = stat.Close()
		return process{}, err
	}
	return process{pid: pid, stat: stat, statm: statm}, nil
}

// read gives the resident pages and the ticks used since the read before; had
// is false at the first read, ok when the process still runs.
func (p *process) read() (pages, used uint64, had, ok bool) {
	text, err := p.stat.Read()
	if err != nil {
		return 0, 0, false, false
	}
	ticks, err := procfs.ParseProcessTicks(text)
	if err != nil {
		return 0, 0, false, false
	}
	if text, err = p.statm.Read(); err != nil {
		return 0, 0, false, false
	}
	if pages, err = procfs.ParseResidentPages(text); err != nil {
		return 0, 0, false, false
	}
	used, had = rise(p.ticks, ticks), p.primed
	p.ticks, p.primed = ticks, true
	return pages, used, had, true
}

func (p *process) close() {
	_ = p.stat.Close()
	_ = p.statm.Close()
}

func (p *processes) close() {
	p.cancel()
	p.done.Wait()
	for i := range p.open {
		p.open[i].close()
	}
	p.open = nil
}
