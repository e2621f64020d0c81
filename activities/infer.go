package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/runtimes"
	"github.com/wattsweep/wattsweep/internal/store"
)

// endFor is how long the end of a segment is tried to be made durable.
const endFor = 30 * time.Second

// patientCommit is how long storing a call may take before the wait counts as
// one for a database that was away: the window's energy holds it.
const patientCommit = time.Second

// maxTimeouts is how many calls in a row may run into their timeout: days of
// timeouts would measure nothing. Where one of them was answered in part the
// model is too slow for its timeout. Where none was, though warm-up calls were,
// the runtime is stuck: Ollama has been seen to deadlock after a client went
// away. Then the host is unfit until somebody restarts it.
const maxTimeouts = 3

// hiddenLoad is the server's load time above which a call is suspected to have
// loaded the model anew: a resident model reports a few milliseconds.
const hiddenLoad = 250 * time.Millisecond

// Infer makes the calls of one run, from one journal to another. Each call is
// committed before the next begins; what an earlier attempt committed is not
// measured again, and a call that was cut is, once. It stops after the present
// call when the worker shuts down or the activity is cancelled.
func (h *Host) Infer(ctx context.Context, in contract.InferIn) (contract.InferOut, error) {
	return onJob(ctx, h, in.CellRef, bench.StageInfer, func(j *job) (contract.InferOut, error) {
		if out, done, err := j.measuredAlready(ctx, in); done || err != nil {
			return out, err
		}
		if err := j.mustBeResident(ctx, in.ResidentIn); err != nil {
			return contract.InferOut{}, err
		}
		if err := j.prove(ctx, in); err != nil {
			return contract.InferOut{}, err
		}
		gate, err := j.coolDown(ctx, in)
		if err != nil {
			return contract.InferOut{}, err
		}
		seg, err := j.openSegment(ctx, in)
		if err != nil {
			return contract.InferOut{}, err
		}
		defer seg.m.close()
		if gate.doubt {
			seg.doubts = append(seg.doubts, gate.text)
		}
		defer beating(ctx, seg.beat.get)()
		loopErr := seg.loop(ctx)
		if err := seg.end(ctx, loopErr); err != nil {
			return contract.InferOut{}, err
		}
		if loopErr != nil {
			return contract.InferOut{}, loopErr
		}
		out := seg.result()
		if gate.text != "" {
			out.Text += "; " + gate.text
		}
		return out, nil
	})
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
	beat     cursor[contract.Beat]
	failed   int
	again    int           // calls measured again
	timeouts int           // in a row
	partly   bool          // one of these was answered in part
	waited   time.Duration // beyond what storing a call takes, for a database that was away
	doubts   []string      // about the window, for its energies
}

func (j *job) mustBeResident(ctx context.Context, in contract.ResidentIn) error {
	here, err := j.rt.Resident(ctx, j.cell.Config.Model.Name, in.Token)
	if err != nil {
		return err
	}
	if !here {
		return fault.New(fault.Unavailable, fault.CodeModelNotResident, "",
			"%s is no longer in memory as it was loaded: the runtime or the host restarted", j.cell.Config.Model.Name)
	}
	return nil
}

// measuredAlready answers for a chunk whose calls were all committed by an
// earlier attempt: a segment without calls would say nothing.
func (j *job) measuredAlready(ctx context.Context, in contract.InferIn) (contract.InferOut, bool, error) {
	sum, err := j.host.Store.SummariseRun(ctx, in.Cell, in.Epoch, in.Run, in.From, in.To)
	if err != nil || sum.Done < in.To-in.From {
		return contract.InferOut{}, false, err
	}
	if in.To == j.cell.Items {
		if err := j.host.Store.FinishRun(ctx, in.Cell, in.Epoch, in.Run); err != nil {
			return contract.InferOut{}, false, err
		}
	}
	return contract.InferOut{
		V: 1, Calls: sum.Done, Segments: sum.Segments, Remeasured: sum.Remeasured,
		Text: fmt.Sprintf("%d calls, all measured before", sum.Done),
	}, true, nil
}

