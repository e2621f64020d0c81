package report

import (
	"math"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// gpuMeters are the channels of the host with a GPU; the PDU is a made-up one.
func gpuMeters() []bench.Channel {
	return []bench.Channel{
		{
			Name: "pdu.outlets", Unit: bench.UnitWatt, Scope: bench.ScopeOutlet, Sensor: bench.SensorAveraged,
			Device: "simulated rPDU2 outlets 7 and 8", UpdatePeriod: 980 * time.Millisecond, PeriodBasis: "measured: 61 renewals",
			Window: time.Second, WindowBasis: "stated by the profile", StampError: 4 * time.Millisecond, Resolution: 1,
			Floor: 115, FloorBasis: "0.5 A at 230 V", RelAccuracy: 0.03, AbsAccuracy: 1, AccuracyNote: "Schneider FAQ FA156074",
			Identity: "5A1234E00001", Simulated: true, Method: "sum of two outlets over SNMP",
		},
		{
			Name: "gpu0.energy", Unit: bench.UnitJoule, Scope: bench.ScopeGPU, Sensor: bench.SensorCounter, Counter: true,
			Device: "GPU-7d2c", UpdatePeriod: 20 * time.Millisecond, PeriodBasis: "measured: 512 renewals", Resolution: 0.001,
			RelAccuracy: 0.05, AccuracyNote: "no figure by the maker; Yang et al., SC24", Identity: "GPU-7d2c",
			Method: "NVML total energy since the driver loaded",
		},
		{
			Name: "gpu0.power", Unit: bench.UnitWatt, Scope: bench.ScopeGPU, Sensor: bench.SensorInstant, Device: "GPU-7d2c",
			UpdatePeriod: 100 * time.Millisecond, PeriodBasis: "measured: 300 renewals", Window: 25 * time.Millisecond,
			WindowBasis: "measured: step response", Resolution: 0.001, RelAccuracy: 0.05, Identity: "GPU-7d2c",
			AccuracyNote: "no figure by the maker; Yang et al., SC24", Method: "NVML_FI_DEV_POWER_INSTANT",
		},
		{
			Name: "rapl.package0", Unit: bench.UnitJoule, Scope: bench.ScopePackage, Sensor: bench.SensorCounter, Counter: true,
			UpdatePeriod: time.Millisecond, PeriodBasis: "stated by the maker", Resolution: 1.526e-5, WrapAt: 262143.328850,
			Identity: "package-0", Method: "energy_uj of intel-rapl:0",
		},
	}
}

// budgetOf combines parts into an uncertainty as the GUM does.
func budgetOf(parts ...bench.UncertaintyPart) *bench.Uncertainty {
	sum := 0.0
	for _, p := range parts {
		sum += p.Standard * p.Standard
	}
	return &bench.Uncertainty{U95: 2 * math.Sqrt(sum), Standard: math.Sqrt(sum), K: 2, Parts: parts}
}

func budgetFor(joules, sensor float64) *bench.Uncertainty {
	return budgetOf(
		bench.UncertaintyPart{
			Name: "sensor accuracy", Standard: joules * sensor / math.Sqrt(3), Type: "B", Common: true,
			Basis: "limits of ± " + percent(sensor) + ", rectangular",
		},
		bench.UncertaintyPart{Name: "repeats", Standard: joules * 0.009, Type: "A", DOF: 9, Basis: "spread over 10 runs"},
		bench.UncertaintyPart{Name: "window edges", Standard: joules * 0.004, Type: "B", Basis: "half an update period at both ends"},
		bench.UncertaintyPart{Name: "resolution", Standard: joules * 0.0006, Type: "B", Basis: "half a step, rectangular"},
		bench.UncertaintyPart{Name: "clock offset", Standard: joules * 0.0009, Type: "B", Basis: "half a round trip"},
	)
}

// draw is the power of one part in each phase.
type draw struct {
	part     bench.Part
	channel  string
	watts    map[bench.Phase]float64
	sensor   float64
	method   bench.EnergyMethod
	simulate bool
}

func phaseWindows() map[bench.Phase]time.Duration {
	return map[bench.Phase]time.Duration{
		bench.PhaseBaseline: 30 * time.Second, bench.PhaseStartup: 24 * time.Second, bench.PhaseIdle: 20 * time.Second,
		bench.PhaseWarmUp: 8 * time.Second, bench.PhaseInference: 120 * time.Second, bench.PhaseShutdown: 12 * time.Second,
	}
}

func drawsOf(load float64) []draw {
	levels := func(base, start, idle, warm, infer, stop float64) map[bench.Phase]float64 {
		return map[bench.Phase]float64{
			bench.PhaseBaseline: base, bench.PhaseStartup: start, bench.PhaseIdle: idle, bench.PhaseWarmUp: warm,
			bench.PhaseInference: infer, bench.PhaseShutdown: stop,
		}
	}
	gpu, cpu := 470*load, 62.0
	return []draw{
		{bench.PartWall, "pdu.outlets", levels(248, 402, 291, gpu+230, gpu+262, 255), 0.03, bench.EnergyTrapezoid, true},
		{bench.PartGPU, "gpu0.energy", levels(71, 128, 114, gpu*0.95, gpu, 80), 0.05, bench.EnergyCounter, false},
		{bench.PartCPU, "rapl.package0", levels(38, 96, 39, 58, cpu, 41), 0.02, bench.EnergyCounter, false},
	}
}
