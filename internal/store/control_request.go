package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// How long what a person writes beside a request may be, in bytes. It is kept
// for good, and passes through workflow histories.
const (
	MaxReasonBytes = 500
	MaxNameBytes   = 200 // of who asks, and of a request's id
)

// notedAnswer is an answer as it is kept, with what it answered.
type notedAnswer struct {
	ControlAnswer
	// Content is a hash of all that the request said besides what it asks for;
	// empty in rows of releases that did not note it.
	Content string `json:"content,omitempty"`
}

// content hashes what a request is about, so that an id that is used again for
// something else is seen. The order of cells says nothing; who asks and why
// changes nothing of what is done.
func (in ControlRequest) content() string {
	ids := texts(in.Cells)
	slices.Sort(ids)
	return bench.Hash(fmt.Sprintf("%s\x00%d\x00%s\x00%t", strings.Join(ids, "\x00"), in.Priority, in.Extension, in.Now))[:16]
}

// check refuses a request that says what its kind does not have, or more than
// is kept.
func (in ControlRequest) check() error {
	type part struct {
		given bool
		name  string
		takes []bench.Control
	}
	parts := []part{
		{len(in.Cells) > 0, "cells", []bench.Control{bench.ControlSkip, bench.ControlRetry, bench.ControlRemeasure}},
		{in.Now, "now", []bench.Control{bench.ControlPause, bench.ControlCancel}},
		{in.Priority != 0, "a priority", []bench.Control{bench.ControlPriority}},
		{in.Extension != "", "an extension", []bench.Control{bench.ControlExtend}},
	}
	for _, p := range parts {
		if p.given && !slices.Contains(p.takes, in.What) {
			return in.refuse(fmt.Sprintf("leave that out; it goes with %s", join(p.takes)), "it does not take %s", p.name)
		}
	}
	for _, text := range []struct {
		name, text string
		most       int
	}{{"the reason", in.Reason, MaxReasonBytes}, {"the name of who asks", in.By, MaxNameBytes}, {"the request's id", in.Request, MaxNameBytes}} {
		if len(text.text) > text.most {
			return in.refuse("make it shorter", "%s has %d bytes, at most %d are kept", text.name, len(text.text), text.most)
		}
	}
	return nil
}

func join(list []bench.Control) string {
	words := make([]string, len(list))
	for i, c := range list {
		words[i] = string(c)
	}
	return strings.Join(words, ", ")
}

// refuse says why nothing is done, and how to mend it.
func (in ControlRequest) refuse(mend, format string, args ...any) error {
	return fault.New(fault.Invalid, "", mend, "%s sweep %s: %s", in.What, in.Sweep, fmt.Sprintf(format, args...))
}

// EndCancelled makes the end of a cancelled sweep durable where no workflow
// does. One that was put back on the plan since, or that ended in another way,
// is left as it is.
func (s *Store) EndCancelled(ctx context.Context, id bench.SweepID) error {
	_, err := s.pool.Exec(ctx, `UPDATE sweeps SET state = 'cancelled', finished_at = coalesce(finished_at, now())
		WHERE id = $1 AND cancel_requested AND state IN ('queued', 'running')`, id)
	return wrap("end cancelled sweep "+string(id), err)
}
