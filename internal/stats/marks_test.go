package stats

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// A source that is made up in any window counted marks the figure, whichever
// window comes first.
func TestMarksOfAnyWindow(t *testing.T) {
	t.Parallel()
	for marked := 1; marked <= 2; marked++ {
		in := cellOf(2, 10)
		in.Phases = nil
		for run := 1; run <= 2; run++ {
			c := power("plug.a.power", bench.ScopeOutlet)
			c.Estimated, c.Simulated = run == marked, run == marked
			in.Phases = append(in.Phases, inferred(run, c, 100))
		}
		r := Cell(in)
		require.True(t, r.Energy.Simulated, "run %d", marked)
		require.True(t, r.Energy.Estimated)
		require.Equal(t, bench.EnergyEstimated, r.Energy.Method)
		require.Contains(t, r.Energy.Basis, "made-up source for tests: estimated")
		require.True(t, r.EnergyByPhase[0].Simulated)
		require.True(t, r.EnergyByPhase[0].Estimated)
	}
}

// What is not counted marks nothing.
func TestMarksOfWindowLeftOut(t *testing.T) {
	t.Parallel()
	in := cellOf(2, 10)
	in.Phases = nil
	c := power("plug.a.power", bench.ScopeOutlet)
	odd := c
	odd.Simulated = true
	gap := inferred(2, odd, 0)
	gap.EnergyJ, gap.Missing = nil, "no answer"
	in.Phases = append(in.Phases, inferred(1, c, 100), gap)
	require.False(t, Cell(in).Energy.Simulated)
}

// A baseline from a made-up source marks the figure whose net rests on it.
func TestMarksOfBaseline(t *testing.T) {
	t.Parallel()
	in := cellOf(1, 10)
	in.Phases = nil
	c := power("plug.a.power", bench.ScopeOutlet)
	odd := c
	odd.Simulated = true
	idle := inferred(0, odd, 10)
	idle.Phase = bench.PhaseBaseline
	in.Phases = append(in.Phases, inferred(1, c, 100), idle)
	require.True(t, Cell(in).Energy.Simulated)
}

func TestForeignThatCannotBeTold(t *testing.T) {
	t.Parallel()
	const unknown = "could not be told whether a foreign process was there"
	missing := gauge(2, "gpu0.foreign_processes", 0)
	missing.Mean, missing.Max, missing.Missing = nil, nil, "the process ids are not of this PID namespace"
	for name, list := range map[string][]bench.PhaseReading{
		"missing":  {foreignIn(1, 0), missing},
		"not read": {foreignIn(1, 0)},
	} {
		in := rig()
		in.Phases = append(in.Phases, list...)
		r := Cell(in)
		require.Equal(t, []string{unknown + ": gpu0.foreign_processes (1 of 2 windows)"}, r.Energy.Flags, name)
		require.NotNil(t, r.Energy.NetMean, "the baseline was never asked about")
		require.Equal(t, "baseline", string(r.EnergyByPhase[0].Phase))
		require.Empty(t, r.EnergyByPhase[0].Flags)

		in.Cell.Config.Meters.Foreign = bench.ForeignVoid
		r = Cell(in)
		requireReasons(t, r)
		require.Contains(t, r.Energy.Basis, "left out: 10 calls in 1 window (void: "+unknown+" (gpu0.foreign_processes))", name)
		require.NotNil(t, r.Energy.NetMean)
	}
	in := rig()
	in.Cell.Config.Meters.Foreign = bench.ForeignVoid
	require.Empty(t, Cell(in).Energy.Flags, "no channel, nothing to say")
	require.Contains(t, Cell(in).Energy.Basis, "over the 20 calls")
}
