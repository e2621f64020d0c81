package campaign

import (
	"context"
	"errors"
	"time"

	"github.com/wattsweep/wattsweep/test/chaos/judge"
	"github.com/wattsweep/wattsweep/test/chaos/lab"
)

// figures are what a sweep measured, and what Ollama was asked for it.
type figures struct {
	calls    []lab.Call
	windows  []lab.Window
	requests judge.Requests
}

func (c *campaign) figures(ctx context.Context, sweep string) (f figures, err error) {
	var errs [3]error
	f.calls, errs[0] = c.lab.Calls(ctx, sweep)
	f.windows, errs[1] = c.lab.Windows(ctx, sweep)
	f.requests, errs[2] = c.lab.Requests(ctx, sweep)
	return f, errors.Join(errs[:]...)
}

// weigh gives a fault the figures from its beginning to the next fault's, and
// those of the whole sweep that no fault touched. What failed before the first
// fault is the first one's.
func (f figures) weigh(mine []*strike, i int) {
	s := mine[i]
	e := &s.evidence
	e.Requests = f.requests
	for _, k := range f.calls {
		here := within(s, k.Started, k.Ended())
		switch {
		case !k.Answered:
			if end := k.Ended(); end.Before(s.ends) && (i == 0 || !end.Before(s.scene.Began)) {
				e.Failed++
			}
			continue
		case here:
			e.Latencies.Struck = append(e.Latencies.Struck, k.Latency)
		}
		if calm(mine, k.Started, k.Ended()) {
			e.Latencies.Calm = append(e.Latencies.Calm, k.Latency)
		}
	}
	for _, w := range f.windows {
		one := judge.Window{
			Of: w.String(), Channel: w.Channel, Calls: w.Calls, Failed: w.Failed, Length: w.Length, EnergyJ: w.EnergyJ, Missing: w.Missing, Flags: w.Flags,
		}
		if calm(mine, w.Started, w.Ended()) {
			e.Windows = append(e.Windows, one)
		}
		if owner(mine, w.Started, w.Ended()) == i {
			one.Struck = true
			e.Windows = append(e.Windows, one)
		}
	}
}

// within tells whether a stretch touches the time from a fault's beginning to
// the next fault's.
func within(s *strike, from, to time.Time) bool {
	return from.Before(s.ends) && to.After(s.scene.Began)
}

// owner is the fault that a window is laid to: the one whose outage takes most
// of it, or without any the last one that began before it, or the first.
func owner(mine []*strike, from, to time.Time) int {
	best, most := 0, time.Duration(0)
	for i, s := range mine {
		start, end := s.scene.Began, s.mended()
		if from.After(start) {
			start = from
		}
		if to.Before(end) {
			end = to
		}
		if took := end.Sub(start); took > most {
			best, most = i, took
		} else if most == 0 && !s.scene.Began.After(from) {
			best = i
		}
	}
	return best
}

// mended is when the next call was stored, or else when the next fault came.
func (s *strike) mended() time.Time {
	if s.back.IsZero() {
		return s.ends
	}
	return s.back
}

// calm tells whether a stretch lies outside every outage, recovery included.
func calm(mine []*strike, from, to time.Time) bool {
	for _, s := range mine {
		if from.Before(s.mended()) && to.After(s.scene.Began) {
			return false
		}
	}
	return true
}
