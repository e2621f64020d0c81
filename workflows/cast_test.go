package workflows_test

import (
	"context"
	"fmt"
	"sync"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// cast plays every activity under its contract name. It keeps no model and no
// database: it answers as a script says and writes down what it was asked.
type cast struct {
	// on is asked before an activity answers, with how often it was called
	// before, from 1; an error is what the activity fails with.
	on map[string]func(n int, in any) error
	// cells are what a lane can claim; claims remembers what was given.
	cells []contract.BenchmarkIn
	// counts is what a sweep reads.
	counts func() contract.Counts
	// control does what a person asks of a sweep.
	control func(contract.ControlSweepIn) contract.ControlOut
	// stores tells how a close was stored, where that is not as it was asked.
	stores func(contract.CloseIn) contract.CloseOut
	// unsettled is how many parts of rows a sweep settles before its end.
	unsettled int
	// closed is how a lane stands that takes no cells; empty is an open one.
	closed bench.LaneState
	// hold, when set, makes calls until its context ends.
	hold func(context.Context) error

	// books lets one at a time look into what counts and control keep.
	books  sync.Mutex
	mu     sync.Mutex
	asked  []line
	times  map[string]int
	claims map[int64]contract.ClaimOut
}

// line is one activity as it was called.
type line struct {
	name string
	in   any
}

func newCast() *cast {
	return &cast{on: map[string]func(int, any) error{}, times: map[string]int{}, claims: map[int64]contract.ClaimOut{}}
}

// at scripts the n-th call of an activity to fail.
func (c *cast) at(name string, n int, err error) {
	before := c.on[name]
	c.on[name] = func(now int, in any) error {
		if now == n {
			return err
		}
		if before != nil {
			return before(now, in)
		}
		return nil
	}
}

// always scripts every call of an activity to fail.
func (c *cast) always(name string, err error) {
	c.on[name] = func(int, any) error { return err }
}

func (c *cast) enter(name string, in any) error {
	c.mu.Lock()
	c.times[name]++
	n := c.times[name]
	c.asked = append(c.asked, line{name, in})
	script := c.on[name]
	c.mu.Unlock()
	if script == nil {
		return nil
	}
	return script(n, in)
}

// lines gives a copy of what was asked so far.
func (c *cast) lines() []line {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]line(nil), c.asked...)
}

// names lists the activities in the order they were called.
func (c *cast) names() []string {
	var out []string
	for _, l := range c.lines() {
		out = append(out, l.name)
	}
	return out
}

// inputs gives what an activity was asked, call by call.
func inputs[T any](c *cast, name string) []T {
	var out []T
	for _, l := range c.lines() {
		if l.name == name {
			out = append(out, l.in.(T))
		}
	}
	return out
}

// registry is a worker or a test environment.
type registry interface {
	RegisterActivityWithOptions(a any, options activity.RegisterOptions)
}

// play registers the whole cast.
func (c *cast) play(r registry) {
	c.playHost(r)
	c.playControl(r)
}

func (c *cast) playHost(r registry) {
	for _, name := range []string{contract.ActInspect, contract.ActPull, contract.ActReclaim, contract.ActUnload} {
		register(r, name, func(_ context.Context, in contract.CellRef) (contract.Note, error) { return c.note(name, in) })
	}
	register(r, contract.ActPrepare, func(_ context.Context, in contract.PrepareIn) (contract.Note, error) {
		return c.note(contract.ActPrepare, in)
	})
	register(r, contract.ActMeasureIdle, func(_ context.Context, in contract.IdleIn) (contract.Note, error) {
		return c.note(contract.ActMeasureIdle, in)
	})
	register(r, contract.ActWarmUp, func(_ context.Context, in contract.ResidentIn) (contract.Note, error) {
		return c.note(contract.ActWarmUp, in)
	})
	register(r, contract.ActLoad, func(_ context.Context, in contract.LoadIn) (contract.LoadOut, error) {
		err := c.enter(contract.ActLoad, in)
		return contract.LoadOut{V: 1, Token: fmt.Sprintf("load-%d", c.count(contract.ActLoad)), Text: "loaded"}, err
	})
	register(r, contract.ActInfer, func(ctx context.Context, in contract.InferIn) (contract.InferOut, error) {
		err := c.enter(contract.ActInfer, in)
		if err == nil && c.hold != nil {
			err = c.hold(ctx)
		}
		if err != nil {
			return contract.InferOut{}, err
		}
		return contract.InferOut{V: 1, Calls: in.To - in.From, Segments: 1, Text: fmt.Sprintf("%d calls", in.To-in.From)}, nil
	})
}

