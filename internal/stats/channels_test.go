package stats

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

func power(name string, scope bench.Scope) bench.Channel {
	return bench.Channel{Name: name, Unit: bench.UnitWatt, Scope: scope, Identity: name, Method: "a sensor"}
}

func counter(name string, scope bench.Scope) bench.Channel {
	return bench.Channel{Name: name, Unit: bench.UnitJoule, Scope: scope, Counter: true}
}

func inferred(run int, c bench.Channel, energyJ float64) bench.PhaseReading {
	return reading(bench.PhaseInference, run, 1, c, 10*time.Second, energyJ)
}

func TestChannelChoice(t *testing.T) {
	t.Parallel()
	gpu0, gpu1 := power("gpu0.power", bench.ScopeGPU), power("gpu1.power", bench.ScopeGPU)
	gpu0.Identity, gpu1.Identity = "", ""
	gap := inferred(2, power("pdu.inlet", bench.ScopeInlet), 0)
	gap.EnergyJ, gap.Missing = nil, "the SNMP agent did not answer"
	madeUp := power("fake.inlet", bench.ScopeInlet)
	madeUp.Simulated = true
	for _, c := range []struct {
		name    string
		add     []bench.PhaseReading
		channel string
		totalJ  float64
		method  bench.EnergyMethod
	}{
		{"only an estimate", nil, "estimate.energy", 483, bench.EnergyEstimated},
		{"measured before estimated", []bench.PhaseReading{
			inferred(1, power("rapl.package0", bench.ScopePackage), 10), inferred(2, power("rapl.package0", bench.ScopePackage), 20),
		}, "rapl.package0", 30, bench.EnergyTrapezoid},
		{"wall before card", []bench.PhaseReading{
			inferred(1, gpu0, 10), inferred(2, gpu0, 10),
			inferred(1, power("pdu.inlet", bench.ScopeInlet), 50), inferred(2, power("pdu.inlet", bench.ScopeInlet), 60),
		}, "pdu.inlet", 110, bench.EnergyTrapezoid},
		{"cards are added up, counter before power", []bench.PhaseReading{
			inferred(1, gpu0, 10), inferred(2, gpu0, 10), inferred(1, gpu1, 1), inferred(2, gpu1, 2),
			inferred(1, counter("gpu0.energy", bench.ScopeGPU), 11), inferred(2, counter("gpu0.energy", bench.ScopeGPU), 11),
		}, "gpu0.energy+gpu1.power", 25, bench.EnergyTrapezoid},
		{"a channel with a gap is not taken", []bench.PhaseReading{
			inferred(1, power("pdu.inlet", bench.ScopeInlet), 50), gap, inferred(1, gpu0, 10), inferred(2, gpu0, 10),
		}, "gpu0.power", 20, bench.EnergyTrapezoid},
		{"a card without figures takes the sum away", []bench.PhaseReading{
			inferred(1, gpu0, 10), inferred(2, gpu0, 10), inferred(1, gpu1, 10),
		}, "estimate.energy", 483, bench.EnergyEstimated},
		{"memory is no total", []bench.PhaseReading{
			inferred(1, power("rapl.dram", bench.ScopeDRAM), 10), inferred(2, power("rapl.dram", bench.ScopeDRAM), 20),
		}, "estimate.energy", 483, bench.EnergyEstimated},
		{"made up comes last", []bench.PhaseReading{inferred(1, madeUp, 10), inferred(2, madeUp, 20)}, "estimate.energy", 483, bench.EnergyEstimated},
		{"less than nothing is no energy", []bench.PhaseReading{inferred(1, gpu0, -10), inferred(2, gpu0, 20)}, "estimate.energy", 483, bench.EnergyEstimated},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := cellOf(2, 10)
			in.Phases = append(in.Phases, c.add...)
			r := Cell(in)
			requireReasons(t, r)
			require.NotNil(t, r.Energy, r.EnergyMissing)
			require.Equal(t, c.channel, r.Energy.Channel)
			require.InDelta(t, c.totalJ/20, r.Energy.Mean, 1e-12)
			require.Equal(t, c.method, r.Energy.Method)
			require.Equal(t, c.method == bench.EnergyEstimated, r.Energy.Estimated)
			if c.method != bench.EnergyEstimated {
				require.Nil(t, r.Energy.NetMean, "the channel has no baseline")
				require.Contains(t, r.Energy.Basis, "measured by ")
			}
		})
	}
}

func TestEnergyMissing(t *testing.T) {
	t.Parallel()
	in := cellOf(2, 10)
	in.Phases = nil
	r := Cell(in)
	requireReasons(t, r)
	require.Equal(t, "no channel of power or energy was read during inference", r.EnergyMissing)
	require.Equal(t, "channel host.cpu was not read during inference", r.HostCPUMissing)

	in = cellOf(2, 10)
	for i := range in.Calls {
		in.Calls[i].Segment = 7
	}
	require.Equal(t, "no call lies in an inference window that was read", Cell(in).EnergyMissing)
}

// A worker that is killed leaves a segment whose window nobody read: its calls
// stay in every other figure, and energy is told of the rest.
func TestEnergyOfCutSegment(t *testing.T) {
	t.Parallel()
	in := cellOf(2, 10)
	for i := range in.Calls {
		if in.Calls[i].Run == 1 && in.Calls[i].Item >= 4 {
			in.Calls[i].Segment = 2
		}
	}
	in.Phases = append(in.Phases, reading(bench.PhaseInference, 1, 2, estimated(), 6*time.Second, 150))
	whole := Cell(in)
	require.InDelta(t, (241+150+242.0)/20, whole.Energy.Mean, 1e-12)

	kept := in.Phases[:0:0]
	for _, p := range in.Phases {
		if p.Phase != bench.PhaseInference || p.Run != 1 || p.No != 1 {
			kept = append(kept, p)
		}
	}
	in.Phases = kept
	cut := Cell(in)
	requireReasons(t, cut)
	require.InDelta(t, (150+242.0)/16, cut.Energy.Mean, 1e-12)
	require.Contains(t, cut.Energy.Basis, "over the 16 calls that ended")
	require.Contains(t, cut.Energy.Basis, "left out: 4 calls in segments without a reading; ")
	require.InDelta(t, (150+242.0)/8, *cut.EnergyPerCorrect, 1e-12)
	require.Equal(t, 20, cut.Latency.N)
}

func TestBaselineByMeanPower(t *testing.T) {
	t.Parallel()
	in := cellOf(1, 10)
	c := power("pdu.inlet", bench.ScopeInlet)
	idle := bench.PhaseReading{Phase: bench.PhaseBaseline, No: 1, Channel: c, Window: 2 * time.Second, Mean: ptr(30.0)}
	in.Phases = append(in.Phases, idle, inferred(1, c, 500))
	r := Cell(in)
	require.InDelta(t, 50, r.Energy.Mean, 1e-12)
	require.InDelta(t, 20, *r.Energy.NetMean, 1e-12)
	require.Equal(t, "measured by pdu.inlet (a sensor); a whole inlet or phase: other machines on it are in it too; energy of 1 inference window over the 10 calls that ended in them, failed calls included; no interval: one run", r.Energy.Basis)
}
