package report

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

func ptr[T any](v T) *T { return &v }

func day(hour, minute int) time.Time { return time.Date(2026, 11, 20, hour, minute, 0, 0, time.UTC) }

func digest(seed string) string { return bench.Hash(seed) }

func estimateOf(mean, half float64) *bench.Estimate {
	low, high := max(0, mean-half), min(1, mean+half)
	return &bench.Estimate{Mean: mean, CI95Low: &low, CI95High: &high, N: 2, IntervalOver: "runs"}
}

func summaryOf(rng *rand.Rand, median float64) *bench.Summary {
	wide := 1.3 + rng.Float64()*0.6
	return &bench.Summary{
		Mean: median * 1.06, SD: ptr(median * 0.3), CI95Low: ptr(median * 0.99), CI95High: ptr(median * 1.13),
		P50: median, P95: median * wide, P99: median * wide * 1.2, N: 80, IntervalOver: "runs",
	}
}

func powerChannel() bench.Channel {
	return bench.Channel{
		Name: "estimate.power", Unit: bench.UnitWatt, Scope: bench.ScopeHost, Sensor: bench.SensorEstimate,
		UpdatePeriod: 50 * time.Millisecond, Resolution: 0.01, Estimated: true,
		Method: "12 W idle plus 9.5 W for each busy core, from CPU time", AccuracyNote: "an assumption stated in the sweep",
	}
}

// scored is a finished cell of the seeded sample.
func scored(rng *rand.Rand, model, lang string, parameters int64, score, median, joules float64) bench.CellResult {
	id := bench.CellID(digest(model + lang)[:16])
	c := bench.CellResult{
		Cell: id, State: bench.StateDone,
		Coordinates: bench.Coordinates{
			Host: "labbdator-1", Runtime: "ollama", Model: model, Task: "icd10",
			Dataset: "demo-journals", Language: lang, Load: "sequential",
		},
		Runs: 2, Calls: 80, FailedCalls: rng.IntN(2), Outcomes: map[string]int{"ok": 79, "output_capped": 1}, Segments: 2,
		Latency: summaryOf(rng, median), TTFT: summaryOf(rng, median*0.4), InterToken: summaryOf(rng, 0.004),
		Tokens: &bench.TokenCounts{Prompt: 611.25, Output: 18.4}, TokensPerSecond: estimateOf(0, 0),
		WeightedScore: estimateOf(score, 0.05), ExactMatch: estimateOf(score*0.7, 0.06), ExactAt5: estimateOf(score*0.8, 0.05),
		FullCode:    &bench.F1Figures{MicroPrecision: 0.41, MicroRecall: 0.35, MicroF1: 0.38, MacroF1: 0.36},
		Category:    &bench.F1Figures{MicroPrecision: 0.52, MicroRecall: 0.47, MicroF1: 0.49, MacroF1: 0.5},
		Chapter:     &bench.F1Figures{MicroPrecision: 0.71, MicroRecall: 0.69, MicroF1: 0.7, MacroF1: 0.68},
		NoCodeShare: ptr(0.0125), UnknownShare: ptr(0.04), CodeList: "demo-codes",
		Energy: &bench.EnergyFigure{
			Mean: joules, CI95Low: ptr(joules * 0.9), CI95High: ptr(joules * 1.1),
			NetMean: ptr(joules * 0.55), Method: bench.EnergyEstimated, Channel: "estimate.power", Coverage: 0.998,
			Estimated: true, Basis: "CPU time × stated watts over the inference window, by call",
			UncertaintyMissing:   "the watts are stated, not measured, so their error is not known",
			AboveIdleMeanMissing: "no idle phase of estimate.power was measured",
		},
		EnergyOfCallsMissing: "the watts are stated, not measured", TokensPerWhMissing: "the watts are stated, not measured",
		EnergyPerWordMissing: "no words were counted", ReconciliationMissing: "no wall meter was read",
		CurvesMissing:  "no trace was stored",
		TokensPerJoule: ptr(18.4 / joules), EnergyPerCorrect: ptr(joules / (score * 0.7)),
		Cost: &bench.CostFigure{
			Amount: joules * 100 / 3.6e6 * 0.386, Currency: "SEK", Estimated: true,
			Basis: "0.386 SEK/kWh, PUE 1.0, gross energy per call × 100",
		},
		CarbonMissing: "no carbon intensity is stated in the sweep",
		HostCPU:       ptr(61.5), HostMemory: ptr(3.1e9), ProcMemory: ptr(4.4e8),
		PromptHash: digest("prompt " + lang), DatasetHash: digest("demo-journals"),
		StartedAt: ptr(day(14, 3)), FinishedAt: ptr(day(14, 9)),
	}
	c.TokensPerSecond = &bench.Estimate{Mean: 18.4 / median, N: 2, IntervalOver: "runs", CIMissing: "fewer than three runs"}
	c.ModelFacts = &bench.ModelFacts{
		Name: model, Digest: "sha256:" + digest(model), Family: "llama", Parameters: parameters,
		Quantisation: "F16", Layers: 6, ContextTokens: 4096, SizeBytes: parameters * 2,
	}
	c.Pull = &bench.Pulled{Facts: *c.ModelFacts, Elapsed: 240 * time.Millisecond, Source: "gguf"}
	c.Loaded = &bench.Loaded{
		Token: "t1", SizeBytes: parameters*2 + 5e7, ContextTokens: 4096, LayersTotal: 7,
		LayersSource: "log",
		ServerLoad:   130 * time.Millisecond,
	}
	c.LoadAttempts = []bench.LoadAttempt{{
		Cell: id, Rung: 1, No: 1, Name: "cpu", Outcome: "loaded", StartedAt: day(14, 4),
		Elapsed: 410 * time.Millisecond, Loaded: c.Loaded,
	}}
	c.Phases = phasesOf(id, joules)
	return c
}

