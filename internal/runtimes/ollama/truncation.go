package ollama

import (
	"fmt"
	"sync"
)

// A prompt that does not fit is shortened by the server, which answers 200 and
// counts only what it kept. Four signs give it away, the surest first:
//
//  1. the server's log, where it can be read: "truncating input prompt" names
//     the true count, "context shift" says that the window moved;
//  2. the count fills the context (versions up to 2025 keep exactly num_ctx);
//  3. the final line's context array holds the tokens of the whole prompt, not
//     of the shortened one: more than the server says it read;
//  4. the count is the other known remainder, half the context plus a few, and
//     the prompt is far too long in bytes for so few tokens, measured against
//     earlier prompts of this model that fitted.
//
// An answer that ran over the end of the context counts as well: the server
// then drops the older half of the window, which is the prompt.

// countSlack is how far two ways of counting tokens may lie apart: begin and
// end marks, and pieces that join differently when text is tokenised again.
const countSlack = 8

// truncated gives the reason why a call's prompt was not read whole, or "".
func (k *call) truncated() string {
	limit := optionsOf(k.req.Model, k.req.Rung, k.req.Runtime, 0).NumCtx
	if reason := k.log.shortened(); reason != "" {
		return reason
	}
	if k.end.PromptEvalCount == nil {
		return ""
	}
	prompt, output := *k.end.PromptEvalCount, 0
	if k.end.EvalCount != nil {
		output = *k.end.EvalCount
	}
	if prompt >= limit {
		return fmt.Sprintf("the server shortened the prompt: it counts %d tokens and the context holds %d", prompt, limit)
	}
	// The last token is given out and never read, so one more than the context
	// still fits.
	if prompt+output > limit+1 {
		return fmt.Sprintf("context_shift: prompt and answer of %d + %d tokens ran over the context of %d, so the server dropped part of the prompt",
			prompt, output, limit)
	}
	if whole := int(k.end.Context) - output; whole > prompt+countSlack+output/4 && whole+countSlack >= limit {
		return fmt.Sprintf("the server shortened the prompt: about %d tokens were sent and %d read, the context holds %d", whole, prompt, limit)
	}
	return k.client.densityOf(k.model).judge(len(k.req.Prompt), prompt, limit)
}

// density learns how many bytes of prompt make a token of a model.
type density struct {
	mu  sync.Mutex
	top float64 // most bytes per token in a prompt that fitted
}

// Without earlier prompts to compare with, text of no language and tokenizer
// that we know of has more bytes per token than this over a whole prompt.
const (
	densityUnknown = 8.0
	densityFactor  = 1.6 // true count over remainder is at least 2
	densityWindow  = 8   // the remainder is num_ctx/2 plus the kept first tokens
)

// judge looks for the remainder of half a context and learns from other counts.
func (d *density) judge(bytes, tokens, limit int) string {
	if tokens <= 0 {
		return ""
	}
	ratio := float64(bytes) / float64(tokens)
	d.mu.Lock()
	defer d.mu.Unlock()
	if half := limit / 2; tokens < half || tokens > half+densityWindow {
		d.top = max(d.top, ratio)
		return ""
	}
	most := densityUnknown
	if d.top > 0 {
		most = d.top * densityFactor
	}
	if ratio <= most {
		return ""
	}
	return fmt.Sprintf("the server very likely shortened the prompt: it counts %d tokens, half of the context of %d, for %d bytes", tokens, limit, bytes)
}

func (c *Client) densityOf(model string) *density {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.ratios[model]
	if d == nil {
		d = &density{}
		c.ratios[model] = d
	}
	return d
}
