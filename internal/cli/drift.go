package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/drift"
	"github.com/wattsweep/wattsweep/internal/store"
)

// Exit codes of a comparison, beside ExitDone for one that is steady.
const (
	exitDrifted   = 3
	exitUndecided = 4
)

// errVerdict ends a command whose work is done with the exit code of what it
// found, which was printed.
type errVerdict struct {
	code int
	text string
}

func (e errVerdict) Error() string { return e.text }

// ExitCode is the code that the program ends with.
func (e errVerdict) ExitCode() int { return e.code }

// verdictError is nil for what is steady. Whatever the hook is told of ends as
// drift does.
func verdictError(r drift.Report) error {
	if why, alarm := r.Alarming(); alarm {
		return errVerdict{exitDrifted, why}
	}
	if r.Verdict == drift.Steady {
		return nil
	}
	return errVerdict{exitUndecided, r.Text}
}

func newDrift() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drift",
		Short: "Measure reference cells again and compare them with a pinned baseline",
		Long: "Pin measured cells as a baseline, have them measured again when asked or at set times, and be told when figures move.\n" +
			"Exit codes of run --wait and compare: 0 steady, 3 drifted or a reference cell failed, 4 not decided.",
		Args: args(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDriftPin(), newDriftUnpin(), newDriftSchedule(), newDriftUnschedule(), newDriftRun(), newDriftCompare(), newDriftList(), newDriftShow())
	return cmd
}

func newDriftPin() *cobra.Command {
	var cells []string
	var tolerance float64
	cmd := &cobra.Command{
		Use:   "pin NAME SWEEP",
		Short: "Make a sweep's measured cells the reference that later runs are compared with",
		Args:  args(2),
		RunE: func(cmd *cobra.Command, in []string) error {
			return connected(cmd, app.TemporalUnused, func(ctx context.Context, s *session, a *app.App) error {
				sw, err := findSweep(ctx, a, in[1])
				if err != nil {
					return err
				}
				p := app.Pinning{Name: in[0], Sweep: sw.ID, Tolerance: tolerance, By: userName()}
				for _, id := range cells {
					p.Cells = append(p.Cells, bench.CellID(id))
				}
				b, err := a.PinBaseline(ctx, p)
				if err != nil {
					return err
				}
				say(s.out, "baseline %s: %d cell(s) of sweep %s (%s), tolerance %g %%\n", b.Name, len(b.Cells), sw.ID, sw.Name, 100*b.Tolerance)
				return nil
			})
		},
	}
	cmd.Flags().StringSliceVar(&cells, "cell", nil, "only this cell, by its id; may be given several times (default: all that are done)")
	cmd.Flags().Float64Var(&tolerance, "tolerance", drift.DefaultTolerance, "shift that is of no interest: a share of times and energies, absolute of scores and shares")
	return cmd
}

// driftCommand is a command on one baseline, which its only argument names.
func driftCommand(use, short string, f func(ctx context.Context, s *session, a *app.App, name string) error) *cobra.Command {
	return &cobra.Command{
		Use:   use + " NAME",
		Short: short,
		Args:  args(1),
		RunE: func(cmd *cobra.Command, in []string) error {
			return connected(cmd, app.TemporalNeeded, func(ctx context.Context, s *session, a *app.App) error { return f(ctx, s, a, in[0]) })
		},
	}
}

func newDriftUnpin() *cobra.Command {
	return driftCommand("unpin", "Forget a baseline and its schedule; what was measured stays",
		func(ctx context.Context, s *session, a *app.App, name string) error {
			if err := a.UnpinBaseline(ctx, name); err != nil {
				return err
			}
			say(s.out, "baseline %s is forgotten; its sweeps stay\n", name)
			return nil
		})
}

func newDriftSchedule() *cobra.Command {
	var when app.Schedule
	cmd := driftCommand("schedule", "Measure a baseline's cells again at set times",
		func(ctx context.Context, s *session, a *app.App, name string) error {
			if err := a.ScheduleDrift(ctx, name, when); err != nil {
				return err
			}
			say(s.out, "baseline %s is measured again %s\n", name, when)
			return nil
		})
	cmd.Flags().StringVar(&when.Every, "every", "nightly", "nightly (02:00), weekly (Sunday 02:00) or a cron expression such as '30 1 * * MON-FRI'")
	cmd.Flags().StringVar(&when.TimeZone, "time-zone", "UTC", "time zone of those times, such as Europe/Stockholm")
	return cmd
}

func newDriftUnschedule() *cobra.Command {
	return driftCommand("unschedule", "Take a baseline's schedule away",
		func(ctx context.Context, s *session, a *app.App, name string) error {
			if err := a.UnscheduleDrift(ctx, name); err != nil {
				return err
			}
			say(s.out, "baseline %s is measured when asked\n", name)
			return nil
		})
}

