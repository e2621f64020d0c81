package ollama

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/runtimes"
)

// dying is a server whose runner dies without a word; kills is what the kernel
// counts when it has died.
func dying(t *testing.T, text string, before, after int) *Client {
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