func phasesOf(id bench.CellID, joules float64) []bench.PhaseReading {
	reading := func(phase bench.Phase, run int, watts float64, window time.Duration) bench.PhaseReading {
		return bench.PhaseReading{
			Cell: id, Run: run, Phase: phase, No: 1, Channel: powerChannel(), Started: day(14, 4),
			Window: window, Samples: int(window / (50 * time.Millisecond)), Missed: run, Coverage: 0.998,
			Mean: &watts, Min: ptr(watts * 0.9), Max: ptr(watts * 1.2), EnergyJ: ptr(watts * window.Seconds()),
			Method: bench.EnergyEstimated,
		}
	}
	out := []bench.PhaseReading{
		reading(bench.PhaseBaseline, 0, 12.4, 10*time.Second),
		reading(bench.PhaseIdle, 0, 12.9, 5*time.Second),
		reading(bench.PhaseInference, 1, 26.2+joules, 41*time.Second),
		reading(bench.PhaseInference, 2, 26.5+joules, 40*time.Second),
	}
	short := reading(bench.PhaseShutdown, 0, 0, 80*time.Millisecond)
	short.Mean, short.Min, short.Max, short.EnergyJ, short.Method = nil, nil, nil, nil, ""
	short.Missing = "the window is shorter than ten update periods of the meter"
	return append(out, short)
}

// stopped is a cell that never came to an answer.
func stopped(model, lang string, state bench.State, reason string) bench.CellResult {
	why := "no call was made: " + reason
	return bench.CellResult{
		Cell: bench.CellID(digest(model + lang)[:16]), State: state, Reason: reason,
		Coordinates: bench.Coordinates{
			Host: "labbdator-1", Runtime: "ollama", Model: model, Task: "icd10",
			Dataset: "demo-journals", Language: lang, Load: "sequential",
		},
		LatencyMissing: why, TTFTMissing: why, InterTokenMissing: why, TokensMissing: why, TokensPerSecondMissing: why,
		WeightedScoreMissing: why, ExactMatchMissing: why, ExactAt5Missing: why, F1Missing: why, SharesMissing: why,
		EnergyMissing: why, TokensPerJouleMissing: why, EnergyPerCorrectMissing: why, CostMissing: why, CarbonMissing: why,
		HostCPUMissing: why, HostMemoryMissing: why, ProcMemoryMissing: why, ModelFactsMissing: why, PullMissing: why,
		LoadedMissing: why, EnergyOfCallsMissing: why, TokensPerWhMissing: why, EnergyPerWordMissing: why,
		ReconciliationMissing: why, CurvesMissing: why,
	}
}

