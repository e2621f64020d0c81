package ollama

import (
	"bufio"
	"errors"
	"io"
	"sync"
)

// errTooLong is a line over the limit, errTooMuch a stream over it.
var (
	errTooLong = errors.New("line too long")
	errTooMuch = errors.New("stream too long")
)

// lineReader reads newline-delimited JSON with bounds on a line and on the
// whole. A line is valid until the next call.
type lineReader struct {
	in    *bufio.Reader
	long  []byte // holds a line that is longer than the buffer
	total int    // bytes read
	line  int    // most bytes of a line
	most  int    // most bytes of the stream
}

// readers keeps the 64 KiB buffers between calls.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 64<<10) }}

func newLineReader(r io.Reader, line, most int) *lineReader {
	in := readers.Get().(*bufio.Reader) //nolint:forcetypeassert // the pool holds nothing else
	in.Reset(r)
	return &lineReader{in: in, line: line, most: most}
}

// release gives the buffer back; lines are not valid any more.
func (l *lineReader) release() {
	l.in.Reset(nil)
	readers.Put(l.in)
	l.in = nil
}

// next gives the next line that is not blank, without its end. At the end of
// the stream it gives io.EOF; a last line without a newline counts.
func (l *lineReader) next() ([]byte, error) {
	for {
		line, err := l.read()
		if trimmed := trimLine(line); len(trimmed) > 0 && (err == nil || err == io.EOF) { //nolint:errorlint // bufio gives io.EOF itself
			return trimmed, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// read gives one line, blank or not.
func (l *lineReader) read() ([]byte, error) {
	l.long = l.long[:0]
	for {
		part, err := l.in.ReadSlice('\n')
		l.total += len(part)
		switch {
		case l.total > l.most:
			return nil, errTooMuch
		case len(l.long)+len(part) > l.line:
			return nil, errTooLong
		case errors.Is(err, bufio.ErrBufferFull):
			l.long = append(l.long, part...)
		case len(l.long) > 0:
			l.long = append(l.long, part...)
			return l.long, err
		default:
			return part, err
		}
	}
}

func trimLine(line []byte) []byte {
	for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r' || line[len(line)-1] == ' ') {
		line = line[:len(line)-1]
	}
	for len(line) > 0 && line[0] == ' ' {
		line = line[1:]
	}
	return line
}
