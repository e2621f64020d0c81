package ollama

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/runtimes"
)

const generatePath = "/api/generate"

// drainWait bounds the wait for the end of the stream after its last line: it
// comes at once or the connection is not worth keeping.
const drainWait = 200 * time.Millisecond

// reloadSuspect is the load duration in an answer from which on the load is
// looked at again: a server that has the model at hand reports a few
// milliseconds.
const reloadSuspect = 50 * time.Millisecond

// Generate makes one call and measures it. Its error is nil exactly when the
// outcome is one that may be scored; a call that was cancelled has no outcome.
// Nothing is retried.
//
// Start is just before the request is written, Latency ends at the last byte of
// the final line, FirstToken and Gaps are stamped as lines with text or
// reasoning arrive. Lines that the network delivers together carry nearly the
// same time.
func (c *Client) Generate(ctx context.Context, req runtimes.Request) (runtimes.Answer, error) {
	call := call{client: c, req: req, model: req.Model.Name}
	body, err := call.body()
	if err != nil {
		return runtimes.Answer{Outcome: bench.OutcomeRefused, Reason: "the request is not valid", Start: req.Now()}, err
	}
	call.log, call.free = c.markLog(), c.markMemory()
	// Two contexts: the outer one ends the call, the inner one also frees a
	// connection whose stream does not end.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if limit := req.Runtime.CallTimeout; limit > 0 {
		timer := time.AfterFunc(limit, func() { cancel(errCallTimeout) })
		defer timer.Stop()
	}
	httpReq, err := c.request(ctx, http.MethodPost, generatePath, bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return runtimes.Answer{Outcome: bench.OutcomeServerError, Start: req.Now()}, err
	}
	call.answer.Start = req.Now()
	res, err := c.do(c.calls, httpReq)
	if err != nil {
		call.answer.Latency = req.Now() - call.answer.Start
		return call.fail(err)
	}
	err = call.read(ctx, res)
	if err == nil {
		drain(res, cancel)
	}
	_ = res.Body.Close()
	if err != nil {
		return call.fail(err)
	}
	return call.finish(ctx)
}

// call is the state of one measured call.
type call struct {
	client *Client
	model  string
	req    runtimes.Request
	log    logMark
	free   memory
	rung   string
	answer runtimes.Answer
	text   strings.Builder
	last   time.Duration // when the newest content came
	end    chunk         // the final line
}

// body checks and encodes the request.
func (k *call) body() ([]byte, error) {
	if err := checkName(k.model); err != nil {
		return nil, err
	}
	opts := optionsOf(k.req.Model, k.req.Rung, k.req.Runtime, k.req.Seed)
	switch {
	case k.req.Prompt == "":
		return nil, fault.New(fault.Invalid, fault.CodeRefused, "", "ollama: the prompt is empty, which would ask for a load")
	case opts.NumCtx <= 0:
		return nil, errNoContext()
	case opts.NumPredict <= 0:
		return nil, fault.New(fault.Invalid, fault.CodeRefused, "set max_output_tokens", "ollama: no cap on the answer's tokens: a model may never stop")
	}
	k.rung = rungOf(k.model, opts)
	raw, err := json.Marshal(generateRequest{
		Model: k.model, Prompt: k.req.Prompt, Stream: true, KeepAlive: forever, Options: &opts,
	})
	if err != nil {
		return nil, fault.New(fault.Internal, "", "", "ollama: encode a call")
	}
	k.answer.Gaps = make([]time.Duration, 0, min(opts.NumPredict, 4096))
	return raw, nil
}

// read takes the stream up to its final line.
func (k *call) read(ctx context.Context, res *http.Response) error {
	lines := newLineReader(res.Body, maxLine, maxStream)
	defer lines.release()
	var one chunk
	for {
		line, err := lines.next()
		now := k.req.Now()
		k.answer.Latency = now - k.answer.Start
		if err != nil {
			return k.broken(ctx, err)
		}
		one = chunk{}
		if err := json.Unmarshal(line, &one); err != nil {
			return k.bad("a line of %d bytes is not the JSON that Ollama sends", len(line))
		}
		if one.Error != "" {
			return classify("POST "+generatePath, http.StatusOK, string(one.Error))
		}
		if err := k.take(&one, now); err != nil {
			return err
		}
		if one.Done {
			return k.close(&one)
		}
	}
}

