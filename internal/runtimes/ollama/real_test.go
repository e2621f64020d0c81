package ollama_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/runtimes"
	"github.com/wattsweep/wattsweep/internal/runtimes/ollama"
	"github.com/wattsweep/wattsweep/internal/runtimes/runtimetest"
)

// binary finds an Ollama: PATH, then where localstack keeps the one it builds.
func binary(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("ollama"); err == nil {
		return path
	}
	if cache, err := os.UserCacheDir(); err == nil {
		// The last number counts how it was built; the newest sorts last.
		found, err := filepath.Glob(filepath.Join(cache, "wattsweep", "bin", "ollama-v0.6.5-[0-9]"))
		require.NoError(t, err)
		slices.Reverse(found)
		for _, path := range found {
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				return path
			}
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("no ollama program in PATH or in the user's cache folder, and CI demands one")
	}
	t.Skip("no ollama program in PATH or in the user's cache folder; `wattsweep up` builds one")
	return ""
}

// server is a real Ollama of the test's own.
type server struct {
	t              *testing.T
	path, dir, log string
	address        string
	cmd            *exec.Cmd
}

// Tests with it run one after another: servers that compute at once only slow
// each other down.
func startServer(t *testing.T) *server {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a real Ollama")
	}
	s := &server{t: t, path: binary(t), dir: t.TempDir()}
	s.log = filepath.Join(s.dir, "ollama.log")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.address = listener.Addr().String()
	require.NoError(t, listener.Close())
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *server) start() {
	s.t.Helper()
	file, err := os.OpenFile(s.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(s.t, err)
	defer func() { _ = file.Close() }()
	s.cmd = exec.Command(s.path, "serve")
	s.cmd.Env = append(os.Environ(), "OLLAMA_HOST="+s.address, "HOME="+s.dir,
		"OLLAMA_MODELS="+filepath.Join(s.dir, "models"), "OLLAMA_NUM_PARALLEL=1", "GIN_MODE=release")
	s.cmd.Stdout, s.cmd.Stderr = file, file
	require.NoError(s.t, s.cmd.Start())
	require.Eventually(s.t, func() bool {
		res, err := http.Get("http://" + s.address + "/api/version")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	}, 30*time.Second, 20*time.Millisecond, "ollama did not answer")
}

func (s *server) stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(os.Interrupt)
	_ = s.cmd.Wait()
	s.cmd = nil
}

func (s *server) client(o ollama.Options) *ollama.Client {
	s.t.Helper()
	o.BaseURL = "http://" + s.address
	c, err := ollama.New(o)
	require.NoError(s.t, err)
	s.t.Cleanup(c.Close)
	return c
}

// tiny is the source of a model that answers I21.4 after a colon.
func tiny(name string) runtimes.Source {
	file := runtimetest.TinyGGUF(1)
	return runtimes.Source{
		Model: bench.ModelConfig{Name: name, GGUF: "tiny.gguf", Template: "{{ .Prompt }}", ContextTokens: 512},
		OpenGGUF: func() (io.ReadCloser, int64, error) {
			return io.NopCloser(bytes.NewReader(file)), int64(len(file)), nil
		},
	}
}

var settings = bench.RuntimeConfig{
	Name: "ollama", Kind: "ollama", TopK: 40, TopP: 1, RepeatPenalty: 1, MaxOutputTokens: 40, CallTimeout: 2 * time.Minute,
	Threads: 1, // more would spin against each other on a busy machine
}

func ask(prompt string, m bench.ModelConfig, set bench.RuntimeConfig) runtimes.Request {
	start := time.Now()
	return runtimes.Request{
		Model: m, Rung: bench.Rung{GPULayers: -1}, Runtime: set, Prompt: prompt, Seed: 7,
		Now: func() time.Duration { return time.Since(start) },
	}
}

