package papers

import (
	"fmt"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/units"
)

// WhitePaper gives the metrics of the white paper's Appendices D and E, in
// their order. Per call means: taken of each answered call, then averaged.
func WhitePaper(in Input) []bench.Metric {
	out := []bench.Metric{in.pullingTime(), in.size()}
	out = append(out, in.idle()...)
	runtime := in.perCall()
	out = append(out, runtime...)
	accuracy := in.accuracy()
	out = append(out, accuracy)
	out = append(out, in.layers()...)
	out = append(out, in.deployment()...)
	out = append(out, in.energyCost()...)
	out = append(out, untold("Hardware Price", "EUR", "no price of the hardware is stated"))
	return append(out, appendixE(in, runtime, accuracy)...)
}

const sourcePresent = "present" // bench.Pulled.Source of a model that was there already

func (in Input) pullingTime() bench.Metric {
	const name, unit = "Pulling time", "s"
	pull := in.Result.Pull
	switch {
	case pull == nil:
		return untold(name, unit, in.Result.PullMissing)
	case pull.Source == sourcePresent:
		return untold(name, unit, "the model was there already: nothing was pulled")
	case pull.Source == "gguf":
		return told(name, unit, pull.Elapsed.Seconds(), "registered from a file, not downloaded", units.Bytes(pull.Bytes).String())
	}
	return told(name, unit, pull.Elapsed.Seconds(), "download and registration", units.Bytes(pull.Bytes).String())
}

func (in Input) size() bench.Metric {
	const name, unit = "Size", "GB"
	switch facts := in.Result.ModelFacts; {
	case facts == nil:
		return untold(name, unit, in.Result.ModelFactsMissing)
	case facts.SizeBytes <= 0:
		return untold(name, unit, "the runtime does not tell the size of the model")
	default:
		return told(name, unit, units.Bytes(facts.SizeBytes).GB(), "from the runtime's list of models", "1 GB is 10⁹ bytes")
	}
}

// idle is what the host shows while the model is loaded and not asked.
func (in Input) idle() []bench.Metric {
	one := func(name, unit string, set channels, scale float64) bench.Metric {
		value, missing := in.overPhase(bench.PhaseIdle, set, mean)
		if missing != "" {
			return untold(name, unit, missing)
		}
		return set.marks(told(name, unit, value*scale, set.names(), set.note, "mean over the idle phase"))
	}
	memory := in.gpus(summed, suffixMemory)
	return []bench.Metric{
		one("Idle Memory", "MiB", memory, 1/mebibyte),
		one("Idle GPU Utilization", "%", in.gpus(averaged, suffixUtilisation), 1),
		one("Idle Power", "W", in.power(), 1),
		one("Idle CPU Usage", "%", in.host(channelCPU), 1),
	}
}

// mebibyte is 2²⁰ bytes.
const mebibyte = 1048576.0

// perCall is what the host shows while it answers: each figure of every
// answered call, averaged over the calls.
func (in Input) perCall() []bench.Metric {
	out := []bench.Metric{
		in.perCallOf("Peak GPU Memory", "MiB", in.gpus(summed, suffixMemory), peak, 1/mebibyte),
		in.perCallOf("Average Power Draw", "W", in.power(), mean, 1),
		in.perCallOf("Average GPU Utilization", "%", in.gpus(averaged, suffixUtilisation), mean, 1),
		in.perCallOf("Average CPU Utilization", "%", in.host(channelCPU), mean, 1),
		in.perCallOf("Average CPU Memory Usage", "MiB", in.host(channelMemory), mean, 1/mebibyte),
	}
	return append(out, in.latency())
}

func (in Input) perCallOf(name, unit string, set channels, what statistic, scale float64) bench.Metric {
	if value, calls := in.overCalls(set, what); calls > 0 {
		return set.marks(told(name, unit, value*scale, set.names(), set.note,
			fmt.Sprintf("%s of each call, averaged over %d of %d answered calls", what, calls, len(in.inOrder()))))
	}
	value, missing := in.overPhase(bench.PhaseInference, set, what)
	if missing != "" {
		return untold(name, unit, missing)
	}
	return set.marks(told(name, unit, value*scale, set.names(), set.note,
		fmt.Sprintf("%s over the inference windows, the time between calls included, as no call has a reading of its own", what)))
}

func (in Input) latency() bench.Metric {
	const name, unit = "Average Latency", "s"
	l := in.Result.Latency
	if l == nil {
		return untold(name, unit, in.Result.LatencyMissing)
	}
	m := told(name, unit, l.Mean, fmt.Sprintf("request to last byte, averaged over %d answered calls", l.N))
	if l.CI95Low != nil && l.CI95High != nil {
		half := (*l.CI95High - *l.CI95Low) / 2
		m.U95 = &half
		m.Basis += "; ± is half of the 95 % interval over " + l.IntervalOver
	}
	return m
}

func (in Input) accuracy() bench.Metric {
	const name, unit = "Accuracy", "%"
	s := in.Result.WeightedScore
	if s == nil {
		return untold(name, unit, in.Result.WeightedScoreMissing)
	}
	return told(name, unit, 100*s.Mean, "weighted score: best over all pairs of 1.0 for the same code, 0.75 for the same three characters, 0.25 for the same letter")
}

// layers tells where the layers of the model lie.
func (in Input) layers() []bench.Metric {
	const unit = "layers"
	names := []string{"Total Layers", "GPU Layers", "CPU Layers", "Fits on GPU"}
	l, missing := in.Result.Loaded, in.Result.LoadedMissing
	if l != nil && l.LayersTotal <= 0 {
		missing = "the runtime does not tell the layers"
	}
	if l == nil || l.LayersTotal <= 0 {
		var out []bench.Metric
		for _, name := range names {
			out = append(out, untold(name, unit, missing))
		}
		out[3].Unit = "boolean"
		return out
	}
	fits, source := 0.0, "by the runtime's "+l.LayersSource
	if l.FitsOnGPU() || l.LayersGPU >= l.LayersTotal {
		fits = 1
	}
	return []bench.Metric{
		told(names[0], unit, float64(l.LayersTotal), source, "with the output layer"),
		told(names[1], unit, float64(l.LayersGPU), source),
		told(names[2], unit, float64(max(0, l.LayersTotal-l.LayersGPU)), source),
		told(names[3], "boolean", fits, "1 where the GPU layers equal all layers, or no layer is on the CPU"),
	}
}

// appendixE repeats the figures under the names of the PyTorch tests.
func appendixE(in Input, runtime []bench.Metric, accuracy bench.Metric) []bench.Metric {
	return []bench.Metric{
		named("model name", in.Config.Model.Name, "as the spec names it"),
		renamed(in.gpuName(), "gpu name"),
		renamed(runtime[0], "average peak memory"),
		renamed(runtime[1], "average power draw"),
		renamed(runtime[2], "average gpu util"),
		renamed(runtime[3], "average cpu util"),
		renamed(runtime[4], "average cpu memory"),
		renamed(runtime[5], "average latency"),
		renamed(accuracy, "accuracy"),
	}
}
