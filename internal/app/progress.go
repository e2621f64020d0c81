package app

import (
	"context"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/store"
)

// Progress is how far a sweep is, from the store.
type Progress struct {
	Sweep store.Sweep
	Cells []store.Cell
	// CallsDone and CallsTotal count calls of cells that are not given up.
	CallsDone, CallsTotal int
	// Spent is the time that each cell was worked on, over all its tries and
	// without the pauses between them.
	Spent map[bench.CellID]time.Duration
	// Left estimates the time to the end from what was measured so far; nil
	// until something was.
	Left *time.Duration
}

// Progress reads how far a sweep is.
func (a *App) Progress(ctx context.Context, id bench.SweepID) (Progress, error) {
	sw, err := a.Store.GetSweep(ctx, id)
	if err != nil {
		return Progress{}, err
	}
	cells, err := a.Store.Cells(ctx, id)
	if err != nil {
		return Progress{}, err
	}
	spent, err := a.spent(ctx, cells)
	if err != nil {
		return Progress{}, err
	}
	return progress(sw, cells, spent), nil
}

// progress estimates the time left per host, since hosts work side by side:
// the time that measured cells took per call, times the calls that are left.
// A host that has measured nothing yet is taken to be as fast as the others.
func progress(sw store.Sweep, cells []store.Cell, spent map[bench.CellID]time.Duration) Progress {
	p := Progress{Sweep: sw, Cells: cells, Spent: spent}
	type pace struct {
		spent time.Duration
		done  int
		left  int
	}
	hosts := map[string]*pace{}
	var all pace
	for _, c := range cells {
		total := c.Items * c.Config.Runs
		h := hosts[c.At.Host]
		if h == nil {
			h = &pace{}
			hosts[c.At.Host] = h
		}
		if c.State.Final() && c.State != bench.StateDone {
			total = c.CallsDone
		}
		p.CallsDone += c.CallsDone
		p.CallsTotal += total
		if !c.State.Final() {
			h.left += total - c.CallsDone
		}
		if took := spent[c.ID]; took > 0 && c.CallsDone > 0 {
			h.spent += took
			h.done += c.CallsDone
			all.spent += took
			all.done += c.CallsDone
		}
	}
	if all.done == 0 || sw.State.Final() {
		return p
	}
	var longest time.Duration
	for _, h := range hosts {
		use := h
		if h.done == 0 {
			use = &pace{spent: all.spent, done: all.done}
		}
		longest = max(longest, time.Duration(float64(use.spent)/float64(use.done)*float64(h.left)))
	}
	p.Left = &longest
	return p
}
