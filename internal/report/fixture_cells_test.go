package report

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

const fixtureCalls = 240

// energised is a cell of the GPU host with every figure of energy.
func energised(rng *rand.Rand, model string, parameters int64, score, median, load float64) bench.CellResult {
	c := scored(rng, model, "sv", parameters, score, median, 1)
	c.Host, c.Runs, c.Calls, c.EnergyOfCallsMissing = "h100-1", 10, fixtureCalls, ""
	c.Phases, c.Energies = nil, nil
	for _, d := range drawsOf(load) {
		c.Energies = append(c.Energies, addDraw(&c, d))
		c.Curves = append(c.Curves, curveOf(rng, d))
	}
	c.CurvesMissing = ""
	c.Curves = append(c.Curves, heatOf())
	chief := c.Energies[0]
	c.Energy = &chief
	c.EnergyOfCalls, c.TokensPerWh = summaryOf(rng, chief.Mean), summaryOf(rng, 18.4/chief.Mean*3600)
	c.EnergyOfCallsMissing, c.TokensPerWhMissing, c.EnergyPerWordMissing = "", "", ""
	c.EnergyPerWord = ptr(chief.Mean / 6.1)
	c.Cost = &bench.CostFigure{
		Amount: chief.Mean * 100 / 3.6e6 * 0.386, Currency: "SEK",
		Basis: "0.386 SEK/kWh, PUE 1.0, gross energy per call × 100",
	}
	c.Reconciliation, c.ReconciliationMissing = reconciled240(c), ""
	c.WhitePaper, c.Thesis = metricsOf(load, median, chief)
	c.Trends = trendsOf(load)
	c.Sampling = samplingOf()
	return c
}

// addDraw adds the readings and phases of one part to a cell, and gives its
// energy per call.
func addDraw(c *bench.CellResult, d draw) bench.EnergyFigure {
	channel := gpuMeters()[slices.IndexFunc(gpuMeters(), func(m bench.Channel) bool { return m.Name == d.channel })]
	for _, phase := range phaseOrder() {
		window, watts := phaseWindows()[phase], d.watts[phase]
		joules := watts * window.Seconds()
		p := bench.PhaseReading{
			Cell: c.Cell, Phase: phase, No: 1, Channel: channel, Started: day(14, 4), Window: window,
			Samples: int(window / (50 * time.Millisecond)), Coverage: 0.997, Mean: ptr(watts), Min: ptr(watts * 0.93),
			Max: ptr(watts * 1.08), EnergyJ: ptr(joules), Method: d.method, Uncertainty: budgetFor(joules, d.sensor),
		}
		p.States.OK = p.Samples
		if d.part == bench.PartWall && phase == bench.PhaseInference {
			p.Missed, p.Coverage, p.States.OK = 3, 0.962, p.Samples-9
			p.States.Missing, p.States.Stale, p.States.OutOfRange = 3, 4, 2
		}
		line := bench.PhaseEnergy{
			Phase: phase, Part: d.part, Channel: d.channel, Windows: 1, Window: window, EnergyJ: ptr(joules),
			NetJ: ptr(joules - d.watts[bench.PhaseBaseline]*window.Seconds()), MeanPowerW: ptr(watts), Method: d.method,
			Coverage: p.Coverage, Uncertainty: p.Uncertainty, Simulated: d.simulate,
		}
		c.Phases, c.EnergyByPhase = append(c.Phases, p), append(c.EnergyByPhase, line)
	}
	window := phaseWindows()[bench.PhaseInference].Seconds()
	mean := d.watts[bench.PhaseInference] * window / fixtureCalls
	net := (d.watts[bench.PhaseInference] - d.watts[bench.PhaseBaseline]) * window / fixtureCalls
	above := (d.watts[bench.PhaseInference] - d.watts[bench.PhaseIdle]) * window / fixtureCalls
	u, nu := budgetFor(mean, d.sensor), budgetFor(mean, d.sensor*1.2)
	return bench.EnergyFigure{
		Mean: mean, CI95Low: ptr(mean * 0.98), CI95High: ptr(mean * 1.02), NetMean: &net, Method: d.method,
		Channel: d.channel, Coverage: 0.996, Simulated: d.simulate, Part: d.part, Uncertainty: u, NetUncertainty: nu,
		Basis: "measured by " + d.channel + "; energy of 10 inference windows", AboveIdleMean: &above,
		BaselinePowerW: ptr(d.watts[bench.PhaseBaseline]), IdlePowerW: ptr(d.watts[bench.PhaseIdle]),
	}
}

