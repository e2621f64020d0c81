package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
)

// update is one that people send to a sweep, with what the UI says of it.
type update struct {
	what bench.Control
	says string
}

// updates lists them.
func updates() []update {
	return []update{
		{bench.ControlPause, "Measure nothing more until resumed; with now the running cells are put back on the plan."},
		{bench.ControlResume, "Go on after a pause."},
		{bench.ControlCancel, "Stop the sweep; what was measured is kept."},
		{bench.ControlSkip, "Take cells off the plan."},
		{bench.ControlRetry, "Put cells that ended without a result back on the plan."},
		{bench.ControlRemeasure, "Measure cells anew; earlier calls are kept and no longer count."},
		{bench.ControlExtend, "Add the cells of a stored extension."},
		{bench.ControlPriority, "Change the sweep's place among others, 1 first to 5 last."},
	}
}

// handle lets people see and steer the sweep.
func (s *sweep) handle(ctx workflow.Context) error {
	err := workflow.SetQueryHandler(ctx, contract.QueryStatus, func() (contract.Status, error) {
		return contract.Status{V: s.in.V, State: s.state(), Text: s.details()}, nil
	})
	if err != nil {
		return fmt.Errorf("set status query: %w", err)
	}
	for _, c := range updates() {
		err := workflow.SetUpdateHandlerWithOptions(ctx, string(c.what),
			func(ctx workflow.Context, in contract.ControlIn) (contract.ControlOut, error) {
				return s.control(ctx, c.what, in)
			},
			workflow.UpdateHandlerOptions{
				Validator:   func(in contract.ControlIn) error { return s.allows(c.what, in) },
				Description: c.says,
			})
		if err != nil {
			return fmt.Errorf("set update %s: %w", c.what, err)
		}
	}
	return nil
}

// allows refuses what makes no sense, before it leaves an event. What only the
// store knows is refused there.
func (s *sweep) allows(what bench.Control, in contract.ControlIn) error {
	if s.done && ofWork(what) {
		return errors.New("the sweep has already ended")
	}
	if in.V < 2 && what == bench.ControlCancel {
		return nil // as releases before shape 2 ask
	}
	switch {
	case in.Request == "":
		return errors.New("the request has no id, by which a repetition would be known")
	case in.By == "":
		return errors.New("say who asks, for the record")
	case len(in.Cells) > contract.MaxCellsPerUpdate:
		return fmt.Errorf("%d cells are named, at most %d go into one request; ask in several", len(in.Cells), contract.MaxCellsPerUpdate)
	}
	return fits(what, in)
}

// ofWork tells the controls that are about work which goes on. The others put an
// ended sweep on, or change what goes with it.
func ofWork(what bench.Control) bool {
	return what == bench.ControlPause || what == bench.ControlResume || what == bench.ControlCancel || what == bench.ControlSkip
}

// Longest texts of a request, in bytes: each is kept in several events. The store
// has the same limits.
const (
	maxReason = 500
	maxName   = 200
)

// fits refuses a request without what it is about.
func fits(what bench.Control, in contract.ControlIn) error {
	cells := what == bench.ControlSkip || what == bench.ControlRetry || what == bench.ControlRemeasure
	now := what == bench.ControlPause || what == bench.ControlCancel
	switch {
	case len(in.Cells) > 0 && !cells:
		return fmt.Errorf("%s takes no cells; leave them out, or skip, retry or remeasure them", what)
	case in.Now && !now:
		return fmt.Errorf("%s takes no now; it goes with pause and cancel", what)
	case len(in.Reason) > maxReason || len(in.By) > maxName || len(in.Request) > maxName:
		return fmt.Errorf("the reason has more than %d bytes, or the name or id more than %d; make it shorter", maxReason, maxName)
	}
	switch what {
	case bench.ControlSkip, bench.ControlRemeasure:
		if len(in.Cells) == 0 {
			return fmt.Errorf("name the cells to %s", what)
		}
	case bench.ControlExtend:
		if in.Extension == "" {
			return errors.New("name the stored extension to add")
		}
	case bench.ControlPriority:
		if in.Priority < bench.PriorityFirst || in.Priority > bench.PriorityLast {
			return fmt.Errorf("priority %d, expected %d (first) to %d (last)", in.Priority, bench.PriorityFirst, bench.PriorityLast)
		}
	default: // the rest need no more than being asked
	}
	return nil
}

// control does what was asked: in the store first, in one transaction that
// knows a repetition, then by telling the lanes that it concerns.
func (s *sweep) control(ctx workflow.Context, what bench.Control, in contract.ControlIn) (contract.ControlOut, error) {
	if in.V < 2 && what == bench.ControlCancel {
		return s.cancelFirst(ctx, in.By)
	}
	s.controls++
	var out contract.ControlOut
	if err := s.one.Lock(ctx); err != nil {
		return out, err
	}
	defer s.one.Unlock()
	err := control(ctx, contract.ActControlSweep, fmt.Sprintf("%s asked by %s", what, in.By),
		contract.ControlSweepIn{ControlIn: in, Sweep: s.in.Sweep, What: what}, &out)
	if err != nil {
		return out, err
	}
	s.asked++ // reads under way know nothing of it
	s.heard = s.asked
	if err := s.take(ctx, out.Counts); err != nil {
		return out, err
	}
	return out, s.wake(ctx, out.Hosts, out.Stop)
}
