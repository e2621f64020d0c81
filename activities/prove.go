package activities

import (
	"context"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/runtimes"
)

// prove makes one discarded call where a worker died in the midst of a run and
// the model is still in memory as it was: a client that goes away can leave the
// runtime deaf. Ollama 0.6 then keeps the model's only slot for an answer that
// nobody reads, and measured calls would be spent on finding that out. A model
// that gives no token counts as one that is gone: loading it anew mends that.
// Every other failure is left to the measured calls, whose outcome it is. proved
// tells whether such a call was made.
func (j *job) prove(ctx context.Context, in contract.InferIn) (proved bool, err error) {
	segments, err := j.host.Store.Segments(ctx, in.Cell, in.Epoch)
	if err != nil || !leftOpen(segments, in) {
		return false, err
	}
	cfg := j.cell.Config
	journals, err := j.host.Store.Journals(ctx, cfg.Dataset.Hash, cfg.Dataset.Language, 1)
	if err != nil {
		return false, err
	}
	if len(journals) == 0 {
		return false, errNoJournals
	}
	rung, err := j.rung(in.Rung)
	if err != nil {
		return false, err
	}
	prompt, _, err := j.host.Ask(cfg.Task.Name, cfg.Dataset.Language, journals[0].Body)
	if err != nil {
		return false, err
	}
	defer beating(ctx, func() any { return contract.Beat{V: 1, Run: in.Run, Next: in.From, Of: in.To} })()
	limit, cancel := limited(ctx)
	defer cancel()
	if !cfg.Runtime.PromptCache {
		// Run 0 is that of warm-up calls, which are fewer than these items.
		nonce := bench.CallKey{Cell: in.Cell, Run: 0, Item: cfg.Phases.WarmUpCalls + in.Run}.Nonce(len(segments))
		prompt = j.host.WithNonce(nonce, prompt)
	}
	ans, err := j.rt.Generate(limit, runtimes.Request{
		Model: cfg.Model, Rung: rung, Runtime: cfg.Runtime, Prompt: prompt, Seed: cfg.Seed,
		Now: j.host.Clock.Now,
	})
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case ans.Outcome == bench.OutcomeTimeout && ans.FirstToken == nil && ans.Text == "":
		return false, fault.New(fault.Unavailable, fault.CodeModelNotResident, "",
			"%s gives no token within %s since a worker died in the midst of a call: it is loaded anew", cfg.Model.Name, cfg.Runtime.CallTimeout)
	case unmeasured(err, ans):
		return false, err
	default:
		return true, nil
	}
}

// leftOpen tells whether a segment of the run was never ended on the load that
// is in memory.
func leftOpen(segments []bench.Segment, in contract.InferIn) bool {
	for _, s := range segments {
		if s.Run == in.Run && s.EndedAt == nil && s.LoadToken == in.Token {
			return true
		}
	}
	return false
}
