package nvml

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// gpu is one GPU with what it can tell.
type gpu struct {
	index   int
	board   board
	sampler sampler
	facts   bench.GPUFacts
	kind    generation
	major   int // of the driver's version
	can     abilities
}

// abilities say which calls work on a GPU, by one trial of each.
type abilities struct {
	instant, average bool
	powerScope       uint32 // of both fields
	usage            bool
	energyField      bool
	energyScope      uint32
	energyCall       bool
	utilisation      bool
	memory           bool
	memoryVersion    uint32
	unified          bool // memory is the host's
	temperature      bool
	clockSM, clockMB bool
	pstate           bool
	throttle         bool
	throttlePower    bool
	throttleThermal  bool
	ecc              bool
	processes        bool
}

// works reports whether a capability is there, though it may have failed at
// this trial, as a counter that is not ready yet does.
func works(r ret) bool { return r == retOK || (!r.absent() && !r.gone()) }

// probe tries each call once and keeps the record in the facts.
func (g *gpu) probe() {
	if g.facts.Missing == nil {
		g.facts.Missing = map[string]string{}
	}
	s, r := g.board.sampler()
	if r != retOK {
		g.note("nvmlDeviceGetHandleByIndex", r)
		g.facts.Missing["channels"] = r.String()
		return
	}
	g.sampler = s
	g.probePower()
	g.probeEnergy()
	g.probeUse()
	g.probeState()
	_, r = g.board.processes()
	g.can.processes = g.try("nvmlDeviceGetComputeRunningProcesses", r)
}

// note adds a line to the capability record.
func (g *gpu) note(call string, r ret) {
	g.facts.Calls = append(g.facts.Calls, bench.GPUCall{Name: call, Result: r.String()})
}

func (g *gpu) try(call string, r ret) bool {
	g.note(call, r)
	return works(r)
}

// field asks for a single field.
func (g *gpu) field(id, scope uint32) ret {
	one := []field{{id: id, scope: scope, ret: uint32(retNoData)}}
	r := again(func() ret {
		if r := g.sampler.fields(one); r != retOK {
			return r
		}
		return ret(one[0].ret)
	})
	if r == retOK {
		_, r = one[0].number()
	}
	return r
}

func (g *gpu) tryField(id, scope uint32, what string) bool {
	of := ""
	if scope == scopeModule {
		of = ", module"
	}
	return g.try(fmt.Sprintf("nvmlDeviceGetFieldValues(%d %s%s)", id, what, of), g.field(id, scope))
}

// probePower tries both power fields for the GPU, then for the module, as Grace
// Hopper refuses the first; then the older call.
func (g *gpu) probePower() {
	for _, scope := range []uint32{scopeGPU, scopeModule} {
		g.can.instant = g.tryField(fieldPowerInstant, scope, "power instant")
		g.can.average = g.tryField(fieldPowerAverage, scope, "power average")
		g.can.powerScope = scope
		if g.can.instant || g.can.average {
			break
		}
	}
	var mw uint32
	r := again(func() ret { return g.sampler.power(&mw) })
	if r == retOK && mw == sentinel32 {
		r = retNotAvailable
	}
	g.can.usage = g.try("nvmlDeviceGetPowerUsage", r)
}

func (g *gpu) probeEnergy() {
	for _, scope := range []uint32{scopeGPU, scopeModule} {
		if g.tryField(fieldEnergy, scope, "energy") {
			g.can.energyField, g.can.energyScope = true, scope
			break
		}
	}
	var mj uint64
	r := again(func() ret { return g.sampler.energy(&mj) })
	if r == retOK && mj == sentinel64 {
		r = retNotAvailable
	}
	g.can.energyCall = g.try("nvmlDeviceGetTotalEnergyConsumption", r)
}

