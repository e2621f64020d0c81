package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/contract"
)

// runFirst is run as shape 1 has it: it counts and wakes after every cell. A
// sweep that was begun so goes on so, since its history must replay, until it
// continues as new: when that is suggested, or when it is asked for what only
// shape 2 does.
func (s *sweep) runFirst(ctx workflow.Context) (contract.SweepOut, error) {
	closed := workflow.GetSignalChannel(ctx, contract.SignalCellClosed)
	for {
		counts, err := s.read(ctx)
		if err != nil {
			return contract.SweepOut{}, err
		}
		if counts.Final == counts.Total {
			break
		}
		if err := s.wakeFirst(ctx); err != nil {
			return contract.SweepOut{}, err
		}
		// A stop can make every cell final without a lane that reports one. A
		// signal is not received here: one that cannot be read would panic.
		_, err = workflow.AwaitWithTimeout(ctx, recount, func() bool {
			return closed.Len() > 0 || s.counts.Final == s.counts.Total || s.controls > 0
		})
		if err != nil {
			return contract.SweepOut{}, fmt.Errorf("wait for cells: %w", err)
		}
		drain(closed)
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() || s.controls > 0 {
			return contract.SweepOut{}, s.anew(ctx, closed)
		}
	}
	s.done = true
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return contract.SweepOut{}, err
	}
	if s.controls > 0 {
		return contract.SweepOut{}, s.anew(ctx, closed)
	}
	out, err := s.finish(ctx)
	if err != nil {
		return out, err
	}
	return out, s.show(ctx)
}

// cancelFirst answers what a release before shape 2 asks.
func (s *sweep) cancelFirst(ctx workflow.Context, by string) (contract.ControlOut, error) {
	if err := control(ctx, contract.ActCancelSweep, "cancel asked by "+by, s.in.Sweep, nil); err != nil {
		return contract.ControlOut{}, err
	}
	s.cancel, s.heard = true, s.asked // reads under way know nothing of it
	if err := s.wakeFirst(ctx); err != nil {
		return contract.ControlOut{}, err
	}
	counts, err := s.read(ctx)
	return contract.ControlOut{Counts: counts}, err
}

// wakeFirst tells the lanes that there may be work, or that running cells of this
// sweep are to stop.
func (s *sweep) wakeFirst(ctx workflow.Context) error {
	in := contract.WakeIn{V: 1}
	for _, host := range workflow.DeterministicKeys(s.counts.ByHost) {
		if s.counts.ByHost[host] > 0 {
			in.Hosts = append(in.Hosts, host)
		}
	}
	summary := fmt.Sprintf("wake %d lane(s)", len(in.Hosts))
	if s.cancel {
		in.CancelSweep = s.in.Sweep
		summary = "stop the running cells"
	}
	return control(ctx, contract.ActWakeLanes, summary, in, nil)
}
