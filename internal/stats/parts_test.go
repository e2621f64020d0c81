package stats

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// doubtful gives a reading an uncertainty: a share of it that all windows have
// in common, and one joule of edges.
func doubtful(p bench.PhaseReading, share float64) bench.PhaseReading {
	common := share * *p.EnergyJ
	p.Uncertainty = &bench.Uncertainty{Parts: []bench.UncertaintyPart{
		{Name: "sensor accuracy", Standard: common, Type: "B", Common: true, Basis: "data sheet"},
		{Name: "window edges", Standard: 1, Type: "B", Basis: "update period"},
	}}
	p.Uncertainty.Standard = common + 1
	return p
}

func gpuChannel(name, uuid string, counter bool) bench.Channel {
	c := bench.Channel{Name: name, Unit: bench.UnitWatt, Scope: bench.ScopeGPU, Sensor: bench.SensorInstant, Device: uuid}
	if counter {
		c.Unit, c.Sensor, c.Counter = bench.UnitJoule, bench.SensorCounter, true
	}
	return c
}

func raplChannel(name string, scope bench.Scope) bench.Channel {
	return bench.Channel{Name: name, Unit: bench.UnitJoule, Scope: scope, Sensor: bench.SensorCounter, Counter: true, Device: name}
}

// rig is a host with two GPUs (power and counter of each), two packages with
// their memory, psys, and a PDU with two outlets that are parts of its sum and
// the inlet. Baseline and idle last 5 s each, the two runs 10 s.
func rig() CellInput {
	in := cellOf(2, 10)
	in.Phases = nil
	pdu := power("pdu.a.power", bench.ScopeOutlet)
	outlet1, outlet2 := power("pdu.a.outlet1.power", bench.ScopeOutlet), power("pdu.a.outlet2.power", bench.ScopeOutlet)
	outlet1.PartOf, outlet2.PartOf = pdu.Name, pdu.Name
	for _, one := range []struct {
		channel bench.Channel
		powerW  float64 // in inference
	}{
		{gpuChannel("gpu0.power", "GPU-a", false), 98},
		{gpuChannel("gpu0.energy", "GPU-a", true), 100},
		{gpuChannel("gpu1.power", "GPU-b", false), 50},
		{gpuChannel("gpu1.energy", "GPU-b", true), 51},
		{raplChannel("rapl.package0", bench.ScopePackage), 40},
		{raplChannel("rapl.package1", bench.ScopePackage), 30},
		{raplChannel("rapl.dram0", bench.ScopeDRAM), 5},
		{raplChannel("rapl.psys", bench.ScopePlatform), 90},
		{pdu, 344},
		{outlet1, 172},
		{outlet2, 172},
		{power("pdu.a.inlet", bench.ScopeInlet), 900},
	} {
		in.Phases = append(in.Phases,
			doubtful(reading(bench.PhaseBaseline, 0, 1, one.channel, 5*time.Second, one.powerW/10*5), 0.01),
			doubtful(reading(bench.PhaseIdle, 0, 1, one.channel, 5*time.Second, one.powerW/5*5), 0.01))
		for run := 1; run <= 2; run++ {
			in.Phases = append(in.Phases, doubtful(reading(bench.PhaseInference, run, 1, one.channel, 10*time.Second, one.powerW*10), 0.01))
		}
	}
	return in
}

func figureOf(t *testing.T, r bench.CellResult, part bench.Part) bench.EnergyFigure {
	t.Helper()
	for _, f := range r.Energies {
		if f.Part == part {
			return f
		}
	}
	t.Fatalf("no figure of %q among %d", part, len(r.Energies))
	return bench.EnergyFigure{}
}