func TestRealOllama(t *testing.T) {
	s := startServer(t)
	c := s.client(ollama.Options{LogPath: s.log})
	ctx := t.Context()
	source := tiny("wattsweep-Tiny:0.1m")
	model := source.Model

	info, err := c.Inspect(ctx)
	require.NoError(t, err)
	require.Equal(t, "ollama", info.Kind)
	require.NotEmpty(t, info.Version)
	require.Contains(t, info.Env, "OLLAMA_NUM_PARALLEL=1", "read from the server's process")
	for _, one := range info.Env {
		require.NotContains(t, one, "HOME=")
	}

	_, err = c.Load(ctx, model, bench.Rung{GPULayers: -1}, settings)
	require.Equal(t, fault.CodeModelNotFound, fault.CodeOf(err), "%v", err)
	_, err = c.Generate(ctx, ask("x:", model, settings))
	require.Equal(t, fault.CodeModelNotFound, fault.CodeOf(err), "%v", err)

	pullsTiny(t, c, source)
	loaded := loadsTiny(t, c, model)
	asksTiny(t, c, model, loaded.Token)
	unloadsTiny(t, c, model, loaded.Token)
}

// pullsTiny makes the model, finds it present, and makes it anew when its
// template changes.
func pullsTiny(t *testing.T, c *ollama.Client, source runtimes.Source) {
	t.Helper()
	ctx := t.Context()
	var steps []runtimes.Progress
	pulled, err := c.Pull(ctx, source, func(p runtimes.Progress) { steps = append(steps, p) })
	require.NoError(t, err)
	require.Equal(t, "gguf", pulled.Source)
	require.Equal(t, int64(len(runtimetest.TinyGGUF(1))), pulled.Bytes)
	require.NotEmpty(t, steps)
	require.Equal(t, runtimetest.TinyBlocks, pulled.Facts.Layers)
	require.Equal(t, runtimetest.TinyContext, pulled.Facts.ContextTokens)
	require.Equal(t, "F16", pulled.Facts.Quantisation)
	require.Equal(t, "llama", pulled.Facts.Family)
	require.Positive(t, pulled.Facts.Parameters)
	require.Len(t, pulled.Facts.Digest, 64)
	require.Equal(t, "{{ .Prompt }}", pulled.Template)

	again, err := c.Pull(ctx, source, nil)
	require.NoError(t, err)
	require.Equal(t, "present", again.Source)
	require.Zero(t, again.Bytes)
	require.Equal(t, pulled.Facts, again.Facts)

	planned := source
	planned.Model.GGUFHash = strings.Repeat("0", 64)
	_, err = c.Pull(ctx, planned, nil)
	require.Equal(t, fault.Invalid, fault.KindOf(err), "the file is not the planned one: %v", err)
	templated := source
	templated.Model.Template = "{{ .Prompt }}:"
	changed, err := c.Pull(ctx, templated, nil)
	require.NoError(t, err)
	require.Equal(t, "gguf", changed.Source, "another template is another model")
	require.Zero(t, changed.Bytes, "its weights are there")
	require.NotEqual(t, pulled.Facts.Digest, changed.Facts.Digest)
	_, err = c.Pull(ctx, source, nil)
	require.NoError(t, err)
}

func loadsTiny(t *testing.T, c *ollama.Client, model bench.ModelConfig) bench.Loaded {
	t.Helper()
	loaded, err := c.Load(t.Context(), model, bench.Rung{GPULayers: -1}, settings)
	require.NoError(t, err)
	require.Equal(t, 512, loaded.ContextTokens)
	require.Equal(t, runtimetest.TinyBlocks+1, loaded.LayersTotal)
	require.Equal(t, "log", loaded.LayersSource)
	require.Positive(t, loaded.SizeBytes)
	require.Positive(t, loaded.ServerLoad)
	require.True(t, strings.HasPrefix(loaded.Token, "proc:"), "the runner is our own child's child: %s", loaded.Token)
	requireResident(t, c, model.Name, loaded.Token, true)
	return loaded
}

// asksTiny makes calls whose answers are known.
func asksTiny(t *testing.T, c *ollama.Client, model bench.ModelConfig, token string) {
	t.Helper()
	ctx := t.Context()
	answer, err := c.Generate(ctx, ask("What is it, in a code:", model, settings))
	require.NoError(t, err)
	require.Equal(t, bench.OutcomeOK, answer.Outcome)
	require.Equal(t, "I21.4", answer.Text)
	require.Equal(t, "stop", answer.Done)
	requireTimes(t, answer)
	require.NotNil(t, answer.PromptTokens)
	// Each byte is a token, a space three of them, and one begins the text.
	require.Equal(t, 1+17+3*5, *answer.PromptTokens)
	require.GreaterOrEqual(t, *answer.OutputTokens, 5)
	requireResident(t, c, model.Name, token, true)

	capped, err := c.Generate(ctx, ask("spell>", model, settings))
	require.NoError(t, err)
	require.Equal(t, bench.OutcomeOutputCapped, capped.Outcome)
	require.True(t, strings.HasPrefix(capped.Text, "abcdefghijklmnopqrstuvwxyzabc"), capped.Text)
	require.Len(t, capped.Gaps, len(capped.Text)-1, "one line per token")
}

