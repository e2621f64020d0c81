package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/runtimes"
	"github.com/wattsweep/wattsweep/internal/store"
)

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
		if err := j.mayGoOn(ctx, in); err != nil {
			return contract.InferOut{}, err
		}
		proved, err := j.prove(ctx, in)
		if err != nil {
			return contract.InferOut{}, err
		}
		gate, err := j.coolDown(ctx, in)
		if err != nil {
			return contract.InferOut{}, err
		}
		out, err := j.measure(ctx, in, gate)
		if err == nil && gate.text != "" {
			out.Text += "; " + gate.text
		}
		if err == nil && proved {
			out.Text += "; 1 discarded call proved the runtime after a crash"
		}
		return out, err
	})
}

// mayGoOn holds that the model is still in memory. A runtime that is wedged may
// take longer than a heartbeat time-out to say so.
func (j *job) mayGoOn(ctx context.Context, in contract.InferIn) error {
	defer beating(ctx, func() any { return contract.Beat{V: 1, Run: in.Run, Next: in.From, Of: in.To} })()
	return j.mustBeResident(ctx, in.ResidentIn)
}

// measure makes the calls in one segment, or in several where something came
// between two calls that belongs to no call.
func (j *job) measure(ctx context.Context, in contract.InferIn, gate gateNote) (contract.InferOut, error) {
	sum := &progress{}
	sum.beat.set(contract.Beat{V: 1, Run: in.Run, Next: in.From, Of: in.To})
	defer beating(ctx, sum.beat.get)()
	for {
		seg, err := j.openSegment(ctx, in, sum)
		if err != nil {
			return contract.InferOut{}, err
		}
		if gate.doubt && !sum.broken {
			seg.doubts = append(seg.doubts, gate.text)
		}
		err = seg.whole(ctx)
		if err == nil {
			return seg.result(), nil
		}
		if _, goesOn := errors.AsType[*interruption](err); !goesOn {
			return contract.InferOut{}, err
		}
		sum.broken = true
		if err := stopping(ctx); err != nil {
			return contract.InferOut{}, err
		}
		if err := j.mustBeResident(ctx, in.ResidentIn); err != nil {
			return contract.InferOut{}, err
		}
	}
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
	late, err := false, error(nil)
	if !s.isNoted(s.todo[0]) {
		late, err = s.begin(ctx, s.todo[0])
	}
	for i, item := range s.todo {
		switch {
		case err != nil:
			return err
		case late:
			return s.interrupted()
		}
		more := s.todo[i+1:]
		var call bench.Call
		if call, err = s.unbroken(whole, item); err != nil {
			return err
		}
		stop := stopping(ctx)
		var next *store.Begun
		if len(more) > 0 && stop == nil && call.Outcome.Answered() {
			b := s.begun(more[0])
			next = &b
		}
		if late, err = s.commit(ctx, call, next); err != nil {
			return err
		}
		if err := s.after(whole, call, stop); err != nil {
			return err
		}
		if next == nil && len(more) > 0 && !late {
			late, err = s.begin(ctx, more[0])
		}
	}
	return err
}

// commit stores a call and notes the next one as begun.
func (s *segment) commit(ctx context.Context, call bench.Call, next *store.Begun) (late bool, err error) {
	attempt := s.begun(call.Item).Attempt
	late, err = s.patiently(ctx, func(ctx context.Context) error {
		return s.host.Store.CommitCall(ctx, s.in.Epoch, attempt, call, next)
	})
	if err != nil {
		return late, err
	}
	s.count(call, call.Item)
	s.sum.noted = next
	return late, nil
}

// unbroken makes the call of an item, unless the worker is stopped in it or has
// been since the segment began: then the segment ends before it.
func (s *segment) unbroken(whole context.Context, item int) (bench.Call, error) {
	if s.m.pulse.look() > 0 {
		s.m.endAt(whole, s.sure)
		return bench.Call{}, s.interrupted()
	}
	began := s.host.Clock.Now()
	s.sum.noted = nil
	call, err := s.call(whole, s.begun(item), s.journals[item])
	if stopped := s.m.pulse.look(); stopped > 0 {
		if err != nil || s.before.Here[item]+1 < maxBegun {
			s.m.endAt(whole, began)
			return bench.Call{}, s.interrupted()
		}
		s.doubts = append(s.doubts, fmt.Sprintf("the worker was stopped for %s in the call of item %d, which was begun %d times",
			stopped.Round(100*time.Millisecond), item, s.before.Here[item]+1))
	}
	if err != nil {
		s.m.endAt(whole, began) // a call that is not stored has no part in the window
	}
	return call, err
}

// maxBegun is how often a call is begun before what comes of it stands, whatever
// it is: a prompt that kills the runtime, or calls that last longer than a machine
// goes without sleep, would be asked for ever.
const maxBegun = 5

func (s *segment) count(call bench.Call, item int) {
	s.row.Calls++
	if !call.Outcome.Answered() {
		s.sum.failed++
	}
	if s.before.Here[item] > 0 {
		s.again++
	}
	s.sum.beat.set(contract.Beat{V: 1, Run: s.in.Run, Next: item + 1, Of: s.in.To})
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
		return s.stillThere(whole)
	}
}

// late counts calls in a row that ran into their timeout, and says what it
// means when there are too many.
func (s *segment) late(call bench.Call) error {
	if call.Outcome != bench.OutcomeTimeout {
		s.sum.timeouts, s.sum.partly = 0, false
		return nil
	}
	s.sum.timeouts++
	s.sum.partly = s.sum.partly || call.TimeToFirstToken != nil || call.OutputBytes > 0
	limit := s.cell.Config.Runtime.CallTimeout
	switch {
	case s.sum.timeouts < maxTimeouts:
		return nil
	case s.sum.partly:
		return fault.New(fault.Invalid, fault.CodeTooSlow, "raise call_timeout or lower max_output_tokens",
			"%d calls in a row were answered in part within their timeout of %s", s.sum.timeouts, limit)
	default:
		return fault.New(fault.Unavailable, fault.CodeServerStuck, "restart the runtime, then wattsweep host resume",
			"%d calls in a row got no token within their timeout of %s, though warm-up calls were answered; the runtime seems stuck",
			s.sum.timeouts, limit)
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
	switch {
	case fault.CodeOf(err) == fault.CodeModelNotResident && s.before.Here[b.Key.Item]+1 >= maxBegun:
		ans.Outcome = bench.OutcomeServerError
		ans.Reason = fmt.Sprintf("the model was gone from memory; the call was begun %d times", s.before.Here[b.Key.Item]+1)
	case unmeasured(err, ans):
		return bench.Call{}, err
	case ans.Server.Load > hiddenLoad:
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
