package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxFileBytes caps a spec or a settings file.
const maxFileBytes = 1 << 20

// parseYAML reads one YAML document into a tree; a problem goes to found and
// gives nil. An empty document gives nil without a problem.
func parseYAML(data []byte, found *findings) *yaml.Node {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) // editors on Windows write a byte order mark
	found.lines[""] = 1
	if len(data) > maxFileBytes {
		found.addAt(0, "", "split it, or name datasets by path instead of writing them here",
			"is %d bytes, expected at most %d", len(data), maxFileBytes)
		return nil
	}
	if !utf8.Valid(data) {
		found.addAt(badByteLine(data), "", "save the file as UTF-8", "holds bytes that are not UTF-8")
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if !errors.Is(err, io.EOF) {
			line, msg, mend := explainYAML(err)
			found.addAt(line, "", mend, "%s", msg)
		}
		return nil
	}
	if line := secondDocument(decoder, data); line > 0 {
		found.addAt(line, "", "put each document in a file of its own", "holds a second document, expected one")
		return nil
	}
	if document.Kind != yaml.DocumentNode || len(document.Content) == 0 {
		return nil
	}
	return document.Content[0]
}

// secondDocument gives the line where a second document begins, or 0.
func secondDocument(decoder *yaml.Decoder, data []byte) int {
	var second yaml.Node
	err := decoder.Decode(&second)
	switch {
	case errors.Is(err, io.EOF):
		return 0
	case err != nil:
		line, _, _ := explainYAML(err)
		return max(line, 1)
	case second.Line > 0:
		return second.Line
	}
	return bytes.Count(data, []byte("\n")) + 1
}

var yamlLine = regexp.MustCompile(`^(?:unmarshal errors:\s*)?line (\d+): `)

// explainYAML takes the line out of a YAML syntax error and says it plainly.
func explainYAML(err error) (line int, msg, mend string) {
	line, msg = 1, strings.TrimPrefix(err.Error(), "yaml: ") // the library leaves out line 1
	if m := yamlLine.FindStringSubmatch(msg); m != nil {
		line, _ = strconv.Atoi(m[1]) // digits only
		msg = strings.TrimPrefix(msg, m[0])
	}
	mend = "correct the YAML there"
	switch {
	case strings.Contains(msg, "cannot start any token"), strings.Contains(msg, "tab character"):
		mend = "indent with spaces, not tabs, and quote values that begin with @, ` or %"
	case strings.Contains(msg, "mapping values are not allowed"):
		mend = "quote values that hold a colon and a space, and check the indentation"
	case strings.Contains(msg, "control characters"):
		mend = "save the file as plain UTF-8 text"
	}
	if len(msg) > 200 {
		msg = strings.ToValidUTF8(msg[:200], "") + "…"
	}
	return line, fmt.Sprintf("is not YAML: %s", msg), mend
}

func badByteLine(data []byte) int {
	for at := 0; at < len(data); {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size <= 1 {
			return bytes.Count(data[:at], []byte("\n")) + 1
		}
		at += size
	}
	return 0
}
