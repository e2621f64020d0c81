package ollama

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// Where the layer counts of a load came from.
const (
	layersFromLog = "log"
	layersGuessed = "estimated from size_vram/size"
	layersCPU     = "cpu only"
)

// Load empties the server of models, this one included, and loads the model
// with the rung's settings, so that every load is a whole one. A server that
// loads with other settings than asked is refused as RungRejected.
func (c *Client) Load(ctx context.Context, model bench.ModelConfig, rung bench.Rung, gen bench.RuntimeConfig) (bench.Loaded, error) {
	if err := checkName(model.Name); err != nil {
		return bench.Loaded{}, err
	}
	opts := optionsOf(model, rung, gen, 0)
	if opts.NumCtx <= 0 {
		return bench.Loaded{}, errNoContext()
	}
	c.remember("")
	c.mu.Lock()
	c.blind = time.Time{} // a server may have been started meanwhile: look again
	c.mu.Unlock()
	if err := c.empty(ctx); err != nil {
		return bench.Loaded{}, err
	}
	facts, err := c.facts(ctx, model.Name)
	if err != nil {
		return bench.Loaded{}, err
	}
	if err := pinned(model, facts); err != nil {
		return bench.Loaded{}, err
	}
	mark, free := c.markLog(), c.markMemory()
	var end chunk
	err = c.post(ctx, generatePath, generateRequest{Model: model.Name, KeepAlive: forever, Options: &opts}, &end)
	if err == nil && end.Error != "" {
		err = classify("load", 200, string(end.Error))
	}
	if err = c.diedInLoad(err, free, rungOf(model.Name, opts)); err != nil {
		return bench.Loaded{}, err
	}
	if !end.Done || !end.sane() {
		return bench.Loaded{}, badAnswer("load", "the answer does not say that the load is done")
	}
	return c.describe(ctx, facts, opts, &end, readPlacement(mark.since()))
}

func errNoContext() error {
	return fault.New(fault.Invalid, fault.CodeRungRejected, "set context_tokens of the model",
		"ollama: no context length: a server would choose one by its memory")
}

// listed gives the models in memory.
func (c *Client) listed(ctx context.Context) ([]psModel, error) {
	var body psBody
	if err := c.get(ctx, "/api/ps", &body); err != nil {
		return nil, err
	}
	return body.Models, nil
}

// find gives the entry of a model in memory.
func (c *Client) find(ctx context.Context, model string) (entry psModel, others int, found bool, err error) {
	list, err := c.listed(ctx)
	if err != nil {
		return psModel{}, 0, false, err
	}
	for _, m := range list {
		if sameModel(orDefault(m.Name, m.Model), model) {
			entry, found = m, true
		} else {
			others++
		}
	}
	return entry, others, found, nil
}

// describe reads back what the server did and compares it with what was asked.
func (c *Client) describe(ctx context.Context, facts bench.ModelFacts, asked options, end *chunk, log placement) (bench.Loaded, error) {
	entry, others, found, err := c.find(ctx, facts.Name)
	switch {
	case err != nil:
		return bench.Loaded{}, err
	case !found:
		return bench.Loaded{}, fault.New(fault.Unavailable, fault.CodeModelNotResident, hintServer,
			"ollama: the server says that it loaded the model and does not list it in memory")
	case others > 0:
		return bench.Loaded{}, fault.New(fault.Unavailable, fault.CodeNotUnloaded, "let nothing else use this server while it is measured",
			"ollama: %d other models came into memory during the load", others)
	case entry.Size < 0 || entry.SizeVRAM < 0 || entry.ContextLength < 0:
		return bench.Loaded{}, badAnswer("GET /api/ps", "a size in memory is negative")
	}
	loaded := bench.Loaded{
		SizeBytes:     entry.Size,
		SizeVRAMBytes: entry.SizeVRAM,
		ContextTokens: entry.ContextLength,
		ServerLoad:    orDefault(time.Duration(end.LoadDuration), log.started),
	}
	// Old servers do not list the context: the log's figure, else what was sent.
	if loaded.ContextTokens == 0 {
		loaded.ContextTokens = orDefault(log.context, asked.NumCtx)
	}
	loaded.LayersTotal, loaded.LayersGPU, loaded.LayersSource = layersOf(entry, facts.Layers, log)
	if err := asAsked(loaded, asked, log.measured); err != nil {
		return loaded, err
	}
	if loaded.Token, err = c.token(ctx, entry); err != nil {
		return loaded, err
	}
	c.remember(loaded.Token)
	return loaded, nil
}

