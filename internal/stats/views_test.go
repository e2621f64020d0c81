package stats

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// toldWith is a reading with a U95 of its own.
func toldWith(run int, c bench.Channel, energyJ, u95 float64) bench.PhaseReading {
	p := inferred(run, c, energyJ)
	if u95 > 0 {
		p.Uncertainty = &bench.Uncertainty{U95: u95, Standard: u95 / 2, K: 2, Parts: []bench.UncertaintyPart{
			{Name: "resolution", Standard: u95 / 2, Type: "B"},
		}}
	}
	return p
}

// inlet is a PDU's inlet as power, and as a counter with so many J a step.
func inlet(stepJ float64) (powers, counts bench.Channel) {
	powers = power("pdu.a.power", bench.ScopeInlet)
	powers.Device, powers.Identity = "inlet", ""
	counts = counter("pdu.a.energy", bench.ScopeInlet)
	counts.Device, counts.Resolution = "inlet", stepJ
	return powers, counts
}

func cellWith(list ...bench.PhaseReading) CellInput {
	in := cellOf(2, 10)
	in.Phases = list
	return in
}

// Of two views of one device the one with the smaller U95 counts: a counter in
// steps of 0.1 kWh says nothing of windows of 5 kJ.
func TestCoarseCounterLosesToPower(t *testing.T) {
	t.Parallel()
	p, e := inlet(360000)
	in := cellWith(toldWith(1, p, 5000, 150), toldWith(2, p, 5000, 150), toldWith(1, e, 0, 290000), toldWith(2, e, 360000, 290000))
	f := Cell(in).Energy
	require.Equal(t, "pdu.a.power", f.Channel)
	require.InDelta(t, 500, f.Mean, 1e-9)
	require.Equal(t, bench.EnergyTrapezoid, f.Method)
	require.False(t, f.Disagreement.Exceeded, "their uncertainties explain it")

	in = cellWith(toldWith(1, p, 5000, 0), toldWith(2, p, 5000, 0), toldWith(1, e, 0, 290000), toldWith(2, e, 0, 290000))
	require.InDelta(t, 500, Cell(in).Energy.Mean, 1e-9, "standing still is never 0 J")
}

func TestViewByUncertainty(t *testing.T) {
	t.Parallel()
	p, e := inlet(1)
	for _, c := range []struct {
		name       string
		powerU     float64
		counterU   float64
		wantMethod bench.EnergyMethod
	}{
		{"counter better", 150, 50, bench.EnergyCounter},
		{"power better", 50, 150, bench.EnergyTrapezoid},
		{"equal within 10 %", 95, 100, bench.EnergyCounter},
		{"the counter tells none", 150, 0, bench.EnergyTrapezoid},
		{"the power tells none", 0, 150, bench.EnergyCounter},
		{"neither tells any", 0, 0, bench.EnergyCounter},
	} {
		in := cellWith(toldWith(1, p, 5000, c.powerU), toldWith(2, p, 5000, c.powerU), toldWith(1, e, 5010, c.counterU), toldWith(2, e, 5010, c.counterU))
		require.Equal(t, c.wantMethod, Cell(in).Energy.Method, c.name)
	}
}

// What two views disagree by is in the budget of both alike, and says nothing
// of which is the better one.
func TestViewByItsOwnUncertainty(t *testing.T) {
	t.Parallel()
	p, e := inlet(1)
	apart := func(r bench.PhaseReading, with string) bench.PhaseReading {
		r.Uncertainty.Parts = append(r.Uncertainty.Parts, bench.UncertaintyPart{Name: partDisagreement, Standard: 2000, Type: "B", Common: true})
		r.Uncertainty.Standard, r.Uncertainty.U95 = 2000, 4000
		r.Disagreement = &bench.Disagreement{With: with, Exceeded: true, Limit: 0.05}
		return r
	}
	var list []bench.PhaseReading
	for run := 1; run <= 2; run++ {
		list = append(list, apart(toldWith(run, p, 5000, 50), e.Name), apart(toldWith(run, e, 8000, 500), p.Name))
	}
	f := Cell(cellWith(list...)).Energy
	require.Equal(t, p.Name, f.Channel)
	require.True(t, f.Disagreement.Exceeded, "their own uncertainties do not explain it")
	require.Contains(t, f.Flags[0], "differ by 46.2 % over all windows")
}

// A counter that stood still while power was drawn is no figure, and not a
// second opinion.
func TestFrozenCounter(t *testing.T) {
	t.Parallel()
	for _, stepJ := range []float64{0, 0.001, 100} { // 10 steps are below what the power tells
		p, e := inlet(stepJ)
		var list []bench.PhaseReading
		for run := 1; run <= 2; run++ {
			one := toldWith(run, p, 6000, 300)
			one.Disagreement = &bench.Disagreement{With: e.Name, Exceeded: true, Relative: 2, Limit: 0.05}
			one.Flags = []string{"differs by 200.0 % from what pdu.a.energy tells (limit 5 %)"}
			one.Uncertainty.Parts = append(one.Uncertainty.Parts, bench.UncertaintyPart{Name: partDisagreement, Standard: 3500, Type: "B", Common: true})
			one.Uncertainty.Standard, one.Uncertainty.U95 = 3510, 7000
			list = append(list, one, toldWith(run, e, 0, 1))
		}
		r := Cell(cellWith(list...))
		requireReasons(t, r)
		require.Equal(t, p.Name, r.Energy.Channel, stepJ)
		require.InDelta(t, 600, r.Energy.Mean, 1e-9)
		require.InDelta(t, 150*150*2, r.Energy.Uncertainty.Standard*r.Energy.Uncertainty.Standard*400, 1e-6, "without the counter's part")
		require.Nil(t, r.Energy.Disagreement)
		require.Equal(t, []string{"pdu.a.power: pdu.a.energy stood still while this power went on: it is left aside (2 of 2 windows)"}, r.Energy.Flags)
		require.Contains(t, r.EnergyByPhase[0].Flags, r.Energy.Flags[0])
	}
}

// Left aside with its reason where the power does not tell the energy of all
// windows either.
func TestFrozenCounterIsNoFigure(t *testing.T) {
	t.Parallel()
	p, e := inlet(0.001)
	gap := inferred(2, p, 0)
	gap.EnergyJ, gap.Missing = nil, "the agent did not answer"
	f := Cell(cellWith(toldWith(1, p, 6000, 300), gap, toldWith(1, e, 0, 1), toldWith(2, e, 6000, 1))).Energy
	require.Contains(t, f.Basis, "left out: 10 calls in 1 window (")
	require.InDelta(t, 600, f.Mean, 1e-9)

	a := accountOf([]bench.PhaseReading{toldWith(1, e, 0.009, 1), toldWith(1, p, 6000, 300)}, "")
	s := a.groups[0].devices[0].list[0]
	require.Equal(t, "it rose by 0.009 J, less than 10 of its steps of 0.001 J, while pdu.a.power tells 6000 J: it stood still", s.gap(phaseKey{bench.PhaseInference, 1, 1}))

	idle := accountOf([]bench.PhaseReading{toldWith(1, e, 0, 1), toldWith(1, p, 0, 1)}, "")
	require.Empty(t, idle.groups[0].devices[0].list[0].gap(phaseKey{bench.PhaseInference, 1, 1}), "nothing was drawn")
}
