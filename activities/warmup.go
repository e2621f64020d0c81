package activities

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/runtimes"
	"github.com/wattsweep/wattsweep/internal/store"
)

// WarmUp makes calls whose answers are discarded and looks whether they are
// coherent: a rung that loads but babbles, or whose tokenizer is wrong, is
// marked as degraded and its figures carry the mark.
func (h *Host) WarmUp(ctx context.Context, in contract.ResidentIn) (contract.Note, error) {
	return onJob(ctx, h, in.CellRef, bench.StageWarmUp, func(j *job) (contract.Note, error) {
		if err := j.mustBeResident(ctx, in); err != nil {
			return contract.Note{}, err
		}
		cfg := j.cell.Config
		journals, err := h.Store.Journals(ctx, cfg.Dataset.Hash, cfg.Dataset.Language, cfg.Phases.WarmUpCalls)
		if err != nil {
			return contract.Note{}, err
		}
		if len(journals) == 0 && cfg.Phases.WarmUpCalls > 0 {
			return contract.Note{}, errNoJournals
		}
		defer beating(ctx, func() any { return contract.Note{V: 1, Text: "warming up"} })()
		m, err := j.sample(ctx)
		if err != nil {
			return contract.Note{}, err
		}
		defer m.close()
		if err := m.begin(ctx, in.Epoch, bench.PhaseWarmUp, 0, in.No); err != nil {
			return contract.Note{}, err
		}
		limit, cancel := limited(ctx)
		defer cancel()
		doubts, err := j.warm(limit, in, journals)
		if err != nil {
			return contract.Note{}, err
		}
		if _, err := m.keep(ctx); err != nil {
			return contract.Note{}, err
		}
		if len(doubts) > 0 {
			why := strings.Join(doubts, "; ")
			if err := h.Store.MarkDegraded(ctx, in.Cell, in.Token, why); err != nil {
				return contract.Note{}, err
			}
			return note("%d call(s); this load is degraded: %s", cfg.Phases.WarmUpCalls, why), nil
		}
		return note("%d call(s), coherent", cfg.Phases.WarmUpCalls), nil
	})
}

// warm makes the calls, over the first journals in turn.
func (j *job) warm(ctx context.Context, in contract.ResidentIn, journals []store.Journal) (doubts []string, err error) {
	cfg := j.cell.Config
	rung, err := j.rung(in.Rung)
	if err != nil {
		return nil, err
	}
	for i := range cfg.Phases.WarmUpCalls {
		if err := stopping(ctx); err != nil {
			return nil, err
		}
		prompt, _, err := j.host.Ask(cfg.Task.Name, cfg.Dataset.Language, journals[i%len(journals)].Body)
		if err != nil {
			return nil, err
		}
		// Run 0 keeps these nonces apart from every measured call's.
		nonce := bench.CallKey{Cell: in.Cell, Run: 0, Item: i}.Nonce(in.No)
		prompt = j.host.WithNonce(nonce, prompt)
		ans, err := j.rt.Generate(ctx, runtimes.Request{
			Model: cfg.Model, Rung: rung, Runtime: cfg.Runtime, Prompt: prompt, Seed: cfg.Seed,
			Now: j.host.Clock.Now,
		})
		if ans.Outcome == bench.OutcomePromptTruncated {
			// An outcome of each measured call it happens to; no reason to stop.
			doubts = append(doubts, fmt.Sprintf("call %d: the server shortened the prompt", i+1))
			continue
		}
		if err != nil && !ans.Outcome.Answered() {
			return nil, fmt.Errorf("warm-up call %d after %s: %w", i+1, ans.Latency.Round(time.Millisecond), err)
		}
		if why := incoherent(ans, len(prompt)); why != "" {
			doubts = append(doubts, fmt.Sprintf("call %d: %s", i+1, why))
		}
	}
	return doubts, nil
}

// incoherent says why an answer cannot come from a sound load, or nothing. It
// judges form, never content: the task's score judges that.
func incoherent(ans runtimes.Answer, promptBytes int) string {
	if !utf8.ValidString(ans.Text) {
		return "the answer is not valid UTF-8: the tokenizer is wrong"
	}
	if strings.TrimSpace(ans.Text) == "" && ans.ThinkingBytes == 0 {
		return "the answer is empty"
	}
	printable, total := 0, 0
	for _, r := range ans.Text {
		total++
		if r != utf8.RuneError && (unicode.IsPrint(r) || unicode.IsSpace(r)) {
			printable++
		}
	}
	if total > 0 && float64(printable) < 0.9*float64(total) {
		return fmt.Sprintf("%d of %d characters are not printable", total-printable, total)
	}
	// No tokenizer in use packs more than a word of some twenty bytes into a
	// token on average, and none makes more tokens than bytes and a few.
	if n := ans.PromptTokens; n != nil && (*n > promptBytes+16 || *n*20 < promptBytes) {
		return fmt.Sprintf("%d prompt tokens for %d bytes: the tokenizer is wrong or the prompt was shortened", *n, promptBytes)
	}
	if longestRun(ans.Text) >= 64 {
		return "one character is repeated 64 times or more"
	}
	return ""
}

func longestRun(text string) int {
	best, run, last := 0, 0, rune(-1)
	for _, r := range text {
		if r == last {
			run++
		} else {
			run, last = 1, r
		}
		best = max(best, run)
	}
	return best
}