// sample is a sweep like the demo's, with one model that does not fit.
func sample() bench.Results {
	rng := rand.New(rand.NewPCG(2, 7))
	cells := []bench.CellResult{
		scored(rng, "wattsweep-icd10-0.2m", "sv", 2e5, 0.31, 0.14, 1.1),
		scored(rng, "wattsweep-icd10-0.2m", "en", 2e5, 0.29, 0.15, 1.2),
		scored(rng, "wattsweep-icd10-0.8m", "sv", 8e5, 0.52, 0.29, 2.3),
		scored(rng, "wattsweep-icd10-0.8m", "en", 8e5, 0.55, 0.31, 2.5),
		scored(rng, "wattsweep-icd10-3m", "sv", 3e6, 0.66, 0.61, 4.9),
		scored(rng, "wattsweep-icd10-3m", "en", 3e6, 0.58, 0.64, 5.2),
		stopped("llama3.3:70b", "sv", bench.StateUnfit, "no rung of the ladder fitted 7.7 GiB of memory"),
	}
	cells[6].LoadAttempts = []bench.LoadAttempt{{
		Cell: cells[6].Cell, Rung: 1, No: 1, Name: "cpu", Outcome: "out_of_memory",
		Reason: "the runtime needs 42.5 GiB, the host has 7.7 GiB", StartedAt: day(14, 30), Elapsed: 1900 * time.Millisecond,
	}}
	return resultsOf(cells)
}

func resultsOf(cells []bench.CellResult) bench.Results {
	done := 0
	for _, c := range cells {
		if c.State == bench.StateDone {
			done++
		}
	}
	return bench.Results{
		Sweep: bench.SweepInfo{
			ID: "5f0c7a91d2e4b863", Name: "Demo: three models, two languages", State: bench.StateDone,
			SpecHash: digest("spec"), CreatedAt: day(14, 2), FinishedAt: ptr(day(14, 41)),
			Cells: len(cells), CellsDone: done, Seed: 1,
		},
		Provenance: bench.Provenance{
			Wattsweep: "0.1.0 (a1b2c3d)", GeneratedAt: day(14, 42), Estimated: true,
			Method: []string{"Energy is CPU time × stated watts: 12 W idle, 9.5 W per busy core."},
			Hosts: []bench.HostFacts{{
				Host: "labbdator-1", OS: "Debian GNU/Linux 13", Kernel: "6.12.9-amd64", CPU: "Intel Xeon Platinum 8370C",
				Sockets: 1, Cores: 2, Threads: 2, MemoryBytes: 8_267_440_128, GPUsMissing: "no NVIDIA driver on this host",
				BootID: "b7a1c1de-0000-4000-8000-3f3f3f3f3f3f", WorkerBuild: "a1b2c3d", Runtime: "ollama 0.6.5",
				RuntimeEnv: []string{"OLLAMA_NUM_PARALLEL=1"}, Meters: []bench.Channel{powerChannel(), cpuChannel()},
				MetersMissing: []string{"nvml: no NVIDIA driver", "rapl: not readable in this container"}, SeenAt: day(14, 3),
			}},
			Datasets: []bench.DatasetInfo{{
				Name: "demo-journals", Version: "1", Hash: digest("demo-journals"),
				CodeSystem: "ICD-10-SE", Licence: "Apache-2.0", Journals: 40,
			}},
		},
		Cells: cells,
	}
}

func cpuChannel() bench.Channel {
	return bench.Channel{
		Name: "host.cpu", Unit: bench.UnitPercent, Scope: bench.ScopeHost, Sensor: bench.SensorAveraged,
		Window: 50 * time.Millisecond, UpdatePeriod: 50 * time.Millisecond, Resolution: 0.1, Method: "busy share of all cores",
	}
}

