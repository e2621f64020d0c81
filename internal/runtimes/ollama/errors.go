package ollama

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// errCallTimeout is the cause of a measured call that took too long.
var errCallTimeout = errors.New("call timeout")

// errStall is the cause of a pull that stopped moving.
var errStall = errors.New("no progress")

// errDied is the cause of a runner that ended without a word.
var errDied = errors.New("the model's process ended without a word")

// rule maps a phrase in an error of the server to what it means. Phrases are
// ours, so that printing one never prints what the server quoted.
type rule struct {
	phrases []string
	kind    fault.Kind
	code    fault.Code
	hint    string
}

const (
	hintMemory  = "use a smaller context, fewer GPU layers, a smaller or more quantised model"
	hintUpgrade = "update Ollama, or choose another model"
	hintServer  = "read the server's log"
	hintDied    = "nothing: the model is loaded again; if this happens often, see what kills the runner in the logs of server and system"
)

// rules are tried in order; phrases are lower case. The list for memory is that
// of Ollama's own matcher, with the texts of older versions.
func rules() []rule {
	return []rule{
		{[]string{"unable to load full model on gpu"}, fault.OutOfMemory, fault.CodeRungRejected, hintMemory},
		{[]string{
			"out of memory", "out-of-memory", "out of device memory", "cudamalloc failed", "hipmalloc failed", "failed to allocate",
			"allocation failed", "not enough memory", "insufficient memory", "vk_error_out_of_device_memory",
			"erroroutofmemory", "requires more system memory", "unable to allocate", "cannot allocate memory",
		}, fault.OutOfMemory, fault.CodeOutOfMemory, hintMemory},
		// A runner that ended without a word; died.go looks whether the kernel
		// killed it for want of memory.
		{[]string{
			"signal: killed", "exit status 137", "runner process no longer running: -1",
			"while running the model: unexpected eof", "forcibly closed", "post predict: post ", "do load request: post ",
		}, fault.Unavailable, fault.CodeModelNotResident, hintDied},
		{[]string{"no space left on device"}, fault.Unavailable, fault.CodeDiskFull, "free disk space where Ollama keeps its models"},
		{[]string{"try pulling it first", "file does not exist", "pull model manifest: 404"}, fault.Invalid, fault.CodeModelNotFound, hintNotFound},
		{[]string{"maximum pending requests exceeded", "server busy"}, fault.Unavailable, fault.CodeServerError, "let other users of the server finish, or measure on a server of your own"},
		{[]string{"exceeds the context length", "exceeds the available context", "exceed context size", "input is too large"}, fault.Invalid, fault.CodeRefused, "load the model with a larger context"},
		{[]string{"must be of type", "invalid option", "num_ctx", "num_gpu", "num_batch"}, fault.Invalid, fault.CodeRungRejected, "check the rung's settings"},
		{[]string{"not supported by your version", "incompatible with your version", "unknown model architecture", "unsupported model", "newer version of ollama"}, fault.Unsupported, fault.CodeRefused, hintUpgrade},
		{[]string{"does not support", "invalid model name", "template error", "invalid file magic", "unsupported content type", "unknown type"}, fault.Invalid, fault.CodeRefused, "check the model and the spec"},
		{[]string{"digest mismatch", "digest does not match"}, fault.Corrupt, fault.CodeServerError, "remove the model from the server and pull it again"},
		{[]string{"unauthorized", "access denied"}, fault.Invalid, fault.CodeUnauthorized, "give the server the right to this model"},
		{[]string{"dial tcp", "no such host", "i/o timeout", "connection refused", "connection reset", "tls:", "network is unreachable", "max retries exceeded"}, fault.Unavailable, fault.CodeUnreachable, "check the server's network"},
		{[]string{"runner process has terminated", "runner process no longer running", "llama-server process", "error was encountered while running the model"}, fault.Unavailable, fault.CodeServerError, hintServer},
	}
}

const hintNotFound = "check the spelling against the registry and `ollama list`; a private model needs a GGUF in the spec"

// maxSearched is how much of an error is searched for phrases, from both ends.
const maxSearched = 16 << 10

