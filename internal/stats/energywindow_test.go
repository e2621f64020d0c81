package stats

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

const tooShort = "window shorter than 10 update periods of the meter, or 10 sampling intervals"

// without takes the energy of every channel of a window away.
func without(in CellInput, run, no int) CellInput {
	for i, p := range in.Phases {
		if p.Phase == bench.PhaseInference && p.Run == run && p.No == no && p.EnergyJ != nil {
			in.Phases[i].EnergyJ, in.Phases[i].Missing, in.Phases[i].Coverage = nil, tooShort, 0
		}
	}
	return in
}

// A segment that was cut before its first call says nothing about calls: its
// window, short or not, is none of the cell's.
func TestWindowWithoutCallsIsIgnored(t *testing.T) {
	t.Parallel()
	want := Cell(cellOf(2, 10))
	for _, energyJ := range []float64{150, 0} {
		in := cellOf(2, 10)
		in.Phases = append(in.Phases, reading(bench.PhaseInference, 2, 2, estimated(), 300*time.Millisecond, energyJ))
		if energyJ == 0 {
			in = without(in, 2, 2)
		}
		got := Cell(in)
		requireReasons(t, got)
		require.Equal(t, want.Energy, got.Energy, got.EnergyMissing)
		require.Equal(t, want.EnergyPerCorrect, got.EnergyPerCorrect)
		require.Equal(t, want.TokensPerJoule, got.TokensPerJoule)
	}
}

// A window with calls but too short for an energy is left out with its calls.
func TestWindowWithoutEnergyIsLeftOut(t *testing.T) {
	t.Parallel()
	in := cellOf(2, 10)
	in.Calls[0].Remeasured = true
	for i := range in.Calls {
		if in.Calls[i].Run == 1 && in.Calls[i].Item < 4 {
			in.Calls[i].Segment = 2
		}
	}
	in.Phases = append(in.Phases, reading(bench.PhaseInference, 1, 2, estimated(), 400*time.Millisecond, 9))
	got := Cell(without(in, 1, 2))
	requireReasons(t, got)
	require.NotNil(t, got.Energy, got.EnergyMissing)
	require.InDelta(t, 483.0/16, got.Energy.Mean, 1e-12, "neither its energy nor its calls")
	require.InDelta(t, (483.0-20*20)/16, *got.Energy.NetMean, 1e-12, "nor its length")
	require.InDelta(t, 0.9, got.Energy.Coverage, 1e-12, "nor its coverage")
	require.InDelta(t, 16*12/483.0, *got.TokensPerJoule, 1e-12)
	require.InDelta(t, 483.0/8, *got.EnergyPerCorrect, 1e-12)
	require.Contains(t, got.Energy.Basis, "energy of 2 inference windows over the 16 calls that ended in them, failed calls included; "+
		"left out: 4 calls in 1 window (estimate.energy: "+tooShort+")")
	require.NotContains(t, got.Energy.Basis, "measured again", "the call that was is left out")
	require.Equal(t, 20, got.Latency.N, "every other figure has them")
}

func TestNoWindowWithEnergy(t *testing.T) {
	t.Parallel()
	got := Cell(without(without(cellOf(2, 10), 1, 1), 2, 1))
	requireReasons(t, got)
	require.Equal(t, "no channel tells the energy of an inference window with calls: estimate.energy in run 1, segment 1: "+tooShort, got.EnergyMissing)
	require.Equal(t, got.EnergyMissing, got.TokensPerJouleMissing)
}

