package ollama

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/runtimes"
)

// Options says which server to drive and what is known about it.
type Options struct {
	// BaseURL is where the server answers, e.g. http://127.0.0.1:11434.
	BaseURL string
	// LogPath is the server's log file when it can be read on this host; layer
	// counts and shortened prompts are then read from it. It may be empty.
	LogPath string
	// HTTPClient replaces the client's own connections; nil is right but for
	// servers behind a proxy or with certificates of their own. It must not
	// follow redirects or retry.
	HTTPClient *http.Client
	// Env is the server's settings, KEY=VALUE, as far as known. When it is
	// empty they are read from the server's process where that can be seen.
	Env []string
	// StallLimit is how long a pull may show no progress; 60 s when 0. Steps of
	// which the server tells no progress may take ten times as long.
	StallLimit time.Duration
	// UnloadLimit is how long an unload may take; 60 s when 0.
	UnloadLimit time.Duration
}

// Defaults of the options.
const (
	defaultStall  = 60 * time.Second
	defaultUnload = 60 * time.Second
)

// Limits on what a server may send.
const (
	maxLine     = 4 << 20  // one line of a stream; the last one repeats all tokens of the prompt as numbers
	maxAnswer   = 4 << 20  // text of an answer
	maxStream   = 64 << 20 // all lines of an answer
	maxBody     = 16 << 20 // an answer that is not a stream
	maxErrBody  = 64 << 10
	controlWait = 30 * time.Second // for an answer that needs no model
)

// Client drives one Ollama server. It implements runtimes.Runtime.
type Client struct {
	base    *url.URL
	opts    Options
	calls   *http.Client // measured calls: one warm connection of their own
	control *http.Client // everything else

	mu       sync.Mutex
	listener process             // the server's process, once found
	blind    time.Time           // when the server's process was last looked for in vain
	resident string              // token of the load last seen, evidence for Generate
	ratios   map[string]*density // by model: bytes per token of prompts that fitted
	inLoads  deaths
	inCalls  deaths

	vmstat string // the kernel's file of counts
}

var _ runtimes.Runtime = (*Client)(nil)

// New gives a client for the server at BaseURL. It does not connect.
func New(o Options) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(o.BaseURL, "/"))
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") || base.User != nil {
		return nil, fault.New(fault.Invalid, "", "give it as http://host:11434",
			"ollama: the address of the server is not an http URL")
	}
	o.StallLimit = orDefault(o.StallLimit, defaultStall)
	o.UnloadLimit = orDefault(o.UnloadLimit, defaultUnload)
	c := &Client{base: base, opts: o, calls: o.HTTPClient, control: o.HTTPClient, ratios: map[string]*density{}, vmstat: vmstatFile}
	if o.HTTPClient == nil {
		c.calls, c.control = newHTTP(), newHTTP()
	}
	return c, nil
}

// newHTTP gives an HTTP client that keeps one warm connection, asks for no
// compression, follows no redirect and uses no proxy: whatever stands between
// us and the server would be measured too.
func newHTTP() *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Client{
		Transport: &http.Transport{
			DialContext:         dialer.DialContext,
			DisableCompression:  true,
			MaxIdleConns:        2,
			MaxIdleConnsPerHost: 1,
			IdleConnTimeout:     5 * time.Minute,
			TLSHandshakeTimeout: 10 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Close drops idle connections. The client may be used again.
func (c *Client) Close() {
	c.calls.CloseIdleConnections()
	c.control.CloseIdleConnections()
}

// Inspect names the server, its version and its settings.
func (c *Client) Inspect(ctx context.Context) (runtimes.Info, error) {
	var body versionBody
	if err := c.get(ctx, "/api/version", &body); err != nil {
		return runtimes.Info{}, err
	}
	if body.Version == "" || len(body.Version) > 100 {
		return runtimes.Info{}, fault.New(fault.Unsupported, fault.CodeBadAnswer, "check the address: is it an Ollama server?",
			"ollama at %s: it names no version", c.base.Host)
	}
	return runtimes.Info{Kind: "ollama", Version: body.Version, URL: c.base.String(), Env: c.environment(ctx)}, nil
}

// environment gives the server's settings that matter, sorted.
func (c *Client) environment(ctx context.Context) []string {
	env := c.opts.Env
	if len(env) == 0 {
		if server, err := c.server(ctx); err == nil {
			env = server.environ(ctx)
		}
	}
	var kept []string
	for _, one := range env {
		if key, _, ok := strings.Cut(one, "="); ok && mattersInEnv(key) {
			kept = append(kept, one)
		}
	}
	slices.Sort(kept)
	return kept
}

// mattersInEnv tells which settings change what is measured. Only these leave
// the host: an environment holds secrets.
func mattersInEnv(key string) bool {
	switch key {
	case "OLLAMA_NUM_PARALLEL", "OLLAMA_KV_CACHE_TYPE", "OLLAMA_FLASH_ATTENTION", "OLLAMA_CONTEXT_LENGTH",
		"OLLAMA_MAX_LOADED_MODELS", "OLLAMA_GPU_OVERHEAD", "OLLAMA_LOAD_TIMEOUT", "OLLAMA_KEEP_ALIVE",
		"OLLAMA_NEW_ENGINE", "OLLAMA_LLM_LIBRARY", "OLLAMA_SCHED_SPREAD", "OLLAMA_MULTIUSER_CACHE",
		"OLLAMA_MAX_QUEUE", "LLAMA_ARG_FIT", "LLAMA_ARG_FIT_TARGET",
		"CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "GGML_CUDA_ENABLE_UNIFIED_MEMORY":
		return true
	}
	return false
}
