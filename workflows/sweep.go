package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
)

// recount is how often a sweep reads its counts from the store although no
// lane has signalled: people edit rows, and a lane may have died.
const recount = 15 * time.Minute

// Sweep waits until every cell of a stored plan is final. It wakes the lanes
// of the hosts that have cells left and counts what they report.
func Sweep(ctx workflow.Context, in contract.SweepIn) (contract.SweepOut, error) {
	s := &sweep{in: in}
	if err := s.handle(ctx); err != nil {
		return contract.SweepOut{}, err
	}
	return s.run(ctx)
}

type sweep struct {
	in     contract.SweepIn
	counts contract.Counts
	cancel bool
	done   bool
	// asked and heard number the reads of the counts, so that one that was
	// overtaken changes nothing.
	asked, heard int
}

func (s *sweep) handle(ctx workflow.Context) error {
	err := workflow.SetQueryHandler(ctx, contract.QueryStatus, func() (contract.Status, error) {
		return contract.Status{V: 1, State: s.state(), Text: s.details()}, nil
	})
	if err != nil {
		return fmt.Errorf("set status query: %w", err)
	}
	err = workflow.SetUpdateHandlerWithOptions(ctx, contract.UpdateCancel,
		func(ctx workflow.Context, in contract.CancelIn) (contract.Counts, error) {
			if err := control(ctx, contract.ActCancelSweep, "cancel asked by "+in.By, s.in.Sweep, nil); err != nil {
				return contract.Counts{}, err
			}
			s.cancel, s.heard = true, s.asked // reads under way know nothing of it
			if err := s.wake(ctx); err != nil {
				return contract.Counts{}, err
			}
			return s.read(ctx)
		},
		workflow.UpdateHandlerOptions{
			Validator: func(contract.CancelIn) error {
				if s.done {
					return errors.New("the sweep has already ended")
				}
				return nil
			},
			Description: "Stop the sweep; what was measured is kept.",
		})
	if err != nil {
		return fmt.Errorf("set cancel update: %w", err)
	}
	return nil
}

func (s *sweep) run(ctx workflow.Context) (contract.SweepOut, error) {
	closed := workflow.GetSignalChannel(ctx, contract.SignalCellClosed)
	for {
		counts, err := s.read(ctx)
		if err != nil {
			return contract.SweepOut{}, err
		}
		if counts.Final == counts.Total {
			break
		}
		if err := s.wake(ctx); err != nil {
			return contract.SweepOut{}, err
		}
		// A stop can make every cell final without a lane that reports one. A
		// signal is not received here: one that cannot be read would panic.
		_, err = workflow.AwaitWithTimeout(ctx, recount, func() bool {
			return closed.Len() > 0 || s.counts.Final == s.counts.Total
		})
		if err != nil {
			return contract.SweepOut{}, fmt.Errorf("wait for cells: %w", err)
		}
		drain(closed)
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
				return contract.SweepOut{}, err
			}
			drain(closed)
			return contract.SweepOut{}, workflow.NewContinueAsNewError(ctx, contract.WorkflowSweep, s.in)
		}
	}
	s.done = true
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return contract.SweepOut{}, err
	}
	return s.finish(ctx)
}

// drain takes what is waiting in a signal channel; its content does not
// matter, since the store has the truth.
func drain(ch workflow.ReceiveChannel) {
	for {
		var one contract.CellClosed
		if !ch.ReceiveAsync(&one) {
			return
		}
	}
}

// read renews the counts. The store has the truth also of whether the sweep is
// cancelled: a retry lifts that.
func (s *sweep) read(ctx workflow.Context) (contract.Counts, error) {
	var counts contract.Counts
	s.asked++
	no := s.asked
	err := control(ctx, contract.ActSweepCounts, "count cells", s.in.Sweep, &counts)
	if err != nil {
		return counts, err
	}
	if no <= s.heard {
		return s.read(ctx)
	}
	s.heard = no
	s.counts, s.cancel = counts, counts.Cancel
	workflow.SetCurrentDetails(ctx, s.details())
	progress := 1.0
	if counts.Total > 0 {
		progress = float64(counts.Final) / float64(counts.Total)
	}
	err = workflow.UpsertTypedSearchAttributes(ctx, attrState.ValueSet(s.state()), attrProgress.ValueSet(progress))
	if err != nil {
		return counts, fmt.Errorf("upsert search attributes: %w", err)
	}
	return counts, nil
}

// wake tells the lanes that there may be work, or that running cells of this
// sweep are to stop.
func (s *sweep) wake(ctx workflow.Context) error {
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

func (s *sweep) finish(ctx workflow.Context) (contract.SweepOut, error) {
	out := contract.SweepOut{V: 1, State: s.finalState(), Counts: s.counts.ByState}
	err := control(ctx, contract.ActFinishSweep, "sweep "+string(out.State),
		contract.FinishIn{V: 1, Sweep: s.in.Sweep, State: out.State}, nil)
	if err != nil {
		return out, err
	}
	return out, workflow.UpsertTypedSearchAttributes(ctx, attrState.ValueSet(string(out.State)), attrProgress.ValueSet(1))
}

// finalState: a sweep with failed cells is done all the same; the cells say
// what failed. Only a cancelled one is not.
func (s *sweep) finalState() bench.State {
	if s.cancel {
		return bench.StateCancelled
	}
	return bench.StateDone
}

func (s *sweep) state() string {
	switch {
	case s.done:
		return string(s.finalState())
	case s.cancel:
		return "cancelling"
	default:
		return string(bench.StateRunning)
	}
}

func (s *sweep) details() string {
	text := fmt.Sprintf("**%s**: %d of %d cells final\n\n| state | cells |\n|---|---|\n", s.in.Name, s.counts.Final, s.counts.Total)
	for _, state := range workflow.DeterministicKeys(s.counts.ByState) {
		text += fmt.Sprintf("| %s | %d |\n", state, s.counts.ByState[state])
	}
	for _, host := range workflow.DeterministicKeys(s.counts.ByHost) {
		text += fmt.Sprintf("\n%s: %d cell(s) left", host, s.counts.ByHost[host])
	}
	return text
}

// Search attributes, all in clear: they hold names and numbers only.
var (
	attrSweep    = temporal.NewSearchAttributeKeyKeyword(contract.AttrSweep)
	attrHost     = temporal.NewSearchAttributeKeyKeyword(contract.AttrHost)
	attrRuntime  = temporal.NewSearchAttributeKeyKeyword(contract.AttrRuntime)
	attrModel    = temporal.NewSearchAttributeKeyKeyword(contract.AttrModel)
	attrTask     = temporal.NewSearchAttributeKeyKeyword(contract.AttrTask)
	attrLanguage = temporal.NewSearchAttributeKeyKeyword(contract.AttrLanguage)
	attrState    = temporal.NewSearchAttributeKeyKeyword(contract.AttrState)
	attrProgress = temporal.NewSearchAttributeKeyFloat64(contract.AttrProgress)
	attrRung     = temporal.NewSearchAttributeKeyInt64(contract.AttrRung)
)