// One short window must not turn a measured cell into an estimated one, and
// half of the calls without a measurement must.
func TestChannelWithFewGapsStays(t *testing.T) {
	t.Parallel()
	card := power("gpu0.power", bench.ScopeGPU)
	for item, want := range map[int]string{1: "gpu0.power", 9: "estimate.energy"} {
		in := cellOf(2, 10)
		in.Phases = append(in.Phases, inferred(1, card, 10), inferred(2, card, 20),
			reading(bench.PhaseInference, 1, 2, estimated(), time.Second, 5))
		for i := range in.Calls {
			if in.Calls[i].Run == 1 && in.Calls[i].Item < item {
				in.Calls[i].Segment = 2
			}
		}
		got := Cell(in)
		requireReasons(t, got)
		require.Equal(t, want, got.Energy.Channel)
		if want == "gpu0.power" {
			require.InDelta(t, 30.0/19, got.Energy.Mean, 1e-12)
			require.Contains(t, got.Energy.Basis, "left out: 1 call in 1 window (gpu0.power: not read)")
		}
	}
}

// at places the calls of a run one after the other from a moment on.
func at(calls []bench.Call, run int, from time.Time) {
	for i := range calls {
		if calls[i].Run == run {
			calls[i].StartedAt = from
			from = from.Add(calls[i].Latency)
		}
	}
}

// kill -9 leaves the readings of up to two seconds ago: calls that were
// committed after them have no energy there.
func TestCallsAfterTheLastReading(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	in := cellOf(2, 10)
	at(in.Calls, 1, began.Add(time.Millisecond))
	at(in.Calls, 2, began.Add(time.Minute))
	for i := range in.Phases {
		if in.Phases[i].Phase == bench.PhaseInference {
			in.Phases[i].Started = began.Add(time.Duration(in.Phases[i].Run-1) * time.Minute)
		}
		if in.Phases[i].Run == 1 {
			in.Phases[i].Window = 3700 * time.Millisecond // call 8 of run 1 ends after 3681 ms, the next after 4591
		}
	}
	got := Cell(in)
	requireReasons(t, got)
	require.InDelta(t, 483.0/18, got.Energy.Mean, 1e-12)
	require.InDelta(t, 18*12/483.0, *got.TokensPerJoule, 1e-12)
	require.InDelta(t, 483.0/9, *got.EnergyPerCorrect, 1e-12)
	require.Contains(t, got.Energy.Basis, "left out: 2 calls that ended after the last reading of their window")
	require.Equal(t, 20, got.Latency.N)

	windows, missing := EnergyWindows(in.Calls, in.Phases)
	require.Empty(t, missing)
	require.Len(t, windows, 2)
	require.Len(t, windows[0].Calls, 8)
	require.InDelta(t, 241, windows[0].EnergyJ, 1e-12)
	require.Equal(t, 3700*time.Millisecond, windows[0].Window)
	require.Len(t, windows[1].Calls, 10)
}

// Stamps are cut to microseconds and clocks slew a little: a call that ends
// with its window lies in it.
func TestCallThatEndsWithItsWindow(t *testing.T) {
	t.Parallel()
	for late, calls := range map[time.Duration]int{0: 1, 50 * time.Millisecond: 1, 51 * time.Millisecond: 0} {
		in := cellOf(1, 1)
		in.Calls[0].StartedAt = in.Phases[1].Started.Add(10*time.Second - in.Calls[0].Latency + late)
		windows, missing := EnergyWindows(in.Calls, in.Phases)
		require.Len(t, windows, calls, late)
		require.Equal(t, calls == 0, missing != "")
	}
}

func TestEnergySaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	one := Cell(cellOf(1, 10)).Energy
	require.Equal(t, "one run", one.CIMissing)
	require.Empty(t, one.NetMeanMissing)
	in := cellOf(2, 10)
	in.Phases[0].EnergyJ, in.Phases[0].Missing = nil, "the meter failed"
	two := Cell(in).Energy
	require.Nil(t, two.NetMean)
	require.Equal(t, "no baseline of estimate.energy: the meter failed", two.NetMeanMissing)
	require.Empty(t, two.CIMissing)
	in.Phases = in.Phases[1:]
	require.Equal(t, "no baseline of estimate.energy was measured", Cell(in).Energy.NetMeanMissing)
	require.Equal(t, "one value has no spread", Cell(cellOf(1, 1)).Latency.SDMissing)
}