// By hand: 20 calls in two windows of 10 s.
func TestEnergyOfParts(t *testing.T) {
	t.Parallel()
	r := Cell(rig())
	requireReasons(t, r)
	require.Len(t, r.Energies, 3)
	require.Equal(t, bench.PartWall, r.Energy.Part)
	require.Equal(t, r.Energies[0], *r.Energy)
	for _, c := range []struct {
		part    bench.Part
		channel string
		powerW  float64
	}{
		{bench.PartWall, "pdu.a.power", 344}, // neither its outlets beside it nor the inlet
		{bench.PartGPU, "gpu0.energy+gpu1.energy", 151},
		{bench.PartCPU, "rapl.dram0+rapl.package0+rapl.package1", 75}, // without psys
	} {
		f := figureOf(t, r, c.part)
		require.Equal(t, c.channel, f.Channel)
		require.InDelta(t, c.powerW*20/20, f.Mean, 1e-9, c.part)
		require.InDelta(t, c.powerW/10, *f.BaselinePowerW, 1e-9)
		require.InDelta(t, c.powerW/5, *f.IdlePowerW, 1e-9)
		require.InDelta(t, 0.9*c.powerW, *f.NetMean, 1e-9)
		require.InDelta(t, 0.8*c.powerW, *f.AboveIdleMean, 1e-9)
		require.Empty(t, f.UncertaintyMissing)
		require.Empty(t, f.Flags)
	}
	gpu := figureOf(t, r, bench.PartGPU)
	require.Equal(t, "gpu0.power+gpu1.power", gpu.Disagreement.With)
	require.InDelta(t, 2960, gpu.Disagreement.EnergyJ, 1e-9)
	require.InDelta(t, 60.0/2990, gpu.Disagreement.Relative, 1e-12)
	require.False(t, gpu.Disagreement.Exceeded)
	require.Nil(t, figureOf(t, r, bench.PartCPU).Disagreement)
	require.Equal(t, bench.EnergyCounter, gpu.Method)
	require.Equal(t, bench.EnergyTrapezoid, r.Energy.Method)
}

// By hand, of the wall: 20 calls, two windows of 3,440 J. Accuracy of 1 % is
// common to both (68.8 J), edges are not (√2 J). Runs agree, so repeats add 0.
// The baseline of 172 J in 5 s is taken off over 20 s: 4 × (1.72 J and 1 J), of
// which the accuracy cancels.
func TestUncertaintyByHand(t *testing.T) {
	t.Parallel()
	f := Cell(rig()).Energy
	require.InDelta(t, 68.8*68.8/400+2.0/400, f.Uncertainty.Standard*f.Uncertainty.Standard, 1e-9)
	require.InDelta(t, 1.959964*f.Uncertainty.Standard, f.Uncertainty.U95, 1e-5)
	wantNet := (68.8-6.88)*(68.8-6.88)/400 + (2.0+16)/400
	require.InDelta(t, wantNet, f.NetUncertainty.Standard*f.NetUncertainty.Standard, 1e-9)

	// Two GPUs share no error: their accuracies add as squares.
	gpu := figureOf(t, Cell(rig()), bench.PartGPU)
	require.InDelta(t, (20.0*20+10.2*10.2+4)/400, gpu.Uncertainty.Standard*gpu.Uncertainty.Standard, 1e-9)

	in := rig()
	for i, p := range in.Phases {
		if p.Run == 2 && p.Channel.Name == "pdu.a.power" {
			in.Phases[i] = doubtful(reading(p.Phase, 2, 1, p.Channel, p.Window, 3540), 0.01)
		}
	}
	f = Cell(in).Energy // run means 344 and 354: standard uncertainty 5 with one degree of freedom
	require.InDelta(t, 69.8*69.8/400+2.0/400+25, f.Uncertainty.Standard*f.Uncertainty.Standard, 1e-9)
	require.Positive(t, f.Uncertainty.DOF)
	require.Greater(t, f.Uncertainty.K, 1.96)
}

func TestUncertaintyMissingSaysWhy(t *testing.T) {
	t.Parallel()
	in := rig()
	for i, p := range in.Phases {
		if p.Run == 2 && p.Channel.Name == "pdu.a.power" {
			in.Phases[i].Uncertainty = nil
		}
	}
	r := Cell(in)
	require.Nil(t, r.Energy.Uncertainty)
	require.Equal(t, "pdu.a.power: the meter told no uncertainty for its inference of run 2", r.Energy.UncertaintyMissing)
	require.NotNil(t, figureOf(t, r, bench.PartGPU).Uncertainty)
	require.Contains(t, r.Reconciliation.Verdict, "of unknown uncertainty")

	in = rig()
	for i, p := range in.Phases {
		if p.Phase == bench.PhaseBaseline {
			in.Phases[i].Uncertainty = nil
		}
	}
	f := Cell(in).Energy
	require.NotNil(t, f.Uncertainty)
	require.Nil(t, f.NetUncertainty)
	require.Equal(t, "net: pdu.a.power: the meter told no uncertainty for its baseline", f.UncertaintyMissing)
}

