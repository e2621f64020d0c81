package redfish

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxBody bounds what is read of an answer.
const maxBody = 1 << 20

// client asks one BMC, over a connection and a session that stay open.
type client struct {
	http     *http.Client
	base     string // scheme and host
	host     string
	timeout  time.Duration
	user     string
	password string

	token   string // of the session
	session string // path of the session, to end it
	basic   bool   // the BMC has no sessions
}

// trouble is why there is no answer, as a reason of a reading.
type trouble struct {
	reason uint8
	status int
	detail string // for the one who set the meter up; holds no secret
}

func (t *trouble) Error() string {
	if t.detail == "" {
		return reasons()[t.reason]
	}
	return reasons()[t.reason] + " (" + t.detail + ")"
}

// errFingerprint says that the certificate is not the one that was named.
var errFingerprint = errors.New("fingerprint of the certificate is another one")

func newClient(o Options, base *url.URL) *client {
	secure := &tls.Config{MinVersion: tls.VersionTLS12}
	if pin := o.Fingerprint; pin != "" {
		// The chain is not verified because the certificate itself is named; it
		// is compared below, in every handshake.
		secure.InsecureSkipVerify = true //nolint:gosec // the certificate is pinned by VerifyConnection
		secure.VerifyConnection = func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 {
				return errFingerprint
			}
			if got := fingerprint(state.PeerCertificates[0]); got != pin {
				return fmt.Errorf("%w: %s", errFingerprint, got)
			}
			return nil
		}
	}
	return &client{
		base: base.String(), host: base.Host, timeout: o.Timeout, user: o.User, password: o.Password,
		http: &http.Client{
			Transport: &http.Transport{
				DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
				TLSClientConfig:        secure,
				TLSHandshakeTimeout:    10 * time.Second,
				MaxIdleConns:           1,
				MaxConnsPerHost:        1,
				IdleConnTimeout:        5 * time.Minute,
				MaxResponseHeaderBytes: 64 << 10,
			},
			// BMCs add slashes by redirects; they have no reason to send a token
			// to another host.
			CheckRedirect: func(req *http.Request, via []*http.Request) error {
				if len(via) > 3 || req.URL.Host != via[0].URL.Host || req.URL.Scheme != via[0].URL.Scheme {
					return http.ErrUseLastResponse
				}
				return nil
			},
		},
	}
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// reply is a resource with the stamps of its own request.
type reply struct {
	resource   map[string]json.RawMessage
	asked, got time.Duration
}

func (r reply) midpoint() time.Duration { return r.asked + (r.got-r.asked)/2 }

// get asks for a resource, once more after a new login where the session has
// ended.
func (c *client) get(ctx context.Context, now func() time.Duration, path string) (reply, error) {
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	for try := 0; ; try++ {
		r := reply{asked: now()}
		status, _, body, err := c.exchange(limited, http.MethodGet, path, nil)
		r.got = now()
		switch {
		case ctx.Err() != nil:
			return r, ctx.Err() //nolint:wrapcheck // the caller's own cancellation
		case err != nil:
			return r, c.explain(err)
		case status == http.StatusUnauthorized && try == 0 && c.password != "":
			if err := c.login(limited); err != nil {
				if ctx.Err() != nil {
					return r, ctx.Err() //nolint:wrapcheck // the caller's own cancellation
				}
				return r, err
			}
			continue
		}
		if err := judge(status, body); err != nil {
			return r, err
		}
		if r.resource = object(body); r.resource == nil {
			return r, &trouble{reason: reasonJSON}
		}
		return r, nil
	}
}

func judge(status int, body []byte) error {
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return &trouble{reason: reasonAuth, status: status}
	case status >= 300 && status < 400:
		return &trouble{reason: reasonRedirect, status: status}
	case status != http.StatusOK:
		return &trouble{reason: reasonHTTP, status: status, detail: fmt.Sprintf("status %d", status)}
	case len(body) > maxBody:
		return &trouble{reason: reasonTooLong}
	}
	return nil
}

const sessions = "/redfish/v1/SessionService/Sessions"

// login opens a session; a BMC that has none gets the password with each
// request.
func (c *client) login(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	c.token, c.session, c.basic = "", "", false
	body, err := json.Marshal(map[string]string{"UserName": c.user, "Password": c.password})
	if err != nil {
		return &trouble{reason: reasonAuth}
	}
	status, header, _, err := c.exchange(ctx, http.MethodPost, sessions, body)
	switch {
	case err != nil:
		return c.explain(err)
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusBadRequest:
		return &trouble{reason: reasonAuth, status: status}
	case status/100 == 2 && header.Get("X-Auth-Token") != "":
		c.token = header.Get("X-Auth-Token")
		if at, err := url.Parse(header.Get("Location")); err == nil {
			c.session = path(at.Path)
		}
	default:
		c.basic = true
	}
	return nil
}

func (c *client) exchange(
	ctx context.Context, method, path string, payload []byte,
) (status int, header http.Header, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(payload))
	if err != nil {
		return 0, nil, nil, err //nolint:wrapcheck // explained by the caller
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Odata-Version", "4.0")
	if payload != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	switch {
	case c.token != "":
		req.Header.Set("X-Auth-Token", c.token)
	case c.basic:
		req.SetBasicAuth(c.user, c.password)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, nil, err //nolint:wrapcheck // explained by the caller
	}
	defer func() { _ = resp.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	return resp.StatusCode, resp.Header, body, err //nolint:wrapcheck // explained by the caller
}

// explain turns an error of the network into a reason.
func (c *client) explain(err error) error {
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	if unknown, ok := errors.AsType[x509.UnknownAuthorityError](err); ok && unknown.Cert != nil {
		return &trouble{reason: reasonTrust, detail: "no authority of this system signed it; its SHA-256 is " + fingerprint(unknown.Cert)}
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok || errors.Is(err, errFingerprint) {
		return &trouble{reason: reasonTrust, detail: shorten(err.Error())}
	}
	if timeout, ok := errors.AsType[net.Error](err); (ok && timeout.Timeout()) || errors.Is(err, context.DeadlineExceeded) {
		return &trouble{reason: reasonTimeout, detail: "after " + c.timeout.String()}
	}
	detail := err.Error()
	for _, secret := range []string{c.password, c.token} {
		if secret != "" {
			detail = strings.ReplaceAll(detail, secret, "***")
		}
	}
	return &trouble{reason: reasonUnreachable, detail: shorten(detail)}
}

func shorten(s string) string { return s[:min(len(s), 200)] }

// close ends the session, so that the BMC's few places for sessions stay free.
func (c *client) close() {
	if c.session != "" && c.token != "" {
		ctx, cancel := context.WithTimeout(context.Background(), min(c.timeout, 2*time.Second))
		_, _, _, _ = c.exchange(ctx, http.MethodDelete, c.session, nil) // it ends by itself as well
		cancel()
	}
	c.token, c.session = "", ""
	c.http.CloseIdleConnections()
}
