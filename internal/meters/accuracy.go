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

// assumption begins the source of a limit that nobody was found to state.
const assumption = "an assumption"

// Assumed says that nobody was found to state the limit: it is taken for a
// whole class, and may be wrong for all devices of it alike.
func (a Accuracy) Assumed() bool { return strings.HasPrefix(a.Source, assumption) }

// Accuracies is the table of sensor accuracies by class of device, for meters
// that state none of their own. A class is looked up by its longest prefix, so
// that "nvml" stands for every architecture that has no line of its own. A
// source names who states the limit; where nobody was found to, it begins with
// "an assumption" and the limit is a wide one.
func Accuracies() []Accuracy {
	const documented = "±5 % of power draw (NVML documentation, nvmlDeviceGetPowerUsage, for Fermi and Kepler)"
	return []Accuracy{
		{"nvml", 0.05, 0, "±5 %, as NVML documents for Fermi and Kepler and for no newer GPU; Yang, Adamek and Armour (SC24, " +
			"doi 10.1109/SC41406.2024.00028, arXiv 2312.02741) give ±5 % of the reading too, after more than 70 GPUs"},
		{"nvml.fermi", 0.05, 0, documented},
		{"nvml.kepler", 0.05, 0, documented},
		{"rapl", 0.10, 0, "an assumption, ±10 %: Intel and AMD state no limit. Intel measures since Haswell (Hackenberg et al., IPDPSW 2015, " +
			"doi 10.1109/IPDPSW.2015.70), AMD's Zen 2 models (Schöne et al., arXiv 2108.00808)"},
		{"rapl.dram", 0.20, 0, "an assumption, ±20 %: the domain is a model on many processors and off by a constant (Desrochers et al., MEMSYS 2016, " +
			"doi 10.1145/2989081.2989088)"},
		{"pdu.apc.rpdu", 0.05, 0, "±5 % above 10 A; to 10 A ±0.5 A, to 1 A ±1 A (Schneider Electric FAQ FA156074)"},
		{"pdu.apc.rpdu2", 0.03, 0, "±(3 % + 1 digit), not defined below 0.5 A (Schneider Electric FAQ FA156074)"},
		{"plug.shelly", 0.05, 0, "an assumption, ±5 %: no limit of the maker was found"},
		{"plug.tasmota", 0.10, 0, "an assumption, ±10 %: Tasmota's documentation asks its owner to calibrate each plug"},
		{"redfish", 0.05, 0, "an assumption, ±5 %: a BMC tells its limit (Accuracy) or none"},
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
// covers. Walls and platforms (psys) differ too much from each other for that.
func classOf(c *bench.Channel) string {
	switch c.Scope {
	case bench.ScopeGPU, bench.ScopeModule, bench.ScopeBoard:
		return "nvml"
	case bench.ScopeDRAM:
		return "rapl.dram"
	case bench.ScopePackage:
		return "rapl"
	case bench.ScopePSU:
		return "redfish"
	default:
		return ""
	}
}