// A budget without lines is not lost.
func TestUncertaintyWithoutParts(t *testing.T) {
	t.Parallel()
	in := cellOf(1, 10)
	c := power("plug.a.power", bench.ScopeOutlet)
	p := inferred(1, c, 500)
	p.Uncertainty = &bench.Uncertainty{Standard: 20, U95: 40, K: 2}
	in.Phases = append(in.Phases, p)
	require.InDelta(t, 2, Cell(in).Energy.Uncertainty.Standard, 1e-9)
}

func TestReconciliation(t *testing.T) {
	t.Parallel()
	rec := Cell(rig()).Reconciliation
	require.Equal(t, 20*time.Second, rec.Window)
	require.InDelta(t, 6880, rec.WallJ, 1e-9)
	require.InDelta(t, 3020, *rec.GPUJ, 1e-9)
	require.InDelta(t, 1500, *rec.CPUJ, 1e-9)
	require.InDelta(t, 2360, rec.RestJ, 1e-9)
	require.InDelta(t, 2360.0/6880, rec.RestShare, 1e-12)
	require.Equal(t, "wall pdu.a.power; gpu gpu0.energy+gpu1.energy; cpu rapl.dram0+rapl.package0+rapl.package1", rec.Channels)
	// Common accuracies 68.8, 20, 10.2, 8, 6, 1; edges √(6 × 2).
	u2 := 68.8*68.8 + 20*20 + 10.2*10.2 + 8*8 + 6*6 + 1 + 12
	require.InDelta(t, 1.959964*1.959964*u2, *rec.RestU95**rec.RestU95, 0.05)
	require.Equal(t, "rest of 118.0 ± 7.2 W is what has no meter: supplies, fans, drives and the board", rec.Verdict)
}

func TestReconciliationBelowZero(t *testing.T) {
	t.Parallel()
	in := rig()
	for i, p := range in.Phases {
		if p.Channel.Name == "pdu.a.power" {
			in.Phases[i] = doubtful(reading(p.Phase, p.Run, p.No, p.Channel, p.Window, 0.5**p.EnergyJ), 0.01)
		}
	}
	rec := Cell(in).Reconciliation
	require.InDelta(t, -1080, rec.RestJ, 1e-9)
	require.Contains(t, rec.Verdict, "rest of -54.0 ± ")
	require.Contains(t, rec.Verdict, "below zero by more than its uncertainty: a meter is wrong, or one covers other machines")

	var wall []bench.PhaseReading
	for _, p := range rig().Phases {
		if p.Channel.Name == "pdu.a.power" || p.Channel.Name == "pdu.a.inlet" {
			wall = append(wall, p)
		}
	}
	in.Phases = wall
	r := Cell(in)
	require.Equal(t, "neither a GPU nor a CPU package told an energy beside the wall, so all of it would be rest", r.ReconciliationMissing)
	require.Equal(t, "no meter at the wall told an energy during inference", Cell(cellOf(2, 10)).ReconciliationMissing)
}

// Made-up joules are never held against real ones.
func TestReconciliationKeepsSimulatedApart(t *testing.T) {
	t.Parallel()
	in := rig()
	for i := range in.Phases {
		if partOf(in.Phases[i].Channel.Scope) == bench.PartWall {
			in.Phases[i].Channel.Simulated = true
		}
	}
	r := Cell(in)
	require.Nil(t, r.Reconciliation)
	require.Contains(t, r.ReconciliationMissing, "neither a GPU")
	require.Equal(t, bench.PartGPU, r.Energy.Part, "real before simulated, be it of a part")
	require.True(t, figureOf(t, r, bench.PartWall).Simulated)
	for i := range in.Phases {
		in.Phases[i].Channel.Simulated = true
	}
	require.Contains(t, Cell(in).Reconciliation.Verdict, "made-up sources")
}

// A module holds its own CPU: it is not taken off twice.
func TestReconciliationOfAModule(t *testing.T) {
	t.Parallel()
	in := rig()
	for i := range in.Phases {
		if in.Phases[i].Channel.Scope == bench.ScopeGPU {
			in.Phases[i].Channel.Scope = bench.ScopeModule
		}
	}
	rec := Cell(in).Reconciliation
	require.Nil(t, rec.CPUJ)
	require.InDelta(t, 6880-3020, rec.RestJ, 1e-9)
}

