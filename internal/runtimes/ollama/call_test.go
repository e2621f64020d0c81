package ollama_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/runtimes/ollama"
	"github.com/wattsweep/wattsweep/internal/runtimes/runtimetest"
)

func TestInspectShowsSettingsOnly(t *testing.T) {
	t.Parallel()
	info, err := onFake(t, runtimetest.NewFake()).Inspect(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"OLLAMA_NUM_PARALLEL=1"}, info.Env, "an environment holds secrets")
}

func TestCallsShareOneConnection(t *testing.T) {
	t.Parallel()
	c := onFake(t, runtimetest.NewFake())
	reused := 0
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		if i.Reused {
			reused++
		}
	}})
	for range 5 {
		_, err := c.Generate(ctx, runtimetest.Request("x"))
		require.NoError(t, err)
	}
	require.Equal(t, 4, reused)
}

// recorder serves one JSON answer and keeps requests.
func recorder(t *testing.T, status int, body string) (*ollama.Client, func() (http.Header, map[string]any)) {
	t.Helper()
	var mu sync.Mutex
	var header http.Header
	var sent map[string]any
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		header, sent = r.Header.Clone(), nil
		_ = json.Unmarshal(raw, &sent)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	c, err := ollama.New(ollama.Options{BaseURL: server.URL})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c, func() (http.Header, map[string]any) { mu.Lock(); defer mu.Unlock(); return header, sent }
}

func TestCallOnTheWire(t *testing.T) {
	t.Parallel()
	c, sent := recorder(t, http.StatusOK, `{"response":"A","done":true,"done_reason":"stop"}`)
	req := runtimetest.Request("nonce 1\nsmärta i bröstet")
	a, err := c.Generate(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, "A", a.Text, "text on the final line counts")
	require.NotNil(t, a.FirstToken)
	require.Nil(t, a.PromptTokens, "a count that was not told is not zero")
	header, body := sent()
	require.Equal(t, "identity", header.Get("Accept-Encoding"))
	require.Equal(t, map[string]any{
		"model": "known", "prompt": req.Prompt, "stream": true, "truncate": false, "shift": false, "keep_alive": -1.0,
		"options": map[string]any{
			"num_ctx": 64.0, "num_batch": 512.0, "num_gpu": -1.0, "seed": 1.0, "num_predict": 32.0,
			"temperature": 0.0, "top_k": 40.0, "top_p": 1.0, "min_p": 0.0, "repeat_penalty": 1.0,
		},
	}, body)
}

func TestCallRefusesBadFinalLines(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"done":true,"done_reason":"load"}`, `{"done":true,"done_reason":"unload"}`,
		`{"done":true,"eval_count":-1}`, `{"done":true,"prompt_eval_count":99999999999}`, `{"done":true,"total_duration":-5}`,
		`{"done":true,"done_reason":"` + strings.Repeat("x", 40) + `"}`, `{"done":"yes"}`, `[]`, `null`, `1`, ``, "\n\n",
		`{"response":{"a":1},"done":true}`, `<html>`,
	} {
		c, _ := recorder(t, http.StatusOK, body)
		a, err := c.Generate(t.Context(), runtimetest.Request("x"))
		require.Equal(t, fault.CodeBadAnswer, fault.CodeOf(err), "%s: %v", body, err)
		require.Equal(t, bench.OutcomeBadAnswer, a.Outcome)
	}
}

func TestCallRefusesBadRequests(t *testing.T) {
	t.Parallel()
	c, _ := recorder(t, http.StatusOK, "")
	empty := runtimetest.Request("")
	_, err := c.Generate(t.Context(), empty)
	require.Equal(t, fault.Invalid, fault.KindOf(err), "an empty prompt would load the model")
	endless := runtimetest.Request("x")
	endless.Runtime.MaxOutputTokens = 0
	_, err = c.Generate(t.Context(), endless)
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	unknown := runtimetest.Request("x")
	unknown.Model.ContextTokens = 0
	_, err = c.Generate(t.Context(), unknown)
	require.Equal(t, fault.CodeRungRejected, fault.CodeOf(err))
}

func TestNotAnOllama(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "<html>", "{}", "[]", `{"version":5}`, `{"version":"` + strings.Repeat("9", 200) + `"}`} {
		c, _ := recorder(t, http.StatusOK, body)
		_, err := c.Inspect(t.Context())
		require.Equal(t, fault.CodeBadAnswer, fault.CodeOf(err), "%.20s: %v", body, err)
	}
}

// A request that runs beside a call must not disturb it.
func TestResidentBesideGenerate(t *testing.T) {
	t.Parallel()
	f := runtimetest.NewFake()
	c := onFake(t, f)
	loaded, err := c.Load(t.Context(), bench.ModelConfig{Name: "known", ContextTokens: 64}, bench.Rung{GPULayers: -1}, runtimetest.Request("x").Runtime)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var group sync.WaitGroup
	group.Go(func() {
		for range 20 {
			here, err := c.Resident(ctx, "known", loaded.Token)
			if err != nil || !here {
				t.Errorf("resident %v: %v", here, err)
			}
			if _, err := c.Inspect(ctx); err != nil {
				t.Error(err)
			}
		}
	})
	for range 50 {
		_, err := c.Generate(ctx, runtimetest.Request("x"))
		require.NoError(t, err)
	}
	group.Wait()
}

// BenchmarkGenerate is one call against a server that answers at once, with
// the model's text in 8 lines; BenchmarkPlain is the same request by net/http
// alone. Their difference is what wattsweep adds to a call.
func BenchmarkGenerate(b *testing.B) {
	f := runtimetest.NewFake()
	f.Replies = []runtimetest.Reply{{Text: strings.Split("a b c d e f g h", " ")}}
	c := onFake(b, f)
	req := runtimetest.Request("x")
	for b.Loop() {
		if _, err := c.Generate(b.Context(), req); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPlain(b *testing.B) {
	f := runtimetest.NewFake()
	f.Replies = []runtimetest.Reply{{Text: strings.Split("a b c d e f g h", " ")}}
	url := runtimetest.ServeOllama(b, f) + "/api/generate"
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	const body = `{"model":"known","prompt":"x","stream":true,"options":{"num_ctx":64}}`
	for b.Loop() {
		res, err := client.Post(url, "application/json", strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			b.Fatal(err)
		}
		_ = res.Body.Close()
	}
}