func reconciled240(c bench.CellResult) *bench.Reconciliation {
	wall, gpu, cpu := c.Energies[0].Mean*fixtureCalls, c.Energies[1].Mean*fixtureCalls, c.Energies[2].Mean*fixtureCalls
	rest, u95 := wall-gpu-cpu, 0.043*wall
	return &bench.Reconciliation{
		Window: phaseWindows()[bench.PhaseInference], WallJ: wall, GPUJ: &gpu, CPUJ: &cpu, RestJ: rest,
		RestU95: &u95, Simulated: true, RestShare: rest / wall, Verdict: "adds up: the rest is what supplies, fans and drives take",
		Channels: "pdu.outlets = gpu0.energy + rapl.package0 + rest",
	}
}

// curveOf draws a part over the cell, with a gap where the PDU did not answer.
func curveOf(rng *rand.Rand, d draw) bench.Curve {
	k := bench.Curve{Channel: d.channel, Unit: bench.UnitWatt, Part: d.part, Simulated: d.simulate}
	const step = time.Second / 2
	at, sum, level := day(14, 4), 0.0, d.watts[bench.PhaseBaseline]
	for _, phase := range phaseOrder() {
		for range int(phaseWindows()[phase] / step) {
			level += (d.watts[phase] - level) * 0.45
			mean := level * (1 + 0.012*rng.NormFloat64())
			if phase == bench.PhaseInference {
				mean -= level * 0.11 * max(0, math.Sin(float64(len(k.Points))/4))
			}
			sum += mean * step.Seconds()
			p := bench.Point{At: at, Mean: ptr(mean), Min: ptr(mean * 0.95), Max: ptr(mean * 1.06), CumulativeJ: ptr(sum), Phase: phase}
			if n := len(k.Points); d.part == bench.PartWall && n >= 260 && n < 272 {
				p.Mean, p.Min, p.Max, p.CumulativeJ = nil, nil, nil, nil
			}
			k.Points = append(k.Points, p)
			at = at.Add(step)
		}
	}
	return k
}

func heatOf() bench.Curve {
	k := bench.Curve{Channel: "gpu0.temperature", Unit: bench.UnitCelsius, Part: bench.PartGPU}
	at, heat := day(14, 4), 34.0
	for _, phase := range phaseOrder() {
		for range int(phaseWindows()[phase] / time.Second) {
			goal := 34.0
			if phase == bench.PhaseInference || phase == bench.PhaseWarmUp {
				goal = 67
			}
			heat += (goal - heat) * 0.045
			v := math.Round(heat)
			k.Points = append(k.Points, bench.Point{At: at, Mean: &v, Min: &v, Max: &v, Phase: phase})
			at = at.Add(time.Second)
		}
	}
	return k
}

func metricsOf(load, median float64, wall bench.EnergyFigure) (white, thesis []bench.Metric) {
	watts := 470 * load
	white = []bench.Metric{
		{Name: "Pulling time", Value: ptr(0.24), Unit: "s", Basis: "from the request to pull to its end"},
		{Name: "Idle Power", Value: ptr(114.0), U95: ptr(6.6), Unit: "W", Basis: "mean of gpu0.power while loaded and not asked"},
		{Name: "Average Power Draw", Value: &watts, U95: ptr(watts * 0.058), Unit: "W", Basis: "mean of gpu0.power over each call, averaged over calls"},
		{Name: "Peak GPU Memory", Unit: "MiB", Missing: "the GPU uses the host's memory (GB10): not supported by NVML"},
		{Name: "Average Latency", Value: &median, U95: ptr(median * 0.02), Unit: "s", Basis: "mean over calls"},
		{
			Name: "Energy cost per 100 calls", Value: ptr(watts * median / 3.6e6 * 0.386 * 100), Unit: "SEK",
			Basis: "mean power × mean latency / 3.6e6 × price × 100",
		},
	}
	thesis = []bench.Metric{
		{
			Name: "PDU energy, inference", Value: ptr(wall.Mean * fixtureCalls), U95: ptr(wall.Uncertainty.U95 * fixtureCalls),
			Unit: "J", Basis: "pdu.outlets over the inference phase", Simulated: true,
		},
		{
			Name: "Energy per word", Value: ptr(wall.Mean / 6.1), U95: ptr(wall.Uncertainty.U95 / 6.1), Unit: "J",
			Basis: "wall energy (pdu.outlets) over words of the answers", Simulated: true,
		},
	}
	return white, thesis
}