// classify turns an error of the server into a typed one. The server may quote
// the prompt, so its text is never passed on: only the phrase of ours that was
// found in it, the status, its length and the start of its hash.
func classify(what string, status int, text string) *fault.Error {
	low := strings.ToLower(text)
	if len(low) > 2*maxSearched {
		low = low[:maxSearched] + "\n" + low[len(low)-maxSearched:]
	}
	shape := shapeOf(text)
	for _, r := range rules() {
		for _, phrase := range r.phrases {
			if !strings.Contains(low, phrase) || (r.code == fault.CodeOutOfMemory && recovered(low)) {
				continue
			}
			if r.hint == hintDied {
				return fault.New(r.kind, r.code, r.hint, "ollama: %s: status %d, %q (%s): %w", what, status, phrase, shape, errDied)
			}
			return fault.New(r.kind, r.code, r.hint, "ollama: %s: status %d, %q (%s)", what, status, phrase, shape)
		}
	}
	kind, code, hint := byStatus(status, low)
	return fault.New(kind, code, hint, "ollama: %s: status %d (%s)", what, status, shape)
}

// byStatus types an error whose text holds nothing known.
func byStatus(status int, low string) (fault.Kind, fault.Code, string) {
	switch {
	case status == http.StatusNotFound && strings.Contains(low, "model") && strings.Contains(low, "not found"):
		return fault.Invalid, fault.CodeModelNotFound, hintNotFound
	case status == http.StatusNotFound:
		return fault.Unsupported, fault.CodeRefused, "check the address and update Ollama: it does not know this request"
	case status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status == 499:
		return fault.Unavailable, fault.CodeServerError, hintServer
	case status >= 300 && status < 500:
		return fault.Invalid, fault.CodeRefused, "check the model's settings; " + hintServer
	default:
		return fault.Unavailable, fault.CodeServerError, hintServer
	}
}

// recovered tells whether the last line of an error says that the server goes
// on by itself after an allocation that failed.
func recovered(low string) bool {
	low = strings.TrimSpace(low)
	return strings.Contains(low[strings.LastIndexByte(low, '\n')+1:], "retrying without pipeline parallelism")
}

// shapeOf describes a text without quoting it.
func shapeOf(text string) string {
	if text == "" {
		return "no text"
	}
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf("%d bytes of text, sha256 %s", len(text), hex.EncodeToString(sum[:6]))
}

// transportError types a request that got no whole answer. The error's own
// text is not used: net/http quotes what it could not read.
func (c *Client) transportError(ctx context.Context, what string, err error) error {
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, errCallTimeout):
		return fault.New(fault.Unavailable, fault.CodeTimeout, "raise the call timeout, or cap the answer shorter",
			"ollama: %s: no whole answer within the call's timeout", what)
	case errors.Is(cause, errStall):
		return fault.New(fault.Unavailable, fault.CodeUnreachable, "check the server's network and disk, then run again: it goes on where it stopped",
			"ollama: %s: no progress for too long", what)
	case cause != nil && errors.Is(cause, context.Canceled):
		return fmt.Errorf("ollama: %s: %w", what, context.Canceled)
	case cause != nil:
		return fault.New(fault.Unavailable, fault.CodeTimeout, hintServer, "ollama: %s: %w", what, context.DeadlineExceeded)
	}
	return fault.New(fault.Unavailable, fault.CodeUnreachable, "is the server running at "+c.base.Host+"? `ollama serve` starts one",
		"ollama: %s: %s", what, networkReason(err))
}

// networkReason says in our own words why a connection failed.
func networkReason(err error) string {
	_, noName := errors.AsType[*net.DNSError](err)
	operation, isOp := errors.AsType[*net.OpError](err)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the server closed the connection"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the server closed the connection before the end of its answer"
	case noName:
		return "no such host"
	case isOp:
		return "network error on " + operation.Op
	}
	return "the connection failed or the answer is not HTTP"
}

// badAnswer is an answer that breaks the protocol.
func badAnswer(what, format string, args ...any) *fault.Error {
	return fault.New(fault.Corrupt, fault.CodeBadAnswer, "check that the address is an Ollama server and not a proxy; "+hintServer,
		"ollama: %s: "+format, append([]any{what}, args...)...)
}
