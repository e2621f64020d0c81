package targets

import (
	"slices"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Metric is a figure that a rule may name.
type Metric struct {
	Name    bench.MetricName
	Aliases []string // other names that are understood
	What    string   // in words
	Unit    string   // of the value without a unit
	Stats   []bench.Stat
	// MoreIsBetter says on which side of a limit one wants to be. Percentiles of
	// such a metric run from the best call down.
	MoreIsBetter bool
	// Share says that values lie between 0 and 1.
	Share bool
	units []unit
}

// unit is a unit that a rule may write, with what one of it is in the metric's.
type unit struct {
	name   string
	factor float64
}

// anyCurrency stands for a currency's three letters in a metric's unit.
const anyCurrency = "currency"

// Metrics lists what a rule may name, in the order of results.json.
func Metrics() []Metric {
	return slices.Concat(timeMetrics(), scoreMetrics(), energyMetrics(), hostMetrics())
}

// Names lists the metrics' names.
func Names() []string {
	all := Metrics()
	names := make([]string, len(all))
	for i, m := range all {
		names[i] = string(m.Name)
	}
	return names
}

func find(name string) (Metric, bool) {
	for _, m := range Metrics() {
		if string(m.Name) == name || slices.Contains(m.Aliases, name) {
			return m, true
		}
	}
	return Metric{}, false
}

func everyStat() []bench.Stat {
	return []bench.Stat{bench.StatMean, bench.StatP50, bench.StatP95, bench.StatP99}
}

func onlyMean() []bench.Stat { return []bench.Stat{bench.StatMean} }

func seconds() []unit { return []unit{{"s", 1}, {"ms", 1e-3}} }

func timeMetrics() []Metric {
	return []Metric{
		{
			Name: bench.MetricLatency, Aliases: []string{"latency"}, Unit: "s", Stats: everyStat(), units: seconds(),
			What: "request to last byte, of answered calls",
		},
		{
			Name: bench.MetricTTFT, Aliases: []string{"ttft", "time_to_first_token_s"}, Unit: "s", Stats: everyStat(), units: seconds(),
			What: "request to first content, of answered calls",
		},
		{
			Name: bench.MetricInterToken, Aliases: []string{"inter_token_latency_s"}, Unit: "s", Stats: everyStat(), units: seconds(),
			What: "gaps between pieces of content; percentiles are over gaps",
		},
		{
			Name: bench.MetricTokensPerSecond, Unit: "tokens/s", Stats: everyStat(), MoreIsBetter: true,
			units: []unit{{"tokens/s", 1}}, What: "output tokens over latency, of answered calls; percentiles: what that share of calls reaches",
		},
		{
			Name: bench.MetricPromptTokens, Unit: "tokens", Stats: everyStat(), units: []unit{{"tokens", 1}},
			What: "prompt tokens of answered calls",
		},
		{
			Name: bench.MetricOutputTokens, Unit: "tokens", Stats: everyStat(), units: []unit{{"tokens", 1}},
			What: "output tokens of answered calls",
		},
	}
}

func scoreMetrics() []Metric {
	one := func(name bench.MetricName, more bool, what string, aliases ...string) Metric {
		return Metric{
			Name: name, Aliases: aliases, What: what, Unit: "1", Stats: onlyMean(), MoreIsBetter: more, Share: true,
			units: []unit{{"1", 1}, {"%", 0.01}},
		}
	}
	return []Metric{
		one(bench.MetricWeightedScore, true, "weighted score, a call without an answer as 0"),
		one(bench.MetricExactMatch, true, "share of calls whose first code is right"),
		one(bench.MetricExactAt5, true, "share of calls with a right code among five"),
		one(bench.MetricMicroPrecision, true, "precision over all codes, full code"),
		one(bench.MetricMicroRecall, true, "recall over all codes, full code"),
		one(bench.MetricMicroF1, true, "F1 over all codes, full code", "full_code_micro_f1"),
		one(bench.MetricMacroF1, true, "mean of the calls' F1, full code", "full_code_macro_f1"),
		one(bench.MetricCategoryMicroF1, true, "F1 over all codes, first three characters"),
		one(bench.MetricCategoryMacroF1, true, "mean of the calls' F1, first three characters"),
		one(bench.MetricChapterMicroF1, true, "F1 over all codes, chapter"),
		one(bench.MetricChapterMacroF1, true, "mean of the calls' F1, chapter"),
		one(bench.MetricNoCodeShare, false, "share of answers without a code"),
		one(bench.MetricUnknownShare, false, "share of codes that the code list does not hold"),
		one(bench.MetricOKShare, true, "share of calls that gave an answer"),
	}
}

func energyMetrics() []Metric {
	joules := []unit{{"J", 1}, {"kJ", 1e3}, {"mJ", 1e-3}, {"Wh", 3600}, {"mWh", 3.6}, {"kWh", 3.6e6}}
	money := []unit{{anyCurrency, 1}}
	grams := []unit{{"g", 1}, {"mg", 1e-3}, {"kg", 1e3}}
	return []Metric{
		{
			Name: bench.MetricEnergy, Aliases: []string{"energy_j_of_calls"}, Unit: "J", Stats: everyStat(), units: joules,
			What: "energy per call, failed calls included; percentiles are over the calls' shares of their window by duration",
		},
		{Name: bench.MetricNetEnergy, Unit: "J", Stats: onlyMean(), units: joules, What: "energy per call less the baseline's"},
		{Name: bench.MetricEnergyPerToken, Unit: "J", Stats: onlyMean(), units: joules, What: "energy over output tokens"},
		{Name: bench.MetricEnergyPerWord, Unit: "J", Stats: onlyMean(), units: joules, What: "energy over words of the answers"},
		{Name: bench.MetricEnergyPerCorrect, Unit: "J", Stats: onlyMean(), units: joules, What: "energy of all calls over the number right"},
		{
			Name: bench.MetricTokensPerJoule, Aliases: []string{"tokens_per_j"}, Unit: "tokens/J", Stats: onlyMean(), MoreIsBetter: true,
			units: []unit{{"tokens/J", 1}}, What: "output tokens over energy",
		},
		{
			Name: bench.MetricTokensPerWh, Unit: "tokens/Wh", Stats: everyStat(), MoreIsBetter: true,
			units: []unit{{"tokens/Wh", 1}, {"tokens/J", 3600}, {"tokens/kWh", 1e-3}},
			What:  "output tokens per watt hour of answered calls, by their attributed energy; percentiles: what that share of calls reaches",
		},
		{
			Name: bench.MetricPower, Unit: "W", Stats: onlyMean(), units: []unit{{"W", 1}, {"kW", 1e3}, {"mW", 1e-3}},
			What: "mean power over the inference windows",
		},
		{Name: bench.MetricCostPerCall, Unit: anyCurrency, Stats: onlyMean(), units: money, What: "price of the energy of a call"},
		{Name: bench.MetricCostPer100, Unit: anyCurrency, Stats: onlyMean(), units: money, What: "price of the energy of 100 calls"},
		{
			Name: bench.MetricCarbonPerCall, Aliases: []string{"carbon_g_per_call"}, Unit: "g", Stats: onlyMean(), units: grams,
			What: "CO2e of the energy of a call",
		},
		{
			Name: bench.MetricCarbonPer100, Aliases: []string{"carbon_g_per_100_calls"}, Unit: "g", Stats: onlyMean(), units: grams,
			What: "CO2e of the energy of 100 calls",
		},
	}
}

func hostMetrics() []Metric {
	size := []unit{
		{"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9},
	}
	return []Metric{
		{
			Name: bench.MetricHostCPU, Unit: "%", Stats: onlyMean(), units: []unit{{"%", 1}},
			What: "processor use of the host while it was asked",
		},
		{Name: bench.MetricHostMemory, Unit: "B", Stats: onlyMean(), units: size, What: "memory in use on the host while it was asked"},
		{
			Name: bench.MetricRuntimeMemory, Unit: "B", Stats: onlyMean(), units: size,
			What: "peak memory of the runtime's processes, mean over runs",
		},
	}
}