func trendsOf(load float64) []bench.Trend {
	drift := bench.Trend{
		Quantity: "temperature of gpu0", Unit: "°C", Run: 1, Slope: ptr(41.5), SlopeLow: ptr(33.0), SlopeHigh: ptr(48.2),
		Change: ptr(0.041), PValue: ptr(0.00002), N: 24, Verdict: "drifting",
	}
	if load < 0.8 {
		drift.Verdict, drift.PValue, drift.Slope, drift.SlopeLow = "steady", ptr(0.31), ptr(2.1), ptr(-3.3)
	}
	return []bench.Trend{
		{
			Quantity: "latency", Unit: "s", Run: 1, Slope: ptr(0.002), SlopeLow: ptr(-0.01), SlopeHigh: ptr(0.013),
			Change: ptr(0.003), PValue: ptr(0.62), N: 24, Verdict: "steady",
		},
		drift,
		{Quantity: "power of gpu0", Unit: "W", Run: 2, N: 2, Verdict: "too few values", Missing: "2 values, a trend needs 8"},
	}
}

func samplingOf() []bench.SamplingQuality {
	return []bench.SamplingQuality{
		{
			Meter: "nvml", Interval: 50 * time.Millisecond, Samples: 4271, Missed: 3, LateP50: 61 * time.Microsecond,
			LateP99: 402 * time.Microsecond, LateMax: 3 * time.Millisecond, StoredBytes: 39_914,
		},
		{
			Meter: "pdu", Interval: 490 * time.Millisecond, Samples: 434, Missed: 12, Dropped: 1, LateP50: 90 * time.Microsecond,
			LateP99: 2 * time.Millisecond, LateMax: 12 * time.Millisecond, StoredBytes: 1_902,
		},
	}
}

// measured is a sweep on a host with a GPU, a CPU counter and a made-up PDU,
// beside one cell that is estimated only.
func measured() bench.Results {
	rng := rand.New(rand.NewPCG(13, 5))
	cells := []bench.CellResult{
		energised(rng, "llama3.1:8b", 8e9, 0.58, 0.31, 0.62),
		energised(rng, "llama3.3:70b", 70e9, 0.74, 0.73, 1),
		scored(rng, "wattsweep-icd10-3m", "sv", 3e6, 0.66, 0.61, 4.9),
	}
	doubt := cells[1].Energy
	doubt.Flags = []string{"a foreign process (pid 4711) was on gpu0 in 1 of 10 windows"}
	doubt.Disagreement = &bench.Disagreement{With: "gpu0.power", EnergyJ: 52_100, Relative: 0.072, Limit: 0.05, Exceeded: true}
	doubt.Coverage = 0.931
	cells[1].Energies[0] = *doubt
	r := resultsOf(cells)
	r.Provenance.Simulated = true
	host := r.Provenance.Hosts[0]
	host.Host, host.GPUs, host.GPUsMissing, host.Driver = "h100-1", []string{"NVIDIA H100 80GB HBM3"}, "", "550.54.15"
	host.Meters, host.MetersMissing = gpuMeters(), []string{"redfish: no BMC address is set"}
	host.GPUFacts = []bench.GPUFacts{{
		UUID: "GPU-7d2c", Name: "NVIDIA H100 80GB HBM3", Architecture: "Hopper", Driver: "550.54.15", NVML: "12.550.54.15",
		CUDA: "12.4", VBIOS: "96.00.89.00.01", PCIBus: "0000:65:00.0", MemoryBytes: 85_520_809_984, MIG: "off",
		PowerLimitW: 700, Missing: map[string]string{"ecc": "not supported"},
		Calls: []bench.GPUCall{{Name: "nvmlDeviceGetTotalEnergyConsumption", Result: "ok"}, {Name: "nvmlDeviceGetEccMode", Result: "not supported"}},
	}}
	r.Provenance.Hosts = append(r.Provenance.Hosts, host)
	return r
}