func (g *gpu) probeUse() {
	var u use
	g.sampler.use(&u)
	if ret(u.utilisationRet) == retUnknown || ret(u.memoryRet) == retUnknown {
		g.sampler.use(&u)
	}
	g.can.utilisation = g.try("nvmlDeviceGetUtilizationRates", ret(u.utilisationRet))
	r := ret(u.memoryRet)
	if r == retOK && (u.usedB == sentinel64 || u.totalB == sentinel64 || u.totalB == 0) {
		r = retNotAvailable
	}
	name := "nvmlDeviceGetMemoryInfo"
	if u.memoryVersion == 2 {
		name += "_v2"
	}
	g.can.memory = g.try(name, r)
	g.can.memoryVersion = u.memoryVersion
	if r == retOK && u.totalB <= math.MaxInt64 {
		g.facts.MemoryBytes = int64(u.totalB)
	}
	if g.can.memory {
		return
	}
	g.facts.Missing["memory_bytes"] = r.String()
	// A GPU without memory of its own that otherwise answers; a Jetson, which
	// answers nothing at all, gets no channel from the host's memory either.
	answers := g.can.instant || g.can.average || g.can.usage || g.can.utilisation
	g.can.unified = answers && r.absent() && sharesMemory(g.facts.Name)
	g.facts.UnifiedMemory = g.can.unified || sharesMemory(g.facts.Name)
}

// sharesMemory knows the GPUs that use the host's memory by name. A GPU that
// tells no memory for another reason is not taken for one.
func sharesMemory(name string) bool {
	for _, model := range []string{"GB10", "Spark", "Thor", "Orin", "Xavier", "Tegra"} {
		if strings.Contains(name, model) {
			return true
		}
	}
	return false
}

func (g *gpu) probeState() {
	var s state
	g.sampler.state(&s, true)
	g.can.temperature = g.try("nvmlDeviceGetTemperature", ret(s.temperatureRet))
	g.can.clockSM = g.try("nvmlDeviceGetClockInfo(SM)", ret(s.smRet))
	g.can.clockMB = g.try("nvmlDeviceGetClockInfo(MEM)", ret(s.memoryRet))
	g.can.pstate = g.try("nvmlDeviceGetPerformanceState", ret(s.pstateRet))
	g.can.throttle = g.try("nvmlDeviceGetCurrentClocksEventReasons", ret(s.throttleRet))
	g.can.throttlePower = g.tryField(fieldThrottlePower, 0, "time at the power cap")
	g.can.throttleThermal = g.tryField(fieldThrottleThermal, 0, "time slowed by temperature")
	corrected := g.try("nvmlDeviceGetTotalEccErrors(corrected)", ret(s.correctedRet))
	uncorrected := g.try("nvmlDeviceGetTotalEccErrors(uncorrected)", ret(s.uncorrectedRet))
	g.can.ecc = corrected && uncorrected
}

// number reads a field's value by the type that it says it has.
func (f *field) number() (float64, ret) {
	if ret(f.ret) != retOK {
		return 0, ret(f.ret)
	}
	bits := binary.LittleEndian.Uint64(f.value[:])
	switch f.kind {
	case 0: // double
		v := math.Float64frombits(bits)
		if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
			return 0, retNotAvailable
		}
		return v, retOK
	case 1: // unsigned int
		if uint32(bits) == sentinel32 { //nolint:gosec // the value is in the lower half
			return 0, retNotAvailable
		}
		return float64(uint32(bits)), retOK //nolint:gosec // as above
	case 2, 3: // unsigned long, unsigned long long
		if bits == sentinel64 {
			return 0, retNotAvailable
		}
		return float64(bits), retOK
	case 4: // signed long long
		if int64(bits) < 0 { //nolint:gosec // the value is signed
			return 0, retNotAvailable
		}
		return float64(bits), retOK
	case 5: // signed int
		if int32(bits) < 0 { //nolint:gosec // the value is signed
			return 0, retNotAvailable
		}
		return float64(uint32(bits)), retOK //nolint:gosec // not negative
	case 6: // unsigned short
		return float64(uint16(bits)), retOK //nolint:gosec // the value is in the lowest quarter
	default:
		return 0, retNotAvailable
	}
}
