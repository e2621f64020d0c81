package ollama

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/runtimes"
)

// How a model came to the server.
const (
	sourcePresent  = "present"
	sourceRegistry = "registry"
	sourceGGUF     = "gguf"
)

// Pull makes the model available: it finds it present, pulls it from the
// server's registry, or makes it from the GGUF of the source. A pull that was
// cut goes on where it stopped when it is asked again.
func (c *Client) Pull(ctx context.Context, source runtimes.Source, progress func(runtimes.Progress)) (bench.Pulled, error) {
	if err := checkName(source.Model.Name); err != nil {
		return bench.Pulled{}, err
	}
	if progress == nil {
		progress = func(runtimes.Progress) {}
	}
	start := time.Now()
	pulled := bench.Pulled{Source: sourcePresent}
	var err error
	if source.Model.GGUF != "" {
		pulled.Source, pulled.Bytes, err = c.create(ctx, source, progress)
	} else {
		pulled.Source, pulled.Bytes, err = c.fetch(ctx, source.Model, progress)
	}
	if err != nil {
		return bench.Pulled{}, err
	}
	return c.pulled(ctx, source.Model, pulled, start)
}

// pulled adds what the server has to say about the model and checks the pin.
func (c *Client) pulled(ctx context.Context, model bench.ModelConfig, p bench.Pulled, start time.Time) (bench.Pulled, error) {
	facts, err := c.facts(ctx, model.Name)
	if err != nil {
		return bench.Pulled{}, err
	}
	if err := pinned(model, facts); err != nil {
		return bench.Pulled{}, err
	}
	shown, err := c.show(ctx, model.Name)
	if err != nil {
		return bench.Pulled{}, err
	}
	p.Facts, p.Template, p.Elapsed = facts, shown.Template, time.Since(start)
	return p, nil
}

// pinned refuses a model that is not the one that the spec pins.
func pinned(model bench.ModelConfig, facts bench.ModelFacts) error {
	if model.Digest == "" || sameDigest(model.Digest, facts.Digest) {
		return nil
	}
	return fault.New(fault.Invalid, fault.CodeRefused, "take the pin out of the spec, or set it to the digest that is wanted",
		"ollama: the model's digest is %.12s and the spec pins %.12s",
		strings.TrimPrefix(facts.Digest, "sha256:"), strings.TrimPrefix(model.Digest, "sha256:"))
}

// fetch pulls from the registry unless the model is there with its digest.
func (c *Client) fetch(ctx context.Context, model bench.ModelConfig, progress func(runtimes.Progress)) (string, int64, error) {
	tag, found, err := c.present(ctx, model.Name)
	if err != nil {
		return "", 0, err
	}
	if found && (model.Digest == "" || sameDigest(model.Digest, tag.Digest)) {
		return sourcePresent, 0, nil
	}
	sum := layerSum{}
	err = c.follow(ctx, "/api/pull", modelRequest{Model: model.Name, Stream: true}, func(line progressLine) {
		sum.add(line)
		progress(sum.progress(line.Status))
	})
	if err != nil {
		return "", 0, err
	}
	return sourceRegistry, sum.moved(), nil
}

// follow posts a request and reads its progress lines until success.
func (c *Client) follow(ctx context.Context, path string, body any, each func(progressLine)) error {
	ctx, stalled, cancel := watch(ctx, c.opts.StallLimit)
	defer cancel(nil)
	defer stalled.stop()
	what := "POST " + path
	res, err := c.open(ctx, path, body)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	lines := newLineReader(res.Body, 1<<20, 1<<30)
	defer lines.release()
	seen := map[string]progressLine{}
	for {
		raw, err := lines.next()
		switch {
		case errors.Is(err, errTooLong), errors.Is(err, errTooMuch):
			return badAnswer(what, "a progress line or the whole report is too long")
		case err == io.EOF && ctx.Err() == nil: //nolint:errorlint // an early end is another error
			return fault.New(fault.Unavailable, fault.CodeServerError, "run it again: it goes on where it stopped", "ollama: %s: the report ended without success", what)
		case err != nil:
			return c.transportError(ctx, what, err)
		}
		var line progressLine
		if json.Unmarshal(raw, &line) != nil || line.Total < 0 || line.Completed < 0 {
			return badAnswer(what, "a progress line of %d bytes is not what Ollama sends", len(raw))
		}
		if line.Error != "" {
			return classify(what, res.StatusCode, string(line.Error))
		}
		if line.Status == "success" {
			return nil
		}
		// A line that says the same of its layer again is no progress.
		if before, ok := seen[line.Digest]; !ok || before != line {
			stalled.step(line.Status)
		}
		if len(seen) < maxLayers {
			seen[line.Digest] = line
		}
		line.Status = knownStatus(line.Status)
		each(line)
	}
}

// knownStatus keeps a progress text short and on one line.
func knownStatus(status string) string {
	if len(status) > 100 {
		status = status[:100]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return -1
		}
		return r
	}, status)
}

// layerSum adds up the layers of a pull, which the server reports one by one
// and interleaved.
type layerSum struct {
	layers map[string]*layerState
}

type layerState struct{ first, done, total int64 }

// maxLayers bounds how many layers a server may name.
const maxLayers = 10000

func (s *layerSum) add(line progressLine) {
	if line.Digest == "" {
		return
	}
	if s.layers == nil {
		s.layers = map[string]*layerState{}
	}
	l, ok := s.layers[line.Digest]
	if !ok {
		if len(s.layers) >= maxLayers {
			return
		}
		l = &layerState{first: line.Completed}
		s.layers[line.Digest] = l
	}
	l.done, l.total = max(l.done, line.Completed), max(l.total, line.Total)
}

// progress sums over the layers that are known so far.
func (s *layerSum) progress(status string) runtimes.Progress {
	p := runtimes.Progress{Status: status}
	for _, l := range s.layers {
		p.Completed += l.done
		p.Total += l.total
	}
	return p
}

// moved is how many bytes came now: a layer that was there at its first line,
// whole or in part, counts from there.
func (s *layerSum) moved() int64 {
	var sum int64
	for _, l := range s.layers {
		sum += l.done - l.first
	}
	return sum
}
