package cli

import (
	"context"
	"time"

	"github.com/wattsweep/wattsweep/internal/app"
)

// How often it is looked whether all hosts are served. A worker that has just
// started asks for work a moment later, so what seems unserved is looked at
// twice before it is said.
const (
	lookEvery  = 20 * time.Second
	lookTwice  = 2 * time.Second
	repeatWord = time.Minute
)

// guard tells, now and then, which hosts of a sweep nobody serves.
type guard struct {
	ask     func(ctx context.Context, hosts []string) (app.Unserved, error)
	next    time.Time
	suspect bool
}

// newGuard makes a guard; without Temporal it knows nothing and says nothing.
func newGuard(a *app.App) *guard {
	g := &guard{ask: a.Unserved}
	if a.Temporal == nil {
		g.ask = func(context.Context, []string) (app.Unserved, error) { return app.Unserved{}, nil }
	}
	return g
}

// look gives the lines to print now, none most of the time. That Temporal does
// not answer is nothing to warn of here: it may be on its way.
func (g *guard) look(ctx context.Context, hosts []string, now time.Time) []string {
	if now.Before(g.next) {
		return nil
	}
	found, err := g.ask(ctx, hosts)
	switch {
	case err != nil || found.None():
		g.suspect, g.next = false, now.Add(lookEvery)
		return nil
	case !g.suspect:
		g.suspect, g.next = true, now.Add(lookTwice)
		return nil
	}
	g.next = now.Add(repeatWord)
	return found.Lines()
}

// warnUnserved looks once, twice where it must, and warns.
func warnUnserved(ctx context.Context, s *session, a *app.App, hosts []string) {
	g := newGuard(a)
	lines := g.look(ctx, hosts, time.Now())
	if g.suspect {
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookTwice):
			lines = g.look(ctx, hosts, time.Now())
		}
	}
	warn(s, lines)
}

func warn(s *session, lines []string) {
	for _, line := range lines {
		say(s.err, "warning: %s\n", line)
	}
}
