package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/report"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/targets"
)

func newTargets() *cobra.Command {
	var texts []string
	cmd := &cobra.Command{
		Use:   "targets SWEEP",
		Short: "Hold a sweep's results against its targets, with their uncertainty",
		Long:  targetsHelp(),
		Args:  args(1),
		RunE: func(cmd *cobra.Command, in []string) error {
			rules, err := targets.ParseAll(texts)
			if err != nil {
				return err
			}
			return onSweep(cmd, app.TemporalUnused, in[0], func(ctx context.Context, s *session, a *app.App, sw store.Sweep) error {
				return printTargets(ctx, s, a, sw, rules)
			})
		},
	}
	addTargets(cmd, &texts)
	return cmd
}

func addTargets(cmd *cobra.Command, texts *[]string) {
	cmd.Flags().StringArrayVar(texts, "target", nil, `judge by this rule too, such as "tokens_per_wh p95 >= 250"; may be given more than once`)
}

// targetsHelp says how a rule is written and what it may name.
func targetsHelp() string {
	var b strings.Builder
	b.WriteString("Judges every cell by the targets of its spec and by those of --target. A target is met only where the whole\n" +
		"95 % interval of the figure lies on the good side, and failed only where all of it lies on the bad side\n" +
		"and the failure stands beside all other judgements of the sweep (Holm's step-down).\n" +
		"Exit codes: 0 all are met, 3 one failed, 4 one is not decided.\n\n" +
		"A target reads METRIC STAT OP VALUE [UNIT] [where KEY=VALUE, …], for example:\n" +
		"  tokens_per_wh p95 >= 250\n  latency_s p95 <= 500 ms where language=sv, model=llama*\n\n")
	keys := targets.Keys()
	fmt.Fprintf(&b, "OP is >=, <=, > or <. KEY is %s or %s. The metrics:\n", strings.Join(keys[:len(keys)-1], ", "), keys[len(keys)-1])
	for _, m := range targets.Metrics() {
		stats := make([]string, len(m.Stats))
		for i, s := range m.Stats {
			stats[i] = string(s)
		}
		fmt.Fprintf(&b, "  %-26s %-9s %s\n  %26s %s\n", m.Name, m.Unit, strings.Join(stats, ", "), "", m.What)
	}
	return b.String()
}

// printTargets judges a sweep, prints how it stands and ends with the exit
// code of that.
func printTargets(ctx context.Context, s *session, a *app.App, sw store.Sweep, rules []targets.Rule) error {
	if len(sw.Targets)+len(rules) == 0 {
		return fault.New(fault.Invalid, "", `add one with --target "tokens_per_wh p95 >= 250", or targets: to the spec and run it again`,
			"sweep %s has no target", sw.ID)
	}
	results, err := a.Targets(ctx, sw.ID, rules)
	if err != nil {
		return err
	}
	switch s.settings.Output {
	case "json":
		enc := json.NewEncoder(s.out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false) // a rule stays readable
		err = enc.Encode(results.Targets)
	case "csv":
		err = report.TargetsCSV(s.out, results.Targets)
	default:
		say(s.out, "%s", report.TargetsText(results, isTerminal(s.out)))
	}
	if err != nil {
		return err
	}
	return judged(sw.ID, results.Targets)
}

// judged is nil where all targets are met or none is set; else an error with
// the exit code of what was found.
func judged(id bench.SweepID, t *bench.TargetResults) error {
	if t == nil {
		return nil
	}
	switch t.Verdict {
	case bench.VerdictPass:
		return nil
	case bench.VerdictFail:
		return errVerdict{ExitTarget, fmt.Sprintf("sweep %s fails its targets", id)}
	case bench.VerdictUndecided:
		return errVerdict{ExitUndecided, fmt.Sprintf("the targets of sweep %s are not decided", id)}
	default:
		return errVerdict{ExitUndecided, fmt.Sprintf("the targets of sweep %s are not decided", id)}
	}
}

// judgeEnded judges a sweep that was waited for; one without targets is done.
func judgeEnded(ctx context.Context, s *session, a *app.App, id bench.SweepID) error {
	sw, err := a.Store.SweepHead(ctx, id)
	if err != nil || len(sw.Targets) == 0 {
		return err
	}
	return printTargets(ctx, s, a, sw, nil)
}
