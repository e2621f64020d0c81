package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

func TestTargetsAreShown(t *testing.T) {
	t.Parallel()
	var page bytes.Buffer
	require.NoError(t, HTML(&page, judged(), HTMLOptions{}))
	for _, text := range []string{
		"Targets failed", "Of 4 targets: 1 met, 1 failed and 2 not decided.", "no cell of the sweep fits where it applies",
		"latency_s p95 &lt;= 2", "too few to bound it from below", "3 of 400 calls failed and are not in it", "1.10\u00a0s",
		"in a random order (seed 1)", "It is paused since 2026-11-20 14:20 UTC, by bo: the room is too warm.",
		"1 published result was superseded", "What people did", "no longer needed", "Order of measurement", "File caches",
		"1 unfit and 1 skipped",
	} {
		require.Contains(t, page.String(), text)
	}
	requireOffline(t, page.String())
	var plain bytes.Buffer
	require.NoError(t, HTML(&plain, sample(), HTMLOptions{}))
	for _, text := range []string{`id="targets"`, `id="run"`, "File caches"} {
		require.NotContains(t, plain.String(), text, "nothing is said where nothing was asked")
	}
}

func TestTargetsText(t *testing.T) {
	t.Parallel()
	require.Equal(t, "No target is set.\n", TargetsText(sample(), false))
	golden(t, "testdata/targets.txt", []byte(TargetsText(judged(), false)))
	require.Contains(t, TargetsText(judged(), true), "\x1b[31mfailed\x1b[0m")
	lines := strings.Split(TargetsText(judged(), false), "\n")
	require.Contains(t, lines[3], "failed", "what failed goes first")
}

func TestTargetLine(t *testing.T) {
	t.Parallel()
	met := bench.TargetSummary{Verdict: bench.VerdictPass}
	require.Equal(t, "The target is met by every cell that it is about.", targetLine(bench.TargetResults{Targets: []bench.TargetSummary{met}}))
	require.Equal(t, "All 2 targets are met by every cell that they are about.", targetLine(bench.TargetResults{Targets: []bench.TargetSummary{met, met}}))
}

func TestVerifyTargets(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*bench.Judgement)
		says   string
	}{
		"no verdict":               {func(j *bench.Judgement) { j.Verdict = "" }, "a verdict that is none"},
		"passed without interval":  {func(j *bench.Judgement) { j.Figure.Low, j.Figure.High = nil, nil }, "without an interval"},
		"passed without a figure":  {func(j *bench.Judgement) { j.Figure.Value = nil }, "without an interval"},
		"interval without how":     {func(j *bench.Judgement) { j.Figure.Over = "" }, "how that was made"},
		"undecided without reason": {func(j *bench.Judgement) { j.Verdict = bench.VerdictUndecided }, "without a reason"},
		"no target":                {func(j *bench.Judgement) { j.Target = "" }, "without its target"},
		"hidden simulation":        {func(j *bench.Judgement) { j.Figure.Simulated = true }, "is simulated"},
	} {
		r := judged()
		require.NoError(t, Verify(r))
		c.change(&r.Targets.Judgements[0])
		require.ErrorContains(t, Verify(r), c.says, name)
	}
}

func TestStripsStayInside(t *testing.T) {
	t.Parallel()
	huge, low := 1e300, -1e300
	j := bench.Judgement{Target: "x", Op: ">=", Limit: 0, Figure: bench.FigureInterval{Value: &huge, Low: &low, High: &huge}}
	for _, list := range [][]bench.Judgement{{j}, {{Target: "x", Op: "<="}}, judged().Targets.Judgements} {
		scales := scalesOf(list)
		for _, one := range list {
			s := newStrip(one, scales[one.Target])
			for _, at := range []string{s.GoodX, s.GoodW, s.Limit} {
				require.Regexp(t, `^(100|\d?\d)(\.\d+)?%$`, at)
			}
		}
	}
}
