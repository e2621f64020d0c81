package activities

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/store"
)

// endFor is how long the end of a segment is tried to be made durable.
const endFor = 30 * time.Second

// patientCommit is how long storing a call may take before the wait counts as
// one for a database that is away: the segment's window then ends at the call's
// end, since the energy of an outage is no call's.
const patientCommit = time.Second

// progress goes from segment to segment of one attempt.
type progress struct {
	beat     cursor[contract.Beat]
	failed   int
	timeouts int          // in a row
	partly   bool         // one of these was answered in part
	broken   bool         // a segment was interrupted
	noted    *store.Begun // noted as begun, and not made
}

// unmade takes the call that was noted and not made out of what is known of a
// run: it is made under the number that it was noted by, and not measured again.
func (p *progress) unmade(before store.RunProgress) store.RunProgress {
	if p.noted == nil || before.Begun[p.noted.Key.Item] != p.noted.Attempt {
		return before
	}
	item := p.noted.Key.Item
	before.Begun, before.Here = maps.Clone(before.Begun), maps.Clone(before.Here)
	before.Begun[item]--
	before.Here[item]--
	return before
}

// interruption ends a segment whose run goes on at once in another.
type interruption struct{ what string }

func (i *interruption) Error() string { return "the segment was interrupted: " + i.what }

// Reasons of interruptions, as they are stored.
const (
	databaseAway  = "database away"
	workerStopped = "worker stopped"
	runtimeAway   = "runtime away"
)

// interrupted says by what: a worker that was stopped seems to wait for the
// database, too.
func (s *segment) interrupted() error {
	if s.m.pulse.look() > 0 {
		return &interruption{workerStopped}
	}
	return &interruption{databaseAway}
}

// segment is a stretch of calls measured without interruption.
type segment struct {
	*job
	in       contract.InferIn
	rung     bench.Rung
	journals []store.Journal
	todo     []int // items that have no committed call yet
	before   store.RunProgress
	row      bench.Segment
	m        *sampling
	sum      *progress
	sure     time.Duration // what is measured goes on to here at least
	again    int           // calls measured again
	doubts   []string      // about the window, for its energies
}

func (j *job) openSegment(ctx context.Context, in contract.InferIn, sum *progress) (*segment, error) {
	d := j.cell.Config.Dataset
	journals, err := j.host.Store.Journals(ctx, d.Hash, d.Language, d.Limit)
	if err != nil {
		return nil, err
	}
	if len(journals) < in.To {
		return nil, fault.New(fault.Corrupt, fault.CodeDatasetChanged, "run the spec again, which stores the dataset anew",
			"the dataset holds %d journals, the plan asks for %d", len(journals), in.To)
	}
	s := &segment{job: j, in: in, journals: journals, sum: sum}
	if s.rung, err = j.rung(in.Rung); err != nil {
		return nil, err
	}
	if s.m, err = j.sample(ctx); err != nil {
		return nil, err
	}
	s.row = bench.Segment{
		Cell: in.Cell, Run: in.Run, LoadToken: in.Token, WorkerBuild: j.host.Build, BootID: j.host.BootID,
		Attempt: int(activity.GetInfo(ctx).Attempt),
	}
	if s.row.No, s.before, err = j.host.Store.OpenSegment(ctx, in.Epoch, s.row); err != nil {
		s.m.close()
		return nil, err
	}
	if err := s.m.begin(ctx, in.Epoch, bench.PhaseInference, in.Run, s.row.No); err != nil {
		s.m.close()
		return nil, err
	}
	s.asOf(s.m.from)
	s.before = sum.unmade(s.before)
	for item := in.From; item < in.To; item++ {
		if !s.before.Done[item] {
			s.todo = append(s.todo, item)
		}
	}
	return s, nil
}

// begun names the call of an item that is about to be made.
func (s *segment) begun(item int) store.Begun {
	return store.Begun{
		Key:     bench.CallKey{Cell: s.in.Cell, Run: s.in.Run, Item: item},
		Attempt: s.before.Begun[item] + 1, Segment: s.row.No,
	}
}

// begin notes that the call of an item is about to be made, with the patience of
// patiently.
func (s *segment) begin(ctx context.Context, item int) (late bool, err error) {
	b := s.begun(item)
	late, err = s.patiently(ctx, func(ctx context.Context) error { return s.host.Store.BeginCall(ctx, s.in.Epoch, b) })
	if err == nil {
		s.sum.noted = &b
	}
	return late, err
}

