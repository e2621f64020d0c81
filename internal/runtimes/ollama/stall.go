package ollama

import (
	"context"
	"io"
	"strings"
	"time"
)

// stall ends a context when nothing has moved for too long.
type stall struct {
	timer *time.Timer
	limit time.Duration
}

// quietFactor is how much longer than the limit a step may take of which the
// server tells no progress, such as verifying a checksum.
const quietFactor = 10

// watch gives a context that ends with errStall unless moved is called often
// enough. The caller calls cancel.
func watch(ctx context.Context, limit time.Duration) (within context.Context, s *stall, cancel context.CancelCauseFunc) {
	within, cancel = context.WithCancelCause(ctx)
	return within, &stall{timer: time.AfterFunc(limit, func() { cancel(errStall) }), limit: limit}, cancel
}

func (s *stall) moved() { s.timer.Reset(s.limit) }

// quiet starts a step of which no progress is told.
func (s *stall) quiet() { s.timer.Reset(quietFactor * s.limit) }

func (s *stall) stop() { s.timer.Stop() }

// step marks progress that the server told by name.
func (s *stall) step(status string) {
	verb, _, _ := strings.Cut(status, " ")
	switch verb {
	case "verifying", "writing", "parsing", "converting", "quantizing", "creating", "using", "removing":
		s.quiet()
	default:
		s.moved()
	}
}

// movingReader counts what passes and tells of it.
type movingReader struct {
	r     io.Reader
	count int64
	told  func(total int64)
}

func (m *movingReader) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if n > 0 {
		m.count += int64(n)
		m.told(m.count)
	}
	return n, err
}
