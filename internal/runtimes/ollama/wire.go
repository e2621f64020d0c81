package ollama

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// forever is Ollama's keep_alive for a model that stays until it is told to go.
const forever = -1

// defaultBatch is the prompt batch in tokens that is sent when a rung names
// none: Ollama's own default moved between versions.
const defaultBatch = 512

// options are Ollama's settings of a call. All that matter are always sent,
// because the defaults moved between versions. The first four are load-time: a
// server reloads a model that was loaded with others.
type options struct {
	NumCtx    int `json:"num_ctx"`
	NumBatch  int `json:"num_batch"`
	NumGPU    int `json:"num_gpu"`
	NumThread int `json:"num_thread,omitempty"`

	Seed          int64   `json:"seed"`
	NumPredict    int     `json:"num_predict"`
	Temperature   float64 `json:"temperature"`
	TopK          int     `json:"top_k"`
	TopP          float64 `json:"top_p"`
	MinP          float64 `json:"min_p"`
	RepeatPenalty float64 `json:"repeat_penalty"`
}

// optionsOf gives the settings of a load or call. A top_p or repeat penalty of
// 0 is not a setting that samplers know; it is sent as 1, which switches them
// off. The seed is cut to 31 bits, the range in which no version reads it as a
// negative number (-1 asks for a random one).
func optionsOf(m bench.ModelConfig, r bench.Rung, g bench.RuntimeConfig, seed int64) options {
	return options{
		NumCtx:        orDefault(r.ContextTokens, m.ContextTokens),
		NumBatch:      orDefault(r.BatchTokens, defaultBatch),
		NumGPU:        r.GPULayers,
		NumThread:     g.Threads,
		Seed:          seed & 0x7fffffff,
		NumPredict:    g.MaxOutputTokens,
		Temperature:   g.Temperature,
		TopK:          g.TopK,
		TopP:          orDefault(g.TopP, 1),
		RepeatPenalty: orDefault(g.RepeatPenalty, 1),
	}
}

func orDefault[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

// generateRequest is the body of POST /api/generate. Truncate and Shift are
// false so that servers that know them (since late 2025) refuse a prompt that
// does not fit instead of shortening it; older ones ignore them.
type generateRequest struct {
	Model     string   `json:"model"`
	Prompt    string   `json:"prompt,omitempty"`
	Stream    bool     `json:"stream"`
	Truncate  bool     `json:"truncate"`
	Shift     bool     `json:"shift"`
	KeepAlive int      `json:"keep_alive"`
	Options   *options `json:"options,omitempty"`
}

// chunk is one line of an answer. Durations are in nanoseconds; counts and
// durations that are absent were zero or not told.
type chunk struct {
	Response   string     `json:"response"`
	Thinking   string     `json:"thinking"`
	Done       bool       `json:"done"`
	DoneReason string     `json:"done_reason"`
	Error      errorText  `json:"error"`
	Context    tokenCount `json:"context"`

	TotalDuration      int64 `json:"total_duration"`
	LoadDuration       int64 `json:"load_duration"`
	PromptEvalCount    *int  `json:"prompt_eval_count"`
	PromptEvalDuration int64 `json:"prompt_eval_duration"`
	EvalCount          *int  `json:"eval_count"`
	EvalDuration       int64 `json:"eval_duration"`
}

// times gives the server's own durations.
func (c *chunk) times() bench.ServerTimes {
	return bench.ServerTimes{
		Total:      time.Duration(c.TotalDuration),
		Load:       time.Duration(c.LoadDuration),
		PromptEval: time.Duration(c.PromptEvalDuration),
		Eval:       time.Duration(c.EvalDuration),
	}
}

// sane reports whether the numbers of a last line can be what they claim.
func (c *chunk) sane() bool {
	const most = 1 << 30
	for _, n := range []*int{c.PromptEvalCount, c.EvalCount} {
		if n != nil && (*n < 0 || *n > most) {
			return false
		}
	}
	return c.TotalDuration >= 0 && c.LoadDuration >= 0 && c.PromptEvalDuration >= 0 && c.EvalDuration >= 0
}

// tokenCount is the length of a JSON array of numbers, counted without keeping
// them: the server repeats the tokens of the whole prompt in its last line.
type tokenCount int

// UnmarshalJSON counts the elements of an array of numbers.
func (n *tokenCount) UnmarshalJSON(raw []byte) error {
	raw = bytes.TrimSpace(raw)
	if len(raw) < 2 || raw[0] != '[' {
		*n = 0
		return nil
	}
	if inner := bytes.TrimSpace(raw[1 : len(raw)-1]); len(inner) == 0 {
		*n = 0
		return nil
	}
	*n = tokenCount(bytes.Count(raw, []byte{','}) + 1)
	return nil
}

// errorText is an error that is a string in most versions and an object with a
// message in some. It is never printed; it is only searched for known phrases.
type errorText string

// UnmarshalJSON takes a string, an object with a message, or keeps the raw text.
func (e *errorText) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		*e = errorText(text)
		return nil
	}
	var object struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(raw, &object) == nil && object.Message != "" {
		*e = errorText(object.Message)
		return nil
	}
	*e = errorText(raw)
	return nil
}

// errorBody is the body of an answer with an error status.
type errorBody struct {
	Error errorText `json:"error"`
}

// progressLine is one line of a pull or create.
type progressLine struct {
	Status    string    `json:"status"`
	Digest    string    `json:"digest"`
	Total     int64     `json:"total"`
	Completed int64     `json:"completed"`
	Error     errorText `json:"error"`
}

// createRequest is the body of POST /api/create from a GGUF.
type createRequest struct {
	Model    string            `json:"model"`
	Files    map[string]string `json:"files"`
	Template string            `json:"template,omitempty"`
	Stream   bool              `json:"stream"`
}

// modelRequest is the body of POST /api/show and /api/pull.
type modelRequest struct {
	Model  string `json:"model"`
	Stream bool   `json:"stream"`
}

// tagsBody is the answer of GET /api/tags, psBody of GET /api/ps.
type tagsBody struct {
	Models []tagsModel `json:"models"`
}

type tagsModel struct {
	Name    string       `json:"name"`
	Model   string       `json:"model"`
	Digest  string       `json:"digest"`
	Size    int64        `json:"size"`
	Details modelDetails `json:"details"`
}

type modelDetails struct {
	Family            string `json:"family"`
	QuantizationLevel string `json:"quantization_level"`
}

type psBody struct {
	Models []psModel `json:"models"`
}

type psModel struct {
	Name          string `json:"name"`
	Model         string `json:"model"`
	Digest        string `json:"digest"`
	Size          int64  `json:"size"`
	SizeVRAM      int64  `json:"size_vram"`
	ContextLength int    `json:"context_length"` // missing before late 2025
}

// showBody is the answer of POST /api/show.
type showBody struct {
	Modelfile string                     `json:"modelfile"`
	Template  string                     `json:"template"`
	Details   modelDetails               `json:"details"`
	Info      map[string]json.RawMessage `json:"model_info"`
}

type versionBody struct {
	Version string `json:"version"`
}
