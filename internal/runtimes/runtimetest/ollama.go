package runtimetest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// ServeOllama serves the fake in Ollama's own protocol until the test ends, and
// gives the server's address.
func ServeOllama(tb testing.TB, f *Fake) string {
	tb.Helper()
	handler, release := OllamaHandler(f)
	server := httptest.NewServer(handler)
	tb.Cleanup(func() {
		release()
		server.Close()
	})
	return server.URL
}

// OllamaHandler answers for the fake in Ollama's own protocol; release lets go
// of requests that hang.
func OllamaHandler(f *Fake) (handler http.Handler, release func()) {
	o := &ollama{Fake: f, done: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/version", o.version)
	mux.HandleFunc("GET /api/tags", o.tags)
	mux.HandleFunc("GET /api/ps", o.ps)
	mux.HandleFunc("POST /api/show", o.show)
	mux.HandleFunc("POST /api/pull", o.pull)
	mux.HandleFunc("POST /api/generate", o.generate)
	return mux, func() { close(o.done) }
}

type ollama struct {
	*Fake
	done chan struct{} // the test is over
}

func (o *ollama) version(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]any{"version": o.Version})
}

func (o *ollama) tags(w http.ResponseWriter, _ *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := []any{}
	for name, m := range o.Models {
		if !m.OnRegistry {
			list = append(list, map[string]any{
				"name": name, "model": name, "digest": m.Digest, "size": m.SizeBytes,
				"details": map[string]any{"family": "llama", "quantization_level": "F16"},
			})
		}
	}
	answer(w, map[string]any{"models": list})
}

func (o *ollama) ps(w http.ResponseWriter, _ *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := []any{}
	for name, context := range o.loaded {
		size := o.Models[name].SizeBytes + int64(context)
		list = append(list, map[string]any{
			"name": name, "model": name, "digest": o.Models[name].Digest, "context_length": context,
			"size": size, "size_vram": int64(float64(size) * o.VRAMShare), "expires_at": "2319-03-03T06:28:57Z",
		})
	}
	answer(w, map[string]any{"models": list})
}

func (o *ollama) show(w http.ResponseWriter, r *http.Request) {
	var in struct{ Model string }
	if !decode(w, r, &in) {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	m := o.Models[canonical(in.Model)]
	if m == nil || m.OnRegistry {
		refuse(w, http.StatusNotFound, fmt.Sprintf("model '%s' not found", in.Model))
		return
	}
	answer(w, map[string]any{
		"template": "{{ .Prompt }}", "modelfile": "FROM /models/blobs/sha256-" + m.Digest,
		"details": map[string]any{"family": "llama", "quantization_level": "F16"},
		"model_info": map[string]any{
			"general.architecture": "llama", "general.parameter_count": m.Parameters,
			"llama.block_count": m.Layers, "llama.context_length": m.Context, "tokenizer.ggml.tokens": nil,
		},
	})
}

func (o *ollama) pull(w http.ResponseWriter, r *http.Request) {
	var in struct{ Model string }
	if !decode(w, r, &in) {
		return
	}
	s := newStream(w)
	s.line(map[string]any{"status": "pulling manifest"})
	o.mu.Lock()
	m, trouble := o.Models[canonical(in.Model)], o.PullTrouble
	o.mu.Unlock()
	if m == nil {
		s.line(map[string]any{"error": "pull model manifest: file does not exist"})
		return
	}
	digest, config := "sha256:"+m.Digest, "sha256:"+strings.Repeat("0", 64)
	s.line(map[string]any{"status": "pulling cdcdcdcdcdcd", "digest": digest, "total": m.SizeBytes})
	s.line(map[string]any{"status": "pulling 000000000000", "digest": config, "total": 500, "completed": 500})
	s.line(map[string]any{"status": "pulling cdcdcdcdcdcd", "digest": digest, "total": m.SizeBytes, "completed": m.SizeBytes / 2})
	switch trouble {
	case Hang:
		o.wait(r)
		return
	case NoEnd:
		return
	case MidError:
		s.line(map[string]any{"error": "digest mismatch, file must be downloaded again"})
		return
	case Cut:
		panic(http.ErrAbortHandler)
	}
	s.line(map[string]any{"status": "pulling cdcdcdcdcdcd", "digest": digest, "total": m.SizeBytes, "completed": m.SizeBytes})
	s.line(map[string]any{"status": "verifying sha256 digest"})
	o.Set(func(*Fake) { m.OnRegistry = false })
	s.line(map[string]any{"status": "success"})
}

// wait holds a request until its client or the test is gone.
func (o *ollama) wait(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-o.done:
	}
}

// ask is a request to generate.
type ask struct {
	Model     string
	Prompt    string
	KeepAlive *int `json:"keep_alive"`
	Stream    bool
	Options   struct {
		NumCtx int `json:"num_ctx"`
	}
}

