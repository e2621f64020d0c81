package papers

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wattsweep/wattsweep/internal/bench"
)

func ptr[T any](v T) *T { return &v }

func window(phase bench.Phase, run int, c bench.Channel, mean, top float64) bench.PhaseReading {
	return bench.PhaseReading{Phase: phase, Run: run, No: 1, Channel: c, Window: 10 * time.Second, Mean: &mean, Max: &top}
}

// spent is a window with an energy.
func spent(p bench.PhaseReading, energyJ float64) bench.PhaseReading {
	p.EnergyJ = &energyJ
	return p
}

func gpuOf(name string, unit bench.Unit) bench.Channel {
	return bench.Channel{Name: name, Unit: unit, Scope: bench.ScopeGPU}
}

// sample is a cell of four calls on a host with two GPUs. Call i of GPU g draws
// 100·(g+1) + i W and holds (g+1) GiB + i MiB.
func sample() Input {
	in := Input{Host: bench.HostFacts{
		MemoryBytes: 64e9, GPUs: []string{"NVIDIA A10", "NVIDIA A10"},
		GPUFacts: []bench.GPUFacts{{MemoryBytes: 24e9}, {MemoryBytes: 24e9}},
	}}
	in.Config.Model.Name = "m:1b"
	in.Config.Prices = bench.PriceConfig{EnergyPerKWh: 0.386, Currency: "SEK", PUE: 1.5}
	for g := range 2 {
		power, memory := gpuOf(fmt.Sprintf("gpu%d.power", g), bench.UnitWatt), gpuOf(fmt.Sprintf("gpu%d.memory_used", g), bench.UnitByte)
		busy, hot := gpuOf(fmt.Sprintf("gpu%d.utilisation", g), bench.UnitPercent), gpuOf(fmt.Sprintf("gpu%d.temperature", g), bench.UnitCelsius)
		scale := float64(g + 1)
		in.Phases = append(in.Phases,
			window(bench.PhaseBaseline, 0, memory, 1e9, 1e9),
			window(bench.PhaseIdle, 0, power, 20*scale, 25*scale), window(bench.PhaseIdle, 0, memory, scale*(1<<30), scale*(1<<30)),
			window(bench.PhaseIdle, 0, busy, 2*scale, 9),
			window(bench.PhaseInference, 1, power, 90*scale, 200), window(bench.PhaseInference, 1, memory, 2e9, 3*scale*(1<<30)),
			spent(window(bench.PhaseInference, 1, gpuOf(fmt.Sprintf("gpu%d.energy", g), bench.UnitJoule), 0, 0), 800*scale),
			window(bench.PhaseInference, 1, busy, 40*scale, 100), window(bench.PhaseInference, 1, hot, 50*scale, 60*scale))
		for i := range 4 {
			key := bench.CallKey{Run: 1, Item: i}
			in.Readings = append(in.Readings,
				bench.CallReading{CallKey: key, Channel: power.Name, Mean: ptr(100*scale + float64(i)), Peak: ptr(500.0)},
				bench.CallReading{CallKey: key, Channel: memory.Name, Mean: ptr(1.0), Peak: ptr(scale*(1<<30) + float64(i)*(1<<20))})
		}
	}
	host, ram := bench.Channel{Name: "host.cpu", Unit: bench.UnitPercent}, bench.Channel{Name: "host.memory_used", Unit: bench.UnitByte}
	in.Phases = append(in.Phases, window(bench.PhaseIdle, 0, host, 3, 9), window(bench.PhaseInference, 1, host, 33, 90),
		window(bench.PhaseBaseline, 0, ram, 4e9, 4e9), window(bench.PhaseInference, 1, ram, 8*(1<<30), 9*(1<<30)))
	in.Phases = append(in.Phases, spent(window(bench.PhaseInference, 1, bench.Channel{Name: "pdu.a.power", Unit: bench.UnitWatt, Scope: bench.ScopeOutlet}, 360, 400), 3600))
	for i := range 4 {
		in.Calls = append(in.Calls, bench.Call{CallKey: bench.CallKey{Run: 1, Item: i}, Segment: 1, Outcome: bench.OutcomeOK, OutputWords: 5})
	}
	in.Result = sampleResult()
	return in
}

