package ollama

import (
	"strings"
	"unicode"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// maxName is the longest model name in bytes that is sent.
const maxName = 300

// checkName refuses a name that no Ollama takes.
func checkName(name string) error {
	bad := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r == unicode.ReplacementChar }
	if name == "" || len(name) > maxName || strings.ContainsFunc(name, bad) {
		return fault.New(fault.Invalid, "", "write it as in `ollama list`, for example llama3.3:70b",
			"ollama: a model name of %d bytes is empty, too long or holds spaces", len(name))
	}
	return nil
}

// sameModel tells whether two names mean one model: case does not count, the
// tag latest and the library's own name space may be left out.
func sameModel(a, b string) bool { return canonicalName(a) == canonicalName(b) }

func canonicalName(name string) string {
	name = strings.ToLower(name)
	parts := strings.Split(name, "/")
	last := parts[len(parts)-1]
	if len(parts) > 1 && parts[len(parts)-2] == "library" {
		name = last // a host before it can only be the default registry
	}
	if !strings.Contains(last, ":") {
		name += ":latest"
	}
	return name
}

// sameDigest tells whether a pin, whole or its first 12 hex digits or more,
// with or without "sha256:", names a digest.
func sameDigest(pin, digest string) bool {
	pin = strings.ToLower(strings.TrimPrefix(pin, "sha256:"))
	digest = strings.ToLower(strings.TrimPrefix(digest, "sha256:"))
	return len(pin) >= 12 && strings.HasPrefix(digest, pin)
}
