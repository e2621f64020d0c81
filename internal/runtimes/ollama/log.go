package ollama

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"time"
)

// maxLog is how much of the log is read after one request, from its end back.
const maxLog = 4 << 20

// logMark remembers where the server's log ended.
type logMark struct {
	path   string
	offset int64
	ok     bool
}

// markLog notes the end of the log before a request.
func (c *Client) markLog() logMark {
	if c.opts.LogPath == "" {
		return logMark{}
	}
	info, err := os.Stat(c.opts.LogPath)
	if err != nil || !info.Mode().IsRegular() {
		return logMark{}
	}
	return logMark{path: c.opts.LogPath, offset: info.Size(), ok: true}
}

// since gives what was logged after the mark. A log that became shorter was
// turned over and is read whole.
func (m logMark) since() []byte {
	if !m.ok {
		return nil
	}
	f, err := os.Open(m.path)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	from := m.offset
	if info.Size() < from {
		from = 0
	}
	if from == info.Size() {
		return nil
	}
	from = max(from, info.Size()-maxLog)
	text, err := io.ReadAll(io.NewSectionReader(f, from, maxLog))
	if err != nil {
		return nil
	}
	return text
}

// The lines that we know, from all eras of the log.
var (
	cutLine   = regexp.MustCompile(`truncating input prompt"? limit=(\d{1,9}) prompt=(\d{1,9}) keep=(\d{1,9}) new=(\d{1,9})`)
	shiftLine = regexp.MustCompile(`slot context shift|context limit hit - shifting|input truncated`)
	// offloadedLine is printed by llama.cpp and by the new engine, measured.
	offloadedLine = regexp.MustCompile(`offloaded\s+(\d{1,6})/(\d{1,6})\s+layers to GPU`)
	// plannedLine is Ollama's own estimate up to v0.12.10.
	plannedLine = regexp.MustCompile(`msg="?offload[^\n]*\blayers\.model=(\d{1,6}) layers\.offload=(\d{1,6})\b`)
	startedLine = regexp.MustCompile(`(?:llama runner|llama-server) started in ([\d.]{1,12}) seconds`)
	contextLine = regexp.MustCompile(`n_ctx_per_seq\s*=\s*(\d{1,9})`)
)

// shortened gives the reason if the log says that a prompt was cut.
func (m logMark) shortened() string {
	text := m.since()
	if len(text) == 0 {
		return ""
	}
	if found := cutLine.FindSubmatch(text); found != nil {
		return fmt.Sprintf("the server shortened the prompt: its log says %s tokens of %s kept, the context holds %s", found[4], found[2], found[1])
	}
	if shiftLine.Match(text) {
		return "context_shift: the server's log says that it dropped part of the prompt"
	}
	return ""
}

// placement is what the log says about a load. Zero values were not found.
type placement struct {
	total, gpu int // layers with the output layer
	measured   bool
	found      bool
	context    int // tokens per request
	started    time.Duration
}

// readPlacement finds the newest figures of a load in a log. Fit probes repeat
// lines, so the last one counts.
func readPlacement(text []byte) placement {
	var p placement
	if m := lastMatch(offloadedLine, text); m != nil {
		p.gpu, p.total, p.measured, p.found = number(m[1]), number(m[2]), true, true
	} else if m := lastMatch(plannedLine, text); m != nil {
		p.total, p.gpu, p.found = number(m[1]), number(m[2]), true
	}
	if p.total <= 0 || p.gpu > p.total {
		p.total, p.gpu, p.found, p.measured = 0, 0, false, false
	}
	if m := lastMatch(contextLine, text); m != nil {
		p.context = number(m[1])
	}
	if m := lastMatch(startedLine, text); m != nil {
		if s, err := strconv.ParseFloat(string(m[1]), 64); err == nil && s >= 0 && s < 1e6 {
			p.started = time.Duration(s * float64(time.Second))
		}
	}
	return p
}

func lastMatch(re *regexp.Regexp, text []byte) [][]byte {
	all := re.FindAllSubmatch(text, -1)
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

func number(digits []byte) int {
	n, err := strconv.Atoi(string(bytes.TrimSpace(digits)))
	if err != nil {
		return 0
	}
	return n
}