func sampleResult() bench.CellResult {
	joules := func(v float64) *float64 { return &v }
	doubt := &bench.Uncertainty{U95: 7}
	return bench.CellResult{
		Latency:       &bench.Summary{Mean: 2, CI95Low: ptr(1.5), CI95High: ptr(2.5), N: 4, IntervalOver: "runs"},
		WeightedScore: &bench.Estimate{Mean: 0.62},
		Pull:          &bench.Pulled{Elapsed: 90 * time.Second, Bytes: 1 << 30, Source: "registry"},
		ModelFacts:    &bench.ModelFacts{SizeBytes: 4_700_000_000, Parameters: 8_030_000_000, Quantisation: "Q4_K_M"},
		Loaded:        &bench.Loaded{SizeBytes: 6e9, SizeVRAMBytes: 5e9, LayersTotal: 33, LayersGPU: 30, LayersSource: "log"},
		Energies: []bench.EnergyFigure{
			{Part: bench.PartWall, Channel: "pdu.a.power", Mean: 900, NetMean: joules(500), Uncertainty: doubt, NetUncertainty: doubt, Simulated: true},
			{Part: bench.PartGPU, Channel: "gpu0.energy+gpu1.energy", Mean: 600, NetMeanMissing: "no baseline"},
		},
		EnergyByPhase: []bench.PhaseEnergy{
			{Phase: bench.PhaseBaseline, Part: bench.PartGPU, EnergyJ: joules(300), MeanPowerW: joules(60), Windows: 1, Window: 5 * time.Second},
			{Phase: bench.PhaseInference, Part: bench.PartGPU, EnergyJ: joules(2400), MeanPowerW: joules(303), Windows: 1, Window: 10 * time.Second, Uncertainty: doubt},
			{Phase: bench.PhaseBaseline, Part: bench.PartWall, Missing: "the agent did not answer"},
			{Phase: bench.PhaseInference, Part: bench.PartWall, EnergyJ: joules(3600), MeanPowerW: joules(360), Simulated: true},
		},
		Reconciliation: &bench.Reconciliation{WallJ: 3600, GPUJ: joules(2400), RestJ: 1200, Channels: "wall, gpu"},
	}
}

func find(t *testing.T, list []bench.Metric, name string) bench.Metric {
	t.Helper()
	for _, m := range list {
		if m.Name == name {
			return m
		}
	}
	t.Fatalf("no metric %q", name)
	return bench.Metric{}
}

func requireValue(t *testing.T, list []bench.Metric, name, unit string, want float64) {
	t.Helper()
	m := find(t, list, name)
	require.Equal(t, unit, m.Unit, name)
	require.NotNil(t, m.Value, "%s: %s", name, m.Missing)
	require.InDelta(t, want, *m.Value, 1e-9*(1+want), name)
	require.NotEmpty(t, m.Basis, name)
}

// Every metric of Appendices D and E, by hand.
func TestWhitePaper(t *testing.T) {
	t.Parallel()
	list := WhitePaper(sample())
	for _, c := range []struct {
		name, unit string
		want       float64
	}{
		{"Pulling time", "s", 90},
		{"Size", "GB", 4.7},
		{"Idle Memory", "MiB", 3 * 1024},
		{"Idle GPU Utilization", "%", 3},
		{"Idle Power", "W", 60},
		{"Idle CPU Usage", "%", 3},
		{"Peak GPU Memory", "MiB", 3*1024 + 2*1.5},
		{"Average Power Draw", "W", 303},
		{"Average GPU Utilization", "%", 60},
		{"Average CPU Utilization", "%", 33},
		{"Average CPU Memory Usage", "MiB", 8 * 1024},
		{"Average Latency", "s", 2},
		{"Accuracy", "%", 62},
		{"Total Layers", "layers", 33},
		{"GPU Layers", "layers", 30},
		{"CPU Layers", "layers", 3},
		{"Fits on GPU", "boolean", 0},
		{"vram_available_gb", "GB", 46},
		{"gpu_model_memory_gb", "GB", 5},
		{"cpu_model_memory_gb", "GB", 1},
		{"gpu_vram_total_gb", "GB", 48},
		{"gpu_vram_free_gb", "GB", 46},
		{"cpu_ram_free_gb", "GB", 60},
		{"Energy per Call", "J", 606},
		{"Energy Consumption per Request", "mWh", 606 / 3.6},
		{"Energy Cost per 100 Calls", "SEK", 606 / 3.6e6 * 0.386 * 100},
		{"average peak memory", "MiB", 3*1024 + 2*1.5},
		{"average power draw", "W", 303},
		{"average gpu util", "%", 60},
		{"average cpu util", "%", 33},
		{"average cpu memory", "MiB", 8 * 1024},
		{"average latency", "s", 2},
		{"accuracy", "%", 62},
	} {
		requireValue(t, list, c.name, c.unit, c.want)
	}
	require.InDelta(t, 64, *find(t, list, "cpu_ram_total_gb").Value, 1e-9)
	require.InDelta(t, 8.03, *find(t, list, "model_params_billions").Value, 1e-9)
	require.Equal(t, "Q4_K_M", find(t, list, "quantization").Text)
	require.Contains(t, find(t, list, "gpu_name").Text, "NVIDIA A10")
	require.Contains(t, find(t, list, "model name").Text, "m:1b")
	require.InDelta(t, 0.5, *find(t, list, "Average Latency").U95, 1e-12)
	require.Contains(t, find(t, list, "Average Power Draw").Basis, "averaged over 4 of 4 answered calls")
	require.Contains(t, find(t, list, "Average CPU Utilization").Basis, "no call has a reading of its own")
	require.Contains(t, find(t, list, "Average Power Draw").Basis, "sum of 2 GPUs")
}

