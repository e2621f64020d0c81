package papers

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// doubtOf is a budget with an accuracy that all windows share and edges that
// they do not.
func doubtOf(common, edges float64) *bench.Uncertainty {
	return &bench.Uncertainty{U95: 1, Standard: 1, Parts: []bench.UncertaintyPart{
		{Name: "sensor accuracy", Standard: common, Type: "B", Common: true}, {Name: "window edges", Standard: edges, Type: "B"},
	}}
}

// A sum that lacks a summand is none.
func TestSumsWithoutASummandAreUntold(t *testing.T) {
	t.Parallel()
	in := sample()
	line := &in.Result.EnergyByPhase[1]
	line.Windows, line.Flags = 7, []string{"left out: 3 of 10 windows (gpu0.energy: the counter was reset inside the window)"}
	list := Thesis(in)
	m := find(t, list, "Inference Energy, GPU")
	require.Nil(t, m.Value)
	require.Equal(t, "left out: 3 of 10 windows (gpu0.energy: the counter was reset inside the window); the others took 2400 J in 10 s", m.Missing)
	require.Equal(t, "the inference is not whole: "+m.Missing, find(t, list, "Cumulative Energy, GPU").Missing)
	power := find(t, list, "Average Inference Power, GPU")
	require.InDelta(t, 0.303, *power.Value, 1e-12, "a mean needs no whole")
	require.Contains(t, power.Basis, "left out: 3 of 10 windows")
	require.NotNil(t, find(t, list, "Inference Energy, PDU").Value)
}

// Windows without an energy are seen in the readings too.
func TestSumsByReadings(t *testing.T) {
	t.Parallel()
	in := sample()
	in.Result.EnergyByPhase[1].Channel = "gpu0.energy+gpu1.energy"
	second := window(bench.PhaseInference, 2, gpuOf("gpu0.energy", bench.UnitJoule), 0, 0)
	second.Missing = "the counter was reset"
	in.Phases = append(in.Phases, second)
	require.Equal(t, "left out: 1 of 2 windows; the others took 2400 J in 10 s", find(t, Thesis(in), "Inference Energy, GPU").Missing)
}

// What a call and a word took is over the same calls in both.
func TestPerWordOverTheSameCalls(t *testing.T) {
	t.Parallel()
	in := sample()
	second := window(bench.PhaseInference, 2, gpuOf("gpu0.energy", bench.UnitJoule), 0, 0)
	second.Missing = "the counter was reset"
	in.Phases = append(in.Phases, second)
	in.Calls = append(in.Calls, bench.Call{CallKey: bench.CallKey{Run: 2}, Segment: 1, Outcome: bench.OutcomeOK, OutputWords: 500})
	m := find(t, Thesis(in), "Energy per Output Word, GPU")
	require.InDelta(t, 120, *m.Value, 1e-9, "the words of the call without an energy are not in it")
	require.Contains(t, m.Basis, "2400 J ÷ 20 words, both of the 4 calls")

	pdu := find(t, Thesis(in), "Energy per Output Word, PDU")
	require.InDelta(t, 180, *pdu.Value, 1e-9)
	require.InDelta(t, 7.0/900*180, *pdu.U95, 1e-9)

	in.Result.Energies[1].Mean = 601 // over other calls than those that the readings show
	require.Equal(t, "the calls behind the energy per call cannot be told from the readings", find(t, Thesis(in), "Energy per Output Word, GPU").Missing)

	in.Result.Energy, in.Result.EnergyPerWord = &in.Result.Energies[1], ptr(33.0)
	require.InDelta(t, 33, *find(t, Thesis(in), "Energy per Output Word, GPU").Value, 0, "the cell's own figure where it is of this meter")
}

// By hand: accuracies of 3 and 4 J are one error, edges of 1 and 2 J two.
func TestCumulativeUncertainty(t *testing.T) {
	t.Parallel()
	in := sample()
	lines := in.Result.EnergyByPhase
	lines[0].Channel, lines[0].Uncertainty = "gpu0.energy", doubtOf(3, 1)
	lines[1].Channel, lines[1].Uncertainty = "gpu0.energy", doubtOf(4, 2)
	u := *find(t, Thesis(in), "Cumulative Energy, GPU").U95
	require.InDelta(t, 1.959964*1.959964*(49+1+4), u*u, 1e-4)

	lines[1].Channel = "gpu0.power" // another view: no error is known to be the same
	u = *find(t, Thesis(in), "Cumulative Energy, GPU").U95
	require.InDelta(t, 1.959964*1.959964*(9+16+1+4), u*u, 1e-4)

	lines[0].Uncertainty = nil
	m := find(t, Thesis(in), "Cumulative Energy, GPU")
	require.Nil(t, m.U95)
	require.Contains(t, m.Basis, "no ±: the baseline has none")
}

// Doubts about a line or a figure go with it.
func TestFlagsGoWithTheMetric(t *testing.T) {
	t.Parallel()
	in := sample()
	in.Result.EnergyByPhase[1].Flags = []string{"a process that is not the runtime's was on the GPU"}
	in.Result.Energies[1].Flags = []string{"gpu2.power is not in this figure: no answer"}
	list := Thesis(in)
	require.Contains(t, find(t, list, "Inference Energy, GPU").Basis, "not the runtime's")
	require.Contains(t, find(t, list, "Cumulative Energy, GPU").Basis, "not the runtime's")
	require.Contains(t, find(t, list, "Energy per Inference, GPU").Basis, "gpu2.power is not in")
	require.Contains(t, find(t, list, "Energy per Output Word, GPU").Basis, "gpu2.power is not in")
}
