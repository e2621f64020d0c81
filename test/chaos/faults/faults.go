// Package faults lists what is done to a running sweep: which part is struck,
// at which stage, for how long, and how it is brought back.
package faults

import (
	"context"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/test/chaos/lab"
)

// Kind says which lab a fault needs.
type Kind string

// The kinds of labs.
const (
	Plain   Kind = "plain"   // all as `wattsweep up` starts it
	Linked  Kind = "linked"  // with links between worker and servers
	Clocked Kind = "clocked" // with a worker whose clock can be stepped
	Disk    Kind = "disk"    // with a small disk under Postgres
)

// Scene is a fault while it is played.
type Scene struct {
	Lab   *lab.Lab
	Sweep string
	At    lab.At
	Began time.Time
	// Wrong collects what the fault itself found.
	Wrong []string
	// second is a worker beside the lab's own.
	second *lab.Worker
	stored int   // calls stored when it began
	told   int64 // times that the worker's clock had been asked when it began
}

// Kinds lists them.
func Kinds() []Kind { return []Kind{Plain, Linked, Clocked, Disk} }

// Fault is one way to break something.
type Fault struct {
	Name string
	Kind Kind
	// Stages are those at which it is struck.
	Stages []bench.Stage
	// Lasts is how long it stays broken; 0 brings it back at once.
	Lasts time.Duration
	// Commit strikes in the moment in which a call is being stored.
	Commit bool
	// Person: a person is needed afterwards, to open the host or to ask again.
	Person bool
	// MayFail is how many calls it may fail: those that Ollama was asked and did
	// not answer in time. Every other fault may fail none.
	MayFail int
	// Ready waits for what is to be struck; nil waits for nothing.
	Ready func(ctx context.Context, s *Scene) bool
	// Lacks tells why it cannot be played on this machine; "" when it can.
	Lacks func() string
	// Break breaks it; Until ends the outage before Lasts where it is set; Mend
	// brings it back; Check looks at what is stored when the sweep has ended.
	Break func(ctx context.Context, s *Scene) error
	Until func(ctx context.Context, s *Scene) bool
	Mend  func(ctx context.Context, s *Scene) error
	Check func(ctx context.Context, s *Scene) error
}

// Point is a fault at a stage, with the delay after the stage was seen to run.
type Point struct {
	Fault Fault
	Stage bench.Stage
	Delay time.Duration
	Seed  int64
}

// Stages are those of a cell of the matrix, in order: with prepare, since its
// cells ask for a cool-down.
func Stages() []bench.Stage {
	list := bench.Stages()
	return slices.Insert(list, slices.Index(list, bench.StageBaseline), bench.StagePrepare)
}

// Kills are kill -9 of each part, at every stage.
func Kills() []Fault {
	var list []Fault
	for _, part := range lab.Parts() {
		list = append(list, Fault{
			Name: "kill-" + string(part), Kind: Plain, Stages: Stages(),
			Break: func(ctx context.Context, s *Scene) error { return s.Lab.KillAndWait(ctx, part, syscall.SIGKILL) },
			Mend:  up,
		})
	}
	return list
}

func up(ctx context.Context, s *Scene) error { return s.Lab.Up(ctx) }

// KillPoint is the point of a seed: as many seeds in a row as there are pairs of
// part and stage hold every pair once, in a mixed order, so that neighbouring
// seeds cover the matrix and each can be repeated alone.
func KillPoint(seed int64) Point {
	var pairs []Point
	for _, f := range Kills() {
		for _, stage := range f.Stages {
			pairs = append(pairs, Point{Fault: f, Stage: stage})
		}
	}
	n := int64(len(pairs))
	order := rand.New(rand.NewPCG(1, 1)).Perm(len(pairs)) //nolint:gosec // repeatable on purpose
	p := pairs[order[((seed%n)+n)%n]]
	return p.seeded(seed)
}

// seeded draws the delay of a point from its seed.
func (p Point) seeded(seed int64) Point {
	span := map[bench.Stage]time.Duration{
		bench.StagePrepare: 900 * time.Millisecond, bench.StageBaseline: 900 * time.Millisecond, bench.StageIdle: 900 * time.Millisecond,
		bench.StageInfer: 800 * time.Millisecond, bench.StageLoad: 250 * time.Millisecond,
		bench.StageWarmUp: 120 * time.Millisecond, bench.StageUnload: 10 * time.Millisecond,
	}[p.Stage]
	if span == 0 {
		span = 300 * time.Millisecond // held open as long as wanted
	}
	p.Seed = seed
	p.Delay = time.Duration(rand.New(rand.NewPCG(uint64(seed), 2)).Int64N(int64(span))) //nolint:gosec // repeatable on purpose
	return p
}

// OtherPoints are all other faults, once at each of their stages.
func OtherPoints(seed int64) []Point {
	var list []Point
	for _, f := range Others() {
		for _, stage := range f.Stages {
			list = append(list, Point{Fault: f, Stage: stage}.seeded(seed+int64(len(list))))
		}
	}
	return list
}

// Named gives the fault of a name.
func Named(name string) (Fault, bool) {
	all := append(Kills(), Others()...)
	i := slices.IndexFunc(all, func(f Fault) bool { return f.Name == name })
	if i < 0 {
		return Fault{}, false
	}
	return all[i], true
}

// At is a point chosen by hand.
func At(name string, stage bench.Stage, seed int64) (Point, bool) {
	f, ok := Named(name)
	if !ok || !slices.Contains(f.Stages, stage) {
		return Point{}, false
	}
	return Point{Fault: f, Stage: stage}.seeded(seed), true
}
