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

// watch follows a sweep in the store until it ends. On a terminal one line is
// rewritten; elsewhere a line is printed when a cell's state changes and every
// half minute. parting is said when it is interrupted.
func watch(ctx context.Context, s *session, a *app.App, id bench.SweepID, parting string) error {
	guard := newGuard(a)
	view := &view{out: s.out, live: isTerminal(s.out)}
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		p, err := a.Progress(ctx, id)
		if ctx.Err() != nil {
			view.end()
			say(s.out, "%s\n", parting)
			return ctx.Err()
		}
		if err != nil {
			view.end()
			return err
		}
		view.show(p, time.Now())
		if p.Sweep.State.Final() {
			view.end()
			return nil
		}
		if lines := guard.look(ctx, p.Cells, time.Now()); len(lines) > 0 {
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
	out     io.Writer
	live    bool
	states  map[bench.CellID]bench.State
	printed time.Time
	dirty   bool
}

func (v *view) show(p app.Progress, now time.Time) {
	changed := v.states == nil
	if v.states == nil {
		v.states = map[bench.CellID]bench.State{}
	}
	for _, c := range p.Cells {
		before, known := v.states[c.ID]
		v.states[c.ID] = c.State
		if known && before != c.State && c.State.Final() {
			v.end()
			say(v.out, "  %s  %s\n", c.At, outcomeText(c, p.Spent[c.ID]))
		}
		changed = changed || (known && before != c.State)
	}
	if v.live {
		say(v.out, "\r\033[K%s %s", bar(p), current(p))
		v.dirty = true
		return
	}
	if changed || now.Sub(v.printed) >= 30*time.Second {
		v.printed = now
		say(v.out, "%s %s\n", bar(p), current(p))
	}
}

func (v *view) end() {
	if v.dirty {
		say(v.out, "\r\033[K")
		v.dirty = false
	}
}

func outcomeText(c store.Cell, spent time.Duration) string {
	text := fmt.Sprintf("%s, %d calls", c.State, c.CallsDone)
	if spent > 0 {
		text += " in " + lasting(spent)
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
	text := fmt.Sprintf("%d/%d cells, %d/%d calls", p.Sweep.Finished(), p.Sweep.Total(), p.CallsDone, p.CallsTotal)
	if p.Left != nil {
		text += ", about " + lasting(*p.Left) + " left"
	}
	for _, c := range p.Cells {
		if c.State == bench.StateRunning {
			return text + fmt.Sprintf(" · %s %s: %s", c.At.Model, c.At.Language, c.Stage)
		}
	}
	return text
}
