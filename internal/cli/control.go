package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/store"
)

// asked is what stands beside every request.
type asked struct {
	reason, request string
}

func (q *asked) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&q.reason, "reason", "", "why, for the record")
	cmd.Flags().StringVar(&q.request, "request-id", "", "an id of this very request: made again with it, nothing happens twice (for scripts that try again)")
}

// in is the request as the sweep gets it.
func (q *asked) in() (contract.ControlIn, error) {
	if len(q.request) > store.MaxNameBytes || strings.ContainsFunc(q.request, func(r rune) bool { return r < ' ' }) {
		return contract.ControlIn{}, errUsage{fmt.Errorf("--request-id is a line of at most %d bytes", store.MaxNameBytes)}
	}
	if err := checkReason(q.reason); err != nil {
		return contract.ControlIn{}, err
	}
	id := q.request
	if id == "" {
		id = app.NewRequest()
	}
	return contract.ControlIn{V: contract.Shape, Request: id, By: userName(), Reason: q.reason}, nil
}

// checkReason refuses a --reason that is longer than what is kept.
func checkReason(text string) error {
	if len(text) > store.MaxReasonBytes {
		return errUsage{fmt.Errorf("--reason has %d bytes, at most %d are kept; make it shorter", len(text), store.MaxReasonBytes)}
	}
	return nil
}

// answered prints what came of a request, as one sentence or as JSON.
func answered(s *session, sw store.Sweep, in contract.ControlIn, got app.Controlled) error {
	if s.settings.Output == "json" {
		enc := json.NewEncoder(s.out)
		enc.SetIndent("", "  ")
		err := enc.Encode(struct {
			Sweep   bench.SweepID `json:"sweep"`
			Request string        `json:"request"`
			app.Controlled
		}{sw.ID, in.Request, got})
		if err != nil {
			return fmt.Errorf("print JSON: %w", err)
		}
		return nil
	}
	text := got.Text
	if got.StoreOnly {
		text += " (its workflow is gone; this was done in the database)"
	}
	say(s.out, "%s\n", text)
	return nil
}

// request asks one thing of a sweep and prints what came of it. Where work
// comes back it warns of hosts that nobody serves.
func request(ctx context.Context, s *session, a *app.App, sw store.Sweep, what bench.Control, in contract.ControlIn) error {
	got, err := a.Control(ctx, sw, what, in)
	if err != nil {
		return err
	}
	if err := answered(s, sw, in, got); err != nil {
		return err
	}
	switch what { //nolint:exhaustive // the others take the default
	case bench.ControlResume, bench.ControlRetry, bench.ControlRemeasure, bench.ControlExtend:
		return warnSweep(ctx, s, a, sw.ID)
	}
	return nil
}

func warnSweep(ctx context.Context, s *session, a *app.App, id bench.SweepID) error {
	p, err := a.Progress(ctx, id)
	if err != nil {
		return err
	}
	warnUnserved(ctx, s, a, p.Hosts, p.Closed)
	return nil
}

func newPause() *cobra.Command {
	var q asked
	var now bool
	cmd := sweepCommand("pause", "Measure nothing more of a sweep until it is resumed; the running cell is finished first", app.TemporalNeeded,
		func(ctx context.Context, s *session, a *app.App, sw store.Sweep) error {
			in, err := q.in()
			if err != nil {
				return err
			}
			in.Now = now
			return request(ctx, s, a, sw, bench.ControlPause, in)
		})
	cmd.Flags().BoolVar(&now, "now", false, "stop the running cells after their present call; what they measured is kept")
	q.flags(cmd)
	return cmd
}

func newResume() *cobra.Command {
	var q asked
	cmd := sweepCommand("resume", "Let a paused sweep go on", app.TemporalNeeded,
		func(ctx context.Context, s *session, a *app.App, sw store.Sweep) error {
			in, err := q.in()
			if err != nil {
				return err
			}
			return request(ctx, s, a, sw, bench.ControlResume, in)
		})
	q.flags(cmd)
	return cmd
}