func TestEnergyByPhase(t *testing.T) {
	t.Parallel()
	in := rig()
	// A second idle after a crash, in which the PDU did not answer.
	idle := reading(bench.PhaseIdle, 0, 2, power("pdu.a.power", bench.ScopeOutlet), 5*time.Second, 0)
	idle.EnergyJ, idle.Missing = nil, "the agent did not answer"
	in.Phases = append(in.Phases, idle)
	lines := Cell(in).EnergyByPhase
	require.Len(t, lines, 9, "three phases × three parts")
	at := map[string]bench.PhaseEnergy{}
	for _, l := range lines {
		at[string(l.Phase)+" "+string(l.Part)] = l
	}
	base := at["baseline wall"]
	require.InDelta(t, 172, *base.EnergyJ, 1e-9)
	require.InDelta(t, 0, *base.NetJ, 1e-9)
	infer := at["inference wall"]
	require.InDelta(t, 6880, *infer.EnergyJ, 1e-9)
	require.InDelta(t, 6880-34.4*20, *infer.NetJ, 1e-9)
	require.InDelta(t, 344, *infer.MeanPowerW, 1e-9)
	require.Equal(t, 2, infer.Windows)
	require.Equal(t, 20*time.Second, infer.Window)
	require.InDelta(t, 0.9, infer.Coverage, 1e-12)
	require.InDelta(t, 68.8*68.8+2, infer.Uncertainty.Standard*infer.Uncertainty.Standard, 1e-6)
	require.Equal(t, 1, at["idle wall"].Windows)
	require.Equal(t, []string{"left out: 1 of 2 windows (pdu.a.power: the agent did not answer)"}, at["idle wall"].Flags)
	require.InDelta(t, 75*20, *at["inference cpu"].EnergyJ, 1e-9)
}

// A cell that failed to load still tells what its phases took.
func TestEnergyByPhaseWithoutCalls(t *testing.T) {
	t.Parallel()
	in := rig()
	in.Calls, in.Scores, in.State = nil, nil, bench.StateUnfit
	var before []bench.PhaseReading
	for _, p := range in.Phases {
		if p.Phase == bench.PhaseBaseline {
			before = append(before, p)
		}
	}
	in.Phases = before
	r := Cell(in)
	requireReasons(t, r)
	require.Len(t, r.EnergyByPhase, 3)
	require.InDelta(t, 172, *r.EnergyByPhase[0].EnergyJ, 1e-9)
}

func foreignIn(run int, found float64) bench.PhaseReading {
	p := gauge(run, "gpu0.foreign_processes", found/2)
	p.Max = &found
	return p
}

func TestForeignProcesses(t *testing.T) {
	t.Parallel()
	in := rig()
	in.Phases = append(in.Phases, foreignIn(1, 2), foreignIn(2, 0))
	const seen = "a process that is not the runtime's was on the GPU"
	f := Cell(in).Energy
	require.InDelta(t, 344, f.Mean, 1e-9)
	require.Equal(t, []string{seen + ": gpu0.foreign_processes (1 of 2 windows)"}, f.Flags)

	in.Cell.Config.Meters.Foreign = bench.ForeignVoid
	r := Cell(in)
	requireReasons(t, r)
	require.InDelta(t, 344, r.Energy.Mean, 1e-9)
	require.Contains(t, r.Energy.Basis, "energy of 1 inference window over the 10 calls")
	require.Contains(t, r.Energy.Basis, "left out: 10 calls in 1 window (void: "+seen+" (gpu0.foreign_processes))")
	require.Equal(t, 10*time.Second, r.Reconciliation.Window)
	require.Contains(t, r.Reconciliation.Verdict, "1 window left out")
	windows, missing := WindowsOf(in)
	require.Empty(t, missing)
	require.Len(t, windows, 1)
	require.InDelta(t, 3440, windows[0].ByChannel["pdu.a.power"], 1e-9)

	in.Phases = append(in.Phases, foreignIn(2, 1))
	require.Contains(t, Cell(in).EnergyMissing, "void: "+seen)
}

