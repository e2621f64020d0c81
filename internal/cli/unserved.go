package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/bench"
)

// How often it is looked whether all hosts are served. A worker that has just
// started asks for work a moment later, so what seems unserved is looked at
// twice before it is said.
const (
	lookEvery  = 20 * time.Second
	lookTwice  = 2 * time.Second
	repeatWord = time.Minute
)

// guard tells, now and then, which hosts of a sweep nobody serves, and which
// take no cells.
type guard struct {
	ask     func(ctx context.Context, hosts []string) (app.Unserved, error)
	next    time.Time
	suspect bool
	// closed is what was told last of hosts that take no cells, and when.
	closed string
	told   time.Time
}

// newGuard makes a guard; without Temporal it knows nothing and says nothing.
func newGuard(a *app.App) *guard {
	g := &guard{ask: a.Unserved}
	if a.Temporal == nil {
		g.ask = func(context.Context, []string) (app.Unserved, error) { return app.Unserved{}, nil }
	}
	return g
}

// look gives the lines to print now, none most of the time.
func (g *guard) look(ctx context.Context, hosts []string, closed []bench.Lane, now time.Time) []string {
	return slices.Concat(g.lookClosed(closed, now), g.lookServed(ctx, hosts, now))
}

// lookClosed tells at once of hosts that take no cells, and again from time to
// time.
func (g *guard) lookClosed(closed []bench.Lane, now time.Time) []string {
	lines := app.ClosedLines(closed)
	text := strings.Join(lines, "\n")
	if text == g.closed && now.Sub(g.told) < repeatWord {
		return nil
	}
	g.closed, g.told = text, now
	return lines
}

// lookServed looks whether all hosts are served. That Temporal does not answer
// is nothing to warn of here: it may be on its way.
func (g *guard) lookServed(ctx context.Context, hosts []string, now time.Time) []string {
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
func warnUnserved(ctx context.Context, s *session, a *app.App, hosts []string, closed []bench.Lane) {
	g := newGuard(a)
	lines := g.look(ctx, hosts, closed, time.Now())
	if g.suspect {
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookTwice):
			lines = append(lines, g.lookServed(ctx, hosts, time.Now())...)
		}
	}
	warn(s, lines)
}

func warn(s *session, lines []string) {
	for _, line := range lines {
		say(s.err, "warning: %s\n", line)
	}
}