func TestFitsOnGPU(t *testing.T) {
	t.Parallel()
	for layers, fits := range map[int]float64{33: 1, 32: 0, 0: 0} {
		in := sample()
		in.Result.Loaded.LayersGPU = layers
		require.InDelta(t, fits, *find(t, WhitePaper(in), "Fits on GPU").Value, 0)
	}
}

func TestPullingTimeOfAPresentModel(t *testing.T) {
	t.Parallel()
	in := sample()
	in.Result.Pull.Source = "present"
	require.Equal(t, "the model was there already: nothing was pulled", find(t, WhitePaper(in), "Pulling time").Missing)
	in.Result.Pull.Source = "gguf"
	require.Contains(t, find(t, WhitePaper(in), "Pulling time").Basis, "not downloaded")
}

// Without readings of calls the windows stand in, and say so.
func TestWithoutCallReadings(t *testing.T) {
	t.Parallel()
	in := sample()
	in.Readings = nil
	list := WhitePaper(in)
	requireValue(t, list, "Average Power Draw", "W", 270)
	requireValue(t, list, "Peak GPU Memory", "MiB", 9*1024)
	require.Contains(t, find(t, list, "Average Power Draw").Basis, "mean over the inference windows, the time between calls included")
	in.Readings = sample().Readings[:3] // one GPU's power of two calls: no call is whole
	requireValue(t, WhitePaper(in), "Average Power Draw", "W", 270)
}

// On a host without a GPU the host's power stands in, marked.
func TestWithoutGPU(t *testing.T) {
	t.Parallel()
	in := sample()
	estimate := bench.Channel{Name: "estimate.power", Unit: bench.UnitWatt, Scope: bench.ScopeHost, Estimated: true}
	in.Phases = []bench.PhaseReading{window(bench.PhaseInference, 1, estimate, 30, 40)}
	list := WhitePaper(in)
	m := find(t, list, "Average Power Draw")
	require.InDelta(t, 30, *m.Value, 1e-12)
	require.True(t, m.Estimated)
	require.Contains(t, m.Basis, "no GPU's power was read")
	require.True(t, find(t, list, "Energy Cost per 100 Calls").Estimated)
	require.Equal(t, "no such channel was read", find(t, list, "Peak GPU Memory").Missing)
	plug := bench.Channel{Name: "plug.a.power", Unit: bench.UnitWatt, Scope: bench.ScopeOutlet}
	in.Phases = append(in.Phases, window(bench.PhaseInference, 1, plug, 80, 90))
	m = find(t, WhitePaper(in), "Average Power Draw")
	require.InDelta(t, 80, *m.Value, 1e-12)
	require.False(t, m.Estimated)
}

