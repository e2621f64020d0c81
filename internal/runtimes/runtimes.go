// Package runtimes says what a runtime is: the program that serves a model.
// Each runtime is a package of its own below this one and passes the
// conformance suite in runtimetest.
package runtimes

import (
	"context"
	"io"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Runtime serves models on one host. All methods may be called again after a
// crash: they find out what is there instead of remembering it. Errors that a
// caller decides on are *fault.Error with a code (ModelNotFound, OutOfMemory,
// RungRejected, Refused, Timeout, Unreachable, ServerError, BadAnswer,
// NotUnloaded). No error text ever quotes a prompt or an answer.
//
// A Runtime is safe for use by one goroutine at a time; Inspect and Resident
// may run beside any other method.
type Runtime interface {
	// Inspect names the runtime, its version and the settings of its server.
	Inspect(ctx context.Context) (Info, error)
	// Pull makes the model available on the host, from a registry or from a
	// GGUF, and reports progress; a second call finds it present.
	Pull(ctx context.Context, model Source, progress func(Progress)) (bench.Pulled, error)
	// Load brings the model into memory with the rung's settings.
	Load(ctx context.Context, model bench.ModelConfig, rung bench.Rung, gen bench.RuntimeConfig) (bench.Loaded, error)
	// Resident tells whether exactly this load is still in memory: same token.
	Resident(ctx context.Context, model, token string) (bool, error)
	// Generate makes one call and measures it. A call that failed still
	// returns its times; its error is typed. Its error is nil exactly when
	// Outcome.Answered; a call that was cancelled has no outcome. Nothing is
	// retried.
	Generate(ctx context.Context, req Request) (Answer, error)
	// Unload takes the model out of memory, or every model when it is "", and
	// returns when the runtime shows it gone, or NotUnloaded.
	Unload(ctx context.Context, model string) error
	// Processes gives the ids of the runtime's processes on this host, for
	// memory accounting; nil when they cannot be told.
	Processes(ctx context.Context) ([]int32, error)
}

// Info names a runtime server.
type Info struct {
	Kind    string   // ollama
	Version string   // as the server says
	URL     string   // where it answers
	Env     []string // settings of the server that matter, KEY=VALUE, as far as known
}

// Source says where a model comes from.
type Source struct {
	Model bench.ModelConfig
	// OpenGGUF opens the model file when Model.GGUF is set; size in bytes.
	OpenGGUF func() (r io.ReadCloser, size int64, err error)
}

// Progress is how far a pull is.
type Progress struct {
	Status    string
	Completed int64 // bytes
	Total     int64 // bytes, 0 unknown
}

// Request is one call.
type Request struct {
	Model   bench.ModelConfig
	Rung    bench.Rung
	Runtime bench.RuntimeConfig
	Prompt  string // whole text, with its nonce line
	Seed    int64
	// Now is the clock all times of the answer are taken from: monotonic,
	// since the host clock's anchor. It must not allocate.
	Now func() time.Duration
}

// Answer is what a call gave. Times are by Request.Now.
type Answer struct {
	Text         string
	Outcome      bench.Outcome
	Reason       string
	Start        time.Duration
	Latency      time.Duration
	FirstToken   *time.Duration // from start to the first non-empty content
	Gaps         []time.Duration
	PromptTokens *int
	OutputTokens *int
	Server       bench.ServerTimes
	Done         string
	// ThinkingBytes is the length of reasoning text that the runtime sent apart
	// from Text; it counts in the times and in OutputTokens.
	ThinkingBytes int
}
