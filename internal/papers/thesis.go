package papers

import (
	"fmt"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/units"
)

// meterName is what the thesis calls the meter of a part.
func meterName(p bench.Part) string {
	if p == bench.PartWall {
		return "PDU"
	}
	return "GPU"
}

// thesisParts are the two meters of the thesis.
func thesisParts() []bench.Part { return []bench.Part{bench.PartGPU, bench.PartWall} }

// Thesis gives the metrics of the thesis: energy by phase, cumulative, per
// word and less the baseline, each as the GPU and as the PDU saw it;
// temperature, memory, and its scenario.
func Thesis(in Input) []bench.Metric {
	var out []bench.Metric
	for _, part := range thesisParts() {
		out = append(out, in.phaseEnergies(part)...)
		out = append(out, in.cumulative(part), in.inferencePower(part))
	}
	for _, part := range thesisParts() {
		out = append(out, in.perCallOfPart(part)...)
	}
	out = append(out, in.gpuShare(), in.wordCount())
	out = append(out, in.state()...)
	return append(out, in.scenario()...)
}

// thesisPhases are the thesis' phases by its names; the empty phase has no
// window of ours.
func thesisPhases() []struct {
	name  string
	phase bench.Phase
} {
	return []struct {
		name  string
		phase bench.Phase
	}{
		{"Baseline Energy", bench.PhaseBaseline},
		{"Server Startup Energy", bench.PhaseStartup},
		{"Inference Energy", bench.PhaseInference},
		{"Response Received Energy", ""},
		{"Server Shutdown Energy", bench.PhaseShutdown},
	}
}

func (in Input) phaseEnergies(part bench.Part) []bench.Metric {
	var out []bench.Metric
	for _, p := range thesisPhases() {
		name := p.name + ", " + meterName(part)
		if p.phase == "" {
			out = append(out, untold(name, "J", "an answer streams while it is made: receiving it lies in the inference energy"))
			continue
		}
		out = append(out, in.phaseEnergy(name, p.phase, part))
	}
	return out
}

func (in Input) phaseEnergy(name string, phase bench.Phase, part bench.Part) bench.Metric {
	line, missing := in.line(phase, part)
	if missing != "" {
		return untold(name, "J", missing)
	}
	if why := in.notWhole(line); why != "" {
		return untold(name, "J", why)
	}
	m := told(name, "J", *line.EnergyJ, line.Channel, fmt.Sprintf("%d windows, %.4g s together", line.Windows, line.Window.Seconds()),
		string(line.Method), flagged(line.Flags))
	if line.Uncertainty != nil {
		u95 := line.Uncertainty.U95
		m.U95 = &u95
	}
	m.Estimated, m.Simulated = line.Estimated, line.Simulated
	return m
}

// line finds a line of the energy account that has an energy.
func (in Input) line(phase bench.Phase, part bench.Part) (bench.PhaseEnergy, string) {
	for _, line := range in.Result.EnergyByPhase {
		if line.Phase != phase || line.Part != part {
			continue
		}
		if line.EnergyJ == nil {
			return line, line.Missing
		}
		return line, ""
	}
	return bench.PhaseEnergy{}, fmt.Sprintf("no %s meter told the energy of the %s", meterName(part), phase)
}

// cumulative is the energy of all phases of the account together.
func (in Input) cumulative(part bench.Part) bench.Metric {
	name := "Cumulative Energy, " + meterName(part)
	var lines []bench.PhaseEnergy
	var flags []string
	var length time.Duration
	joules := 0.0
	for _, line := range in.Result.EnergyByPhase {
		if line.Part != part {
			continue
		}
		if line.EnergyJ == nil {
			return untold(name, "J", fmt.Sprintf("the %s has no energy: %s", line.Phase, line.Missing))
		}
		if why := in.notWhole(line); why != "" {
			return untold(name, "J", fmt.Sprintf("the %s is not whole: %s", line.Phase, why))
		}
		joules += *line.EnergyJ
		length += line.Window
		lines = append(lines, line)
		for _, text := range line.Flags {
			flags = append(flags, string(line.Phase)+": "+text)
		}
	}
	if len(lines) == 0 {
		return untold(name, "J", fmt.Sprintf("no %s meter told an energy", meterName(part)))
	}
	u95, missing := sumOfLines(lines)
	all := told(name, "J", joules, fmt.Sprintf("phases added up: %d, %.4g s together; the time between phases is in none", len(lines), length.Seconds()),
		missing, flagged(flags))
	all.U95 = u95
	for _, line := range lines {
		all.Estimated, all.Simulated = all.Estimated || line.Estimated, all.Simulated || line.Simulated
	}
	return all
}

func (in Input) inferencePower(part bench.Part) bench.Metric {
	name := "Average Inference Power, " + meterName(part)
	line, missing := in.line(bench.PhaseInference, part)
	if missing == "" && line.MeanPowerW == nil {
		missing = "the windows have no length"
	}
	if missing != "" {
		return untold(name, "kW", missing)
	}
	m := told(name, "kW", *line.MeanPowerW/1000, line.Channel, flagged(line.Flags))
	if seconds := line.Window.Seconds(); line.Uncertainty != nil && seconds > 0 {
		u95 := line.Uncertainty.U95 / seconds / 1000
		m.U95 = &u95
	}
	m.Estimated, m.Simulated = line.Estimated, line.Simulated
	return m
}

