package report

import (
	"strconv"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// figure is one figure of a cell as far as its absence goes.
type figure struct {
	name   string // for people
	key    string // in results.json
	has    bool
	reason string // why it does not exist
}

// figures lists every figure of a cell that may be missing, in the order of
// results.json.
func figures(c bench.CellResult) []figure {
	return []figure{
		{"latency", "latency_s", c.Latency != nil, c.LatencyMissing},
		{"time to first token", "ttft_s", c.TTFT != nil, c.TTFTMissing},
		{"inter-token time", "inter_token_s", c.InterToken != nil, c.InterTokenMissing},
		{"token counts", "tokens", c.Tokens != nil, c.TokensMissing},
		{"tokens per second", "tokens_per_s", c.TokensPerSecond != nil, c.TokensPerSecondMissing},
		{"weighted score", "weighted_score", c.WeightedScore != nil, c.WeightedScoreMissing},
		{"exact match", "exact_match", c.ExactMatch != nil, c.ExactMatchMissing},
		{"exact match in five", "exact_match_at_5", c.ExactAt5 != nil, c.ExactAt5Missing},
		{"precision, recall and F1", "f1", c.FullCode != nil && c.Category != nil && c.Chapter != nil, c.F1Missing},
		{"shares of answers", "shares", c.NoCodeShare != nil && c.UnknownShare != nil, c.SharesMissing},
		{"energy per call", "energy_j_per_call", c.Energy != nil, c.EnergyMissing},
		{"tokens per joule", "tokens_per_joule", c.TokensPerJoule != nil, c.TokensPerJouleMissing},
		{"energy per correct answer", "energy_j_per_correct", c.EnergyPerCorrect != nil, c.EnergyPerCorrectMissing},
		{"energy of single calls", "energy_j_of_calls", c.EnergyOfCalls != nil, c.EnergyOfCallsMissing},
		{"tokens per watt hour", "tokens_per_wh", c.TokensPerWh != nil, c.TokensPerWhMissing},
		{"energy per word", "energy_j_per_word", c.EnergyPerWord != nil, c.EnergyPerWordMissing},
		{"reconciliation", "reconciliation", c.Reconciliation != nil, c.ReconciliationMissing},
		{"cost", "cost_per_100_calls", c.Cost != nil, c.CostMissing},
		{"carbon", "co2e_g_per_100_calls", c.CarbonG != nil, c.CarbonMissing},
		{"host CPU", "host_cpu_percent", c.HostCPU != nil, c.HostCPUMissing},
		{"host memory", "host_memory_bytes", c.HostMemory != nil, c.HostMemoryMissing},
		{"runtime memory", "runtime_memory_peak_bytes", c.ProcMemory != nil, c.ProcMemoryMissing},
		{"model facts", "model_facts", c.ModelFacts != nil, c.ModelFactsMissing},
		{"pull", "pull", c.Pull != nil, c.PullMissing},
		{"load", "loaded", c.Loaded != nil, c.LoadedMissing},
	}
}

// parts lists what the figures of a cell may lack beside their means:
// interval, spread and net value, in the order of results.json.
func parts(c bench.CellResult) []figure {
	var list []figure
	interval := func(name, key string, low, high *float64, reason string) {
		list = append(list, figure{"interval of " + name, key + ".ci95", low != nil && high != nil, reason})
	}
	summary := func(name, key string, s *bench.Summary) {
		if s != nil {
			list = append(list, figure{"spread of " + name, key + ".sd", s.SD != nil, s.SDMissing})
			interval(name, key, s.CI95Low, s.CI95High, s.CIMissing)
		}
	}
	estimate := func(name, key string, e *bench.Estimate) {
		if e != nil {
			interval(name, key, e.CI95Low, e.CI95High, e.CIMissing)
		}
	}
	summary("latency", "latency_s", c.Latency)
	summary("time to first token", "ttft_s", c.TTFT)
	summary("inter-token time", "inter_token_s", c.InterToken)
	estimate("tokens per second", "tokens_per_s", c.TokensPerSecond)
	estimate("weighted score", "weighted_score", c.WeightedScore)
	estimate("exact match", "exact_match", c.ExactMatch)
	estimate("exact match in five", "exact_match_at_5", c.ExactAt5)
	summary("energy of single calls", "energy_j_of_calls", c.EnergyOfCalls)
	summary("tokens per watt hour", "tokens_per_wh", c.TokensPerWh)
	if c.Energy != nil {
		list = append(list, energyParts("energy per call", "energy_j_per_call", *c.Energy)...)
	}
	for i, e := range c.Energies {
		key := "energies[" + strconv.Itoa(i) + "]"
		list = append(list, energyParts("energy per call of the "+partName(e.Part), key, e)...)
	}
	return list
}

// energyParts lists what an energy may lack beside its mean.
func energyParts(name, key string, e bench.EnergyFigure) []figure {
	return []figure{
		{"interval of " + name, key + ".ci95", e.CI95Low != nil && e.CI95High != nil, e.CIMissing},
		{"uncertainty of " + name, key + ".uncertainty", e.Uncertainty != nil, e.UncertaintyMissing},
		{
			"uncertainty of net " + name, key + ".net_uncertainty", e.NetMean == nil || e.NetUncertainty != nil,
			e.UncertaintyMissing,
		},
		{"net " + name, key + ".net_mean", e.NetMean != nil, e.NetMeanMissing},
		{name + " above idle", key + ".above_idle_mean", e.AboveIdleMean != nil, e.AboveIdleMeanMissing},
	}
}

// hasFigures reports whether a cell carries anything that was measured or
// derived from a measurement, and so needs its provenance.
func hasFigures(c bench.CellResult) bool {
	return c.Latency != nil || c.TTFT != nil || c.InterToken != nil || c.Tokens != nil ||
		c.TokensPerSecond != nil || c.WeightedScore != nil || c.ExactMatch != nil || c.ExactAt5 != nil ||
		c.FullCode != nil || c.Category != nil || c.Chapter != nil || c.NoCodeShare != nil ||
		c.UnknownShare != nil || hasEnergy(c)
}

// hasEnergy reports whether a cell carries a figure of energy or what is made
// of one.
func hasEnergy(c bench.CellResult) bool {
	return c.Energy != nil || c.TokensPerJoule != nil || c.EnergyPerCorrect != nil || c.Cost != nil || c.CarbonG != nil ||
		len(c.Energies) > 0 || c.EnergyOfCalls != nil || c.TokensPerWh != nil || c.EnergyPerWord != nil ||
		c.Reconciliation != nil
}

// naming tells cells apart in as few words as the sweep allows: the model
// always, the other coordinates only where they differ between cells.
type naming struct{ host, runtime, task, dataset, load bool }

func newNaming(cells []bench.CellResult) naming {
	var n naming
	for _, c := range cells {
		first := cells[0].Coordinates
		n.host = n.host || c.Host != first.Host
		n.runtime = n.runtime || c.Runtime != first.Runtime
		n.task = n.task || c.Task != first.Task
		n.dataset = n.dataset || c.Dataset != first.Dataset
		n.load = n.load || c.Load != first.Load
	}
	return n
}

// context names the coordinates beside model and language that differ.
func (n naming) context(c bench.Coordinates) string {
	text := ""
	add := func(differs bool, part string) {
		if !differs || part == "" {
			return
		}
		if text != "" {
			text += " · "
		}
		text += printable(part, 60)
	}
	add(n.host, c.Host)
	add(n.runtime, c.Runtime)
	add(n.task, c.Task)
	add(n.dataset, c.Dataset)
	add(n.load, c.Load)
	return text
}

// row names a cell without its language, for charts that show languages side
// by side.
func (n naming) row(c bench.Coordinates) string {
	text := printable(c.Model, 80)
	if more := n.context(c); more != "" {
		text += " · " + more
	}
	return text
}

// cell names a cell in full.
func (n naming) cell(c bench.Coordinates) string { return n.row(c) + " · " + language(c.Language) }
