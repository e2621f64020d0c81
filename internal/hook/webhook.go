package hook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// maxRedirects is how often a webhook may send us on.
const maxRedirects = 3

var errSentAway = errors.New("it redirects to another server, where the report does not belong")

// post posts body as JSON. The answer's text is not kept: nobody asked for it,
// and it may repeat what was sent.
func post(ctx context.Context, o Options, body []byte) (Outcome, error) {
	u, err := url.Parse(o.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return Outcome{}, fault.New(fault.Invalid, fault.CodeNoHook, "write it as https://server/path", "tell hook: drift.hook.url is no address of a web server")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.URL, bytes.NewReader(body))
	if err != nil {
		return Outcome{}, fault.New(fault.Invalid, fault.CodeNoHook, "write it as https://server/path", "tell hook: no request can be made to %s", server(u))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "wattsweep")
	var client http.Client
	if o.Client != nil {
		client = *o.Client
	}
	client.CheckRedirect = stay
	resp, err := client.Do(req)
	if err != nil {
		if ctx.Err() != nil && !tooSlow(ctx) {
			return Outcome{}, ctx.Err()
		}
		return Outcome{}, failed("POST to %s: %s", server(u), reason(ctx, o, err))
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.CopyN(io.Discard, resp.Body, maxOutput) // so that the connection ends well
	out := Outcome{Status: resp.StatusCode, Text: fmt.Sprintf("POST to %s was answered %d", server(u), resp.StatusCode)}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return out, failed("POST to %s was answered %d", server(u), resp.StatusCode)
	}
	return out, nil
}

// stay follows a redirect on the same server only, and never from https to
// http.
func stay(req *http.Request, via []*http.Request) error {
	first := via[0].URL
	switch {
	case req.URL.Host != first.Host || (first.Scheme == "https" && req.URL.Scheme != "https"):
		return errSentAway
	case len(via) > maxRedirects:
		return fmt.Errorf("it redirects more than %d times", maxRedirects)
	case req.Method != http.MethodPost:
		return errors.New("it redirects to a page that takes no report")
	}
	return nil
}

// reason says why a request failed, without the address, which the standard
// library puts before every such error.
func reason(ctx context.Context, o Options, err error) string {
	if tooSlow(ctx) {
		return fmt.Sprintf("no answer within %s", o.Timeout)
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return clean(err.Error(), o)
}
