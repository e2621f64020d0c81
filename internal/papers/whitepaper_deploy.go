package papers

import (
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/units"
)

// gigabyte is 10⁹ bytes.
const gigabyte = 1e9

// deployment is the white paper's "Deployment Log Metrics": what memory there
// was, what the model took, and what the model is.
func (in Input) deployment() []bench.Metric {
	const unit = "GB"
	forecast := "a forecast of the runtime before loading, which it does not tell: what loading took stands in gpu_model_memory_gb and cpu_model_memory_gb"
	vram, vramFree := in.vram("gpu_vram_total_gb", "gpu_vram_free_gb")
	ram, ramFree := in.ram()
	out := []bench.Metric{
		renamed(vramFree, "vram_available_gb"),
		untold("vram_required_full_gb", unit, forecast),
		untold("vram_required_partial_gb", unit, forecast),
	}
	out = append(out, in.modelMemory()...)
	out = append(out, in.gpuName(), vram, vramFree, ram, ramFree)
	return append(out, in.format()...)
}

func (in Input) modelMemory() []bench.Metric {
	const gpu, cpu, unit = "gpu_model_memory_gb", "cpu_model_memory_gb", "GB"
	l := in.Result.Loaded
	switch {
	case l == nil:
		return []bench.Metric{untold(gpu, unit, in.Result.LoadedMissing), untold(cpu, unit, in.Result.LoadedMissing)}
	case l.SizeBytes <= 0:
		const missing = "the runtime does not tell the size of the loaded model"
		return []bench.Metric{untold(gpu, unit, missing), untold(cpu, unit, missing)}
	}
	basis := "as the runtime tells of the loaded model, with its cache and buffers"
	return []bench.Metric{
		told(gpu, unit, units.Bytes(l.SizeVRAMBytes).GB(), basis),
		told(cpu, unit, units.Bytes(max(0, l.SizeBytes-l.SizeVRAMBytes)).GB(), basis),
	}
}

func (in Input) gpuName() bench.Metric {
	if len(in.Host.GPUs) == 0 {
		missing := in.Host.GPUsMissing
		if missing == "" {
			missing = "no GPU was found"
		}
		return untold("gpu_name", "text", missing)
	}
	return named("gpu_name", in.Host.GPUs[0], "as the driver tells it")
}

// vram is the memory of all GPUs, and what of it nothing used in the baseline.
func (in Input) vram(total, free string) (whole, rest bench.Metric) {
	const unit = "GB"
	var bytes int64
	for _, g := range in.Host.GPUFacts {
		if g.MemoryBytes <= 0 {
			bytes = 0
			break
		}
		bytes += g.MemoryBytes
	}
	if bytes == 0 {
		const missing = "no GPU tells its memory"
		return untold(total, unit, missing), untold(free, unit, missing)
	}
	whole = told(total, unit, units.Bytes(bytes).GB(), "of all GPUs")
	set := in.gpus(summed, suffixMemory)
	used, missing := in.overPhase(bench.PhaseBaseline, set, mean)
	if missing != "" {
		return whole, untold(free, unit, missing)
	}
	return whole, set.marks(told(free, unit, (float64(bytes)-used)/gigabyte, "total less what was used with nothing loaded"))
}

func (in Input) ram() (whole, rest bench.Metric) {
	const total, free, unit = "cpu_ram_total_gb", "cpu_ram_free_gb", "GB"
	if in.Host.MemoryBytes <= 0 {
		const missing = "the host's memory is not known"
		return untold(total, unit, missing), untold(free, unit, missing)
	}
	whole = told(total, unit, units.Bytes(in.Host.MemoryBytes).GB(), "as the host's system tells it")
	set := in.host(channelMemory)
	used, missing := in.overPhase(bench.PhaseBaseline, set, mean)
	if missing != "" {
		return whole, untold(free, unit, missing)
	}
	return whole, set.marks(told(free, unit, (float64(in.Host.MemoryBytes)-used)/gigabyte, "total less what was used with nothing loaded"))
}

// format is what the model is.
func (in Input) format() []bench.Metric {
	const quantisation, params = "quantization", "model_params_billions"
	facts := in.Result.ModelFacts
	if facts == nil {
		return []bench.Metric{untold(quantisation, "text", in.Result.ModelFactsMissing), untold(params, "10⁹", in.Result.ModelFactsMissing)}
	}
	form, size := untold(quantisation, "text", "the runtime does not tell it"), untold(params, "10⁹", "the runtime does not tell it")
	if facts.Quantisation != "" {
		form = named(quantisation, facts.Quantisation, "as the runtime tells it")
	}
	if facts.Parameters > 0 {
		size = told(params, "10⁹", float64(facts.Parameters)/1e9, "number of weights, as the runtime tells it")
	}
	return []bench.Metric{form, size}
}