// isNoted tells whether the call of an item was noted as begun, by an earlier
// segment of this attempt, and not made. That is not noted again: where each
// write is slow, a segment would end with it and no call ever be made.
func (s *segment) isNoted(item int) bool {
	n := s.sum.noted
	return n != nil && n.Key.Item == item && n.Attempt == s.begun(item).Attempt
}

// asOf says that all until now was measuring.
func (s *segment) asOf(at time.Duration) {
	s.sure = at
	s.m.lastsTo(at)
}

// patiently makes something durable behind a call, however long that takes, and
// tells whether it took so long that the window was ended at the call's end: the
// database was away, or the worker was stopped.
func (s *segment) patiently(ctx context.Context, write func(context.Context) error) (late bool, err error) {
	return s.aside(ctx, func(ctx context.Context) error { return keep(ctx, write) })
}

// stillThere looks whether a failed call took the model along. A runtime that is
// stopped or wedged says so late: what that takes is no call's.
func (s *segment) stillThere(whole context.Context) error {
	late, err := s.aside(whole, func(ctx context.Context) error { return s.mustBeResident(ctx, s.in.ResidentIn) })
	if err == nil && late {
		return &interruption{runtimeAway}
	}
	return err
}

// aside does what is no measuring, and tells whether it took so long that the
// window was ended where that began.
func (s *segment) aside(ctx context.Context, do func(context.Context) error) (late bool, err error) {
	ended := s.host.Clock.Now()
	s.asOf(ended)
	whole := context.WithoutCancel(ctx)
	done, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		patience := time.NewTimer(patientCommit)
		defer patience.Stop()
		select {
		case <-done:
		case <-patience.C:
			late = true
			s.m.endAt(whole, ended)
		}
	}()
	err = do(ctx)
	close(done)
	<-watched
	if !late && (s.host.Clock.Now()-ended > patientCommit || s.m.pulse.look() > 0) {
		late = true
		s.m.endAt(whole, ended)
	}
	return late, err
}

// whole makes the segment's calls and makes its end durable, whatever it is.
func (s *segment) whole(ctx context.Context) error {
	defer s.m.close()
	loopErr := s.loop(ctx)
	if err := s.end(ctx, loopErr); err != nil {
		return err
	}
	return loopErr
}

// end makes the segment's readings and its end durable, also when the
// activity is being cancelled.
func (s *segment) end(ctx context.Context, loopErr error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endFor)
	defer cancel()
	s.row.End = "complete"
	if loopErr != nil {
		s.row.End = endReason(loopErr)
	}
	if s.m.ended == nil && s.m.pulse.look() > 0 {
		s.m.endAt(ctx, s.sure)
	}
	_, err := s.m.keepMarked(ctx, func(r *bench.PhaseReading) {
		if r.EnergyJ != nil {
			r.Flags = append(r.Flags, s.doubts...)
		}
	})
	if err != nil {
		return err
	}
	complete := loopErr == nil && s.in.To == s.cell.Items
	return keep(ctx, func(ctx context.Context) error {
		return s.host.Store.CloseSegment(ctx, s.in.Epoch, s.row, complete)
	})
}

// endReason names why a segment ended, as bench.Segment lists it.
func endReason(err error) string {
	code := fault.CodeOf(err)
	if cut, ok := errors.AsType[*interruption](err); ok {
		return cut.what
	}
	switch {
	case code != "":
		return string(code)
	case isDrain(err):
		return "drain"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	default:
		return string(fault.KindOf(err))
	}
}

// result counts over the whole run, by any attempt of any chunk of it, but for
// the failed calls, which are those of this attempt.
func (s *segment) result() contract.InferOut {
	out := contract.InferOut{V: 1, Calls: s.in.To - s.in.From, Failed: s.sum.failed, Segments: s.row.No, Remeasured: s.again}
	for item := range s.before.Done {
		if s.before.Here[item] > 1 {
			out.Remeasured++
		}
	}
	out.Text = fmt.Sprintf("%d calls, %d in this segment, %d failed, segment %d", out.Calls, s.row.Calls, s.sum.failed, s.row.No)
	if out.Remeasured > 0 {
		out.Text += fmt.Sprintf(", %d measured again after an interruption", out.Remeasured)
	}
	return out
}
