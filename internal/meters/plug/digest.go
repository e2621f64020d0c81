package plug

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// challenge is what a device asks for by digest authentication (RFC 7616), as
// Shelly does from its second generation on: SHA-256 with qop auth.
type challenge struct {
	realm, nonce, opaque string
	used                 int // how often the nonce was used
}

// maxChallenge bounds the header that is looked at.
const maxChallenge = 2048

// parseChallenge reads a WWW-Authenticate header. Weaker digests than SHA-256
// are refused.
func parseChallenge(header string) (challenge, bool) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	if !strings.EqualFold(scheme, "Digest") || len(header) > maxChallenge {
		return challenge{}, false
	}
	c, algorithm, qop := challenge{}, "", ""
	for key, value := range parameters(rest) {
		switch strings.ToLower(key) {
		case "realm":
			c.realm = value
		case "nonce":
			c.nonce = value
		case "opaque":
			c.opaque = value
		case "algorithm":
			algorithm = value
		case "qop":
			qop = value
		}
	}
	auth := false
	for q := range strings.SplitSeq(qop, ",") {
		auth = auth || strings.TrimSpace(q) == "auth"
	}
	return c, c.nonce != "" && auth && strings.EqualFold(algorithm, "SHA-256")
}

// parameters yields key="value" pairs parted by commas. Values with quotes in
// them, which would leave our own header, end the list.
func parameters(text string) func(func(string, string) bool) {
	return func(yield func(string, string) bool) {
		for {
			key, rest, ok := strings.Cut(text, "=")
			if !ok {
				return
			}
			value := ""
			if strings.HasPrefix(rest, `"`) {
				value, text, ok = strings.Cut(rest[1:], `"`)
				if !ok {
					return
				}
				text = strings.TrimLeft(text, " ,")
			} else {
				value, text, _ = strings.Cut(rest, ",")
				value = strings.TrimSpace(value)
			}
			if strings.ContainsAny(value, "\"\\\r\n") {
				return
			}
			if !yield(strings.Trim(key, " ,\t"), value) {
				return
			}
		}
	}
}

// authorise answers the challenge for one GET of uri.
func (c *challenge) authorise(user, password, uri string) string {
	c.used++
	return c.response(user, password, uri, rand.Text())
}

// response is the header for a given client nonce.
func (c *challenge) response(user, password, uri, cnonce string) string {
	count := fmt.Sprintf("%08x", c.used)
	ha1 := hash(user + ":" + c.realm + ":" + password)
	ha2 := hash("GET:" + uri)
	response := hash(strings.Join([]string{ha1, c.nonce, count, cnonce, "auth", ha2}, ":"))
	// No value here can hold a quote: a challenge with one is not read, a user
	// with one is refused.
	quote := func(key, value string) string { return key + `="` + value + `"` }
	header := "Digest " + strings.Join([]string{
		quote("username", user), quote("realm", c.realm), quote("nonce", c.nonce), quote("uri", uri),
		"algorithm=SHA-256", "qop=auth", "nc=" + count, quote("cnonce", cnonce), quote("response", response),
	}, ", ")
	if c.opaque != "" {
		header += ", " + quote("opaque", c.opaque)
	}
	return header
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
