// Package simruntime is a simulated runtime inside this process: it has no
// model, answers at once with a text that follows from the prompt alone, and
// says "simulated" wherever a runtime names itself. It is for runs that measure
// the harness, where a real runtime would hide what the harness costs.
package simruntime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/runtimes"
)

// Kind is what the runtime calls itself.
const Kind = "simulated"

// Version is the version that it names; it says once more what it is.
const Version = "1 (simulated: no model, no measurement)"

// Options shape the runtime.
type Options struct {
	// Takes is how long a call lasts; 0 answers at once.
	Takes time.Duration
	// Trouble makes the call of a prompt fail; nil lets every call succeed.
	Trouble func(model string, call int) error
}

// Runtime plays a runtime that has every model. It is safe for use by many
// goroutines.
type Runtime struct {
	opts Options

	mu     sync.Mutex
	loaded map[string]string // model to token
	loads  int
	calls  int
}

// New gives a runtime with nothing in memory.
func New(opts Options) *Runtime {
	return &Runtime{opts: opts, loaded: map[string]string{}}
}

// layers is how many blocks every simulated model has.
const layers = 2

// size is what every simulated model takes, in bytes.
const size = 400_000

// Inspect names the runtime.
func (r *Runtime) Inspect(context.Context) (runtimes.Info, error) {
	return runtimes.Info{Kind: Kind, Version: Version}, nil
}

// Pull finds every model present.
func (r *Runtime) Pull(_ context.Context, src runtimes.Source, _ func(runtimes.Progress)) (bench.Pulled, error) {
	return bench.Pulled{Source: "present", Facts: bench.ModelFacts{
		Name: src.Model.Name, Digest: digest(src.Model.Name), Family: Kind, Parameters: 1, Quantisation: "none",
		Layers: layers, ContextTokens: src.Model.ContextTokens, SizeBytes: size,
	}}, nil
}

// Load brings a model into memory under a token of its own.
func (r *Runtime) Load(_ context.Context, model bench.ModelConfig, rung bench.Rung, _ bench.RuntimeConfig) (bench.Loaded, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.loads++
	token := fmt.Sprintf("%s-%p-%d", Kind, r, r.loads)
	r.loaded[model.Name] = token
	context := model.ContextTokens
	if rung.ContextTokens > 0 {
		context = rung.ContextTokens
	}
	return bench.Loaded{
		Token: token, SizeBytes: size, ContextTokens: context, LayersTotal: layers + 1, LayersSource: Kind,
	}, nil
}

// Resident tells whether exactly this load is still there.
func (r *Runtime) Resident(_ context.Context, model, token string) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return token != "" && r.loaded[model] == token, nil
}

// Generate answers with codes that follow from the prompt.
func (r *Runtime) Generate(ctx context.Context, req runtimes.Request) (runtimes.Answer, error) {
	start := req.Now()
	r.mu.Lock()
	_, here := r.loaded[req.Model.Name]
	r.calls++
	no := r.calls
	r.mu.Unlock()
	if !here {
		return runtimes.Answer{}, fault.New(fault.Unavailable, fault.CodeModelNotResident, "", "%s is not in memory", req.Model.Name)
	}
	if r.opts.Trouble != nil {
		if err := r.opts.Trouble(req.Model.Name, no); err != nil {
			return runtimes.Answer{Start: start, Latency: req.Now() - start, Outcome: bench.OutcomeServerError, Reason: Kind}, err
		}
	}
	if r.opts.Takes > 0 {
		select {
		case <-time.After(r.opts.Takes):
		case <-ctx.Done():
			return runtimes.Answer{}, fmt.Errorf("simulated call: %w", ctx.Err())
		}
	}
	text := answer(req.Prompt)
	first := req.Now() - start
	prompt, output := len(req.Prompt)/4+1, len(strings.Fields(text))
	return runtimes.Answer{
		Text: text, Outcome: bench.OutcomeOK, Start: start, Latency: req.Now() - start, FirstToken: &first,
		PromptTokens: &prompt, OutputTokens: &output, Done: "stop",
	}, nil
}

// Unload takes a model out of memory, or all of them.
func (r *Runtime) Unload(_ context.Context, model string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if model == "" {
		clear(r.loaded)
		return nil
	}
	delete(r.loaded, model)
	return nil
}

// Processes gives none: the runtime is inside the harness' own process.
func (r *Runtime) Processes(context.Context) ([]int32, error) { return nil, nil }

// Calls is how many calls were made, warm-up among them.
func (r *Runtime) Calls() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls
}

// answer makes two codes out of what the prompt is.
func answer(prompt string) string {
	sum := sha256.Sum256([]byte(prompt))
	return fmt.Sprintf("%c%02d.%d %c%02d", 'A'+sum[0]%26, sum[1]%100, sum[2]%10, 'A'+sum[3]%26, sum[4]%100)
}

func digest(name string) string {
	sum := sha256.Sum256([]byte(Kind + "/" + name))
	return hex.EncodeToString(sum[:])
}
