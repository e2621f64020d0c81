package cli

import (
	"context"
	"fmt"
	"os/user"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/store"
)

func newList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List sweeps, newest first",
		Args:  args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return connected(cmd, app.TemporalUnused, func(ctx context.Context, s *session, a *app.App) error {
				sweeps, err := a.Store.FindSweeps(ctx, "")
				if err != nil {
					return err
				}
				type line struct {
					ID       bench.SweepID       `json:"id"`
					Name     string              `json:"name"`
					State    bench.State         `json:"state"`
					Cells    int                 `json:"cells"`
					Final    int                 `json:"cells_final"`
					ByState  map[bench.State]int `json:"by_state"`
					Created  time.Time           `json:"created_at"`
					Finished *time.Time          `json:"finished_at"`
				}
				lines := make([]line, len(sweeps))
				rows := make([][]string, len(sweeps))
				for i, sw := range sweeps {
					lines[i] = line{sw.ID, sw.Name, sw.State, sw.Total(), sw.Finished(), sw.Counts, sw.CreatedAt, sw.FinishedAt}
					rows[i] = []string{
						string(sw.ID), sw.Name, string(sw.State), fmt.Sprintf("%d/%d", sw.Finished(), sw.Total()),
						strconv.Itoa(sw.Counts[bench.StateFailed]), ago(sw.CreatedAt),
					}
				}
				return listing(s.out, s.settings.Output, []string{"sweep", "name", "state", "cells", "failed", "created"}, rows, lines)
			})
		},
	}
}

func newStatus() *cobra.Command {
	return sweepCommand("status", "Show where a sweep's cells stand", app.TemporalOptional,
		func(ctx context.Context, s *session, a *app.App, sw store.Sweep) error {
			p, err := a.Progress(ctx, sw.ID)
			if err != nil {
				return err
			}
			missing := serving(ctx, a, p.Cells)
			warn(s, missing.Lines())
			if s.settings.Output == "table" {
				say(s.out, "%s\n", headline(p))
			}
			return listing(s.out, s.settings.Output,
				[]string{"#", "cell", "host", "runtime", "model", "lang", "state", "stage", "calls", "try", "reason"}, cellRows(p.Cells), statusOf(p, missing))
		})
}

func cellRows(cells []store.Cell) [][]string {
	rows := make([][]string, len(cells))
	for i, c := range cells {
		rows[i] = []string{
			strconv.Itoa(c.Seq), string(c.ID), c.At.Host, c.At.Runtime, c.At.Model, c.At.Language, string(c.State), string(c.Stage),
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
}

type sweepStatus struct {
	ID       bench.SweepID `json:"id"`
	Name     string        `json:"name"`
	State    bench.State   `json:"state"`
	Done     int           `json:"calls_done"`
	Total    int           `json:"calls_total"`
	LeftS    *float64      `json:"time_left_s"`
	LeftNote string        `json:"time_left_missing,omitempty"`
	// Unserved is the hosts that no worker serves, nil when that is not known.
	Unserved     []string     `json:"hosts_unserved"`
	UnservedNote string       `json:"hosts_unserved_missing,omitempty"`
	Control      bool         `json:"control_unserved"`
	Cells        []cellStatus `json:"cells"`
}

// servedBy is what is known of who serves a sweep.
type servedBy struct {
	app.Unserved
	unknown string // why nothing is known
}

// serving asks who serves a sweep's hosts. Without Temporal that is not known,
// and all else can still be shown.
func serving(ctx context.Context, a *app.App, cells []store.Cell) servedBy {
	if a.Temporal == nil {
		return servedBy{unknown: "Temporal does not answer"}
	}
	found, err := a.Unserved(ctx, cells)
	if err != nil {
		return servedBy{unknown: err.Error()}
	}
	return servedBy{Unserved: found}
}

func statusOf(p app.Progress, by servedBy) sweepStatus {
	out := sweepStatus{ID: p.Sweep.ID, Name: p.Sweep.Name, State: p.Sweep.State, Done: p.CallsDone, Total: p.CallsTotal}
	if p.Left != nil {
		left := p.Left.Seconds()
		out.LeftS = &left
	} else {
		out.LeftNote = "nothing was measured yet, or the sweep has ended"
	}
	if out.UnservedNote = by.unknown; by.unknown == "" {
		out.Unserved, out.Control = append([]string{}, by.Hosts...), by.Control
	}
	for _, c := range p.Cells {
		out.Cells = append(out.Cells, cellStatus{
			c.At, c.ID, c.Seq, c.State, c.Stage, c.Reason, c.CallsDone, c.Items * c.Config.Runs, c.Attempt,
		})
	}
	return out
}

// headline says in one line how far a sweep is.
func headline(p app.Progress) string {
	text := fmt.Sprintf("%s (%s): %s, %d of %d cells, %d of %d calls", p.Sweep.Name, p.Sweep.ID, p.Sweep.State,
		p.Sweep.Finished(), p.Sweep.Total(), p.CallsDone, p.CallsTotal)
	if p.Left != nil {
		text += ", about " + lasting(*p.Left) + " left"
	}
	return text
}

func newCancel() *cobra.Command {
	return sweepCommand("cancel", "Stop a sweep after its present call; what was measured is kept", app.TemporalNeeded,
		func(ctx context.Context, s *session, a *app.App, sw store.Sweep) error {
			done, err := a.Cancel(ctx, sw.ID, userName())
			if err != nil {
				return err
			}
			if done.StoreOnly {
				say(s.out, "sweep %s had no workflow any more; it is cancelled in the database: %d of %d cells are final\n", sw.ID, done.Final, done.Total)
				return nil
			}
			say(s.out, "sweep %s is being cancelled: %d of %d cells are final\n", sw.ID, done.Final, done.Total)
			return nil
		})
}

func newRetry() *cobra.Command {
	return sweepCommand("retry", "Measure a sweep's failed and cancelled cells again; calls already measured stay", app.TemporalNeeded,
		func(ctx context.Context, s *session, a *app.App, sw store.Sweep) error {
			n, err := a.Retry(ctx, sw.ID, sw.Name)
			if err != nil {
				return err
			}
			if n == 0 {
				say(s.out, "sweep %s has no failed or cancelled cell\n", sw.ID)
				return nil
			}
			say(s.out, "%d cell(s) of sweep %s are back on the plan\n", n, sw.ID)
			p, err := a.Progress(ctx, sw.ID)
			if err != nil {
				return err
			}
			warnUnserved(ctx, s, a, p.Cells)
			return nil
		})
}

// userName says who asked, for the audit trail.
func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown user"
}
