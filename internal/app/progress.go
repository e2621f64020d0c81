package app

import (
	"context"

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
	// until something was.
	Left *Estimate
}

// Progress reads how far a sweep is.
func (a *App) Progress(ctx context.Context, id bench.SweepID) (Progress, error) {
	return ReadProgress(ctx, a.Store, id)
}

// ReadProgress reads how far a sweep is from a store.
func ReadProgress(ctx context.Context, st *store.Store, id bench.SweepID) (Progress, error) {
	// The state first: an end that comes between the reads is seen next time,
	// with all its cells.
	sw, err := st.SweepHead(ctx, id)
	if err != nil {
		return Progress{}, err
	}
	groups, err := st.SweepGroups(ctx, id)
	if err != nil {
		return Progress{}, err
	}
	var running []store.RunningCell
	if !sw.State.Final() {
		if running, err = st.RunningCells(ctx, id); err != nil {
			return Progress{}, err
		}
	}
	return progress(sw, groups, running), nil
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
