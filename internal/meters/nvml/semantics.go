package nvml

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// source is where a power value comes from.
type source int

const (
	sourceInstant source = iota // field 186
	sourceAverage               // field 185
	sourceUsage                 // nvmlDeviceGetPowerUsage
)

func (s source) String() string {
	switch s {
	case sourceInstant:
		return "field 186 (NVML_FI_DEV_POWER_INSTANT)"
	case sourceAverage:
		return "field 185 (NVML_FI_DEV_POWER_AVERAGE)"
	default:
		return "nvmlDeviceGetPowerUsage"
	}
}

// semantics say what a power value is, as far as it is published.
type semantics struct {
	sensor         bench.Sensor
	window, period time.Duration // 0 unknown
	basis          string
}

// published is where the table of windows and periods comes from: Yang, Adamek
// and Armour, "Accurate and Convenient Energy Measurements for GPUs" (SC24, doi
// 10.1109/SC41406.2024.00028), who watched over 70 GPUs. The figures are those
// of the table of results in their repository (JimZeyuYang/GPU_Power_Benchmark).
const published = "arXiv 2312.02741"

const documented = "NVML's documentation of nvmlDeviceGetPowerUsage"

const (
	averagedWindow = time.Second
	tablePeriod    = 100 * time.Millisecond
	quarter        = 25 * time.Millisecond // 25 of every 100 ms are sampled
)

// generation is what decides the semantics beside the driver: the architecture,
// with GA100 (A100, A30) apart from the other Amperes.
type generation struct {
	arch  uint32
	ga100 bool
}

func (g generation) String() string {
	switch {
	case g.ga100:
		return "GA100"
	case g.arch == archAmpere:
		return "Ampere GA10x"
	}
	if name := archName(g.arch); name != "" {
		return name
	}
	return "an unknown architecture"
}

// isGA100 tells the chip by its PCI device id, whose ids begin with 0x20, or
// by name where the id is not told.
func isGA100(arch, pciDevice uint32, name string) bool {
	if arch != archAmpere {
		return false
	}
	if pciDevice != 0 {
		return pciDevice>>24 == 0x20
	}
	for _, model := range []string{"A100", "A30", "A800"} {
		for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == ' ' || r == '-' }) {
			if word == model {
				return true
			}
		}
	}
	return false
}

// driverMajor reads 535 from 535.104.05, 0 when there is no number.
func driverMajor(version string) int {
	end := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if end >= 0 {
		version = version[:end]
	}
	n, err := strconv.Atoi(version)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// semanticsOf is the published table: averaging window and update period by
// generation, driver and source. The meaning of nvmlDeviceGetPowerUsage
// changed with driver 530 and back after it.
func semanticsOf(g generation, driver int, from source) semantics {
	table := fmt.Sprintf("table for %s, driver %s (%s)", g, driverRange(driver), published)
	instant := func(window, period time.Duration) semantics {
		return semantics{sensor: bench.SensorInstant, window: window, period: period, basis: table}
	}
	averaged := semantics{sensor: bench.SensorAveraged, window: averagedWindow, period: tablePeriod, basis: table}
	if from == sourceAverage {
		if g.arch < archAmpere || g.ga100 {
			averaged.basis = "NVML calls it the average of one second; the table of " + published + " has no such field for " + g.String()
		}
		if g.arch >= archBlackwell {
			averaged.basis, averaged.period = "NVML's documentation: averaged over one second; "+g.String()+" is not in the table of "+published, 0
		}
		return averaged
	}
	switch {
	case g.ga100:
		return instant(quarter, tablePeriod)
	case g.arch == archAmpere, g.arch == archAda:
		if from == sourceInstant || driver == 530 {
			return instant(tablePeriod, tablePeriod)
		}
		return averaged
	case g.arch == archHopper:
		if from == sourceInstant {
			return instant(quarter, tablePeriod)
		}
		if driver <= 530 {
			averaged.basis = documented + "; this driver is not in the table of " + published
		}
		return averaged
	case g.arch == archTuring:
		return instant(tablePeriod, tablePeriod)
	case g.arch == archVolta, g.arch == archPascal:
		return instant(10*time.Millisecond, 20*time.Millisecond)
	case g.arch == archMaxwell:
		s := instant(0, tablePeriod)
		s.basis = "smoothed by a filter whose time constant is not known; " + table
		return s
	case g.arch >= archBlackwell && from == sourceUsage && archName(g.arch) != "":
		averaged.basis, averaged.period = documented+"; "+g.String()+" is not in the table of "+published, 0
		return averaged
	default:
		s := instant(0, 0)
		s.basis = g.String() + " is not in the table of " + published
		return s
	}
}

func driverRange(major int) string {
	switch {
	case major == 0:
		return "of unknown version"
	case major < 530:
		return "< 530"
	case major == 530:
		return "530"
	default:
		return "> 530"
	}
}

// Accuracy of the power sensors, which are also what the energy counter adds up.
const (
	relAccuracy  = 0.05
	accuracyNote = "±5 %, as NVML's documentation states for Fermi and Kepler and for no newer GPU, and as Yang, Adamek and Armour (SC24, " + published +
		") give it for nvidia-smi; whatever the sensor does not sample (75 % of the time on A100 and H100, the same study) comes on top"
)
