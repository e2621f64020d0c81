package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/store"
)

// statusRows is how many cells a table shows unless told otherwise.
const statusRows = 50

func newStatus() *cobra.Command {
	var f cellFilter
	var limit int
	cmd := &cobra.Command{
		Use:   "status SWEEP",
		Short: "Show where a sweep's cells stand",
		Args:  args(1),
		RunE: func(cmd *cobra.Command, in []string) error {
			return onSweep(cmd, app.TemporalOptional, in[0], func(ctx context.Context, s *session, a *app.App, sw store.Sweep) error {
				if s.settings.Output != "table" && !cmd.Flags().Changed("limit") {
					limit = 0 // who reads by program wants all
				}
				return status(ctx, s, a, sw.ID, f, limit)
			})
		},
	}
	f.shortFlags(cmd)
	cmd.Flags().IntVar(&limit, "limit", statusRows, "most cells to show, 0 for all; JSON and CSV hold all unless it is given")
	return cmd
}

func status(ctx context.Context, s *session, a *app.App, id bench.SweepID, f cellFilter, limit int) error {
	query := store.CellQuery{Hosts: f.hosts, Limit: max(0, limit)}
	for _, state := range f.states {
		if !known(cellStates(), state) {
			return errUsage{fmt.Errorf("--in-state %q is no state; there are %s", state, strings.Join(cellStates(), ", "))}
		}
		query.States = append(query.States, bench.State(state))
	}
	p, err := a.Progress(ctx, id)
	if err != nil {
		return err
	}
	cells, more, err := a.Store.CellsWhere(ctx, id, query)
	if err != nil {
		return err
	}
	overlaps, err := a.Store.SweepOverlaps(ctx, id)
	if err != nil {
		return err
	}
	for _, o := range overlaps {
		say(s.err, "warning: %s; neither figure can be trusted\n", o)
	}
	missing := serving(ctx, a, p.Hosts)
	warn(s, slices.Concat(missing.Lines(), app.ClosedLines(p.Closed)))
	stands := ""
	if !p.Sweep.State.Final() {
		stands = a.SweepStands(ctx, id)
	}
	if s.settings.Output == "table" {
		say(s.out, "%s\n", headline(p, stands))
		for _, line := range asideLines(p) {
			say(s.out, "%s\n", line)
		}
	}
	out := statusOf(p, missing, cells)
	out.Stands, out.More = stands, more
	for _, o := range overlaps {
		out.Overlaps = append(out.Overlaps, o.String())
	}
	err = listing(s.out, s.settings.Output,
		[]string{"#", "cell", "host", "runtime", "model", "lang", "state", "stage", "calls", "try", "reason"}, cellRows(cells), out)
	if err == nil && more > 0 && s.settings.Output == "table" {
		say(s.out, "and %d more: --limit 0 shows all, --in-state and --on-host choose\n", more)
	}
	return err
}

func known(list []string, word string) bool {
	return slices.Contains(list, word)
}

func cellRows(cells []store.Cell) [][]string {
	rows := make([][]string, len(cells))
	for i, c := range cells {
		state := string(c.State)
		if c.Stopping != "" {
			state += ", stopping"
		}
		rows[i] = []string{
			strconv.Itoa(c.Seq), string(c.ID), c.At.Host, c.At.Runtime, c.At.Model, c.At.Language, state, string(c.Stage),
			fmt.Sprintf("%d/%d", c.CallsDone, c.Items*c.Config.Runs), strconv.Itoa(c.Attempt), c.Reason,
		}
	}
	return rows
}

// cellStatus is a cell as status prints it in JSON.
type cellStatus struct {
	bench.Coordinates
	ID         bench.CellID `json:"id"`
	Seq        int          `json:"seq"`
	State      bench.State  `json:"state"`
	Stage      bench.Stage  `json:"stage"`
	Reason     string       `json:"reason"`
	CallsDone  int          `json:"calls_done"`
	CallsTotal int          `json:"calls_total"`
	Attempt    int          `json:"attempt"`
	Epoch      int          `json:"epoch"`
	Stopping   bench.State  `json:"stopping,omitempty"`
}

type sweepStatus struct {
	ID    bench.SweepID `json:"id"`
	Name  string        `json:"name"`
	State bench.State   `json:"state"`
	// Stands is what the sweep's workflow says, such as pausing; empty when it
	// was not asked or did not answer.
	Stands   string              `json:"stands,omitempty"`
	Owner    string              `json:"owner"`
	Priority int                 `json:"priority"`
	Order    string              `json:"order"`
	Pause    *bench.Pause        `json:"pause"`
	ByState  map[bench.State]int `json:"by_state"`
	Done     int                 `json:"calls_done"`
	Total    int                 `json:"calls_total"`
	LeftS    *float64            `json:"time_left_s"`
	LeftLowS *float64            `json:"time_left_low_s"`
	LeftUpS  *float64            `json:"time_left_high_s"`
	LeftNote string              `json:"time_left_missing,omitempty"`
	// Unserved is the hosts that no worker serves, nil when that is not known.
	Unserved     []string `json:"hosts_unserved"`
	UnservedNote string   `json:"hosts_unserved_missing,omitempty"`
	Control      bool     `json:"control_unserved"`
	// Closed are hosts that take no cells, whose work the time left holds all
	// the same.
	Closed   []closedHost `json:"hosts_closed"`
	Overlaps []string     `json:"overlaps,omitempty"`
	Cells    []cellStatus `json:"cells"`
	More     int          `json:"cells_more,omitempty"` // beyond the limit
}

