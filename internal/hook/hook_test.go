package hook_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/hook"
)

const body = `{"verdict":"drifted"}`

func script(t *testing.T, text string) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tell.sh")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700)) //nolint:gosec // a program
	return []string{"/bin/sh", path}
}

func TestCommandGetsTheReport(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "told.json")
	out, err := hook.Call(t.Context(), hook.Options{Command: append(script(t, `cat > "$1"; echo thanks`), file)}, []byte(body))
	require.NoError(t, err)
	require.Zero(t, out.ExitCode)
	require.Equal(t, "sh ended with exit status 0; it printed: thanks", out.Text)
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.JSONEq(t, body, string(got))
}

// A report that the command does not read, however long, is no failure.
func TestCommandThatDoesNotRead(t *testing.T) {
	t.Parallel()
	out, err := hook.Call(t.Context(), hook.Options{Command: script(t, "exit 0")}, []byte(strings.Repeat("x", 1<<20)))
	require.NoError(t, err)
	require.Zero(t, out.ExitCode)
}

func TestCommandsThatFail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opts hook.Options
		kind fault.Kind
		says string
	}{
		"exit status":  {hook.Options{Command: append(script(t, "echo no >&2; exit 3"), "hunter2")}, fault.Unavailable, "sh ended with exit status 3; it printed: no"},
		"signal":       {hook.Options{Command: script(t, "kill -9 $$")}, fault.Unavailable, "sh was ended by a signal"},
		"slow":         {hook.Options{Command: script(t, "sleep 100"), Timeout: 50 * time.Millisecond}, fault.Unavailable, "did not end within 50ms"},
		"no program":   {hook.Options{Command: []string{"wattsweep-no-such-program", "hunter2"}}, fault.Invalid, "there is no program wattsweep-no-such-program"},
		"no such path": {hook.Options{Command: []string{"/nowhere/hunter2/tell"}}, fault.Invalid, "tell cannot be run: no such file or directory"},
		"nobody":       {hook.Options{}, fault.Invalid, "none is set"},
		"both":         {hook.Options{Command: []string{"true"}, URL: "http://h"}, fault.Invalid, "both"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := hook.Call(t.Context(), c.opts, []byte(body))
			require.Equal(t, c.kind, fault.KindOf(err))
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "hunter2")
			require.Equal(t, err.Error(), out.Text)
			require.NotEmpty(t, fault.HintOf(err))
		})
	}
}

// A command that prints for ever is cut, and what it prints of known secrets is
// not kept.
func TestOutputIsBoundedAndClean(t *testing.T) {
	t.Parallel()
	o := hook.Options{Command: script(t, `i=0; while [ $i -lt 2000 ]; do echo "token tok-12345 `+"\x1b"+`[31m"; i=$((i+1)); done; exit 1`), Secrets: []string{"tok-12345"}}
	out, err := hook.Call(t.Context(), o, []byte(body))
	require.Error(t, err)
	require.Equal(t, 1, out.ExitCode)
	require.LessOrEqual(t, len(out.Output), 4<<10+len(" …"))
	require.Contains(t, out.Output, "REDACTED")
	require.NotContains(t, out.Output+out.Text, "tok-12345")
	require.NotContains(t, out.Output+out.Text, "\x1b")
	require.Less(t, len(out.Text), 600)
}

func TestCancelledCommand(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := hook.Call(ctx, hook.Options{Command: script(t, "sleep 100")}, nil)
	require.ErrorIs(t, err, context.Canceled)
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	got := make(chan string, 2)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/here?k=hunter2", http.StatusTemporaryRedirect)
			return
		}
		raw, _ := io.ReadAll(r.Body)
		got <- r.Method + " " + r.Header.Get("Content-Type") + " " + string(raw)
		w.WriteHeader(http.StatusAccepted)
	})
	for _, path := range []string{"/hook/hunter2", "/moved"} {
		out, err := hook.Call(t.Context(), hook.Options{URL: s.URL + path}, []byte(body))
		require.NoError(t, err)
		require.Equal(t, http.StatusAccepted, out.Status)
		require.Equal(t, "POST to "+s.URL+" was answered 202", out.Text)
		require.Equal(t, "POST application/json "+body, <-got)
	}
}

func TestWebhooksThatFail(t *testing.T) {
	t.Parallel()
	elsewhere := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the report went to another server") })
	hang := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/away"):
			http.Redirect(w, r, elsewhere.URL+"/x", http.StatusTemporaryRedirect)
		case strings.HasPrefix(r.URL.Path, "/see"):
			http.Redirect(w, r, "/other", http.StatusSeeOther)
		case strings.HasPrefix(r.URL.Path, "/loop"):
			http.Redirect(w, r, "/loop", http.StatusPermanentRedirect)
		case strings.HasPrefix(r.URL.Path, "/hang"):
			<-hang
		default:
			http.Error(w, "hunter2 is wrong", http.StatusForbidden)
		}
	})
	t.Cleanup(func() { close(hang) })
	for name, c := range map[string]struct {
		url  string
		kind fault.Kind
		says string
	}{
		"refused":     {s.URL + "/hunter2", fault.Unavailable, "was answered 403"},
		"sent away":   {s.URL + "/away/hunter2", fault.Unavailable, "redirects to another server"},
		"see other":   {s.URL + "/see/hunter2", fault.Unavailable, "takes no report"},
		"loop":        {s.URL + "/loop?k=hunter2", fault.Unavailable, "redirects more than 3 times"},
		"slow":        {s.URL + "/hang/hunter2", fault.Unavailable, "no answer within 300ms"},
		"nobody":      {"http://user:hunter2@127.0.0.1:1/hunter2", fault.Unavailable, "http://127.0.0.1:1: "},
		"no address":  {"hunter2", fault.Invalid, "no address of a web server"},
		"no protocol": {"ftp://h/hunter2", fault.Invalid, "no address of a web server"},
		"control":     {"http://h/\x7fhunter2", fault.Invalid, "no address of a web server"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := hook.Call(t.Context(), hook.Options{URL: c.url, Timeout: 300 * time.Millisecond}, []byte(body))
			require.Equal(t, c.kind, fault.KindOf(err), "%v", err)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}
