package cli

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/targets"
)

func TestExitCodesOfVerdicts(t *testing.T) {
	t.Parallel()
	require.NoError(t, judged("s", nil))
	for verdict, code := range map[bench.Verdict]int{bench.VerdictFail: ExitTarget, bench.VerdictUndecided: ExitUndecided} {
		err := judged("s", &bench.TargetResults{Verdict: verdict})
		require.Error(t, err)
		require.Equal(t, code, codeOf(err))
	}
	require.NoError(t, judged("s", &bench.TargetResults{Verdict: bench.VerdictPass}))
	require.Equal(t, ExitFailed, codeOf(errors.New("x")))
}

func TestTargetsHelpNamesEveryMetric(t *testing.T) {
	t.Parallel()
	help := targetsHelp()
	for _, name := range targets.Names() {
		require.Contains(t, help, "  "+name+" ")
	}
	require.Contains(t, help, "3 one failed, 4 one is not decided")
}

// A rule that is wrong is refused before anything is connected to.
func TestTargetsRefuseAWrongRule(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"targets", "s", "--target", "latncy_s p95 <= 2"}, {"report", "s", "--target", "latncy_s p95 <= 2"}} {
		root := newRoot()
		root.AddCommand(newTargets())
		var out, errOut bytes.Buffer
		require.Equal(t, ExitWrongUse, run(t.Context(), root, args, &out, &errOut))
		require.Contains(t, errOut.String(), `column 1: no metric is called "latncy_s"`)
		require.Contains(t, errOut.String(), "did you mean latency_s?")
	}
}
