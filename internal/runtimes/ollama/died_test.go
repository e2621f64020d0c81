package ollama

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/runtimes"
)

// dying is a server whose runner dies without a word; kills is what the kernel
// counts when it has died. While healthy it answers calls.
func dying(t *testing.T, text string, before, after int, healthy ...*atomic.Bool) *Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vmstat")
	count := func(n int) {
		if n >= 0 {
			require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, "nr_free_pages 7\noom_kill %d\nswap_ra 3\n", n), 0o600))
		}
	}
	count(before)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/ps":
			_, _ = w.Write([]byte(`{"models":[]}`))
		case "/api/tags":
			_, _ = w.Write([]byte(`{"models":[{"name":"m:latest","model":"m:latest","digest":"d"}]}`))
		case "/api/show":
			_, _ = w.Write([]byte(`{"details":{},"model_info":{}}`))
		case generatePath:
			if len(healthy) > 0 && healthy[0].Load() {
				_, _ = w.Write([]byte(`{"response":"y","done":true,"done_reason":"stop","prompt_eval_count":1,"eval_count":1}` + "\n"))
				return
			}
			count(after)
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = fmt.Fprintf(w, `{"error":%q}`, text)
		default:
			_, _ = w.Write([]byte(`{}`))
		}
	}))
	t.Cleanup(server.Close)
	c, err := New(Options{BaseURL: server.URL})
	require.NoError(t, err)
	c.vmstat = path
	return c
}

// A runner that was killed is out of memory only when the kernel says that it
// killed for that; else the server was lost, and neither the rung nor the call
// is to blame.
func TestWhatARunnerDiedOf(t *testing.T) {
	t.Parallel()
	model := bench.ModelConfig{Name: "m", ContextTokens: 512}
	load := func(c *Client, rung bench.Rung) error {
		_, err := c.Load(t.Context(), model, rung, bench.RuntimeConfig{})
		return err
	}
	const killed = "llama runner process has terminated: signal: killed"
	require.Equal(t, fault.CodeModelNotResident, fault.CodeOf(load(dying(t, killed, 4, 4), bench.Rung{})))
	require.Equal(t, fault.CodeOutOfMemory, fault.CodeOf(load(dying(t, killed, 4, 5), bench.Rung{})))
	require.Equal(t, fault.CodeOutOfMemory, fault.CodeOf(load(dying(t, killed, -1, -1), bench.Rung{})), "nobody counts kills")
	require.Equal(t, fault.CodeServerError, fault.CodeOf(load(dying(t, "llama runner process has terminated: exit status 2", 4, 5), bench.Rung{})))

	again := dying(t, killed, 4, 4)
	for _, want := range []fault.Code{fault.CodeModelNotResident, fault.CodeModelNotResident, fault.CodeOutOfMemory} {
		require.Equal(t, want, fault.CodeOf(load(again, bench.Rung{})), "again and again on one rung is want of memory")
	}
	require.Equal(t, fault.CodeModelNotResident, fault.CodeOf(load(again, bench.Rung{GPULayers: 3})), "another rung begins anew")

	call := func(c *Client) (runtimes.Answer, error) {
		return c.Generate(t.Context(), runtimes.Request{
			Model: model, Runtime: bench.RuntimeConfig{MaxOutputTokens: 4}, Prompt: "x",
			Now: func() time.Duration { return time.Duration(time.Now().UnixNano()) },
		})
	}
	const cut = "an error was encountered while running the model: unexpected EOF"
	_, err := call(dying(t, cut, 4, 4))
	require.Equal(t, fault.CodeModelNotResident, fault.CodeOf(err))
	ans, err := call(dying(t, cut, 4, 6))
	require.Equal(t, fault.CodeOutOfMemory, fault.CodeOf(err))
	require.Equal(t, bench.OutcomeOutOfMemory, ans.Outcome)
	_, err = call(dying(t, cut, -1, -1))
	require.Equal(t, fault.CodeModelNotResident, fault.CodeOf(err))
}

// Where the kernel's count says nothing of it, as with a server on another host
// or a program that guards memory, a runner that dies in call after call is out
// of memory, so that the next rung is tried.
func TestARunnerThatDiesInCallAfterCall(t *testing.T) {
	t.Parallel()
	const killed = "llama runner process has terminated: signal: killed"
	lost, oom := fault.CodeModelNotResident, fault.CodeOutOfMemory
	call := func(c *Client, rung bench.Rung, seed int64) fault.Code {
		_, err := c.Generate(t.Context(), runtimes.Request{
			Model: bench.ModelConfig{Name: "m", ContextTokens: 512}, Rung: rung, Seed: seed, Prompt: "x",
			Runtime: bench.RuntimeConfig{MaxOutputTokens: 4},
			Now:     func() time.Duration { return time.Duration(time.Now().UnixNano()) },
		})
		return fault.CodeOf(err)
	}
	for name, c := range map[string]struct {
		kills int
		want  []fault.Code
	}{
		"nobody counts kills":        {-1, []fault.Code{lost, oom, oom}},
		"the kernel did not kill it": {4, []fault.Code{lost, lost, oom}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := dying(t, killed, c.kills, c.kills)
			for i, want := range c.want {
				require.Equal(t, want, call(client, bench.Rung{}, int64(i)), "time %d", i+1)
			}
			require.Equal(t, lost, call(client, bench.Rung{GPULayers: 3}, 1), "another rung begins anew")
		})
	}
	var healthy atomic.Bool
	flaky := dying(t, killed, -1, -1, &healthy)
	for range 3 {
		healthy.Store(false)
		require.Equal(t, lost, call(flaky, bench.Rung{}, 1))
		healthy.Store(true)
		require.Empty(t, call(flaky, bench.Rung{}, 1), "an answer: they do not die in a row")
	}
}

func FuzzOOMKills(f *testing.F) {
	f.Add("nr_free_pages 7\noom_kill 12\n")
	f.Add("oom_kill -1")
	f.Fuzz(func(t *testing.T, text string) {
		if n, known := oomKills([]byte(text)); known {
			require.Contains(t, text, "oom_kill ")
			require.Contains(t, strings.TrimLeft(text, "0"), strings.TrimLeft(strconv.FormatUint(n, 10), "0"))
		}
	})
}