func (c *cast) playControl(r registry) {
	register(r, contract.ActPinDataset, func(_ context.Context, in contract.CellRef) (contract.Note, error) {
		return c.note(contract.ActPinDataset, in)
	})
	for _, name := range []string{contract.ActScore, contract.ActCost, contract.ActPublish} {
		register(r, name, func(_ context.Context, in contract.PublishIn) (contract.Note, error) { return c.note(name, in) })
	}
	register(r, contract.ActRestartEpoch, func(_ context.Context, in contract.CellRef) (int, error) {
		return in.Epoch + 1, c.enter(contract.ActRestartEpoch, in)
	})
	register(r, contract.ActClaimNext, func(_ context.Context, in contract.ClaimIn) (contract.ClaimOut, error) {
		if err := c.enter(contract.ActClaimNext, in); err != nil {
			return contract.ClaimOut{}, err
		}
		return c.claim(in), nil
	})
	register(r, contract.ActCloseCell, func(_ context.Context, in contract.CloseIn) (contract.CloseOut, error) {
		if err := c.enter(contract.ActCloseCell, in); err != nil || c.stores == nil {
			return contract.CloseOut{V: contract.Shape, State: in.State}, err
		}
		return c.stores(in), nil
	})
	register(r, contract.ActSweepCounts, func(_ context.Context, in bench.SweepID) (contract.Counts, error) {
		if err := c.enter(contract.ActSweepCounts, in); err != nil {
			return contract.Counts{}, err
		}
		c.books.Lock()
		defer c.books.Unlock()
		return c.counts(), nil
	})
	register(r, contract.ActWakeLanes, func(_ context.Context, in contract.WakeIn) error { return c.enter(contract.ActWakeLanes, in) })
	register(r, contract.ActCancelSweep, func(_ context.Context, in bench.SweepID) error { return c.enter(contract.ActCancelSweep, in) })
	register(r, contract.ActControlSweep, func(_ context.Context, in contract.ControlSweepIn) (contract.ControlOut, error) {
		if err := c.enter(contract.ActControlSweep, in); err != nil {
			return contract.ControlOut{}, err
		}
		c.books.Lock()
		defer c.books.Unlock()
		return c.control(in), nil
	})
	register(r, contract.ActSetLane, func(_ context.Context, in contract.SetLaneIn) (contract.LaneControlOut, error) {
		if err := c.enter(contract.ActSetLane, in); err != nil {
			return contract.LaneControlOut{}, err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.closed = in.State; in.State == bench.LaneOpen {
			c.closed = ""
		}
		return contract.LaneControlOut{V: contract.Shape, State: in.State, Text: "host " + in.Host + " is " + string(in.State)}, nil
	})
	register(r, contract.ActFinishSweep, func(_ context.Context, in contract.FinishIn) (contract.FinishOut, error) {
		out := contract.FinishOut{V: contract.Shape}
		if in.After < c.unsettled {
			out.Next = in.After + 1
		}
		return out, c.enter(contract.ActFinishSweep, in)
	})
}

func register(r registry, name string, f any) {
	r.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
}

func (c *cast) note(name string, in any) (contract.Note, error) {
	return contract.Note{V: 1, Text: name + " was played"}, c.enter(name, in)
}

func (c *cast) count(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.times[name]
}

// claim gives the next cell, and the same cell for the same claim number, as
// the store does. A number that got none may get one later.
func (c *cast) claim(in contract.ClaimIn) contract.ClaimOut {
	c.mu.Lock()
	defer c.mu.Unlock()
	if out, ok := c.claims[in.Claim]; ok {
		return out
	}
	if c.closed != "" {
		return contract.ClaimOut{V: in.V, Lane: c.closed, Why: "as was asked"}
	}
	if len(c.cells) == 0 {
		return contract.ClaimOut{V: in.V}
	}
	out := contract.ClaimOut{V: in.V, Found: true, Cell: &c.cells[0]}
	c.cells = c.cells[1:]
	c.claims[in.Claim] = out
	return out
}

// enqueue puts a cell on the plan.
func (c *cast) enqueue(cell contract.BenchmarkIn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cells = append(c.cells, cell)
}

// failure is an error as activities/errors.go makes it from a fault: no retry.
func failure(code fault.Code) error {
	return temporal.NewNonRetryableApplicationError("scripted "+string(code), string(code), nil)
}

// passing is an error that the next attempt may not have.
func passing(code fault.Code) error {
	return temporal.NewApplicationError("scripted "+string(code), string(code))
}

// cell is a small cell with a ladder of two rungs.
func cell() contract.BenchmarkIn {
	return contract.BenchmarkIn{
		V: 1, Sweep: "5ee9000000000001", Name: "demo", Cell: "ce11000000000001", Attempt: 1, Epoch: 1,
		At: bench.Coordinates{
			Host: "bench1", Runtime: "ollama", Model: "deepseek-r1:1.5B", Task: "icd10", Dataset: "demo-journals", Language: "sv",
			Load: "sequential",
		},
		Rungs: []string{"all layers on GPU", "CPU only"}, Runs: 2, Items: 3, WarmUp: 1,
		Baseline: 10_000_000_000, Idle: 5_000_000_000,
	}
}
