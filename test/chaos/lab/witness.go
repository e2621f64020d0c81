package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"sync"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/test/chaos/judge"
)

// Witness counts what is asked of Ollama, on the way there: it believes neither
// the worker nor the database. Calls are told apart by the nonce before their
// prompt.
type Witness struct {
	mu   sync.Mutex
	seen map[string]asked // by nonce
}

// asked is what was asked for with one nonce.
type asked struct {
	times int
	model string
}

var nonceLine = regexp.MustCompile(`^\[([0-9a-f]{16})\]\n`)

// Tap gives a writer for what one connection carries.
func (w *Witness) Tap() io.WriteCloser {
	from, to := io.Pipe()
	go w.read(from)
	return to
}

func (w *Witness) read(from *io.PipeReader) {
	in := bufio.NewReader(from)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			break
		}
		var body struct {
			Model  string `json:"model"`
			Prompt string `json:"prompt"`
		}
		err = json.NewDecoder(req.Body).Decode(&body)
		asks := err == nil && req.Method == http.MethodPost && req.URL.Path == "/api/generate" && body.Prompt != ""
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			break // it was cut before its end
		}
		if asks {
			w.count(body.Model, body.Prompt)
		}
	}
	_, _ = io.Copy(io.Discard, from) // whatever else is sent must not wait for a reader
}

func (w *Witness) count(model, prompt string) {
	nonce := ""
	if m := nonceLine.FindStringSubmatch(prompt); m != nil {
		nonce = m[1]
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen == nil {
		w.seen = map[string]asked{}
	}
	w.seen[nonce] = asked{w.seen[nonce].times + 1, model}
}

// begun is a call as the database knows it.
type begun struct {
	cell   string
	nonce  string
	stored bool // this attempt is the one in the table of calls
}

// weigh compares what was seen with what the database knows: the calls begun of
// one sweep, and what no call and no discarded call of any known cell explains.
func (w *Witness) weigh(mine, others []begun, cells []string) judge.Requests {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := judge.Requests{Watched: w.seen != nil}
	known := map[string]bool{}
	for _, b := range mine {
		n := w.seen[b.nonce].times
		out.Calls += n
		out.Twice += max(0, n-1)
		if b.stored && n == 0 {
			out.Lacking++
		}
		known[b.nonce] = true
	}
	for _, b := range others {
		known[b.nonce] = true
	}
	strange := map[string]asked{}
	for nonce, a := range w.seen {
		if !known[nonce] {
			strange[nonce] = a
		}
	}
	for _, cell := range cells {
		discarded(cell, strange)
	}
	for _, a := range strange {
		out.Strange = append(out.Strange, slices.Repeat([]string{a.model}, a.times)...)
	}
	slices.Sort(out.Strange)
	return out
}

// The answers of run 0 are discarded: warm-up calls, and the one that proves a
// runtime after a worker died. They are few, and so are the times that a stage
// is taken; each further try of a cell counts those from the next hundred on.
const (
	mostDiscarded = 12
	mostTimes     = 40
	mostTries     = 8
	perTry        = 100
)

func discarded(cell string, strange map[string]asked) {
	if len(strange) == 0 {
		return
	}
	for item := range mostDiscarded {
		for no := range mostTries * perTry {
			if no%perTry < mostTimes {
				delete(strange, bench.CallKey{Cell: bench.CellID(cell), Item: item}.Nonce(no))
			}
		}
	}
}

// Requests weighs what Ollama was asked for a sweep that has ended.
func (l *Lab) Requests(ctx context.Context, sweep string) (judge.Requests, error) {
	rows, err := l.DB.Query(ctx, `SELECT c.sweep_id, b.cell_id, b.run, b.item, b.attempt, k.attempt IS NOT NULL FROM calls_begun b
		JOIN cells c ON c.id = b.cell_id LEFT JOIN calls k ON (k.cell_id, k.epoch, k.run, k.item, k.attempt) = (b.cell_id, b.epoch, b.run, b.item, b.attempt)`)
	if err != nil {
		return judge.Requests{}, fmt.Errorf("read the calls begun: %w", err)
	}
	defer rows.Close()
	var mine, others []begun
	for rows.Next() {
		var of string
		var key bench.CallKey
		var attempt int
		var b begun
		if err := rows.Scan(&of, &key.Cell, &key.Run, &key.Item, &attempt, &b.stored); err != nil {
			return judge.Requests{}, fmt.Errorf("read the calls begun: %w", err)
		}
		b.cell, b.nonce = string(key.Cell), key.Nonce(attempt)
		if of == sweep {
			mine = append(mine, b)
		} else {
			others = append(others, b)
		}
	}
	if err := rows.Err(); err != nil {
		return judge.Requests{}, fmt.Errorf("read the calls begun: %w", err)
	}
	cells, err := l.texts(ctx, `SELECT id FROM cells`)
	return l.Witness.weigh(mine, others, cells), err
}