func samplePairs() HTMLOptions {
	pair := func(model string, mean, half, sv float64) PairedDifference {
		return PairedDifference{
			At: bench.Coordinates{Host: "labbdator-1", Runtime: "ollama", Model: model}, A: "sv", B: "en",
			Metric: "weighted score", MeanA: sv, MeanB: sv - mean, Journals: 40, Difference: &bench.Estimate{
				Mean: mean, CI95Low: ptr(mean - half), CI95High: ptr(mean + half), N: 40, IntervalOver: "journals",
			},
			FirstCode: &RightOrWrong{OnlyA: 7, OnlyB: 3, MidP: 0.227}, HedgesG: &bench.Estimate{Mean: 5 * mean, N: 40},
		}
	}
	return HTMLOptions{PairedDifferences: []PairedDifference{
		pair("wattsweep-icd10-0.2m", 0.02, 0.06, 0.31), pair("wattsweep-icd10-0.8m", -0.03, 0.05, 0.52),
		pair("wattsweep-icd10-3m", 0.08, 0.04, 0.66),
		{
			At: bench.Coordinates{Host: "labbdator-1", Runtime: "ollama", Model: "llama3.3:70b"}, A: "sv", B: "en",
			Metric: "weighted score", Missing: "no call was made",
		},
	}}
}

// many spreads n cells over hosts, models and languages; every ninth failed.
func many(n int) bench.Results {
	rng := rand.New(rand.NewPCG(3, 9))
	cells := make([]bench.CellResult, 0, n)
	for i := range n {
		model := fmt.Sprintf("family%d/model-%d:%db-instruct-q8_0", i/20%5, i/4%25, 1<<(i/4%7))
		lang := []string{"sv", "en"}[i%2]
		c := scored(rng, model, lang, int64(1e9)<<(i/4%7), rng.Float64(), 0.2*float64(1+i/4%25), 30*float64(1+i/4%25))
		if i%9 == 8 {
			c = stopped(model, lang, bench.StateFailed, "the runtime ended while it loaded the model")
		}
		c.Host = []string{"h100", "a6000"}[i/2%2]
		cells = append(cells, c)
	}
	r := resultsOf(cells)
	for _, name := range []string{"h100", "a6000"} {
		h := r.Provenance.Hosts[0]
		h.Host = name
		r.Provenance.Hosts = append(r.Provenance.Hosts, h)
	}
	return r
}

// sampleCalls streams n calls, every fifth without a score.
func sampleCalls(n int) iter.Seq2[CallRow, error] {
	rng := rand.New(rand.NewPCG(5, 11))
	at := bench.Coordinates{Host: "labbdator-1", Runtime: "ollama", Model: "wattsweep-icd10-3m", Language: "sv"}
	return func(yield func(CallRow, error) bool) {
		for i := range n {
			key := bench.CallKey{Cell: "0123456789abcdef", Run: 1 + i/40, Item: i % 40}
			row := CallRow{Sweep: "5f0c7a91d2e4b863", At: at, Call: bench.Call{
				CallKey: key, Segment: 1, JournalID: fmt.Sprintf("demo-%03d", i%40), PromptHash: digest(key.String()),
				Output: "Patienten har R07.4", OutputHash: digest("out" + key.String()), Outcome: bench.OutcomeOK,
				Nonce: key.Nonce(1), StartedAt: day(14, 5).Add(time.Duration(i) * time.Second),
				Latency: time.Duration(500+rng.IntN(300)) * time.Millisecond, TimeToFirstToken: ptr(212 * time.Millisecond),
				InterTokenTimes: []time.Duration{4 * time.Millisecond, 5 * time.Millisecond},
				PromptTokens:    ptr(611), OutputTokens: ptr(18),
				Server: bench.ServerTimes{
					Total: 480 * time.Millisecond, PromptEval: 200 * time.Millisecond,
					Eval: 270 * time.Millisecond,
				},
			}}
			if i%5 == 4 {
				row.Call.Outcome, row.Call.Reason = bench.OutcomeTimeout, "no answer within 60 s"
				row.Call.TimeToFirstToken, row.Call.InterTokenTimes, row.Call.OutputTokens = nil, nil, nil
			} else {
				row.Score = &bench.CallScore{
					CallKey: key, Gold: []string{"R074", "I209"}, Codes: []string{"R074"}, Weighted: 1,
					ExactAt1: true, ExactAt5: true,
				}
				row.EnergyJ, row.EnergyMethod = ptr(4.75), bench.EnergyAttributed
				row.Energy = &bench.EnergyFigure{Method: bench.EnergyEstimated, Estimated: true}
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}
