package plug

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxBody bounds what is read of an answer; a plug's is below 2 KiB.
const maxBody = 64 << 10

// client asks one device, over a connection that stays open.
type client struct {
	http     *http.Client
	base     *url.URL // scheme and host
	timeout  time.Duration
	user     string
	password string
	basic    bool      // Shelly's first generation
	digest   challenge // what the device asked for last
}

// trouble is why there is no answer, as a reason of a reading.
type trouble struct {
	reason uint8
	detail string // for the one who set the meter up; holds no secret
}

func (t *trouble) Error() string {
	if t.detail == "" {
		return reasons()[t.reason]
	}
	return reasons()[t.reason] + " (" + t.detail + ")"
}

// transport keeps one connection, takes no proxy from the environment and
// reads small headers.
func transport() *http.Transport {
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		MaxIdleConns:           1,
		MaxConnsPerHost:        1,
		IdleConnTimeout:        5 * time.Minute,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 16 << 10,
		DisableCompression:     true,
	}
}

func newClient(o Options, base *url.URL, rt http.RoundTripper) *client {
	return &client{
		base: base, timeout: o.Timeout, user: o.User, password: o.Password,
		http: &http.Client{
			Transport: rt,
			// A plug has no reason to send us elsewhere, least of all with a password.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// reply is a body with the stamps of its own request.
type reply struct {
	body       []byte
	asked, got time.Duration
}

func (r reply) midpoint() time.Duration { return r.asked + (r.got-r.asked)/2 }

// get asks for a path. The stamps are those of the request that was answered,
// not of one that only brought a challenge.
func (c *client) get(ctx context.Context, now func() time.Duration, path string) (reply, error) {
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	for try := 0; ; try++ {
		r := reply{asked: now()}
		status, header, body, err := c.exchange(limited, path)
		r.got, r.body = now(), body
		switch {
		case ctx.Err() != nil:
			return r, ctx.Err() //nolint:wrapcheck // the caller's own cancellation
		case err != nil:
			return r, c.explain(err)
		case status == http.StatusUnauthorized && try == 0 && c.accept(header):
			continue
		case status == http.StatusUnauthorized || status == http.StatusForbidden:
			return r, &trouble{reason: reasonAuth}
		case status >= 300 && status < 400:
			return r, &trouble{reason: reasonRedirect}
		case status != http.StatusOK:
			return r, &trouble{reason: reasonHTTP, detail: fmt.Sprintf("status %d", status)}
		case len(body) > maxBody:
			return r, &trouble{reason: reasonTooLong}
		}
		return r, nil
	}
}

// accept keeps a challenge that can be answered.
func (c *client) accept(header http.Header) bool {
	if c.password == "" || c.basic {
		return false
	}
	for _, h := range header.Values("WWW-Authenticate") {
		if found, ok := parseChallenge(h); ok {
			c.digest = found
			return true
		}
	}
	return false
}

func (c *client) exchange(ctx context.Context, path string) (status int, header http.Header, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.String()+path, http.NoBody)
	if err != nil {
		return 0, nil, nil, err //nolint:wrapcheck // explained by the caller
	}
	user := c.user
	if user == "" {
		user = "admin"
	}
	switch {
	case c.basic && c.password != "":
		req.SetBasicAuth(user, c.password)
	case c.digest.nonce != "":
		req.Header.Set("Authorization", c.digest.authorise(user, c.password, path))
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, nil, err //nolint:wrapcheck // explained by the caller
	}
	defer func() { _ = resp.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	return resp.StatusCode, resp.Header, body, err //nolint:wrapcheck // explained by the caller
}

// explain turns an error of the network into a reason. The address that the
// library puts into its errors can hold a password, so only the cause is kept.
func (c *client) explain(err error) error {
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	if timeout, ok := errors.AsType[net.Error](err); (ok && timeout.Timeout()) || errors.Is(err, context.DeadlineExceeded) {
		return &trouble{reason: reasonTimeout, detail: "after " + c.timeout.String()}
	}
	detail := err.Error()
	for _, secret := range []string{c.password, url.QueryEscape(c.password)} {
		if secret != "" {
			detail = strings.ReplaceAll(detail, secret, "***")
		}
	}
	if len(detail) > 200 {
		detail = detail[:200]
	}
	return &trouble{reason: reasonUnreachable, detail: detail}
}

func (c *client) close() { c.http.CloseIdleConnections() }
