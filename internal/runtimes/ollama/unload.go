package ollama

import (
	"context"
	"time"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// Unload asks the server to drop the model, or every model when it is "", and
// returns when /api/ps does not list it any more and, where processes can be
// seen, its runner has ended. A model that is not in memory, or not known, is
// unloaded already.
func (c *Client) Unload(ctx context.Context, model string) error {
	if model == "" {
		return c.empty(ctx)
	}
	if err := checkName(model); err != nil {
		return err
	}
	_, others, found, err := c.find(ctx, model)
	if err != nil || !found {
		return err
	}
	c.remember("")
	before, seen := c.runners(ctx)
	within, cancel := context.WithTimeout(ctx, c.opts.UnloadLimit)
	defer cancel()
	var end chunk
	err = c.post(within, generatePath, generateRequest{Model: model, KeepAlive: 0}, &end)
	if fault.CodeOf(err) == fault.CodeModelNotFound {
		err = nil // its files were removed while it was in memory; the list decides
	}
	if err == nil && end.Error != "" {
		err = classify("unload", 200, string(end.Error))
	}
	if err != nil {
		return c.notUnloaded(ctx, within, err)
	}
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, 250*time.Millisecond) {
		_, _, found, err := c.find(within, model)
		if err != nil {
			return c.notUnloaded(ctx, within, err)
		}
		if !found && (seen != nil || ended(before, others)) {
			return nil
		}
		select {
		case <-within.Done():
			return c.notUnloaded(ctx, within, within.Err())
		case <-time.After(wait):
		}
	}
}

// empty unloads everything and waits for the end of runners that no list shows
// any more, such as that of a load that failed.
func (c *Client) empty(ctx context.Context) error {
	models, err := c.listed(ctx)
	if err != nil {
		return err
	}
	for _, m := range models {
		if err := c.Unload(ctx, orDefault(m.Name, m.Model)); err != nil {
			return err
		}
	}
	within, cancel := context.WithTimeout(ctx, c.opts.UnloadLimit)
	defer cancel()
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, 250*time.Millisecond) {
		runners, unseen := c.runners(within)
		if models, err = c.listed(within); err != nil {
			return c.notUnloaded(ctx, within, err)
		}
		if len(models) > 0 {
			return fault.New(fault.Unavailable, fault.CodeNotUnloaded, "let nothing else use this server while it is measured",
				"ollama: %d models came into memory while it was emptied", len(models))
		}
		if unseen != nil || len(runners) == 0 {
			return nil
		}
		select {
		case <-within.Done():
			return c.notUnloaded(ctx, within, within.Err())
		case <-time.After(wait):
		}
	}
}

// ended tells whether the runner of one model is gone: all of them when no
// other model is in memory, else as many as others remain at most.
func ended(before []process, others int) bool {
	alive := 0
	for _, p := range before {
		if p.alive() {
			alive++
		}
	}
	return alive <= min(others, max(len(before)-1, 0))
}

// notUnloaded tells our own limit from the caller's end and other trouble.
func (c *Client) notUnloaded(ctx, within context.Context, err error) error {
	if ctx.Err() != nil {
		return c.transportError(ctx, "unload", ctx.Err())
	}
	if within.Err() == nil {
		return err
	}
	return fault.New(fault.Unavailable, fault.CodeNotUnloaded, "restart the Ollama server: it does not give the memory back",
		"ollama: unload: the model is still in memory after %s", c.opts.UnloadLimit)
}