func TestThesis(t *testing.T) {
	t.Parallel()
	list := Thesis(sample())
	for _, c := range []struct {
		name, unit string
		want       float64
	}{
		{"Baseline Energy, GPU", "J", 300},
		{"Inference Energy, GPU", "J", 2400},
		{"Inference Energy, PDU", "J", 3600},
		{"Cumulative Energy, GPU", "J", 2700},
		{"Average Inference Power, GPU", "kW", 0.303},
		{"Average Inference Power, PDU", "kW", 0.36},
		{"Energy per Output Word, GPU", "J/word", 120},
		{"Energy per Output Word, PDU", "J/word", 180},
		{"Energy per Inference less Baseline, PDU", "J", 500},
		{"GPU Share of System Energy", "%", 200.0 / 3},
		{"Words Generated", "words", 20},
		{"GPU Temperature", "degC", 75},
		{"Highest GPU Temperature", "degC", 120},
		{"RAM Utilization", "MiB", 8 * 1024},
		{"Energy per Query", "Wh", 606.0 / 3600},
		{"Daily Energy", "kWh", 606 / 3.6e6 * 1e9},
	} {
		m := find(t, list, c.name)
		require.NotNil(t, m.Value, "%s: %s", c.name, m.Missing)
		require.Equal(t, c.unit, m.Unit)
		require.InDelta(t, c.want, *m.Value, 1e-9*(1+c.want), c.name)
	}
	require.InDelta(t, 7, *find(t, list, "Inference Energy, GPU").U95, 0)
	require.True(t, find(t, list, "Inference Energy, PDU").Simulated)
	require.Equal(t, "the agent did not answer", find(t, list, "Baseline Energy, PDU").Missing)
	require.Contains(t, find(t, list, "Cumulative Energy, PDU").Missing, "the baseline has no energy")
	require.Contains(t, find(t, list, "Response Received Energy, GPU").Missing, "streams")
	require.Equal(t, "no GPU meter told the energy of the shutdown", find(t, list, "Server Shutdown Energy, GPU").Missing)
	require.Equal(t, "no baseline", find(t, list, "Energy per Inference less Baseline, GPU").Missing)
}

// Whatever is missing, every metric is there by its name, has a value or a
// reason, and no two share a name; the order of rows does not matter.
func TestMetricsProperties(t *testing.T) {
	t.Parallel()
	names := func(list []bench.Metric) (out []string) {
		for _, m := range list {
			out = append(out, m.Name)
		}
		return out
	}
	wantPaper, wantThesis := names(WhitePaper(sample())), names(Thesis(sample()))
	rapid.Check(t, func(t *rapid.T) {
		in := drawn(t)
		mixed := in
		mixed.Phases, mixed.Readings, mixed.Calls = append([]bench.PhaseReading{}, in.Phases...), append([]bench.CallReading{}, in.Readings...), append([]bench.Call{}, in.Calls...)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		r.Shuffle(len(mixed.Phases), func(i, j int) { mixed.Phases[i], mixed.Phases[j] = mixed.Phases[j], mixed.Phases[i] })
		r.Shuffle(len(mixed.Readings), func(i, j int) { mixed.Readings[i], mixed.Readings[j] = mixed.Readings[j], mixed.Readings[i] })
		r.Shuffle(len(mixed.Calls), func(i, j int) { mixed.Calls[i], mixed.Calls[j] = mixed.Calls[j], mixed.Calls[i] })
		for _, c := range []struct {
			want        []string
			list, again []bench.Metric
		}{{wantPaper, WhitePaper(in), WhitePaper(mixed)}, {wantThesis, Thesis(in), Thesis(mixed)}} {
			require.Equal(t, c.want, names(c.list))
			require.Empty(t, cmp.Diff(c.list, c.again))
			seen := map[string]bool{}
			for _, m := range c.list {
				require.Equal(t, m.Value == nil && m.Text == "", m.Missing != "", m.Name)
				require.NotEmpty(t, m.Unit, m.Name)
				require.False(t, seen[m.Name], m.Name)
				seen[m.Name] = true
			}
		}
	})
}

func drawn(t *rapid.T) Input {
	in := sample()
	take := func(name string) bool { return rapid.Bool().Draw(t, name) }
	in.Phases = in.Phases[:rapid.IntRange(0, len(in.Phases)).Draw(t, "phases")]
	in.Readings = in.Readings[:rapid.IntRange(0, len(in.Readings)).Draw(t, "readings")]
	in.Calls = in.Calls[:rapid.IntRange(0, len(in.Calls)).Draw(t, "calls")]
	if take("host") {
		in.Host = bench.HostFacts{}
	}
	if take("price") {
		in.Config.Prices = bench.PriceConfig{}
	}
	if take("latency") {
		in.Result.Latency, in.Result.LatencyMissing = nil, "none"
	}
	if take("score") {
		in.Result.WeightedScore, in.Result.WeightedScoreMissing = nil, "none"
	}
	if take("pull") {
		in.Result.Pull, in.Result.PullMissing = nil, "none"
		in.Result.ModelFacts, in.Result.ModelFactsMissing = nil, "none"
	}
	if take("loaded") {
		in.Result.Loaded, in.Result.LoadedMissing = nil, "none"
	}
	if take("energy") {
		in.Result.Energies, in.Result.EnergyByPhase, in.Result.EnergyMissing = nil, nil, "none"
		in.Result.Reconciliation, in.Result.ReconciliationMissing = nil, "none"
	}
	return in
}
