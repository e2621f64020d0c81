package app

import (
	"context"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/store"
)

// spentKey names a cell as it stood: while it rests, its time does not change,
// and the watched sweep, measured at this moment, is not asked for it again.
type spentKey struct {
	cell    bench.CellID
	state   bench.State
	attempt int
	calls   int
}

// spent gives the time that was worked on each cell.
func (a *App) spent(ctx context.Context, cells []store.Cell) (map[bench.CellID]time.Duration, error) {
	out := map[bench.CellID]time.Duration{}
	for _, c := range cells {
		if c.StartedAt == nil {
			continue
		}
		key := spentKey{c.ID, c.State, c.Attempt, c.CallsDone}
		known, ok := a.rested(key)
		if ok {
			out[c.ID] = known
			continue
		}
		stages, err := a.Store.Stages(ctx, c.ID)
		if err != nil {
			return nil, err
		}
		segments, err := a.Store.Segments(ctx, c.ID, c.Epoch)
		if err != nil {
			return nil, err
		}
		out[c.ID] = spentOn(c, stages, segments, time.Now())
		if c.State != bench.StateRunning {
			a.remember(key, out[c.ID])
		}
	}
	return out, nil
}

func (a *App) rested(key spentKey) (time.Duration, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	d, ok := a.spentBefore[key]
	return d, ok
}

func (a *App) remember(key spentKey, d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.spentBefore == nil {
		a.spentBefore = map[spentKey]time.Duration{}
	}
	a.spentBefore[key] = d
}

// spentOn adds up the stages of all tries of a cell. The inference stage is
// counted by its segments, which end when the worker stops and begin when it
// goes on; so neither the pause before a retry nor a night between two demos
// counts.
func spentOn(c store.Cell, stages []store.StageRow, segments []bench.Segment, now time.Time) time.Duration {
	running := c.State == bench.StateRunning
	sum := inferring(c, segments, now)
	for _, s := range stages {
		switch {
		case s.Stage == bench.StageInfer:
		case s.FinishedAt != nil:
			sum += s.FinishedAt.Sub(s.StartedAt)
		case running && s.Attempt == c.Attempt:
			sum += max(0, now.Sub(s.StartedAt))
		}
	}
	return sum
}

// inferring adds up the segments of a cell's calls. When a segment that a crash
// cut short ended is known only by when it was gone on with, so its calls are
// taken to have been as fast as the others.
func inferring(c store.Cell, segments []bench.Segment, now time.Time) time.Duration {
	var sum, cut time.Duration
	calls, cutCalls, open := 0, 0, false
	for _, s := range segments {
		switch {
		case s.EndedAt == nil && c.State == bench.StateRunning:
			sum += max(0, now.Sub(s.StartedAt))
			open = true
		case s.EndedAt == nil:
		case s.End == "crash":
			cut += s.EndedAt.Sub(s.StartedAt)
			cutCalls += s.Calls
		default:
			sum += s.EndedAt.Sub(s.StartedAt)
			calls += s.Calls
		}
	}
	if open {
		calls = c.CallsDone - cutCalls
	}
	switch {
	case cutCalls == 0:
		return sum
	case calls <= 0:
		return sum + cut
	}
	return sum + time.Duration(float64(sum)/float64(calls)*float64(cutCalls))
}