func newCancel() *cobra.Command {
	var q asked
	var after bool
	cmd := sweepCommand("cancel", "Stop a sweep after its present call; what was measured is kept", app.TemporalNeeded,
		func(ctx context.Context, s *session, a *app.App, sw store.Sweep) error {
			in, err := q.in()
			if err != nil {
				return err
			}
			in.Now = !after
			got, err := a.Cancel(ctx, sw.ID, in)
			if err != nil {
				return err
			}
			got.Text += fmt.Sprintf("; %d of %d cells are final", got.Final, got.Total)
			return answered(s, sw, in, got.Controlled)
		})
	cmd.Flags().BoolVar(&after, "after-cell", false, "finish the running cells first")
	q.flags(cmd)
	return cmd
}

func newPriority() *cobra.Command {
	var q asked
	cmd := &cobra.Command{
		Use:   "priority SWEEP 1..5",
		Short: "Change a sweep's place among others: 1 goes first on a host, 5 last",
		Args:  args(2),
		RunE: func(cmd *cobra.Command, arg []string) error {
			in, err := q.in()
			if err != nil {
				return err
			}
			if in.Priority, err = strconv.Atoi(arg[1]); err != nil || in.Priority < bench.PriorityFirst || in.Priority > bench.PriorityLast {
				return errUsage{fmt.Errorf("%q is no priority: give a number from %d, which goes first, to %d", arg[1], bench.PriorityFirst, bench.PriorityLast)}
			}
			return onSweep(cmd, app.TemporalNeeded, arg[0], func(ctx context.Context, s *session, a *app.App, sw store.Sweep) error {
				return request(ctx, s, a, sw, bench.ControlPriority, in)
			})
		},
	}
	q.flags(cmd)
	return cmd
}

// checkPriority refuses a --priority that is none.
func checkPriority(cmd *cobra.Command, n int) error {
	if cmd.Flags().Changed("priority") && (n < bench.PriorityFirst || n > bench.PriorityLast) {
		return errUsage{fmt.Errorf("--priority is a number from %d, which goes first, to %d", bench.PriorityFirst, bench.PriorityLast)}
	}
	return nil
}

// noteStored says where a sweep that was stored before is not as asked.
func noteStored(s *session, l app.Launched, priority int) {
	id := l.Plan.Sweep
	if priority != 0 && priority != l.Priority {
		say(s.out, "it keeps priority %d: wattsweep priority %s %d changes that\n", l.Priority, id, priority)
	}
	if l.Paused != nil {
		say(s.out, "it was paused by %s: wattsweep resume %s lets it go on\n", l.Paused.By, id)
	}
}

func newSkip() *cobra.Command {
	return cellsCommand("skip", "Take cells off a sweep's plan; a running one stops after its present call", bench.ControlSkip)
}

func newRetry() *cobra.Command {
	return cellsCommand("retry", "Put cells that ended without a result back on the plan: all that failed or were cancelled, or those that are named; calls already measured stay", bench.ControlRetry)
}

func newRemeasure() *cobra.Command {
	return cellsCommand("remeasure", "Measure cells anew; what was measured before is kept and counts no more", bench.ControlRemeasure)
}

// cellsCommand is a command on some cells of a sweep. A retry may name none.
func cellsCommand(use, short string, what bench.Control) *cobra.Command {
	var q asked
	var f cellFilter
	cmd := &cobra.Command{
		Use:   use + " SWEEP [CELL ...]",
		Short: short,
		Long: short + ".\n\nA cell is named by its id, the beginning of one, or its number in the plan (12, or '#12' in quotes).\n" +
			"The filters narrow what is named; with none named they choose from all cells of the sweep.",
		Args: func(cmd *cobra.Command, in []string) error {
			if len(in) == 0 {
				return errUsage{fmt.Errorf("name a sweep; see %s --help", cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, arg []string) error {
			in, err := q.in()
			if err != nil {
				return err
			}
			return onSweep(cmd, app.TemporalNeeded, arg[0], func(ctx context.Context, s *session, a *app.App, sw store.Sweep) error {
				named := arg[1:]
				if what != bench.ControlRetry || len(named) > 0 || !f.empty() {
					cells, err := a.Store.Cells(ctx, sw.ID)
					if err != nil {
						return err
					}
					if in.Cells, err = chooseCells(cells, named, f); err != nil {
						return err
					}
				}
				return request(ctx, s, a, sw, what, in)
			})
		},
	}
	f.flags(cmd)
	q.flags(cmd)
	return cmd
}