func newDriftRun() *cobra.Command {
	var wait bool
	cmd := driftCommand("run", "Measure a baseline's cells again now, compare them and tell the hook of drift",
		func(ctx context.Context, s *session, a *app.App, name string) error {
			run, err := a.RunDrift(ctx, name)
			if err != nil {
				return err
			}
			text := "started"
			if run.Joined {
				text = "goes on already"
			}
			say(s.err, "drift run of %s %s\n", name, text)
			for _, host := range run.Waiting {
				say(s.err, "warning: %s; the run waits for it\n", host)
			}
			if !wait {
				say(s.err, "wattsweep drift show %s tells what it finds\n", name)
				return nil
			}
			out, err := run.Wait(ctx)
			if err != nil {
				return err
			}
			return printComparison(ctx, s, a, name, out.Sweep)
		})
	cmd.Flags().BoolVar(&wait, "wait", false, "wait for the end, print the comparison and exit by its verdict")
	return cmd
}

func newDriftCompare() *cobra.Command {
	return &cobra.Command{
		Use:   "compare NAME [SWEEP]",
		Short: "Compare a sweep, or a baseline's newest run, with the baseline",
		Args: func(_ *cobra.Command, in []string) error {
			if len(in) == 1 || len(in) == 2 {
				return nil
			}
			return errUsage{fmt.Errorf("expected the name of a baseline and perhaps a sweep, got %d arguments", len(in))}
		},
		RunE: func(cmd *cobra.Command, in []string) error {
			return connected(cmd, app.TemporalUnused, func(ctx context.Context, s *session, a *app.App) error {
				var sweep bench.SweepID
				if len(in) == 2 {
					sw, err := findSweep(ctx, a, in[1])
					if err != nil {
						return err
					}
					sweep = sw.ID
				}
				return printComparison(ctx, s, a, in[0], sweep)
			})
		},
	}
}

// printComparison compares, prints, and ends with the verdict's exit code.
func printComparison(ctx context.Context, s *session, a *app.App, name string, sweep bench.SweepID) error {
	report, sweep, err := a.CompareDrift(ctx, name, sweep)
	if err != nil {
		return err
	}
	if err := printDrift(s, name, sweep, report); err != nil {
		return err
	}
	return verdictError(report)
}

func newDriftList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List baselines: when they are measured again and what the last run found",
		Args:  args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return connected(cmd, app.TemporalOptional, func(ctx context.Context, s *session, a *app.App) error {
				states, err := a.DriftStates(ctx)
				if err != nil {
					return err
				}
				rows, lines := make([][]string, len(states)), make([]baselineLine, len(states))
				for i, d := range states {
					lines[i], rows[i] = baselineLineOf(d), baselineRow(d)
				}
				return listing(s.out, s.settings.Output,
					[]string{"baseline", "sweep", "cells", "tolerance", "pinned", "by", "schedule", "next", "last run", "verdict"}, rows, lines)
			})
		},
	}
}

// baselineLine is a baseline as list prints it in JSON.
type baselineLine struct {
	Name        string         `json:"name"`
	Sweep       bench.SweepID  `json:"sweep"`
	Cells       []bench.CellID `json:"cells"`
	Tolerance   float64        `json:"tolerance"`
	PinnedBy    string         `json:"pinned_by"`
	PinnedAt    time.Time      `json:"pinned_at"`
	Schedule    string         `json:"schedule"`
	Next        *time.Time     `json:"next"`
	NextMissing string         `json:"next_missing,omitempty"`
	Last        *driftRunLine  `json:"last_run"`
}

func baselineLineOf(d app.DriftState) baselineLine {
	out := baselineLine{
		Name: d.Name, Sweep: d.Sweep, Tolerance: d.Tolerance, PinnedBy: d.PinnedBy, PinnedAt: d.PinnedAt, Schedule: d.Schedule,
		Next: d.Next, NextMissing: d.NextMissing, Cells: []bench.CellID{},
	}
	for _, c := range d.Cells {
		out.Cells = append(out.Cells, c.Cell)
	}
	if d.Last != nil {
		last := driftRunLineOf(*d.Last)
		out.Last = &last
	}
	return out
}

func baselineRow(d app.DriftState) []string {
	next, last, verdict := d.NextMissing, "never", ""
	if d.Next != nil {
		next = ago(*d.Next)
	}
	if d.Last != nil {
		last, verdict = ago(d.Last.At), verdictText(d.Last.Verdict)
	}
	return []string{
		d.Name, string(d.Sweep), strconv.Itoa(len(d.Cells)), fmt.Sprintf("±%g %%", 100*d.Tolerance), ago(d.PinnedAt), d.PinnedBy,
		d.Schedule, next, last, verdict,
	}
}

func verdictText(verdict string) string {
	if verdict == "" {
		return "under way"
	}
	return verdict
}

// driftRunLine is a run as show prints it in JSON.
type driftRunLine struct {
	Sweep        bench.SweepID   `json:"sweep"`
	Baseline     bench.SweepID   `json:"baseline_sweep"`
	At           time.Time       `json:"at"`
	Verdict      string          `json:"verdict"`
	Report       json.RawMessage `json:"report"`
	AlarmTries   int             `json:"alarm_tries"`
	AlarmedAt    *time.Time      `json:"alarmed_at"`
	AlarmOutcome string          `json:"alarm_outcome"`
}

func driftRunLineOf(r store.DriftRun) driftRunLine {
	return driftRunLine{r.Sweep, r.Baseline, r.At, r.Verdict, r.Report, r.AlarmTries, r.AlarmedAt, r.AlarmOutcome}
}
