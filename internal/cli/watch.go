package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/store"
)

func newWatch() *cobra.Command {
	return sweepCommand("watch", "Follow a sweep with an estimate of the time left; Ctrl-C leaves it running", app.TemporalOptional,
		func(ctx context.Context, s *session, a *app.App, sw store.Sweep) error {
			return watch(ctx, s, a, sw.ID, goesOn(sw.ID))
		})
}

// goesOn is what an interrupted watcher says of a sweep that it leaves running.
func goesOn(id bench.SweepID) string {
	return "no longer watching; the sweep goes on: wattsweep watch " + string(id)
}

// shownAtOnce is how many cells that ended together are told one by one.
const shownAtOnce = 20

// watch follows a sweep in the store until it ends. On a terminal one line is
// rewritten; elsewhere a line is printed when a cell's state changes and every
// half minute. parting is said when it is interrupted.
func watch(ctx context.Context, s *session, a *app.App, id bench.SweepID, parting string) error {
	guard := newGuard(a)
	view := &view{out: s.out, live: isTerminal(s.out)}
	view.ended = func(since time.Time) ([]store.Cell, int, error) {
		return a.Store.CellsWhere(ctx, id, store.CellQuery{FinishedAfter: since, Limit: shownAtOnce})
	}
	view.clock = func() (time.Time, error) { return a.Store.Now(ctx) }
	follower := a.Follow(id)
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		p, err := follower.Read(ctx, time.Now())
		if err == nil {
			err = view.show(p, time.Now())
		}
		if ctx.Err() != nil {
			view.end()
			say(s.out, "%s\n", parting)
			return ctx.Err()
		}
		if err != nil {
			view.end()
			return err
		}
		if p.Sweep.State.Final() {
			view.end()
			return nil
		}
		if lines := guard.look(ctx, p.Hosts, p.Closed, time.Now()); len(lines) > 0 {
			view.end()
			warn(s, lines)
		}
		select {
		case <-ctx.Done(): // said above
		case <-tick.C:
		}
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// view prints progress.
type view struct {
	out  io.Writer
	live bool
	// ended lists cells that ended since a time, and how many more did.
	ended func(since time.Time) ([]store.Cell, int, error)
	// clock is the database's, which stamps their ends.
	clock   func() (time.Time, error)
	shape   string                     // what was counted last
	since   time.Time                  // by the database's clock, when watching began or a cell ended last
	told    map[bench.CellID]time.Time // cells told, by their ends
	printed time.Time
	dirty   bool
}

func (v *view) show(p app.Progress, now time.Time) error {
	shape := fmt.Sprint(p.Sweep.Counts, p.Sweep.Pause != nil, p.Sweep.Cancel, len(p.Closed))
	for _, r := range p.Running {
		shape += string(r.ID)
	}
	changed := shape != v.shape
	var err error
	switch {
	case v.told == nil:
		v.told = map[bench.CellID]time.Time{}
		v.since, err = v.clock()
	case changed:
		err = v.tell()
	}
	if err != nil {
		return err
	}
	v.shape = shape
	if v.live {
		say(v.out, "\r\033[K%s %s", bar(p), current(p))
		v.dirty = true
		return nil
	}
	if changed || now.Sub(v.printed) >= 30*time.Second {
		v.printed = now
		say(v.out, "%s %s\n", bar(p), current(p))
	}
	return nil
}

// tell names the cells that ended since the last look. Ends become visible in
// another order than they have, by moments, so what was told is remembered.
func (v *view) tell() error {
	cells, more, err := v.ended(v.since)
	if err != nil {
		return err
	}
	newest := v.since
	for _, c := range cells {
		if c.FinishedAt == nil || v.told[c.ID].Equal(*c.FinishedAt) {
			continue
		}
		v.told[c.ID] = *c.FinishedAt
		if settled := c.FinishedAt.Add(-5 * time.Second); settled.After(newest) {
			newest = settled
		}
		v.end()
		say(v.out, "  %s  %s\n", c.At, outcomeText(c))
	}
	if more > 0 {
		v.end()
		say(v.out, "  and %d more cells ended\n", more)
		newest, err = v.clock() // those are not told one by one any more
	}
	v.since = newest
	return err
}

func (v *view) end() {
	if v.dirty {
		say(v.out, "\r\033[K")
		v.dirty = false
	}
}

func outcomeText(c store.Cell) string {
	text := fmt.Sprintf("%s, %d calls", c.State, c.CallsDone)
	if c.Spent > 0 {
		text += " in " + lasting(c.Spent)
	}
	if c.Reason != "" {
		text += ": " + c.Reason
	}
	return text
}

func bar(p app.Progress) string {
	const width = 24
	share := 0.0
	if p.CallsTotal > 0 {
		share = float64(p.CallsDone) / float64(p.CallsTotal)
	}
	full := int(share * width)
	return fmt.Sprintf("[%s%s] %3.0f%%", strings.Repeat("█", full), strings.Repeat("░", width-full), share*100)
}

// current says what is being measured and how long it will take.
func current(p app.Progress) string {
	text := fmt.Sprintf("%d/%d cells, %d/%d calls%s", p.Sweep.Finished(), p.Sweep.Total(), p.CallsDone, p.CallsTotal, leftText(p))
	switch word := stateWord(p.Sweep); word {
	case "pausing", "paused", "cancelling":
		text += " · " + word
	}
	if len(p.Running) > 0 {
		r := p.Running[0]
		text += fmt.Sprintf(" · %s %s: %s", r.At.Model, r.At.Language, r.Stage)
	}
	if n := len(p.Running); n > 1 {
		text += fmt.Sprintf(" and %d more hosts", n-1)
	}
	return text
}