func TestDisagreementFlags(t *testing.T) {
	t.Parallel()
	in := rig()
	for i, p := range in.Phases {
		if p.Channel.Name == "gpu0.power" {
			in.Phases[i].EnergyJ = ptr(*p.EnergyJ * 0.5)
		}
		if p.Channel.Name == "gpu1.energy" && p.Run == 1 {
			in.Phases[i].Flags = []string{"the sensor stood still", "differs by 7.1 % from what gpu1.power tells (limit 5 %)"}
			in.Phases[i].Disagreement = &bench.Disagreement{With: "gpu1.power", Limit: 0.05, Exceeded: true}
		}
	}
	f := figureOf(t, Cell(in), bench.PartGPU)
	require.True(t, f.Disagreement.Exceeded)
	require.Equal(t, []string{
		"gpu0.energy+gpu1.energy and gpu0.power+gpu1.power differ by 41.6 % over all windows, more than 5 %",
		"gpu1.energy and gpu1.power differ by more than 5 % in a window (1 of 2 windows)",
		"gpu1.energy: the sensor stood still (1 of 2 windows)",
	}, f.Flags)
}

// Where the chosen channel has no baseline, another view of its device has one.
func TestBaselineByAnotherView(t *testing.T) {
	t.Parallel()
	in := rig()
	for i, p := range in.Phases {
		if p.Phase == bench.PhaseBaseline && p.Channel.Name == "gpu0.energy" {
			in.Phases[i].EnergyJ, in.Phases[i].Missing = nil, "the counter did not move"
		}
	}
	f := figureOf(t, Cell(in), bench.PartGPU)
	require.InDelta(t, 9.8+5.1, *f.BaselinePowerW, 1e-9)
	require.NotNil(t, f.NetUncertainty)
}

func TestSupplyCountsAsWall(t *testing.T) {
	t.Parallel()
	in := cellOf(1, 10)
	in.Phases = append(in.Phases, inferred(1, power("redfish.a.power", bench.ScopePSU), 500), inferred(1, power("pdu.b.inlet", bench.ScopeInlet), 900))
	f := Cell(in).Energy
	require.Equal(t, "redfish.a.power", f.Channel)
	require.Equal(t, bench.PartWall, f.Part)
	require.Contains(t, f.Basis, "whose own losses may not be in it")
}

// By hand: run 1 has calls of 110, 210, …, 1010 ms in a window of 241 J.
func TestEnergyOfCalls(t *testing.T) {
	t.Parallel()
	in := cellOf(1, 10)
	for i := range in.Calls {
		in.Calls[i].OutputWords = 3
	}
	r := Cell(in)
	require.InDelta(t, 241*0.56/10, r.EnergyOfCalls.Mean, 1e-12)
	require.InDelta(t, 241*0.56/10, r.EnergyOfCalls.P50, 1e-12)
	require.Equal(t, 10, r.EnergyOfCalls.N)
	require.InDelta(t, 241.0/30, *r.EnergyPerWord, 1e-12)

	// 12 tokens each; 24.1 W: the cheapest call reaches 12/(24.1·0.11/3600).
	rate := func(seconds float64) float64 { return 12 / (24.1 * seconds / 3600) }
	s := r.TokensPerWh
	require.InDelta(t, (rate(0.51)+rate(0.61))/2, s.P50, 1e-6)
	require.InDelta(t, rate(1.01)+0.45*(rate(0.91)-rate(1.01)), s.P95, 1e-6, "95 % of the calls reach it")
	require.InDelta(t, rate(1.01)+0.09*(rate(0.91)-rate(1.01)), s.P99, 1e-6)
	require.Less(t, s.P95, s.P50)

	for i := range in.Calls {
		in.Calls[i].OutputTokens, in.Calls[i].OutputWords = nil, 0
	}
	r = Cell(in)
	requireReasons(t, r)
	require.Equal(t, "no answer held a word", r.EnergyPerWordMissing)
	require.Contains(t, r.TokensPerWhMissing, "token count")
}

// Calls that overlap share all of their window and no more.
func TestSharesNeverExceedTheirWindow(t *testing.T) {
	t.Parallel()
	calls := []bench.Call{{Latency: 3 * time.Second}, {Latency: time.Second}}
	require.Equal(t, []float64{75, 25}, shared(100, 2*time.Second, calls))
	require.Equal(t, []float64{30, 10}, shared(100, 10*time.Second, calls))
	require.Nil(t, shared(100, 0, nil))
}
