package papers

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// The paper's tool reads the field that a GPU averages over 1 s; where ours
// reads that too, the paper's figure is made of it, GPU by GPU.
func TestAveragePowerDrawIsThePapersField(t *testing.T) {
	t.Parallel()
	in := sample()
	require.Contains(t, find(t, WhitePaper(in), "Average Power Draw").Basis, "the paper's tool reads a field that newer GPUs average over 1 s")
	average := gpuOf("gpu1.power_average", bench.UnitWatt)
	average.Sensor = bench.SensorAveraged
	in.Phases = append(in.Phases, window(bench.PhaseInference, 1, average, 170, 200), window(bench.PhaseIdle, 0, average, 30, 40))
	for i := range 4 {
		in.Readings = append(in.Readings, bench.CallReading{CallKey: bench.CallKey{Run: 1, Item: i}, Channel: average.Name, Mean: ptr(190.0)})
	}
	list := WhitePaper(in)
	requireValue(t, list, "Average Power Draw", "W", 101.5+190)
	requireValue(t, list, "Idle Power", "W", 20+30)
	m := find(t, list, "Average Power Draw")
	require.Contains(t, m.Basis, "gpu0.power+gpu1.power_average")
	require.Contains(t, m.Basis, "sum of 2 GPUs")

	unread := gpuOf("gpu0.power_average", bench.UnitWatt)
	lost := window(bench.PhaseInference, 1, unread, 0, 0)
	lost.Mean, lost.Missing = nil, "not supported"
	in.Phases = append(in.Phases, lost)
	requireValue(t, WhitePaper(in), "Average Power Draw", "W", 101.5+190)
}

// Meters that watch the same power are not added up where the host stands in.
func TestHostPowerCountsOnce(t *testing.T) {
	t.Parallel()
	in := sample()
	outlet := func(name, feed string, watts float64) bench.PhaseReading {
		c := bench.Channel{Name: name, Unit: bench.UnitWatt, Scope: bench.ScopeOutlet, Feed: feed}
		return window(bench.PhaseInference, 1, c, watts, watts)
	}
	in.Phases = []bench.PhaseReading{outlet("plug.a.power", "", 80), outlet("pdu.x.power", "", 81)}
	in.Result.Energies = []bench.EnergyFigure{{Part: bench.PartWall, Channel: "plug.a.energy"}}
	requireValue(t, WhitePaper(in), "Average Power Draw", "W", 80)
	in.Result.Energies = nil
	requireValue(t, WhitePaper(in), "Average Power Draw", "W", 81)

	in.Phases = []bench.PhaseReading{outlet("plug.a.power", "a", 80), outlet("pdu.x.power", "a", 81), outlet("pdu.y.power", "b", 70)}
	requireValue(t, WhitePaper(in), "Average Power Draw", "W", 81+70)
	in.Result.Energies = []bench.EnergyFigure{{Part: bench.PartWall, Channel: "pdu.y.power+plug.a.power"}}
	requireValue(t, WhitePaper(in), "Average Power Draw", "W", 80+70)
}

// A channel that is made up in one window marks what rests on it.
func TestMarksOfAnyWindow(t *testing.T) {
	t.Parallel()
	in := sample()
	for i := range in.Phases {
		if in.Phases[i].Phase == bench.PhaseInference && in.Phases[i].Channel.Name == "gpu1.power" {
			in.Phases[i].Channel.Simulated = true
		}
	}
	require.True(t, find(t, WhitePaper(in), "Average Power Draw").Simulated)
	require.InDelta(t, 303, *find(t, WhitePaper(in), "Average Power Draw").Value, 1e-9)
}