// take books the content of a line.
func (k *call) take(one *chunk, now time.Duration) error {
	if one.Response == "" && one.Thinking == "" {
		return nil
	}
	if k.answer.FirstToken == nil {
		first := now - k.answer.Start
		k.answer.FirstToken = &first
	} else {
		k.answer.Gaps = append(k.answer.Gaps, now-k.last)
	}
	k.last = now
	k.answer.ThinkingBytes += len(one.Thinking)
	if k.text.Len()+len(one.Response)+k.answer.ThinkingBytes > maxAnswer {
		return k.bad("the answer is longer than %d MiB", maxAnswer>>20)
	}
	k.text.WriteString(one.Response)
	return nil
}

// close checks the final line.
func (k *call) close(one *chunk) error {
	if !one.sane() {
		return k.bad("the final line holds a count or duration that cannot be")
	}
	switch one.DoneReason {
	case "load", "unload":
		return k.bad("the server loaded or unloaded the model instead of answering")
	case "stop", "length", "":
	default:
		if len(one.DoneReason) > 32 {
			return k.bad("the reason for stopping is %d bytes long", len(one.DoneReason))
		}
	}
	k.end = *one
	return nil
}

// broken types the end of a stream before its final line.
func (k *call) broken(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, errTooLong):
		return k.bad("a line is longer than %d MiB", maxLine>>20)
	case errors.Is(err, errTooMuch):
		return k.bad("the answer's lines are more than %d MiB", maxStream>>20)
	case ctx.Err() == nil && errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return k.bad("the stream ended without its final line; Ollama does so when a model repeats one token more than 30 times")
	}
	return k.client.transportError(ctx, "POST "+generatePath, err)
}

func (k *call) bad(format string, args ...any) error {
	return badAnswer("POST "+generatePath, format, args...)
}

// drain reads the end of the stream so that the connection can be used again.
func drain(res *http.Response, cancel context.CancelCauseFunc) {
	timer := time.AfterFunc(drainWait, func() { cancel(nil) })
	defer timer.Stop()
	_, _ = io.CopyN(io.Discard, res.Body, maxErrBody)
}

// finish makes the answer of a stream that ended as it should.
func (k *call) finish(ctx context.Context) (runtimes.Answer, error) {
	k.client.callAnswered()
	a := &k.answer
	a.Text, a.Done = k.text.String(), k.end.DoneReason
	a.PromptTokens, a.OutputTokens, a.Server = k.end.PromptEvalCount, k.end.EvalCount, k.end.times()
	a.Outcome = bench.OutcomeOK
	if a.Done == "length" {
		a.Outcome, a.Reason = bench.OutcomeOutputCapped, "the answer reached the cap on output tokens"
	}
	if err := k.client.reloaded(context.WithoutCancel(ctx), k.model, a.Server.Load); err != nil {
		return k.fail(err)
	}
	if reason := k.truncated(); reason != "" {
		a.Outcome, a.Reason = bench.OutcomePromptTruncated, reason
		return *a, fault.New(fault.Invalid, fault.CodePromptTruncated, "load the model with a larger context",
			"ollama: POST %s: %s", generatePath, reason)
	}
	return *a, nil
}

// fail makes the answer of a call that gave no result. The text so far is kept:
// it cost time and energy.
func (k *call) fail(err error) (runtimes.Answer, error) {
	err = k.client.diedInCall(err, k.free, k.rung)
	a := &k.answer
	a.Text = k.text.String()
	a.Outcome, a.Reason = outcomeOf(err), reasonOf(err)
	return *a, err
}

// outcomeOf maps a typed error to how the call ended; a cancelled call has no
// outcome, because it is not a measurement.
func outcomeOf(err error) bench.Outcome {
	switch fault.CodeOf(err) {
	case fault.CodeTimeout:
		return bench.OutcomeTimeout
	case fault.CodeOutOfMemory:
		return bench.OutcomeOutOfMemory
	case fault.CodeBadAnswer:
		return bench.OutcomeBadAnswer
	case fault.CodeRefused, fault.CodeModelNotFound, fault.CodeRungRejected:
		return bench.OutcomeRefused
	}
	if errors.Is(err, context.Canceled) {
		return ""
	}
	return bench.OutcomeServerError
}

// reasonOf gives the text of an error without its context; our errors quote
// nothing that a server sent.
func reasonOf(err error) string {
	if code := fault.CodeOf(err); code != "" {
		return string(code) + ": " + strings.TrimPrefix(err.Error(), "ollama: POST "+generatePath+": ")
	}
	return "cancelled"
}