func (j *job) openSegment(ctx context.Context, in contract.InferIn) (*segment, error) {
	d := j.cell.Config.Dataset
	journals, err := j.host.Store.Journals(ctx, d.Hash, d.Language, d.Limit)
	if err != nil {
		return nil, err
	}
	if len(journals) < in.To {
		return nil, fault.New(fault.Corrupt, fault.CodeDatasetChanged, "run the spec again, which stores the dataset anew",
			"the dataset holds %d journals, the plan asks for %d", len(journals), in.To)
	}
	s := &segment{job: j, in: in, journals: journals}
	if s.rung, err = j.rung(in.Rung); err != nil {
		return nil, err
	}
	s.beat.set(contract.Beat{V: 1, Run: in.Run, Next: in.From, Of: in.To})
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

// begin notes that the call of an item is about to be made.
func (s *segment) begin(ctx context.Context, item int) error {
	return keep(ctx, func(ctx context.Context) error { return s.host.Store.BeginCall(ctx, s.in.Epoch, s.begun(item)) })
}

// loop makes the calls that are left. Commit of one call and the note that the
// next one begins share a transaction.
func (s *segment) loop(ctx context.Context) error {
	if len(s.todo) == 0 {
		return nil
	}
	if err := stopping(ctx); err != nil {
		return err
	}
	// What is measured is finished and stored whatever happens to ctx.
	whole := context.WithoutCancel(ctx)
	if err := s.begin(ctx, s.todo[0]); err != nil {
		return err
	}
	for i, item := range s.todo {
		call, err := s.call(whole, s.begun(item), s.journals[item])
		if err != nil {
			return err
		}
		stop := stopping(ctx)
		var next *store.Begun
		if i+1 < len(s.todo) && stop == nil && call.Outcome.Answered() {
			b := s.begun(s.todo[i+1])
			next = &b
		}
		ended := s.host.Clock.Now()
		if err := keep(ctx, func(ctx context.Context) error {
			return s.host.Store.CommitCall(ctx, s.in.Epoch, s.begun(item).Attempt, call, next)
		}); err != nil {
			return err
		}
		if took := s.host.Clock.Now() - ended; took > patientCommit {
			s.waited += took
		}
		s.count(call, item)
		if err := s.after(whole, call, stop); err != nil {
			return err
		}
		if next == nil && i+1 < len(s.todo) {
			if err := s.begin(ctx, s.todo[i+1]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *segment) count(call bench.Call, item int) {
	s.row.Calls++
	if !call.Outcome.Answered() {
		s.failed++
	}
	if s.before.Here[item] > 0 {
		s.again++
	}
	s.beat.set(contract.Beat{V: 1, Run: s.in.Run, Next: item + 1, Of: s.in.To})
}

// after decides whether the loop goes on after a committed call.
func (s *segment) after(whole context.Context, call bench.Call, stop error) error {
	if stop != nil {
		return stop
	}
	if err := s.late(call); err != nil {
		return err
	}
	switch call.Outcome {
	case bench.OutcomeOutOfMemory:
		return fault.New(fault.OutOfMemory, fault.CodeOutOfMemory, "", "%s ran out of memory while it answered", s.cell.Config.Model.Name)
	case bench.OutcomeOK, bench.OutcomeOutputCapped, bench.OutcomePromptTruncated:
		return nil
	default:
		// A failed call may have taken the model with it.
		return s.mustBeResident(whole, s.in.ResidentIn)
	}
}

// late counts calls in a row that ran into their timeout, and says what it
// means when there are too many.
func (s *segment) late(call bench.Call) error {
	if call.Outcome != bench.OutcomeTimeout {
		s.timeouts, s.partly = 0, false
		return nil
	}
	s.timeouts++
	s.partly = s.partly || call.TimeToFirstToken != nil || call.OutputBytes > 0
	limit := s.cell.Config.Runtime.CallTimeout
	switch {
	case s.timeouts < maxTimeouts:
		return nil
	case s.partly:
		return fault.New(fault.Invalid, fault.CodeTooSlow, "raise call_timeout or lower max_output_tokens",
			"%d calls in a row were answered in part within their timeout of %s", s.timeouts, limit)
	default:
		return fault.New(fault.Unavailable, fault.CodeServerStuck, "restart the runtime, then wattsweep host resume",
			"%d calls in a row got no token within their timeout of %s, though warm-up calls were answered; the runtime seems stuck",
			s.timeouts, limit)
	}
}

// call makes and measures one call. An error means that there is nothing to
// store: the runtime was out of reach, or the call loaded the model anew.
func (s *segment) call(ctx context.Context, b store.Begun, j store.Journal) (bench.Call, error) {
	cfg := s.cell.Config
	prompt, hash, err := s.host.Ask(cfg.Task.Name, cfg.Dataset.Language, j.Body)
	if err != nil {
		return bench.Call{}, err
	}
	nonce := ""
	if !cfg.Runtime.PromptCache {
		nonce = b.Key.Nonce(b.Attempt)
		prompt = s.host.WithNonce(nonce, prompt)
	}
	// By the same clock as the readings, so that the two never drift apart.
	started := s.host.Clock.Wall(s.host.Clock.Now())
	ans, err := s.rt.Generate(ctx, runtimes.Request{
		Model: cfg.Model, Rung: s.rung, Runtime: cfg.Runtime, Prompt: prompt, Seed: cfg.Seed, Now: s.host.Clock.Now,
	})
	if unmeasured(err, ans) {
		return bench.Call{}, err
	}
	if ans.Server.Load > hiddenLoad {
		if err := s.mustBeResident(ctx, s.in.ResidentIn); err != nil {
			return bench.Call{}, err
		}
	}
	return bench.Call{
		CallKey: b.Key, Segment: b.Segment, JournalID: j.ID, PromptHash: hash, Nonce: nonce,
		Output: ans.Text, OutputHash: bench.Hash(ans.Text), Outcome: ans.Outcome, Reason: ans.Reason,
		Remeasured: s.before.Here[b.Key.Item] > 0, StartedAt: started.UTC(), Start: ans.Start, Latency: ans.Latency,
		TimeToFirstToken: ans.FirstToken, InterTokenTimes: ans.Gaps, PromptTokens: ans.PromptTokens,
		OutputTokens: ans.OutputTokens, OutputWords: len(strings.Fields(ans.Text)), OutputBytes: len(ans.Text),
		PromptBytes: len(prompt), Server: ans.Server, Done: ans.Done,
	}, nil
}

// unmeasured reports whether a call gave nothing that counts as its outcome:
// the runtime was not there, so the call says nothing of the model.
func unmeasured(err error, ans runtimes.Answer) bool {
	if err == nil {
		return false
	}
	switch fault.CodeOf(err) {
	case fault.CodeUnreachable, fault.CodeModelNotResident, fault.CodeModelNotFound:
		return true
	default:
		return ans.Outcome == ""
	}
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
	if s.waited > 0 {
		s.doubts = append(s.doubts, fmt.Sprintf("the database was away for %s of this window, whose energy is in it",
			s.waited.Round(100*time.Millisecond)))
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
// the failed calls, which are those of this segment.
func (s *segment) result() contract.InferOut {
	out := contract.InferOut{V: 1, Calls: s.in.To - s.in.From, Failed: s.failed, Segments: s.row.No, Remeasured: s.again}
	for item := range s.before.Done {
		if s.before.Here[item] > 1 {
			out.Remeasured++
		}
	}
	out.Text = fmt.Sprintf("%d calls, %d in this segment, %d failed, segment %d", out.Calls, s.row.Calls, s.failed, s.row.No)
	if out.Remeasured > 0 {
		out.Text += fmt.Sprintf(", %d measured again after an interruption", out.Remeasured)
	}
	return out
}
