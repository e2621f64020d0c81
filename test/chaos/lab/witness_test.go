package lab

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/test/chaos/cut"
	"github.com/wattsweep/wattsweep/test/chaos/judge"
)

// What goes through a link to Ollama is counted by the nonce of its prompt, and
// weighed against what the database says: a call asked twice, one stored and
// never asked, and a request of no call are seen.
func TestTheWitnessCountsWhatOllamaIsAsked(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	defer server.Close()
	var w Witness
	require.False(t, w.weigh(nil, nil, nil).Watched, "nothing was looked at")
	link, err := cut.New(t.Context(), strings.TrimPrefix(server.URL, "http://"))
	require.NoError(t, err)
	link.Tap = w.Tap
	defer func() { require.NoError(t, link.Close()) }()

	ask := func(path, prompt string) {
		t.Helper()
		body := fmt.Sprintf(`{"model":"m","prompt":%q}`, prompt)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+link.Address+path, strings.NewReader(body))
		require.NoError(t, err)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		got, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, body, string(got))
	}
	call := func(run, item, attempt int) string {
		return bench.CallKey{Cell: "c", Run: run, Item: item}.Nonce(attempt)
	}
	text := func(nonce string) string { return "[" + nonce + "]\nwhat ails the patient?" }
	ask("/api/generate", text(call(1, 0, 1)))
	ask("/api/generate", text(call(1, 1, 1)))
	ask("/api/generate", text(call(1, 1, 2)))
	ask("/api/generate", text(call(0, 1, 3)))   // a warm-up call
	ask("/api/generate", text(call(0, 0, 102))) // one of the cell's second try
	ask("/api/generate", "")                    // a load
	ask("/api/show", text(call(1, 2, 1)))       // no call
	mine := []begun{{"c", call(1, 0, 1), true}, {"c", call(1, 1, 1), false}, {"c", call(1, 1, 2), true}}
	weighs := func(want judge.Requests, mine []begun) {
		t.Helper()
		require.Eventually(t, func() bool { return cmp.Equal(want, w.weigh(mine, nil, []string{"b", "c"})) }, 20*time.Second, 5*time.Millisecond,
			"%+v", w.weigh(mine, nil, []string{"b", "c"}))
	}
	weighs(judge.Requests{Watched: true, Calls: 3}, mine)
	weighs(judge.Requests{Watched: true, Calls: 3, Lacking: 1}, append(mine, begun{"c", call(1, 2, 1), true}))
	weighs(judge.Requests{Watched: true, Calls: 2, Strange: []string{"m"}}, mine[:2])

	ask("/api/generate", text(call(1, 0, 1)))
	weighs(judge.Requests{Watched: true, Calls: 4, Twice: 1}, mine)
	ask("/api/generate", "no nonce")
	weighs(judge.Requests{Watched: true, Calls: 4, Twice: 1, Strange: []string{"m"}}, mine)
}

func FuzzWitness(f *testing.F) {
	f.Add("POST /api/generate HTTP/1.1\r\nHost: x\r\nContent-Length: 14\r\n\r\n{\"prompt\":\"a\"}")
	f.Add("\x00")
	f.Fuzz(func(t *testing.T, sent string) {
		var w Witness
		tap := w.Tap()
		n, err := io.WriteString(tap, sent)
		require.NoError(t, err)
		require.Equal(t, len(sent), n, "whatever is sent, the link is not held up")
		require.NoError(t, tap.Close())
	})
}