// figure finds the energy per call of a part.
func (in Input) figure(part bench.Part) (bench.EnergyFigure, string) {
	for _, f := range in.Result.Energies {
		if f.Part == part {
			return f, ""
		}
	}
	if in.Result.Energy == nil {
		return bench.EnergyFigure{}, in.Result.EnergyMissing
	}
	return bench.EnergyFigure{}, fmt.Sprintf("no %s meter told the energy of calls", meterName(part))
}

// perCallOfPart is what a call took, gross and less the baseline, and per word.
func (in Input) perCallOfPart(part bench.Part) []bench.Metric {
	meter := meterName(part)
	gross, net, word := "Energy per Inference, "+meter, "Energy per Inference less Baseline, "+meter, "Energy per Output Word, "+meter
	f, missing := in.figure(part)
	if missing != "" {
		return []bench.Metric{untold(gross, "J", missing), untold(net, "J", missing), untold(word, "J/word", missing)}
	}
	out := []bench.Metric{told(gross, "J", f.Mean, f.Basis, flagged(f.Flags))}
	if f.Uncertainty != nil {
		u95 := f.Uncertainty.U95
		out[0].U95 = &u95
	}
	if f.NetMean == nil {
		out = append(out, untold(net, "J", f.NetMeanMissing))
	} else {
		out = append(out, told(net, "J", *f.NetMean, "less the mean power of the baseline × time", flagged(f.Flags)))
		if f.NetUncertainty != nil {
			u95 := f.NetUncertainty.U95
			out[1].U95 = &u95
		}
	}
	out = append(out, in.perWord(word, f))
	for i := range out {
		out[i].Estimated, out[i].Simulated = f.Estimated, f.Simulated
	}
	return out
}

func (in Input) words() (words, calls int) {
	for _, c := range in.Calls {
		words += max(0, c.OutputWords)
	}
	return words, len(in.Calls)
}

func (in Input) wordCount() bench.Metric {
	words, calls := in.words()
	if calls == 0 {
		return untold("Words Generated", "words", "no call was made")
	}
	return told("Words Generated", "words", float64(words), fmt.Sprintf("by %d calls", calls))
}

// gpuShare is how much of the system's energy the GPU took during inference.
func (in Input) gpuShare() bench.Metric {
	const name, unit = "GPU Share of System Energy", "%"
	r := in.Result.Reconciliation
	switch {
	case r == nil:
		return untold(name, unit, in.Result.ReconciliationMissing)
	case r.GPUJ == nil:
		return untold(name, unit, "no GPU was read")
	case r.WallJ <= 0:
		return untold(name, unit, "the wall told no energy")
	}
	m := told(name, unit, 100**r.GPUJ/r.WallJ, r.Channels)
	for _, part := range thesisParts() {
		if f, missing := in.figure(part); missing == "" {
			m.Estimated, m.Simulated = m.Estimated || f.Estimated, m.Simulated || f.Simulated
		}
	}
	return m
}

// state is the temperature, memory and utilisation during inference.
func (in Input) state() []bench.Metric {
	one := func(name, unit string, set channels, what statistic, scale float64) bench.Metric {
		value, missing := in.overPhase(bench.PhaseInference, set, what)
		if missing != "" {
			return untold(name, unit, missing)
		}
		return set.marks(told(name, unit, value*scale, set.names(), fmt.Sprintf("%s over the inference windows", what)))
	}
	return []bench.Metric{
		one("GPU Temperature", "degC", in.gpus(averaged, suffixTemperature), mean, 1),
		one("Highest GPU Temperature", "degC", in.gpus(highest, suffixTemperature), peak, 1),
		one("GPU Utilization", "%", in.gpus(averaged, suffixUtilisation), mean, 1),
		one("GPU Memory Used", "MiB", in.gpus(summed, suffixMemory), mean, 1/mebibyte),
		one("RAM Utilization", "MiB", in.host(channelMemory), mean, 1/mebibyte),
	}
}

// scenario scales the cell's own mean power and latency as the thesis does its
// own.
func (in Input) scenario() []bench.Metric {
	m := in.perCallOf("Average Power Draw", "W", in.power(), mean, 1)
	latency := in.latency()
	s := ThesisScenario(0)
	if m.Value == nil || latency.Value == nil {
		missing := m.Missing
		if missing == "" {
			missing = latency.Missing
		}
		out := scenarioMetrics(s, "")
		for i := range out {
			out[i].Missing = missing
		}
		return out
	}
	s.Power, s.Duration = units.Watts(*m.Value), time.Duration(*latency.Value*float64(time.Second))
	out := scenarioMetrics(s, "this cell's mean power and latency")
	for i := range out {
		out[i].Estimated, out[i].Simulated = m.Estimated, m.Simulated
	}
	return out
}