// closedHost is a host that takes no cells.
type closedHost struct {
	Host   string          `json:"host"`
	State  bench.LaneState `json:"state"`
	Since  time.Time       `json:"since"`
	By     string          `json:"by,omitempty"`
	Reason string          `json:"reason,omitempty"`
}

// servedBy is what is known of who serves a sweep.
type servedBy struct {
	app.Unserved
	unknown string // why nothing is known
}

// serving asks who serves a sweep's hosts. Without Temporal that is not known,
// and all else can still be shown.
func serving(ctx context.Context, a *app.App, hosts []string) servedBy {
	if a.Temporal == nil {
		return servedBy{unknown: "Temporal does not answer"}
	}
	found, err := a.Unserved(ctx, hosts)
	if err != nil {
		return servedBy{unknown: err.Error()}
	}
	return servedBy{Unserved: found}
}

func statusOf(p app.Progress, by servedBy, cells []store.Cell) sweepStatus {
	sw := p.Sweep
	out := sweepStatus{
		ID: sw.ID, Name: sw.Name, State: sw.State, Owner: sw.Owner, Priority: sw.Priority, Order: sw.Order, Pause: sw.Pause,
		ByState: sw.Counts, Done: p.CallsDone, Total: p.CallsTotal, Closed: []closedHost{}, Cells: []cellStatus{},
	}
	for _, l := range p.Closed {
		out.Closed = append(out.Closed, closedHost{l.Host, l.State, l.At, l.By, l.Reason})
	}
	if p.Left != nil {
		left := p.Left.Left.Seconds()
		out.LeftS, out.LeftLowS, out.LeftUpS = &left, inSeconds(p.Left.Low), inSeconds(p.Left.High)
	} else {
		out.LeftNote = "nothing was measured yet, or the sweep has ended"
	}
	if out.UnservedNote = by.unknown; by.unknown == "" {
		out.Unserved, out.Control = append([]string{}, by.Hosts...), by.Control
	}
	for _, c := range cells {
		out.Cells = append(out.Cells, cellStatus{
			c.At, c.ID, c.Seq, c.State, c.Stage, c.Reason, c.CallsDone, c.Items * c.Config.Runs, c.Attempt, c.Epoch, c.Stopping,
		})
	}
	return out
}

func inSeconds(d *time.Duration) *float64 {
	if d == nil {
		return nil
	}
	s := d.Seconds()
	return &s
}

// headline says in one line how far a sweep is.
func headline(p app.Progress, stands string) string {
	state := stateWord(p.Sweep)
	if stands != "" && state == string(bench.StateRunning) {
		state = stands // else the store, which is asked first, knows better
	}
	return fmt.Sprintf("%s (%s): %s, %d of %d cells, %d of %d calls%s", p.Sweep.Name, p.Sweep.ID, state,
		p.Sweep.Finished(), p.Sweep.Total(), p.CallsDone, p.CallsTotal, leftText(p))
}

// stateWord is a sweep's state with what was asked of it.
func stateWord(sw store.Sweep) string {
	switch {
	case sw.State.Final():
	case sw.Cancel:
		return "cancelling"
	case sw.Pause != nil && sw.Counts[bench.StateRunning] > 0:
		return "pausing"
	case sw.Pause != nil:
		return "paused"
	}
	return string(sw.State)
}

// asideLines say what else a person may want to know of a sweep.
func asideLines(p app.Progress) []string {
	sw := p.Sweep
	var lines []string
	about := fmt.Sprintf("priority %d", sw.Priority)
	if sw.Owner != "" {
		about += ", launched by " + sw.Owner
	}
	lines = append(lines, about)
	if sw.Pause != nil && !sw.State.Final() {
		text := fmt.Sprintf("paused by %s at %s", sw.Pause.By, ago(sw.Pause.At))
		if sw.Pause.Reason != "" {
			text += ": " + sw.Pause.Reason
		}
		lines = append(lines, text)
	}
	return lines
}

// leftText says how long a sweep still takes, with a range where one is known.
func leftText(p app.Progress) string {
	if p.Left == nil {
		return ""
	}
	text := ", about " + lasting(p.Left.Left)
	if p.Left.Low != nil && p.Left.High != nil {
		if low, high := lasting(*p.Left.Low), lasting(*p.Left.High); low != high {
			text += fmt.Sprintf(" (%s to %s)", low, high)
		}
	}
	var once []string
	if p.Sweep.Pause != nil {
		once = append(once, "resumed")
	}
	if len(p.Closed) == 1 {
		once = append(once, "host "+p.Closed[0].Host+" is opened")
	} else if n := len(p.Closed); n > 1 {
		once = append(once, fmt.Sprintf("%d hosts are opened", n))
	}
	text += " left"
	if len(once) > 0 {
		text += " once " + strings.Join(once, " and ")
	}
	return text
}