func (o *ollama) generate(w http.ResponseWriter, r *http.Request) {
	var in ask
	if !decode(w, r, &in) {
		return
	}
	name := canonical(in.Model)
	o.mu.Lock()
	m := o.Models[name]
	known := m != nil && !m.OnRegistry
	if known && in.Prompt == "" && in.KeepAlive != nil && *in.KeepAlive == 0 {
		if !o.Stubborn {
			delete(o.loaded, name)
		}
		o.mu.Unlock()
		answer(w, map[string]any{"model": in.Model, "done": true, "done_reason": "unload"})
		return
	}
	if in.Prompt != "" {
		o.calls++
		o.prompts = append(o.prompts, in.Prompt)
	}
	trouble := o.bring(name, in.Options.NumCtx, known)
	o.mu.Unlock()
	switch {
	case !known:
		refuse(w, http.StatusNotFound, fmt.Sprintf("model '%s' not found", in.Model))
	case trouble != None:
		o.trouble(w, r, trouble, in.Prompt)
	case in.Prompt == "":
		answer(w, map[string]any{"model": in.Model, "done": true, "done_reason": "load"})
	default:
		o.speak(w, r, in)
	}
}

// bring loads a model that is known and not in memory. The lock is held.
func (o *ollama) bring(name string, context int, known bool) Trouble {
	if !known {
		return None
	}
	if _, there := o.loaded[name]; there {
		return None
	}
	if o.LoadTrouble != None {
		return o.LoadTrouble
	}
	if o.LessContext > 0 {
		context = o.LessContext
	}
	o.loaded[name] = context
	o.loads++
	return None
}

// speak gives one scripted answer.
func (o *ollama) speak(w http.ResponseWriter, r *http.Request, in ask) {
	reply := o.reply()
	if early(reply.Trouble) {
		o.trouble(w, r, reply.Trouble, in.Prompt)
		return
	}
	if o.Takes > 0 {
		select {
		case <-time.After(o.Takes):
		case <-r.Context().Done():
			return
		}
	}
	s := newStream(w)
	for _, text := range reply.Thinking {
		s.line(map[string]any{"model": in.Model, "response": "", "thinking": text, "done": false})
	}
	for _, text := range reply.Text {
		s.line(map[string]any{"model": in.Model, "response": text, "done": false})
	}
	if reply.Trouble != None {
		o.trouble(w, r, reply.Trouble, in.Prompt)
		return
	}
	s.line(o.last(in, reply))
}

// last makes the final line. A word of the prompt is a token; a prompt over the
// context is shortened without a word, as real servers do.
func (o *ollama) last(in ask, reply Reply) map[string]any {
	words, output := len(strings.Fields(in.Prompt)), len(reply.Text)+len(reply.Thinking)
	counted, context := words, in.Options.NumCtx
	if words > context {
		counted = context
		if o.Half {
			counted = context/2 + 2
		}
	}
	end := map[string]any{
		"model": in.Model, "response": "", "done": true, "done_reason": "stop",
		"total_duration": 5000000, "load_duration": reply.Load.Nanoseconds(), "prompt_eval_count": counted,
		"prompt_eval_duration": 3000000, "eval_count": output, "eval_duration": 2000000,
	}
	if reply.Capped {
		end["done_reason"] = "length"
	}
	if !o.Forgetful {
		end["context"] = make([]int, words+output)
	}
	return end
}

// early tells which troubles come before the stream.
func early(t Trouble) bool {
	switch t {
	case OutOfMemory, Busy, Rejected, Broken, HangEarly, CutEarly:
		return true
	}
	return false
}

// trouble says what is wrong as Ollama does, quoting the prompt wherever an
// error may: a client must not pass it on.
func (o *ollama) trouble(w http.ResponseWriter, r *http.Request, t Trouble, prompt string) {
	switch t {
	case OutOfMemory:
		refuse(w, http.StatusInternalServerError, "llama runner process has terminated: cudaMalloc failed: out of memory "+prompt)
	case Busy:
		refuse(w, http.StatusServiceUnavailable, "server busy, please try again.  maximum pending requests exceeded")
	case Rejected:
		refuse(w, http.StatusBadRequest, "bad request: "+prompt)
	case Broken:
		refuse(w, http.StatusInternalServerError, "something failed at "+prompt)
	case HangEarly:
		o.wait(r)
	case CutEarly:
		panic(http.ErrAbortHandler)
	default:
		o.late(w, r, t, prompt)
	}
}

// late is the trouble of a stream that has begun.
func (o *ollama) late(w http.ResponseWriter, r *http.Request, t Trouble, prompt string) {
	s := newStream(w)
	switch t {
	case MidMemory:
		s.line(map[string]any{"error": "an error was encountered while running the model: CUDA error: out of memory"})
	case MidError:
		s.line(map[string]any{"error": "an error was encountered at " + prompt})
	case Garbage:
		s.raw("<html>" + prompt + "</html>\n")
	case HugeLine:
		s.raw(`{"response":"` + strings.Repeat("x", 8<<20) + "\"}\n")
	case HugeAnswer:
		for range 100 {
			s.line(map[string]any{"response": strings.Repeat("x", 100<<10), "done": false})
		}
	case Cut:
		panic(http.ErrAbortHandler)
	case Hang:
		o.wait(r)
	}
}

// stream writes lines that leave at once.
type stream struct {
	w     http.ResponseWriter
	flush func()
}

func newStream(w http.ResponseWriter) stream {
	w.Header().Set("Content-Type", "application/x-ndjson")
	return stream{w: w, flush: w.(http.Flusher).Flush}
}

func (s stream) line(v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	s.raw(string(raw) + "\n")
}

func (s stream) raw(text string) {
	_, _ = io.WriteString(s.w, text) // the client may be gone
	s.flush()
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": text})
}

func decode(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		refuse(w, http.StatusBadRequest, "invalid JSON")
		return false
	}
	return true
}
