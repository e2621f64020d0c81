package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
)

const (
	// recount is how often a sweep reads its counts from the store and wakes its
	// lanes although nobody has told it anything: people edit rows, and a lane
	// may have died.
	recount = 15 * time.Minute
	// burst is how many closed cells are waited for before they are counted, and
	// patience for how long: lanes need no answer, so that counting each cell
	// of a large sweep would only make history.
	burst    = 25
	patience = 30 * time.Second
	// few is how many unfinished cells are watched one by one.
	few = 10
)

// Sweep waits until every cell of a stored plan is final. It wakes the lanes
// of the hosts that have cells left, counts what they report, and does what
// people ask of it meanwhile.
func Sweep(ctx workflow.Context, in contract.SweepIn) (contract.SweepOut, error) {
	known(in.V)
	s := &sweep{in: in, one: workflow.NewMutex(ctx)}
	if err := s.handle(ctx); err != nil {
		return contract.SweepOut{}, err
	}
	if in.V < 2 {
		return s.runFirst(ctx)
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
	// controls counts what people asked for, also what is still being done.
	controls int
	// one control at a time.
	one workflow.Mutex
	// shown are the search attributes as they were set last.
	shown shown
}

// shown is what the UI lists of a sweep.
type shown struct {
	state   string
	percent int
}

// run is the life of a sweep: it counts when lanes have closed cells, and looks
// after its lanes every quarter of an hour. It ends when all cells are final
// and nothing was asked of it meanwhile.
func (s *sweep) run(ctx workflow.Context) (contract.SweepOut, error) {
	closed := workflow.GetSignalChannel(ctx, contract.SignalCellClosed)
	look := alarm(ctx, recount)
	if err := s.look(ctx); err != nil {
		return contract.SweepOut{}, err
	}
	for {
		if s.whole() {
			out, over, err := s.end(ctx)
			if over || err != nil {
				return out, err
			}
			continue
		}
		if grown(ctx) {
			return contract.SweepOut{}, s.anew(ctx, closed)
		}
		told, err := s.wait(ctx, closed, look)
		if err != nil {
			return contract.SweepOut{}, err
		}
		switch {
		case look.IsReady():
			look = alarm(ctx, recount)
			err = s.look(ctx)
		case told:
			_, err = s.read(ctx)
		}
		if err != nil {
			return contract.SweepOut{}, err
		}
	}
}

// whole reports whether every cell is final, as far as is known.
func (s *sweep) whole() bool { return s.heard > 0 && s.counts.Final == s.counts.Total }

// alarm is a timer; it is kept over many waits, since each costs events.
func alarm(ctx workflow.Context, after time.Duration) workflow.Future {
	return workflow.NewTimerWithOptions(ctx, after, workflow.TimerOptions{Summary: "look after the lanes"})
}

// wait sleeps until cells are to be counted, which it takes the signals of, or
// until it is time to look after the lanes, or until a control has made every
// cell final.
func (s *sweep) wait(ctx workflow.Context, closed workflow.ReceiveChannel, look workflow.Future) (told bool, _ error) {
	due := func() bool { return look.IsReady() || s.whole() || grown(ctx) }
	err := workflow.Await(ctx, func() bool { return closed.Len() > 0 || due() })
	if err != nil {
		return false, fmt.Errorf("wait for cells: %w", err)
	}
	if closed.Len() > 0 && !s.near(closed.Len()) && !due() {
		tctx, stop := workflow.WithCancel(ctx)
		timer := workflow.NewTimerWithOptions(tctx, patience, workflow.TimerOptions{Summary: "more cells may end"})
		err = workflow.Await(ctx, func() bool { return timer.IsReady() || s.near(closed.Len()) || closed.Len() >= burst || due() })
		stop()
		if err != nil {
			return false, fmt.Errorf("wait for more cells: %w", err)
		}
	}
	told = closed.Len() > 0
	drain(closed)
	return told, nil
}

// near reports whether so few cells are left, or none that a lane could take,
// that each end is news at once.
func (s *sweep) near(closed int) bool {
	left := s.counts.Total - s.counts.Final - closed
	return left <= few || s.counts.ByState[bench.StateQueued] <= closed || s.counts.Paused || s.cancel
}

// look counts, and wakes the lanes that have something to do.
func (s *sweep) look(ctx workflow.Context) error {
	if _, err := s.read(ctx); err != nil {
		return err
	}
	return s.rouse(ctx)
}

// rouse wakes the lanes of the hosts that have cells to measure. A lane that
// measures goes on by itself and is only looked after: each wake is events in
// its history, which is that of one run for as long as its cell takes, or its
// host is away.
func (s *sweep) rouse(ctx workflow.Context) error {
	if s.counts.Paused {
		return nil
	}
	in := contract.WakeIn{V: contract.Shape}
	for _, host := range workflow.DeterministicKeys(s.counts.ByHost) {
		switch {
		case s.counts.ByHost[host] == 0:
		case slices.Contains(s.counts.Busy, host):
			in.Busy = append(in.Busy, host)
		default:
			in.Hosts = append(in.Hosts, host)
		}
	}
	if len(in.Hosts)+len(in.Busy) == 0 {
		return nil
	}
	summary := fmt.Sprintf("wake %d lane(s)", len(in.Hosts))
	if len(in.Busy) > 0 {
		summary += fmt.Sprintf(", look after %d that measure(s)", len(in.Busy))
	}
	return control(ctx, contract.ActWakeLanes, summary, in, nil)
}

// wake tells lanes that there may be work, or that a running cell is to stop.
func (s *sweep) wake(ctx workflow.Context, hosts []string, stop *contract.StopIn) error {
	if len(hosts) == 0 {
		return nil
	}
	summary := fmt.Sprintf("wake %d lane(s)", len(hosts))
	if stop != nil {
		summary = fmt.Sprintf("stop %d running cell(s)", len(stop.Cells))
	}
	return control(ctx, contract.ActWakeLanes, summary, contract.WakeIn{V: contract.Shape, Hosts: hosts, Stop: stop}, nil)
}

// end makes the end durable, unless something was asked of the sweep that puts
// it on. Whoever asks while it ends is heard: the counts are read again once
// nothing is being done any more.
func (s *sweep) end(ctx workflow.Context) (out contract.SweepOut, over bool, err error) {
	s.done = true
	defer func() { s.done = over }()
	idle := func() bool { return workflow.AllHandlersFinished(ctx) }
	if err := workflow.Await(ctx, idle); err != nil {
		return out, false, fmt.Errorf("wait for updates: %w", err)
	}
	seen := s.controls
	if _, err := s.read(ctx); err != nil {
		return out, false, err
	}
	if !s.whole() {
		return out, false, s.rouse(ctx)
	}
	if s.controls != seen {
		return out, false, nil
	}
	if out, err = s.finish(ctx); err != nil {
		return out, false, err
	}
	if s.controls != seen {
		if err := workflow.Await(ctx, idle); err != nil {
			return out, false, fmt.Errorf("wait for updates: %w", err)
		}
		// Read, which also says in the store that the sweep goes on.
		_, err := s.read(ctx)
		return out, false, err
	}
	return out, true, s.show(ctx)
}

// anew continues as a new run, which begins by counting, in today's shape.
func (s *sweep) anew(ctx workflow.Context, closed workflow.ReceiveChannel) error {
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return fmt.Errorf("wait for updates: %w", err)
	}
	drain(closed)
	s.in.V = contract.Shape
	return workflow.NewContinueAsNewError(ctx, contract.WorkflowSweep, s.in)
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
	return counts, s.take(ctx, counts)
}

// take makes counts known and shown.
func (s *sweep) take(ctx workflow.Context, counts contract.Counts) error {
	s.counts, s.cancel = counts, counts.Cancel
	return s.show(ctx)
}

// finishLimit is how long a part of the rows may take that a sweep settles
// before its end.
const finishLimit = 15 * time.Minute

// finish makes the end of the sweep durable, part by part where cells are to be
// settled that ended without a try of their own.
func (s *sweep) finish(ctx workflow.Context) (contract.SweepOut, error) {
	out := contract.SweepOut{V: s.in.V, State: s.finalState(), Counts: s.counts.ByState}
	in := contract.FinishIn{V: s.in.V, Sweep: s.in.Sweep, State: out.State}
	seen := s.controls
	for {
		fctx := withPolicy(ctx, contract.ActFinishSweep, contract.QueueControl, "", "sweep "+string(out.State), 0)
		fctx = workflow.WithStartToCloseTimeout(fctx, finishLimit)
		var part contract.FinishOut
		err := workflow.ExecuteActivity(fctx, contract.ActFinishSweep, in).Get(ctx, &part)
		if err != nil || part.Next == 0 || (s.in.V >= 2 && s.controls != seen) {
			return out, err
		}
		in.After = part.Next
	}
}
