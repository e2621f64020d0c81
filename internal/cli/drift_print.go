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
	"github.com/wattsweep/wattsweep/internal/drift"
)

// comparison is a report as compare prints it in JSON.
type comparison struct {
	Baseline string        `json:"baseline"`
	Sweep    bench.SweepID `json:"sweep"`
	drift.Report
}

func driftHeadings() []string {
	return []string{"host", "runtime", "model", "lang", "metric", "unit", "before", "now", "shift", "95 %", "p (Holm)", "journals", "runs", "verdict", "note"}
}

// printDrift prints a report: its figures as rows, and around them for people
// what it came to and what changed.
func printDrift(s *session, name string, sweep bench.SweepID, r drift.Report) error {
	people := s.settings.Output == "table"
	if people {
		say(s.out, "baseline %s, sweep %s\n%s\n", name, sweep, r.Text)
	}
	var rows [][]string
	for _, c := range r.Cells {
		for _, f := range c.Figures {
			rows = append(rows, driftRow(c.At, f))
		}
	}
	if len(rows) > 0 || !people {
		if err := listing(s.out, s.settings.Output, driftHeadings(), rows, comparison{name, sweep, r}); err != nil {
			return err
		}
	}
	if people {
		printBeside(s, r)
	}
	return nil
}

// printBeside prints what changed beside the figures, and which cells could not
// be compared.
func printBeside(s *session, r drift.Report) {
	for _, change := range r.Changes() {
		say(s.out, "changed: %s\n", change)
	}
	for _, c := range r.Cells {
		if c.StartC != nil {
			say(s.out, "%s: %.1f °C at start, %.1f °C then (%d channel(s))\n", c.At, c.StartC.Now, c.StartC.Before, c.StartC.Channels)
		}
	}
	for _, m := range r.Missing {
		say(s.out, "not compared: %s (%s): %s\n", m.At, m.Side, m.Reason)
	}
}

func driftRow(at bench.Coordinates, f drift.Figure) []string {
	var notes []string
	if f.Missing != "" {
		notes = append(notes, f.Missing)
	}
	if f.Estimated {
		notes = append(notes, "estimated")
	}
	if f.Simulated {
		notes = append(notes, "simulated")
	}
	p := ""
	if f.PHolm != nil {
		p = fmt.Sprintf("%.2g", *f.PHolm)
	}
	return []string{
		at.Host, at.Runtime, at.Model, at.Language, string(f.Metric), f.Unit, level(f.Before), level(f.Now), f.Percent(), f.Interval(), p,
		strconv.Itoa(f.Journals), fmt.Sprintf("%d/%d", f.RunsBefore, f.RunsNow), string(f.Verdict), strings.Join(notes, "; "),
	}
}

func level(v *float64) string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf("%.4g", *v)
}

// shownRuns is how many runs show prints for people.
const shownRuns = 20

func newDriftShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Show a baseline, its runs, and what the newest comparison found",
		Args:  args(1),
		RunE: func(cmd *cobra.Command, in []string) error {
			return connected(cmd, app.TemporalUnused, func(ctx context.Context, s *session, a *app.App) error {
				return showDrift(ctx, s, a, in[0])
			})
		},
	}
}

func showDrift(ctx context.Context, s *session, a *app.App, name string) error {
	b, err := a.Baseline(ctx, name)
	if err != nil {
		return err
	}
	runs, err := a.Store.DriftRuns(ctx, name)
	if err != nil {
		return err
	}
	lines := make([]driftRunLine, len(runs))
	for i, r := range runs {
		lines[i] = driftRunLineOf(r)
	}
	people := s.settings.Output == "table"
	if people {
		say(s.out, "baseline %s: %d cell(s) of sweep %s, tolerance ±%g %%, pinned %s by %s\n",
			b.Name, len(b.Cells), b.Sweep, 100*b.Tolerance, ago(b.PinnedAt), b.PinnedBy)
		runs = runs[:min(len(runs), shownRuns)]
	}
	rows := make([][]string, len(runs))
	for i, r := range runs {
		told := r.AlarmOutcome
		if r.AlarmedAt != nil {
			told = ago(*r.AlarmedAt) + ": " + told
		}
		rows[i] = []string{string(r.Sweep), ago(r.At), verdictText(r.Verdict), told}
	}
	if err := listing(s.out, s.settings.Output, []string{"sweep", "at", "verdict", "told"}, rows, lines); err != nil || !people {
		return err
	}
	for _, r := range runs {
		if r.Report == nil {
			continue
		}
		var report drift.Report
		if err := json.Unmarshal(r.Report, &report); err != nil {
			say(s.err, "warning: the report of run %s cannot be read; wattsweep drift compare %s makes it anew\n", r.Sweep, name)
			return nil //nolint:nilerr // what cannot be read is left out, and said
		}
		return printDrift(s, name, r.Sweep, report)
	}
	return nil
}