// layersOf gives the layer counts, with the output layer, and their source.
func layersOf(entry psModel, blocks int, log placement) (total, gpu int, source string) {
	if log.found {
		return log.total, log.gpu, layersFromLog
	}
	if blocks <= 0 {
		return 0, 0, "unknown: neither log nor model facts tell"
	}
	total = blocks + 1
	if entry.SizeVRAM == 0 || entry.Size == 0 {
		return total, 0, layersCPU
	}
	share := float64(entry.SizeVRAM) / float64(entry.Size)
	return total, min(total, int(math.Round(share*float64(total)))), layersGuessed
}

// asAsked refuses a load that differs from its rung without a word.
func asAsked(l bench.Loaded, asked options, measured bool) error {
	rejected := func(format string, args ...any) error {
		return fault.New(fault.OutOfMemory, fault.CodeRungRejected, hintMemory, "ollama: load: "+format, args...)
	}
	if l.ContextTokens < asked.NumCtx {
		return rejected("the server made a context of %d tokens instead of %d", l.ContextTokens, asked.NumCtx)
	}
	switch want := min(asked.NumGPU, l.LayersTotal); {
	case asked.NumGPU == 0 && l.SizeVRAMBytes > 0:
		return rejected("the server put %d bytes on a GPU though none were asked for", l.SizeVRAMBytes)
	case want > 0 && l.LayersGPU == 0 && l.SizeVRAMBytes == 0:
		return rejected("the server put no layer on a GPU and %d were asked for", want)
	case want > 0 && measured && l.LayersGPU < want:
		return rejected("the server put %d of %d layers on GPUs and %d were asked for", l.LayersGPU, l.LayersTotal, want)
	}
	return nil
}

// Resident tells whether exactly this load is still in memory.
func (c *Client) Resident(ctx context.Context, model, token string) (bool, error) {
	entry, _, found, err := c.find(ctx, model)
	if err != nil || !found || token == "" {
		return false, err
	}
	now, err := c.token(ctx, entry)
	if err != nil {
		return false, err
	}
	return now == token, nil
}

// token names a load: the boot, the runner process that holds the model with
// its start time, and the model's digest. A restarted server or a model that was
// loaded again has another runner process.
//
// Where processes cannot be seen the token is made of what /api/ps tells, and of
// the boot of the worker's machine, which most often is the server's; it begins
// with "ps:". It is weak: a model that another client unloads and loads
// again with the same settings has the same one. (expires_at is no help: every
// call moves it.) A restarted server is still noticed, because it lists no
// model.
func (c *Client) token(ctx context.Context, entry psModel) (string, error) {
	runners, err := c.runners(ctx)
	if ctx.Err() != nil {
		return "", c.transportError(ctx, "look for the server's processes", ctx.Err())
	}
	name := canonicalName(orDefault(entry.Name, entry.Model))
	if err != nil || len(runners) == 0 {
		return weakToken(name, entry, bootID()), nil
	}
	text := name + "|" + entry.Digest + "|" + bootID()
	for _, r := range runners {
		text += fmt.Sprint("|", r.pid, "@", r.born)
	}
	return "proc:" + bench.Hash(text)[:32], nil
}

// weakToken names a load whose processes cannot be seen.
func weakToken(name string, entry psModel, boot string) string {
	text := fmt.Sprint(name, "|", entry.Digest, "|", entry.Size, "|", entry.SizeVRAM, "|", entry.ContextLength, "|", boot)
	return "ps:" + bench.Hash(text)[:32]
}

// remember keeps the token of the newest load as evidence for reloaded.
func (c *Client) remember(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.resident = token
}

// reloaded fails when a call's own report shows a load and the model in memory
// is another load than the one that this client made: the call then measured a
// load.
func (c *Client) reloaded(ctx context.Context, model string, load time.Duration) error {
	c.mu.Lock()
	token := c.resident
	c.mu.Unlock()
	if load < reloadSuspect || token == "" {
		return nil
	}
	if same, err := c.Resident(ctx, model, token); err != nil || same {
		return nil //nolint:nilerr // what cannot be told is not held against the call
	}
	return fault.New(fault.Unavailable, fault.CodeModelNotResident, "load the model again and measure the call anew",
		"ollama: POST %s: the server loaded the model anew inside the call, %s by its own clock", generatePath, load)
}
