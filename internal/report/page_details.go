package report

import (
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/units"
)

func nameColumns(cells []bench.CellResult) []column { return resultColumns(cells)[:2] }

// accuracyColumns show every figure on how right the answers were.
func accuracyColumns(cells []bench.CellResult) []column {
	f1 := func(of func(bench.CellResult) *bench.F1Figures) func(bench.CellResult) value {
		return func(c bench.CellResult) value {
			f := of(c)
			if f == nil {
				return gap("precision, recall and F1", c.F1Missing)
			}
			return value{main: two(f.MicroF1), beside: two(f.MacroF1)}
		}
	}
	part := func(of func(bench.CellResult) *float64) func(bench.CellResult) value {
		return func(c bench.CellResult) value {
			if v := of(c); v != nil {
				return value{main: percent(*v)}
			}
			return gap("shares of answers", c.SharesMissing)
		}
	}
	return append(nameColumns(cells),
		column{"Exact in five", "", false, func(c bench.CellResult) value {
			return estimated(c.ExactAt5, "exact match in five", c.ExactAt5Missing, two, true)
		}},
		column{"F1 full code", "micro, macro", false, f1(func(c bench.CellResult) *bench.F1Figures { return c.FullCode })},
		column{"F1 category", "micro, macro", false, f1(func(c bench.CellResult) *bench.F1Figures { return c.Category })},
		column{"F1 chapter", "micro, macro", false, f1(func(c bench.CellResult) *bench.F1Figures { return c.Chapter })},
		column{"No code", "of answers", false, part(func(c bench.CellResult) *float64 { return c.NoCodeShare })},
		column{"Unknown codes", "of codes", false, part(func(c bench.CellResult) *float64 { return c.UnknownShare })},
		column{"Code list", "", true, func(c bench.CellResult) value { return value{main: printable(c.CodeList, 40)} }},
	)
}

// resourceColumns show speed, energy and memory beyond the main table.
func resourceColumns(cells []bench.CellResult) []column {
	word, same := commonWord(cells, func(c bench.CellResult) bool { return c.Energy != nil }, energyWord)
	if !same {
		word = "partly estimated"
	}
	plain := func(figure string, of func(bench.CellResult) (*float64, string), show func(float64) string,
	) func(bench.CellResult) value {
		return func(c bench.CellResult) value {
			v, reason := of(c)
			if v == nil {
				return gap(figure, reason)
			}
			return value{main: show(*v)}
		}
	}
	size := func(v float64) string { return units.Bytes(v).String() }
	return append(nameColumns(cells),
		column{"Tokens in", "per call", false, func(c bench.CellResult) value {
			return tokens(c, func(t *bench.TokenCounts) float64 { return t.Prompt })
		}},
		column{"Tokens out", "per call", false, func(c bench.CellResult) value {
			return tokens(c, func(t *bench.TokenCounts) float64 { return t.Output })
		}},
		column{"Inter-token p50", "ms", false, func(c bench.CellResult) value {
			if c.InterToken == nil {
				return gap("inter-token time", c.InterTokenMissing)
			}
			return value{main: three(c.InterToken.P50 * 1e3)}
		}},
		column{"Net J/call", word, false, netEnergy},
		column{"Tokens/J", word, false, plain("tokens per joule",
			func(c bench.CellResult) (*float64, string) { return c.TokensPerJoule, c.TokensPerJouleMissing }, three)},
		column{"Tokens/Wh", "p50, p95", false, tokensPerWh},
		column{"J/word", word, false, plain("energy per word",
			func(c bench.CellResult) (*float64, string) { return c.EnergyPerWord, c.EnergyPerWordMissing }, three)},
		column{"J/correct", word, false, plain("energy per correct answer",
			func(c bench.CellResult) (*float64, string) { return c.EnergyPerCorrect, c.EnergyPerCorrectMissing }, three)},
		column{"g CO₂e/100", word, false, plain("carbon",
			func(c bench.CellResult) (*float64, string) { return c.CarbonG, c.CarbonMissing }, three)},
		column{"Host CPU", "%", false, plain("host CPU",
			func(c bench.CellResult) (*float64, string) { return c.HostCPU, c.HostCPUMissing }, three)},
		column{"Host memory", "", false, plain("host memory",
			func(c bench.CellResult) (*float64, string) { return c.HostMemory, c.HostMemoryMissing }, size)},
		column{"Runtime memory", "peak", false, plain("runtime memory",
			func(c bench.CellResult) (*float64, string) { return c.ProcMemory, c.ProcMemoryMissing }, size)},
	)
}

func tokens(c bench.CellResult, of func(*bench.TokenCounts) float64) value {
	if c.Tokens == nil {
		return gap("token counts", c.TokensMissing)
	}
	return value{main: sig(of(c.Tokens), 4)}
}

// tokensPerWh shows the median over calls, by their attributed energy.
func tokensPerWh(c bench.CellResult) value {
	if c.TokensPerWh == nil {
		return gap("tokens per watt hour", c.TokensPerWhMissing)
	}
	return value{main: three(c.TokensPerWh.P50), beside: three(c.TokensPerWh.P95)}
}

// netEnergy is the energy less the baseline's.
func netEnergy(c bench.CellResult) value {
	switch {
	case c.Energy == nil:
		return gap("energy per call", c.EnergyMissing)
	case c.Energy.NetMean == nil:
		return gap("net energy per call", c.Energy.NetMeanMissing)
	default:
		return value{main: withDoubt(*c.Energy.NetMean, c.Energy.NetUncertainty)}
	}
}
