package workflows

import (
	"cmp"
	"errors"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
)

// handle lets people see and steer the lane. A lane of an earlier shape does so
// too: what it then does was never part of a history.
func (l *lane) handle(ctx workflow.Context) error {
	err := workflow.SetQueryHandler(ctx, contract.QueryStatus, func() (contract.Status, error) {
		return contract.Status{V: contract.Shape, State: l.stands(), Text: l.details()}, nil
	})
	if err != nil {
		return fmt.Errorf("set status query: %w", err)
	}
	for _, u := range []struct{ name, says string }{
		{contract.UpdateDrain, "Take no more cells, as for maintenance; with now the running cell is put back on the plan."},
		{contract.UpdateOpen, "Take cells again."},
	} {
		opts := workflow.UpdateHandlerOptions{Validator: laneAsks, Description: u.says}
		handler := l.drained
		if u.name == contract.UpdateOpen {
			handler = l.opened
		}
		if err := workflow.SetUpdateHandlerWithOptions(ctx, u.name, handler, opts); err != nil {
			return fmt.Errorf("set update %s: %w", u.name, err)
		}
	}
	return nil
}

// laneAsks refuses what nobody can be asked about later.
func laneAsks(in contract.LaneControlIn) error {
	if in.By == "" {
		return errors.New("say who asks, for the record")
	}
	return nil
}

// drained answers the update that takes a host out of use.
func (l *lane) drained(ctx workflow.Context, in contract.LaneControlIn) (contract.LaneControlOut, error) {
	out, err := l.set(ctx, bench.LaneDrained, in)
	if err != nil {
		return out, err
	}
	if in.Now {
		// For the cell that runs, or that is being claimed at this moment.
		l.orders = append(l.orders, contract.StopIn{
			V: contract.Shape, State: bench.StateQueued, Reason: because("host drained by "+in.By, in.Reason),
		})
	}
	return out, nil
}

// opened answers the update that puts a host to use again, which wakes it.
func (l *lane) opened(ctx workflow.Context, in contract.LaneControlIn) (contract.LaneControlOut, error) {
	return l.set(ctx, bench.LaneOpen, in)
}

// set makes a state durable that a person asked for.
func (l *lane) set(ctx workflow.Context, state bench.LaneState, in contract.LaneControlIn) (contract.LaneControlOut, error) {
	var out contract.LaneControlOut
	if err := l.one.Lock(ctx); err != nil {
		return out, err
	}
	defer l.one.Unlock()
	err := control(ctx, contract.ActSetLane, fmt.Sprintf("%s: %s, asked by %s", l.in.Host, state, in.By),
		contract.SetLaneIn{V: contract.Shape, Host: l.in.Host, State: state, By: in.By, Reason: in.Reason}, &out)
	if err != nil {
		return out, err
	}
	l.state, l.why = out.State, because("by "+in.By, in.Reason)
	l.told, l.asked = true, true
	workflow.SetCurrentDetails(ctx, l.details())
	return out, nil
}

// unfit takes the host out of use because it failed, until a person opens it.
func (l *lane) unfit(ctx workflow.Context, cell contract.BenchmarkIn, out contract.BenchmarkOut) error {
	// Whoever opens the host at this moment does so before or after, in the store
	// as here.
	if err := l.one.Lock(ctx); err != nil {
		return err
	}
	defer l.one.Unlock()
	var set contract.LaneControlOut
	err := control(ctx, contract.ActSetLane, l.in.Host+": unfit until a person opens it", contract.SetLaneIn{
		V: contract.Shape, Host: l.in.Host, State: bench.LaneUnfit, By: "cell " + string(cell.Cell), Reason: out.Reason,
	}, &set)
	if err != nil {
		return err
	}
	l.state, l.why = cmp.Or(set.State, bench.LaneUnfit), out.Reason
	return nil
}

// stands says in one word where the lane is.
func (l *lane) stands() string {
	switch {
	case l.cell == nil && l.state == bench.LaneOpen:
		return "idle"
	case l.cell == nil:
		return string(l.state)
	case l.state == bench.LaneOpen:
		return "measuring"
	default:
		return "draining"
	}
}

// details are what the UI shows of the lane.
func (l *lane) details() string {
	text := "idle: no cell is queued for " + l.in.Host
	if l.cell != nil {
		text = "measuring **" + l.cell.At.String() + "** of sweep " + l.cell.Name
	}
	if l.state == bench.LaneOpen {
		return text
	}
	closed := fmt.Sprintf("**%s**: %s takes no more cells", l.state, l.in.Host)
	if l.why != "" {
		closed += " (" + l.why + ")"
	}
	closed += "; wattsweep host resume " + l.in.Host + " opens it"
	if l.cell != nil {
		closed += "\n\n" + text
	}
	return closed
}

// because adds a reason where one was given.
func because(text, reason string) string {
	if reason == "" {
		return text
	}
	return text + ": " + reason
}

// Margins of a run of a workflow that lives long, well below those at which a
// server suggests to continue as new (4,096 events) or refuses.
const (
	maxEvents = 3_000
	maxBytes  = 1 << 20
)

// grown reports whether a run has become so long that it is to continue as new.
func grown(ctx workflow.Context) bool {
	info := workflow.GetInfo(ctx)
	return info.GetContinueAsNewSuggested() || info.GetCurrentHistoryLength() > maxEvents || info.GetCurrentHistorySize() > maxBytes
}
