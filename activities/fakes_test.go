package activities

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/runtimes"
)

// canary stands once in every journal and once in every answer, and may be
// found nowhere else.
const canary = "kanariefågel-4711"

// fake is a runtime that answers as it is told.
type fake struct {
	mu      sync.Mutex
	token   string // of the load in memory, "" for none
	asked   []runtimes.Request
	loads   int
	unloads []string

	// generate is asked for the n-th call, from 1; nil gives answer().
	generate func(ctx context.Context, n int) (runtimes.Answer, error)
	// loadErr is what the n-th load fails with.
	loadErr func(n int) error
	// pulled is what a pull gives.
	pulled bench.Pulled
	// pulling lasts as long as a pull; nil is no time.
	pulling func()
	// trouble is what everything else fails with.
	trouble error
}

var _ runtimes.Runtime = (*fake)(nil)

// answer is a sound answer.
func answer(req runtimes.Request) runtimes.Answer {
	first, prompt, output := 2*time.Millisecond, len(req.Prompt)/4, 6
	return runtimes.Answer{
		Text: "I21.4 och I10.9, " + canary, Outcome: bench.OutcomeOK, Start: req.Now(), Latency: 10 * time.Millisecond,
		FirstToken: &first, Gaps: []time.Duration{time.Millisecond}, PromptTokens: &prompt, OutputTokens: &output,
		Server: bench.ServerTimes{Total: 9 * time.Millisecond, Load: time.Millisecond}, Done: "stop",
	}
}

func (f *fake) Generate(ctx context.Context, req runtimes.Request) (runtimes.Answer, error) {
	f.mu.Lock()
	f.asked = append(f.asked, req)
	n := len(f.asked)
	f.mu.Unlock()
	if f.generate != nil {
		if ans, err := f.generate(ctx, n); err != nil || ans.Outcome != "" {
			return ans, err
		}
	}
	return answer(req), nil
}

func (f *fake) Load(_ context.Context, model bench.ModelConfig, rung bench.Rung, _ bench.RuntimeConfig) (bench.Loaded, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.loads++
	if f.loadErr != nil {
		if err := f.loadErr(f.loads); err != nil {
			return bench.Loaded{}, err
		}
	}
	f.token = fmt.Sprintf("load-%d", f.loads)
	return bench.Loaded{
		Token: f.token, SizeBytes: 5 << 30, SizeVRAMBytes: 4 << 30, ContextTokens: model.ContextTokens,
		LayersTotal: 29, LayersGPU: min(29, max(0, rung.GPULayers)), LayersSource: "log", ServerLoad: time.Millisecond,
	}, nil
}

func (f *fake) Resident(_ context.Context, _, token string) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.token != "" && f.token == token, f.trouble
}

// vanish takes the model out of memory behind everyone's back.
func (f *fake) vanish() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.token = ""
}

func (f *fake) Unload(_ context.Context, model string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unloads = append(f.unloads, model)
	if f.trouble == nil {
		f.token = ""
	}
	return f.trouble
}

func (f *fake) Inspect(context.Context) (runtimes.Info, error) {
	return runtimes.Info{Kind: "ollama", Version: "0.6.5", Env: []string{"OLLAMA_NUM_PARALLEL=1"}}, f.trouble
}

func (f *fake) Pull(_ context.Context, _ runtimes.Source, progress func(runtimes.Progress)) (bench.Pulled, error) {
	progress(runtimes.Progress{Status: "pulling", Completed: 1 << 20, Total: 2 << 20})
	if f.pulling != nil {
		f.pulling()
	}
	return f.pulled, f.trouble
}

func (f *fake) Processes(context.Context) ([]int32, error) { return nil, nil }

// prompts lists what was asked.
func (f *fake) prompts() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, req := range f.asked {
		out = append(out, req.Prompt)
	}
	return out
}

// away is a runtime that does not answer.
func away() error {
	return fault.New(fault.Unavailable, fault.CodeUnreachable, "start it", "ask the runtime: connection refused")
}

// hush drops what the SDK logs.
type hush struct{}

func (hush) Debug(string, ...any) {}
func (hush) Info(string, ...any)  {}
func (hush) Warn(string, ...any)  {}
func (hush) Error(string, ...any) {}
