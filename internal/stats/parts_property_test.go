package stats

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// drawnRig is a rig whose channels, energies, gaps and foreign processes are
// drawn.
func drawnRig(t *rapid.T) CellInput {
	in := rig()
	kept := in.Phases[:0:0]
	dropped := map[string]bool{}
	for _, p := range in.Phases {
		name := p.Channel.Name
		if _, drawn := dropped[name]; !drawn {
			dropped[name] = rapid.IntRange(0, 4).Draw(t, "drop") == 0
		}
		if dropped[name] {
			continue
		}
		p = doubtful(reading(p.Phase, p.Run, p.No, p.Channel, p.Window, rapid.Float64Range(0, 1e5).Draw(t, "energy")), 0.02)
		switch rapid.IntRange(0, 9).Draw(t, "gap") {
		case 0:
			p.EnergyJ, p.Missing, p.Uncertainty = nil, "gap", nil
		case 1:
			p.Uncertainty = nil
		}
		kept = append(kept, p)
	}
	in.Phases = kept
	for run := 1; run <= 2; run++ {
		in.Phases = append(in.Phases, foreignIn(run, float64(rapid.IntRange(0, 1).Draw(t, "foreign"))))
	}
	in.Cell.Config.Meters.Foreign = rapid.SampledFrom([]bench.ForeignPolicy{bench.ForeignFlag, bench.ForeignVoid, ""}).Draw(t, "policy")
	return in
}

func TestPartsProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := drawnRig(t)
		r := Cell(in)
		requireReasons(t, r)
		for _, f := range r.Energies {
			requireFigure(t, f)
			requireOneViewEach(t, in.Phases, f.Channel)
		}
		for _, l := range r.EnergyByPhase {
			require.Equal(t, l.EnergyJ == nil, l.Missing != "")
			requireOneViewEach(t, in.Phases, l.Channel)
			if l.Uncertainty != nil {
				require.GreaterOrEqual(t, l.Uncertainty.U95, 0.0)
			}
		}
		if rec := r.Reconciliation; rec != nil {
			inner := value(rec.GPUJ) + value(rec.CPUJ)
			require.InDelta(t, rec.WallJ, inner+rec.RestJ, 1e-6)
			require.True(t, rec.RestU95 == nil || *rec.RestU95 >= 0)
			require.NotEmpty(t, rec.Verdict)
		}
		mixed := in
		mixed.Phases = append([]bench.PhaseReading{}, in.Phases...)
		source := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		source.Shuffle(len(mixed.Phases), func(i, j int) { mixed.Phases[i], mixed.Phases[j] = mixed.Phases[j], mixed.Phases[i] })
		require.Empty(t, cmp.Diff(r, Cell(mixed)))
	})
}

// requireFigure checks what holds of every figure: gross = net + baseline, no
// negative doubt, a reason for all that is missing.
func requireFigure(t require.TestingT, f bench.EnergyFigure) {
	require.Equal(t, f.NetMean == nil, f.BaselinePowerW == nil)
	require.Equal(t, f.NetMean == nil, f.NetMeanMissing != "")
	require.Equal(t, f.AboveIdleMean == nil, f.IdlePowerW == nil)
	require.Equal(t, f.AboveIdleMean == nil, f.AboveIdleMeanMissing != "")
	require.Equal(t, f.Uncertainty == nil || f.NetUncertainty == nil, f.UncertaintyMissing != "")
	if f.NetMean != nil {
		require.InDelta(t, f.Mean, *f.NetMean+*f.BaselinePowerW, 1e-6*(1+f.Mean), "a call takes a second of the windows")
	}
	for _, u := range []*bench.Uncertainty{f.Uncertainty, f.NetUncertainty} {
		if u != nil {
			require.GreaterOrEqual(t, u.Standard, 0.0)
			require.GreaterOrEqual(t, u.U95, u.Standard)
		}
	}
}

// requireOneViewEach checks that no figure counts a device twice, a summand
// beside its sum, or psys.
func requireOneViewEach(t require.TestingT, phases []bench.PhaseReading, names string) {
	devices := map[string]string{}
	parts := map[bench.Part]bool{}
	for _, p := range phases {
		c := p.Channel
		if !containsName(names, c.Name) {
			continue
		}
		require.Empty(t, c.PartOf, names)
		require.NotEqual(t, bench.ScopePlatform, c.Scope, names)
		if before, counted := devices[deviceOf(c)]; counted {
			require.Equal(t, before, c.Name, names)
		}
		devices[deviceOf(c)] = c.Name
		parts[partOf(c.Scope)] = true
	}
	require.Len(t, parts, 1, names)
}

func containsName(names, name string) bool {
	for len(names) > 0 {
		first := names
		rest := ""
		for i := range names {
			if names[i] == '+' {
				first, rest = names[:i], names[i+1:]
				break
			}
		}
		if first == name {
			return true
		}
		names = rest
	}
	return false
}

// Adding a view, a summand or an overlapping channel never changes a sum.
func TestMoreViewsChangeNoSum(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := rig()
		want := Cell(in)
		c := rapid.SampledFrom([]bench.Channel{
			gpuChannel("gpu0.power_average", "GPU-a", false),
			{Name: "dcgm.gpu0.power", Unit: bench.UnitWatt, Scope: bench.ScopeGPU, Device: "GPU-b"},
			{Name: "pdu.a.outlet3.power", Unit: bench.UnitWatt, Scope: bench.ScopeOutlet, PartOf: "pdu.a.power", Device: "outlet 3"},
			{Name: "plug.z.power", Unit: bench.UnitWatt, Scope: bench.ScopeOutlet, Device: "plug"},
			{Name: "redfish.z.power", Unit: bench.UnitWatt, Scope: bench.ScopePSU, Device: "supplies"},
			raplChannel("rapl.psys1", bench.ScopePlatform),
			{Name: "gpu0.temperature", Unit: bench.UnitCelsius, Scope: bench.ScopeGPU, Device: "GPU-a"},
		}).Draw(t, "channel")
		for run := 1; run <= 2; run++ {
			in.Phases = append(in.Phases, reading(bench.PhaseInference, run, 1, c, 10*time.Second, rapid.Float64Range(0, 1e4).Draw(t, "energy")))
		}
		got := Cell(in)
		require.Len(t, got.Energies, len(want.Energies))
		for i := range got.Energies {
			require.InDelta(t, want.Energies[i].Mean, got.Energies[i].Mean, 1e-9)
		}
		require.InDelta(t, want.Reconciliation.RestJ, got.Reconciliation.RestJ, 1e-9)
	})
}
