package dataset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

var (
	bom      = []byte("\xef\xbb\xbf")
	utf16LE  = []byte("\xff\xfe")
	utf16BE  = []byte("\xfe\xff")
	gzipMark = []byte("\x1f\x8b")
)

// readLimited is the whole of a regular file, or the problem that kept it from
// being read. The reason never holds the file's content.
func readLimited(fsys fs.FS, name string, limit int64) ([]byte, *Problem) {
	fail := func(kind Kind, message, mend string) ([]byte, *Problem) {
		return nil, &Problem{Kind: kind, File: name, Message: message, Mend: mend}
	}
	file, err := fsys.Open(name)
	if err != nil {
		return fail(KindFile, "cannot be opened: "+pathReason(err), "check that it exists and may be read")
	}
	defer func() { _ = file.Close() }() // opened for reading, nothing can be lost
	info, err := file.Stat()
	if err != nil {
		return fail(KindFile, "cannot be inspected: "+pathReason(err), "check that it may be read")
	}
	if !info.Mode().IsRegular() {
		return fail(KindFile, "is not a regular file", "name a file, not a folder or device")
	}
	if info.Size() > limit {
		return fail(KindLimit, fmt.Sprintf("%d bytes, the limit is %d", info.Size(), limit), "split the set into smaller files")
	}
	raw, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return fail(KindFile, "reading stopped: "+pathReason(err), "check the disk and try again")
	}
	if int64(len(raw)) > limit {
		return fail(KindLimit, fmt.Sprintf("more than %d bytes", limit), "split the set into smaller files")
	}
	if bytes.HasPrefix(raw, utf16LE) || bytes.HasPrefix(raw, utf16BE) {
		return fail(KindText, "is UTF-16", "save it as UTF-8")
	}
	return bytes.TrimPrefix(raw, bom), nil
}

// pathReason is the error without the path, which the problem names already.
func pathReason(err error) string {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err.Error()
	}
	return err.Error()
}

// jsonReason says what is wrong with JSON text without quoting it: the errors
// of encoding/json hold pieces of the input.
func jsonReason(err error) string {
	var syntax *json.SyntaxError
	var mistyped *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("is not valid JSON at byte %d", syntax.Offset)
	case errors.As(err, &mistyped):
		return fmt.Sprintf("holds a JSON %s where a %s is expected", shortKind(mistyped.Value), mistyped.Type)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "is cut short"
	}
	return "is not the expected JSON object"
}

// shortKind is the first word of what encoding/json calls a value ("number
// 1e400" becomes "number").
func shortKind(value string) string {
	for i := range len(value) {
		if value[i] == ' ' {
			return value[:i]
		}
	}
	return value
}
