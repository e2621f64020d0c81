package app

import (
	"context"
	"fmt"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/store"
)

// Progress is how far a sweep is, from the store. It is made of sums, so that
// it can be polled with ten thousand cells.
type Progress struct {
	// Sweep has its counts by state.
	Sweep store.Sweep
	// Running are the cells that are measured at this moment.
	Running []store.RunningCell
	// Hosts are those with unfinished cells.
	Hosts []string
	// CallsDone and CallsTotal count calls of cells that are not given up.
	CallsDone, CallsTotal int
	// Left estimates the time to the end from what was measured so far; nil
	// until something was. The work of Closed is in it, as though they were open.
	Left *Estimate
	// Closed are those of Hosts that take no cells: a person drained them, or
	// they are unfit.
	Closed []bench.Lane
}

// Progress reads how far a sweep is.
func (a *App) Progress(ctx context.Context, id bench.SweepID) (Progress, error) {
	return (&Follower{Store: a.Store, Sweep: id}).Read(ctx, time.Now())
}

// Follow reads how far a sweep is again and again, as for watching it.
func (a *App) Follow(id bench.SweepID) *Follower { return &Follower{Store: a.Store, Sweep: id} }

// sumsFresh is how long sums over all cells hold when nothing else tells that
// they changed.
const sumsFresh = 5 * time.Second

// Follower polls a sweep. It sums up all cells anew only when a lane went on to
// another cell, when the sweep itself changed, or after some seconds.
type Follower struct {
	Store *store.Store
	Sweep bench.SweepID

	groups []store.CellGroup
	shape  string
	read   time.Time
}

// Read tells how far the sweep is now.
func (f *Follower) Read(ctx context.Context, now time.Time) (Progress, error) {
	// The state first: an end that comes between the reads is seen next time,
	// with all its cells.
	sw, err := f.Store.SweepHead(ctx, f.Sweep)
	if err != nil {
		return Progress{}, err
	}
	for try := 1; ; try++ {
		running, err := f.running(ctx, sw)
		if err != nil {
			return Progress{}, err
		}
		if err := f.sums(ctx, sw, running, now); err != nil {
			return Progress{}, err
		}
		counted := 0
		for _, g := range f.groups {
			if g.State == bench.StateRunning {
				counted += g.Cells
			}
		}
		// A cell that ended between the two reads would count twice, or not.
		if counted == len(running) || sw.State.Final() || try == 3 {
			p := progress(sw, f.groups, running)
			p.Closed, err = f.Store.ClosedLanes(ctx, p.Hosts)
			return p, err
		}
		f.groups = nil
	}
}

func (f *Follower) running(ctx context.Context, sw store.Sweep) ([]store.RunningCell, error) {
	if sw.State.Final() {
		return nil, nil
	}
	return f.Store.RunningCells(ctx, f.Sweep)
}

// sums renews the sums over all cells where they may have changed.
func (f *Follower) sums(ctx context.Context, sw store.Sweep, running []store.RunningCell, now time.Time) (err error) {
	shape := fmt.Sprint(sw.State, sw.Cancel, sw.Pause != nil)
	for _, r := range running {
		shape += fmt.Sprintf(" %s/%d", r.ID, r.Attempt)
	}
	if f.groups != nil && shape == f.shape && now.Sub(f.read) < sumsFresh {
		return nil
	}
	f.shape, f.read = shape, now
	f.groups, err = f.Store.SweepGroups(ctx, f.Sweep)
	return err
}

func progress(sw store.Sweep, groups []store.CellGroup, running []store.RunningCell) Progress {
	p := Progress{Sweep: sw, Running: running}
	p.Sweep.Counts = map[bench.State]int{}
	unfinished := map[string]bool{}
	for _, g := range groups {
		p.Sweep.Counts[g.State] += g.Cells
		switch {
		case g.State == bench.StateRunning:
			// Counted below, as they stand now.
		case g.State.Final() && g.State != bench.StateDone:
			p.CallsDone += g.CallsDone
			p.CallsTotal += g.CallsDone
		default:
			p.CallsDone += g.CallsDone
			p.CallsTotal += g.CallsPlanned
		}
		if !g.State.Final() && !unfinished[g.Host] {
			unfinished[g.Host] = true
			p.Hosts = append(p.Hosts, g.Host)
		}
	}
	for _, r := range running {
		p.CallsDone += r.CallsDone
		p.CallsTotal += r.CallsPlanned
	}
	if !sw.State.Final() {
		p.Left = timeLeft(groups, running)
	}
	return p
}

// ClosedLines say of hosts that take no cells why, and what opens them.
func ClosedLines(closed []bench.Lane) []string {
	lines := make([]string, len(closed))
	for i, l := range closed {
		text := fmt.Sprintf("host %s is %s since %s", l.Host, l.State, l.At.Local().Format("2006-01-02 15:04:05"))
		if l.By != "" && l.State == bench.LaneDrained {
			text += ", by " + l.By
		}
		if l.Reason != "" {
			text += " (" + l.Reason + ")"
		}
		lines[i] = text + ": its cells wait for wattsweep host resume " + l.Host
	}
	return lines
}

// SweepStands asks the sweep's workflow where it stands, in a word such as
// pausing; empty when Temporal does not answer soon or has no such workflow.
func (a *App) SweepStands(ctx context.Context, id bench.SweepID) string {
	if a.Temporal == nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	got, err := a.Temporal.QueryWorkflow(ctx, contract.SweepWorkflowID(id), "", contract.QueryStatus)
	if err != nil {
		return "" // the store says the rest
	}
	var status contract.Status
	if err := got.Get(&status); err != nil {
		return ""
	}
	return status.State
}