// unloadsTiny loads once more, which is another load, and unloads.
func unloadsTiny(t *testing.T, c *ollama.Client, model bench.ModelConfig, token string) {
	t.Helper()
	ctx := t.Context()
	ids, err := c.Processes(ctx)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(ids), 2, "server and runner")

	second, err := c.Load(ctx, model, bench.Rung{GPULayers: -1}, settings)
	require.NoError(t, err)
	require.NotEqual(t, token, second.Token, "every load has a token of its own")
	requireResident(t, c, model.Name, token, false)

	require.NoError(t, c.Unload(ctx, model.Name))
	requireResident(t, c, model.Name, second.Token, false)
	ids, err = c.Processes(ctx)
	require.NoError(t, err)
	require.Len(t, ids, 1, "the runner has ended")
	require.NoError(t, c.Unload(ctx, model.Name), "unloading twice is no error")
}

func requireResident(t *testing.T, c *ollama.Client, model, token string, want bool) {
	t.Helper()
	got, err := c.Resident(t.Context(), model, token)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func requireTimes(t *testing.T, a runtimes.Answer) {
	t.Helper()
	require.NotNil(t, a.FirstToken)
	require.Positive(t, *a.FirstToken)
	require.Less(t, *a.FirstToken, a.Latency)
	sum := *a.FirstToken
	for _, gap := range a.Gaps {
		require.GreaterOrEqual(t, gap, time.Duration(0))
		sum += gap
	}
	require.LessOrEqual(t, sum, a.Latency)
	require.LessOrEqual(t, a.Server.Total, a.Latency, "the server's time lies within ours")
	require.Positive(t, a.Server.Eval)
}

func TestRealRestart(t *testing.T) {
	s := startServer(t)
	c := s.client(ollama.Options{LogPath: s.log})
	source := tiny("tiny")
	_, err := c.Pull(t.Context(), source, nil)
	require.NoError(t, err)
	loaded, err := c.Load(t.Context(), source.Model, bench.Rung{GPULayers: 0}, settings)
	require.NoError(t, err)

	s.stop()
	_, err = c.Resident(t.Context(), "tiny", loaded.Token)
	require.Equal(t, fault.CodeUnreachable, fault.CodeOf(err), "%v", err)
	answer, err := c.Generate(t.Context(), ask("x:", source.Model, settings))
	require.Equal(t, fault.CodeUnreachable, fault.CodeOf(err), "%v", err)
	require.Equal(t, bench.OutcomeServerError, answer.Outcome)

	s.start()
	requireResident(t, c, "tiny", loaded.Token, false)
	// A call now makes the server load the model by itself: what it measures is
	// no call of this load.
	answer, err = c.Generate(t.Context(), ask("x:", source.Model, settings))
	require.Equal(t, fault.CodeModelNotResident, fault.CodeOf(err), "%v", err)
	require.Equal(t, bench.OutcomeServerError, answer.Outcome)
	requireResident(t, c, "tiny", loaded.Token, false)
}

func TestRealTruncation(t *testing.T) {
	s := startServer(t)
	source := tiny("tiny")
	source.Model.ContextTokens = 64
	for _, test := range []struct{ name, log string }{{"with log", s.log}, {"without log", ""}} {
		t.Run(test.name, func(t *testing.T) {
			c := s.client(ollama.Options{LogPath: test.log})
			_, err := c.Pull(t.Context(), source, nil)
			require.NoError(t, err)
			loaded, err := c.Load(t.Context(), source.Model, bench.Rung{GPULayers: -1}, settings)
			require.NoError(t, err)
			require.Equal(t, 64, loaded.ContextTokens)

			secret := strings.Repeat("hemlig-journal", 20) + ":"
			answer, err := c.Generate(t.Context(), ask(secret, source.Model, settings))
			require.Equal(t, fault.CodePromptTruncated, fault.CodeOf(err), "%v", err)
			require.Equal(t, bench.OutcomePromptTruncated, answer.Outcome)
			require.NotContains(t, answer.Reason+err.Error(), "hemlig")
			require.Positive(t, answer.Latency)

			fits, err := c.Generate(t.Context(), ask(strings.Repeat("x", 40)+":", source.Model, settings))
			require.NoError(t, err)
			require.Equal(t, bench.OutcomeOK, fits.Outcome)

			shifted, err := c.Generate(t.Context(), ask(strings.Repeat("x", 50)+">", source.Model, settings))
			require.Equal(t, fault.CodePromptTruncated, fault.CodeOf(err), "%v", err)
			require.Contains(t, shifted.Reason, "context_shift")
		})
	}
}

// endlessly loads a model on a server of its own that answers without end.
// Ollama 0.6.5 may deadlock when a client goes away in the middle of an
// answer, so nothing is asked of such a server afterwards.
func endlessly(t *testing.T) (*ollama.Client, bench.ModelConfig, bench.RuntimeConfig) {
	t.Helper()
	c := startServer(t).client(ollama.Options{})
	source := tiny("tiny")
	source.Model.ContextTokens = 2000
	_, err := c.Pull(t.Context(), source, nil)
	require.NoError(t, err)
	endless := settings
	endless.MaxOutputTokens = 20000
	_, err = c.Load(t.Context(), source.Model, bench.Rung{GPULayers: -1}, endless)
	require.NoError(t, err)
	return c, source.Model, endless
}

func TestRealTimeout(t *testing.T) {
	c, model, endless := endlessly(t)
	endless.CallTimeout = 700 * time.Millisecond
	answer, err := c.Generate(t.Context(), ask("spell>", model, endless))
	require.Equal(t, fault.CodeTimeout, fault.CodeOf(err), "%v", err)
	require.Equal(t, bench.OutcomeTimeout, answer.Outcome)
	require.GreaterOrEqual(t, answer.Latency, 650*time.Millisecond)
	require.NotNil(t, answer.FirstToken, "times so far are kept")
}

func TestRealCancel(t *testing.T) {
	c, model, endless := endlessly(t)
	ctx, cancel := context.WithCancel(t.Context())
	request := ask("spell>", model, endless)
	inner := request.Now
	calls := 0
	request.Now = func() time.Duration {
		if calls++; calls == 5 {
			cancel()
		}
		return inner()
	}
	answer, err := c.Generate(ctx, request)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, answer.Outcome, "a cancelled call is no measurement")
}

