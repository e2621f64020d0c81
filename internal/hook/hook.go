// Package hook tells a command or a webhook of something, once: JSON goes out,
// and what came of it comes back in words that may be stored. Secrets stay
// behind: of a webhook's address only the server is ever named, and of what a
// command prints a bounded part is kept, without the secrets that are known.
package hook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// Options name who is told: a command or a webhook.
type Options struct {
	// Command is a program and its arguments; the JSON is on its standard input.
	Command []string
	// Env is the command's environment as KEY=VALUE; nil hands on our own.
	Env []string
	// URL is posted to, http or https.
	URL string
	// Timeout ends what takes longer; 0 takes DefaultTimeout.
	Timeout time.Duration
	// Secrets are texts that must not be repeated, such as a token in the
	// environment. What URL holds is one without being named.
	Secrets []string
	// Client makes requests; nil takes the default transport.
	Client *http.Client
}

// DefaultTimeout is how long a hook may take unless told otherwise.
const DefaultTimeout = 30 * time.Second

// maxOutput is how much of what a command prints is kept, in bytes.
const maxOutput = 4 << 10

// Set reports whether anybody is to be told.
func (o Options) Set() bool { return len(o.Command) > 0 || o.URL != "" }

// Outcome is what came of telling.
type Outcome struct {
	// ExitCode is the command's, −1 when it did not end by itself.
	ExitCode int `json:"exit_code"`
	// Status is the webhook's, 0 without an answer.
	Status int           `json:"status,omitempty"`
	Output string        `json:"output,omitempty"` // of the command, cut and without known secrets
	Took   time.Duration `json:"took_ns"`
	Text   string        `json:"text"` // one sentence
}

// Call tells body, which is JSON. An error is of kind Unavailable where trying
// again may help and Invalid where the options are at fault; the outcome says in
// either case what is known.
func Call(ctx context.Context, o Options, body []byte) (Outcome, error) {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, o.Timeout, errTooSlow)
	defer cancel()
	began := time.Now()
	var out Outcome
	var err error
	switch {
	case len(o.Command) > 0 && o.URL != "":
		err = fault.New(fault.Invalid, fault.CodeNoHook, "set one of the two", "tell hook: both a command and an address are set")
	case len(o.Command) > 0:
		out, err = run(ctx, o, body)
	case o.URL != "":
		out, err = post(ctx, o, body)
	default:
		err = fault.New(fault.Invalid, fault.CodeNoHook, "set drift.hook.command or drift.hook.url", "tell hook: none is set")
	}
	out.Took = time.Since(began)
	if err != nil {
		out.Text = err.Error()
	}
	return out, err
}

var errTooSlow = errors.New("the hook took too long")

// tooSlow reports whether the hook's own time was up.
func tooSlow(ctx context.Context) bool { return errors.Is(context.Cause(ctx), errTooSlow) }

// server names an address by its scheme and server alone: path, query and user
// often are the secret.
func server(u *url.URL) string { return u.Scheme + "://" + u.Host }

// clean makes what a command printed fit to be stored: bounded, printable and
// without the secrets that are known.
func clean(text string, o Options) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	for _, secret := range append(secretsOf(o.URL), o.Secrets...) {
		if len(secret) >= 4 { // shorter ones would hollow out every text
			text = strings.ReplaceAll(text, secret, "REDACTED")
		}
	}
	text = strings.Map(func(r rune) rune {
		if r != '\n' && !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	if len(text) > maxOutput {
		text = strings.ToValidUTF8(text[:maxOutput], "") + " …"
	}
	return strings.TrimSpace(text)
}

// secretsOf are the parts of an address that may be secret.
func secretsOf(address string) []string {
	u, err := url.Parse(address)
	if err != nil || address == "" {
		return nil
	}
	out := []string{address}
	if password, has := u.User.Password(); has {
		out = append(out, password)
	}
	for _, values := range u.Query() {
		out = append(out, values...)
	}
	for part := range strings.SplitSeq(u.Path, "/") {
		if len(part) >= 16 {
			out = append(out, part)
		}
	}
	return out
}

func failed(format string, args ...any) error {
	return fault.New(fault.Unavailable, fault.CodeHookFailed, "try the hook by hand; the comparison itself is stored", "tell hook: "+format, args...)
}

// said adds what a command printed to a sentence.
func said(output string) string {
	if output == "" {
		return ""
	}
	const enough = 300
	line := strings.Join(strings.Fields(output), " ")
	if len(line) > enough {
		line = strings.ToValidUTF8(line[:enough], "") + " …"
	}
	return fmt.Sprintf("; it printed: %s", line)
}
