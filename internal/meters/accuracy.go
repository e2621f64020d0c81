package meters

import (
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Accuracy is the limit of a sensor's error: ±(Relative × value + Absolute).
type Accuracy struct {
	Class    string
	Relative float64
	Absolute float64 // in W; 0 where it is none or the limit is relative
	Source   string  // where the limits come from
}

// Accuracies is the table of sensor accuracies by class of device, for meters
// that state none of their own. A class is looked up by its longest prefix, so
// that "nvml" stands for every architecture that has no line of its own.
func Accuracies() []Accuracy {
	const study = "Yang et al., arXiv 2312.02741 (SC24): in steady state the error of over 70 GPUs is a gain that differs by card"
	return []Accuracy{
		{"nvml", 0.05, 0, "±5 %, NVML's own limit for Fermi and Kepler, taken for all others, for which NVIDIA states none; " + study},
		{"nvml.fermi", 0.05, 0, "±5 % of power draw (NVML documentation, nvmlDeviceGetPowerUsage)"},
		{"nvml.kepler", 0.05, 0, "±5 % of power draw (NVML documentation, nvmlDeviceGetPowerUsage)"},
		{"rapl", 0.05, 0, "±5 %, an assumption: Intel and AMD state no limit; measured counters since Haswell follow a reference " +
			"within a few per cent (Hackenberg et al., HPPAC 2015), models before it do not"},
		{"rapl.dram", 0.20, 0, "±20 %, an assumption: the DRAM domain is a model on many processors (Desrochers et al., MEMSYS 2016)"},
		{"pdu.apc.rpdu", 0.05, 0, "±5 % above 10 A; below ±0.5 A, below 1 A ±1 A (Schneider Electric FAQ FA156074)"},
		{"pdu.apc.rpdu2", 0.03, 0, "±(3 % + 1 digit), not defined below 0.5 A (Schneider Electric FAQ FA156074)"},
		{"plug.shelly", 0.02, 0, "±2 %, an assumption for calibrated metering chips; the maker states none for most models"},
		{"plug.tasmota", 0.05, 0, "±5 %, an assumption for metering chips that their owner did not calibrate (Tasmota documentation asks for it)"},
		{"redfish", 0.05, 0, "±5 %, an assumption: makers of BMCs seldom state a limit"},
	}
}

// AccuracyOfClass finds the line of a class, such as nvml.hopper or
// pdu.apc.rpdu2; false where the table has none.
func AccuracyOfClass(class string) (Accuracy, bool) {
	var best Accuracy
	for _, a := range Accuracies() {
		if (class == a.Class || strings.HasPrefix(class, a.Class+".")) && len(a.Class) > len(best.Class) {
			best = a
		}
	}
	return best, best.Class != ""
}

// accuracyOf gives what the channel states, else what the table says of its
// kind, else that nothing is known.
func accuracyOf(c *bench.Channel) Accuracy {
	if c.RelAccuracy > 0 || c.AbsAccuracy > 0 {
		return Accuracy{Relative: c.RelAccuracy, Absolute: c.AbsAccuracy, Source: c.AccuracyNote}
	}
	unknown := Accuracy{Source: NotStated}
	if c.AccuracyNote != "" {
		unknown.Source = NotStated + ": " + c.AccuracyNote
	}
	if c.Estimated {
		unknown.Source = NotStated + ": the figure rests on stated watts"
	}
	if c.Estimated || c.Simulated {
		return unknown // no device of the table
	}
	if a, ok := AccuracyOfClass(classOf(c)); ok {
		return a
	}
	return unknown
}

// classOf guesses the class of a channel that states no accuracy by what it
// covers. Walls differ too much from each other for that.
func classOf(c *bench.Channel) string {
	switch c.Scope {
	case bench.ScopeGPU, bench.ScopeModule, bench.ScopeBoard:
		return "nvml"
	case bench.ScopeDRAM:
		return "rapl.dram"
	case bench.ScopePackage, bench.ScopePlatform:
		return "rapl"
	case bench.ScopePSU:
		return "redfish"
	default:
		return ""
	}
}
