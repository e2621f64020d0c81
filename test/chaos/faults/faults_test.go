package faults

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/test/chaos/lab"
)

type pair struct {
	fault string
	stage bench.Stage
}

// A hundred points in a row, wherever they begin, strike each part at each
// stage; a seed alone gives the same point again.
func TestKillPointsCoverTheMatrix(t *testing.T) {
	t.Parallel()
	for _, first := range []int64{0, 1, 17, 1 << 40, -30} {
		met := map[pair]int{}
		delays := map[int64]bool{}
		for i := range int64(100) {
			p := KillPoint(first + i)
			again := KillPoint(first + i)
			require.Equal(t, []any{p.Fault.Name, p.Stage, p.Delay}, []any{again.Fault.Name, again.Stage, again.Delay})
			require.Equal(t, first+i, p.Seed)
			met[pair{p.Fault.Name, p.Stage}]++
			delays[int64(p.Delay)] = true
		}
		for _, part := range lab.Parts() {
			for _, stage := range Stages() {
				require.Positive(t, met[pair{"kill-" + string(part), stage}], "%s at %s, first seed %d", part, stage, first)
			}
		}
		require.Greater(t, len(delays), 90, "moments differ")
	}
}

func TestStagesOfTheMatrix(t *testing.T) {
	t.Parallel()
	list := Stages()
	require.Len(t, list, len(bench.Stages())+1)
	require.Equal(t, []bench.Stage{bench.StagePull, bench.StagePrepare, bench.StageBaseline}, list[2:5])
}

// What the issue asks for is in the list, and each fault can be broken and mended.
func TestTheMatrixIsWhole(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, f := range append(Kills(), Others()...) {
		require.False(t, names[f.Name], "%s is there twice", f.Name)
		names[f.Name] = true
		require.NotNil(t, f.Break, f.Name)
		require.NotNil(t, f.Mend, f.Name)
		require.NotEmpty(t, f.Stages, f.Name)
		require.Contains(t, Kinds(), f.Kind)
		if may := map[string]int{"stop-ollama": 1, "wedge-ollama-link": 1, "wedge-ollama-runner": untilStuck}[f.Name]; f.MayFail != may {
			t.Errorf("%s may fail %d calls, wanted %d", f.Name, f.MayFail, may)
		}
	}
	for _, want := range []string{
		"kill-worker", "kill-temporal", "kill-postgres", "kill-ollama", "stop-worker", "stop-ollama", "stop-postgres", "stop-temporal",
		"kill-runner", "restart-postgres-in-commit", "disk-full", "cut-temporal-hold", "cut-temporal-reset", "cut-postgres-hold", "cut-postgres-reset",
		"silent-pdu", "wedge-ollama-runner", "wedge-ollama-link", "twin-worker", "twin-host", "usurped-host", "power-cut", "clock-forward", "clock-back",
	} {
		require.True(t, names[want], "%s is missing", want)
	}
	_, ok := At("kill-worker", "no stage", 1)
	require.False(t, ok)
	_, ok = Named("no fault")
	require.False(t, ok)
}
