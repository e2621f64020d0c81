package nvml

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// Name begins the names of all meters of this package.
const Name = "nvml"

// Options say which library to use and whose processes are the runtime's.
type Options struct {
	// Library is the path of the driver's library; "" is libnvidia-ml.so.1 along
	// the loader's own path.
	Library string
	// Own gives the ids of the runtime's processes; their descendants are found
	// here. Nil when they cannot be told: nothing is then called foreign.
	Own func(ctx context.Context) ([]int32, error)
	// ProcFS is where /proc is mounted; "" is /proc.
	ProcFS string
	// WatchFor is how long Characterise watches a GPU; 0 is three seconds.
	WatchFor time.Duration
	// StateEvery is how often temperature, clocks and processes are read; 0 is
	// one second.
	StateEvery time.Duration
}

func (o Options) withDefaults() Options {
	if o.Library == "" {
		o.Library = defaultLibrary
	}
	if o.ProcFS == "" {
		o.ProcFS = "/proc"
	}
	if o.WatchFor == 0 {
		o.WatchFor = 3 * time.Second
	}
	if o.StateEvery == 0 {
		o.StateEvery = time.Second
	}
	return o
}

// Session holds the library open, with the meters and facts of all GPUs.
type Session struct {
	opts    Options
	driver  driver
	gpus    []*gpu
	fast    []*Fast
	slow    []*State
	sorter  sorter
	watcher *watcher
	absent  []string

	mu     sync.RWMutex // read-locked by calls that the meters do not make
	closed bool
}

// Open loads the driver's library and looks what each GPU can tell, by one
// trial of each call. Where there is no library, no driver or no GPU it gives a
// *meters.Missing. Close the meters, then the session.
func Open(ctx context.Context, opts Options) (*Session, error) {
	opts = opts.withDefaults()
	d, err := openDriver(opts.Library)
	if err != nil {
		return nil, err
	}
	s, err := newSession(ctx, d, opts)
	if err != nil {
		d.shutdown()
		return nil, err
	}
	return s, nil
}

func newSession(ctx context.Context, d driver, opts Options) (*Session, error) {
	s := &Session{opts: opts, driver: d}
	var seen atomic.Bool
	s.sorter = sorter{proc: opts.ProcFS, seen: seen.Load, note: func() { seen.Store(true) }}
	versions := readVersions(d)
	n, r := d.count()
	if r != retOK {
		return nil, &meters.Missing{Meter: Name, Why: "the GPUs could not be counted: " + r.String(), Mend: mendCount}
	}
	if n == 0 {
		return nil, &meters.Missing{Meter: Name, Why: "the driver runs but sees no GPU", Mend: mendCount}
	}
	known := map[string]int{}
	for i := range n {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("look at GPU %d: %w", i, err)
		}
		s.addGPU(i, versions, known)
	}
	s.watcher = newWatcher(s, opts.StateEvery)
	for i, g := range s.gpus {
		if g.sampler == nil {
			continue
		}
		if m := newFast(g, opts); m != nil {
			s.fast = append(s.fast, m)
		} else {
			g.facts.Missing["power"] = "the driver supports neither power nor energy, utilisation or memory on this GPU"
		}
		if m := newState(g, i, opts, s.watcher); m != nil {
			s.slow = append(s.slow, m)
		}
		if _, told := g.facts.Missing["power"]; !told && !g.can.instant && !g.can.average && !g.can.usage {
			g.facts.Missing["power"] = "no power sensor that the driver tells"
		}
	}
	return s, nil
}

const mendCount = "check that nvidia-smi lists the GPU; in a container run with --gpus all"

// addGPU identifies and probes the GPU at index. A UUID that was seen before is
// the same GPU, which counts once.
func (s *Session) addGPU(index int, v versionFacts, known map[string]int) {
	b, r := s.driver.board(index)
	if r != retOK {
		s.absent = append(s.absent, fmt.Sprintf("GPU %d: %s", index, r))
		s.gpus = append(s.gpus, &gpu{index: index, board: nil, facts: bench.GPUFacts{
			Index: index, Driver: v.driver, NVML: v.nvml, CUDA: v.cuda,
			Missing: map[string]string{"uuid": r.String(), "channels": r.String()},
			Calls:   []bench.GPUCall{{Name: "nvmlDeviceGetHandleByIndex", Result: r.String()}},
		}})
		return
	}
	g := identify(index, b, v)
	if g.facts.UUID == "" {
		g.facts.Missing["channels"] = "a GPU without a UUID is not measured: the same one could count twice"
		s.absent = append(s.absent, fmt.Sprintf("GPU %d: it tells no UUID", index))
		s.gpus = append(s.gpus, g)
		return
	}
	if first, twice := known[g.facts.UUID]; twice {
		s.absent = append(s.absent, fmt.Sprintf("GPU %d is GPU %d again (%s): it counts once", index, first, g.facts.UUID))
		return
	}
	known[g.facts.UUID] = index
	g.probe()
	s.gpus = append(s.gpus, g)
}

// Meters gives the meters of all GPUs, the fast and the slow one of each. A GPU
// that tells nothing has none.
func (s *Session) Meters() []meters.Meter {
	all := make([]meters.Meter, 0, len(s.fast)+len(s.slow))
	for _, m := range s.fast {
		all = append(all, m)
	}
	for _, m := range s.slow {
		all = append(all, m)
	}
	return all
}

// Facts describe the GPUs, each with what it does not tell and why, and with
// each call that was tried.
func (s *Session) Facts() []bench.GPUFacts {
	all := make([]bench.GPUFacts, 0, len(s.gpus))
	for _, g := range s.gpus {
		all = append(all, g.facts)
	}
	return all
}

// Absent says in words which GPUs the library lists that have no meter of
// their own, and why.
func (s *Session) Absent() []string {
	all := append([]string(nil), s.absent...)
	for _, g := range s.gpus {
		if g.sampler != nil && !s.measured(g) {
			all = append(all, fmt.Sprintf("GPU %d (%s): %s", g.index, g.facts.Name, g.facts.Missing["power"]))
		}
	}
	return all
}

func (s *Session) measured(g *gpu) bool {
	for _, m := range s.fast {
		if m.gpu == g {
			return true
		}
	}
	return false
}

// Close closes the meters and lets the library go; a second call does nothing.
// Where a call into the driver has not returned, the library stays open.
func (s *Session) Close() error {
	stopped := s.watcher.stop()
	for until := time.Now().Add(stopGrace); stopped && !s.mu.TryLock(); time.Sleep(10 * time.Millisecond) {
		stopped = time.Now().Before(until)
	}
	if !stopped {
		return fault.New(fault.Unavailable, "", "look at the kernel's messages for Xid errors; reset the GPU or reboot the host",
			"shut NVML down: a call into the driver has not returned")
	}
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	for _, m := range s.Meters() {
		_ = m.Close() // of a file that was only read
	}
	if r := s.driver.shutdown(); r != retOK && !r.gone() {
		return fmt.Errorf("shut NVML down: %s", r)
	}
	return nil
}
