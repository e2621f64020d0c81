package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/test/chaos/campaign"
	"github.com/wattsweep/wattsweep/test/chaos/faults"
	"github.com/wattsweep/wattsweep/test/chaos/judge"
	"github.com/wattsweep/wattsweep/test/chaos/lab"
	"github.com/wattsweep/wattsweep/test/harness"
)

// A sample of the matrix, one fault of each kind, in running sweeps on real
// servers. `make chaos` plays all of it.
func TestSampleOfTheMatrix(t *testing.T) {
	harness.NeedServers(t)
	dir, program, err := lab.Build(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	var points []faults.Point
	for i, one := range []struct {
		fault string
		stage bench.Stage
	}{
		{"kill-worker", bench.StageLoad},
		{"kill-ollama", bench.StageIdle},
		{"kill-runner", bench.StageInfer},
		{"kill-temporal", bench.StagePublish},
		{"restart-postgres-in-commit", bench.StageInfer},
		{"silent-pdu", bench.StageInfer},
		{"stop-worker", bench.StageInfer},
		{"twin-host", bench.StageInfer},
		{"cut-temporal-hold", bench.StageInfer},
	} {
		p, ok := faults.At(one.fault, one.stage, int64(i+1))
		require.True(t, ok, "%s at %s is no point of the matrix", one.fault, one.stage)
		points = append(points, p)
	}
	rows, err := campaign.Run(t.Context(), campaign.Options{Program: program, Host: "chaos-sample", Points: points, Say: t.Logf})
	require.NoError(t, err)
	require.Len(t, rows, len(points), "every point has a row")
	for _, r := range rows {
		if r.Skipped != "" {
			require.Equal(t, "silent-pdu", r.Fault, "skipped: %s", r.Skipped)
			require.False(t, lab.HasPDU())
			continue
		}
		require.True(t, r.OK, "%s at %s did harm: %+v", r.Fault, r.Stage, r)
	}
	require.Zero(t, judge.Failed(rows))
}

func TestFlags(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"-seed", "5", "-points", "7", "-others=false", "-run", "^kill-(worker|temporal)/"})
	require.NoError(t, err)
	for _, p := range plan(o) {
		require.Contains(t, []string{"kill-worker", "kill-temporal"}, p.Fault.Name)
		require.GreaterOrEqual(t, p.Seed, int64(5))
		require.Less(t, p.Seed, int64(12))
	}
	for _, wrong := range [][]string{{"-points", "-1"}, {"-run", "("}, {"more"}, {"-points", "x"}} {
		_, err := parse(wrong)
		require.Error(t, err, "%v", wrong)
	}
	o, err = parse([]string{"-points", "0", "-run", "."})
	require.NoError(t, err)
	require.NotEmpty(t, plan(o))
}
