package localstack

import (
	"context"
	"fmt"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// Finding says what would be used for one server, without starting or building
// anything.
type Finding struct {
	Server Name `json:"server"`
	// OK: the server can be had, now or by what Mend announces.
	OK bool `json:"ok"`
	// Source says where it comes from, Path where it lies (an address for an
	// external one).
	Source  Source `json:"source"`
	Path    string `json:"path,omitempty"`
	Version string `json:"version,omitempty"`
	// Problem is what stands in the way, Mend what to do or what will be done.
	Problem string `json:"problem,omitempty"`
	Mend    string `json:"mend,omitempty"`
}

// Detect looks for each server as Start would, for `wattsweep doctor`.
func Detect(ctx context.Context, o Options) ([]Finding, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &site{Options: o, folder: o.State}
	kinds, err := s.kinds()
	if err != nil {
		return nil, err
	}
	var list []Finding
	for _, name := range names() {
		k := kinds[name]
		if address, ok := k.external(ctx); ok {
			if name == Postgres {
				address = "" // it holds a password
			}
			list = append(list, Finding{Server: name, OK: true, Source: SourceExternal, Path: address})
			continue
		}
		list = append(list, k.existing(ctx))
	}
	return list, nil
}

// finding tells what resolve would use.
func (t tool) finding(ctx context.Context, o Options, given string) Finding {
	p, ok, err := t.existing(ctx, o, given)
	switch {
	case err != nil:
		return Finding{Server: t.name, Source: SourceNone, Problem: err.Error(), Mend: fault.HintOf(err)}
	case ok:
		return Finding{Server: t.name, OK: true, Source: p.source, Path: p.path, Version: p.version}
	}
	if _, err := findGo(); err != nil {
		return Finding{
			Server: t.name, Source: SourceNone, Problem: fmt.Sprintf("no %s and no Go command found", t.command),
			Mend: fmt.Sprintf("install Go, or put a %s program into PATH", t.command),
		}
	}
	return Finding{
		Server: t.name, OK: true, Source: SourceBuilt, Version: t.pin.version, Path: t.cached(o.CacheDir),
		Mend: fmt.Sprintf("it will be built with the Go tool at the first start (%s)", t.first),
	}
}
