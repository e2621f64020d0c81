package localstack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// post sends a body to Ollama and gives its answer.
func post(t *testing.T, url string, body []byte) []byte {
	t.Helper()
	resp, err := http.Post(url, "application/json", bytes.NewReader(body)) //nolint:noctx // a test on the loopback
	require.NoError(t, err)
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Less(t, resp.StatusCode, 300, "%s", raw)
	return raw
}

// loadDemoModel puts one of the repository's models into Ollama and loads it.
func loadDemoModel(t *testing.T, url string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "models", "*.gguf"))
	require.NoError(t, err)
	if len(files) == 0 {
		t.Skip("models/ holds no GGUF file")
	}
	raw, err := os.ReadFile(files[0])
	require.NoError(t, err)
	sum := sha256.Sum256(raw)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	post(t, url+"/api/blobs/"+digest, raw)
	body, err := json.Marshal(map[string]any{"model": "tiny", "files": map[string]string{"tiny.gguf": digest}, "stream": false})
	require.NoError(t, err)
	post(t, url+"/api/create", body)
	post(t, url+"/api/generate", []byte(`{"model":"tiny","stream":false}`))
}

func TestAModelRunnerDoesNotOutliveItsKilledServer(t *testing.T) {
	t.Parallel()
	o := realServers(t)
	o.Temporal.Address, o.Postgres.DSN = "127.0.0.1:1", "postgres://u@127.0.0.1:1/d"
	s, err := Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(context.WithoutCancel(t.Context()))) })
	loadDemoModel(t, s.OllamaURL)
	require.Len(t, kinOf(s.site.mark.id, s.State), 2, "the server and its runner")

	ended := s.Done(Ollama)
	require.NoError(t, s.Kill(Ollama, syscall.SIGKILL))
	<-ended
	require.NoError(t, s.Restart(t.Context(), Ollama))
	left := kinOf(s.site.mark.id, s.State)
	require.Len(t, left, 1)
	require.Equal(t, s.PID(Ollama), left[0].record.Pid)
	post(t, s.OllamaURL+"/api/generate", []byte(`{"model":"tiny","stream":false}`)) // the model is still there
	require.NoError(t, s.Stop(t.Context()))
	require.Empty(t, kinOf(s.site.mark.id, s.State))
}

func TestRunningOllamaIsPreferredOnRequest(t *testing.T) {
	t.Parallel()
	o := realServers(t)
	o.Temporal.Address, o.Postgres.DSN = "127.0.0.1:1", "postgres://u@127.0.0.1:1/d"
	first, err := Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, first.Stop(context.WithoutCancel(t.Context()))) })

	o.State = stateDir(t)
	o.Ollama.PreferRunning, o.Ollama.RunningURL = true, first.OllamaURL
	second, err := Start(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, first.OllamaURL, second.OllamaURL)
	require.Zero(t, second.PID(Ollama))
	require.Empty(t, second.OllamaLog)
	require.NoError(t, second.Stop(t.Context()))
	require.NoError(t, answers200(t.Context(), first.OllamaURL+"/api/version"), "it is not ours to stop")

	require.NoError(t, first.Stop(t.Context()))
	third, err := Start(t.Context(), o) // nobody answers there any more
	require.NoError(t, err)
	require.NotZero(t, third.PID(Ollama))
	require.NoError(t, third.Stop(t.Context()))
}