func TestRealHostileModel(t *testing.T) {
	s := startServer(t)
	c := s.client(ollama.Options{})
	for name, file := range map[string][]byte{
		"empty":     {},
		"not gguf":  []byte("PK\x03\x04 something else entirely"),
		"cut short": runtimetest.TinyGGUF(1)[:5000],
	} {
		source := tiny("bad")
		source.OpenGGUF = func() (io.ReadCloser, int64, error) {
			return io.NopCloser(bytes.NewReader(file)), int64(len(file)), nil
		}
		_, err := c.Pull(t.Context(), source, nil)
		require.Equal(t, fault.Invalid, fault.KindOf(err), "%s: %v", name, err)
	}
	_, err := c.Load(t.Context(), bench.ModelConfig{Name: "bad", ContextTokens: 64}, bench.Rung{}, settings)
	require.Equal(t, fault.CodeModelNotFound, fault.CodeOf(err), "nothing half-done: %v", err)
	// A context no machine holds is out of memory, and the server lives on.
	good := tiny("tiny")
	_, err = c.Pull(t.Context(), good, nil)
	require.NoError(t, err)
	good.Model.ContextTokens = 1 << 30
	_, err = c.Load(t.Context(), good.Model, bench.Rung{GPULayers: -1}, settings)
	require.Equal(t, fault.CodeOutOfMemory, fault.CodeOf(err), "%v", err)
	require.NotContains(t, fmt.Sprint(err), s.dir)
}
