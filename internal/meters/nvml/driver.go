package nvml

import "time"

// driver is the library as this package needs it; the real one is go-nvml.
type driver interface {
	version() (string, ret)
	nvmlVersion() (string, ret)
	cudaVersion() (int, ret) // 12040 is 12.4
	count() (int, ret)
	board(index int) (board, ret)
	shutdown() ret
}

// board is one GPU. All but sampler may be slow and may allocate.
type board interface {
	name() (string, ret)
	uuid() (string, ret)
	architecture() (uint32, ret)
	vbios() (string, ret)
	pci() (pciInfo, ret)
	powerLimitMW() (uint32, ret)
	migMode() (on bool, r ret)
	migDevices() (int, ret)
	eccMode() (on bool, r ret)
	processes() ([]process, ret)
	sampler() (sampler, ret)
}

// pciInfo is where a GPU sits and what it is.
type pciInfo struct {
	bus    string
	device uint32 // device id in the upper, vendor in the lower half
}

// process is a process that holds memory of a GPU.
type process struct {
	pid   int32
	bytes uint64
	known bool // the driver tells how much memory
}

// sampler reads what is read at every tick. It allocates nothing, and gives
// retNoSymbol for what the library lacks.
type sampler interface {
	fields(values []field) ret
	power(mw *uint32) ret
	energy(mj *uint64) ret
	use(out *use)
	state(out *state, ecc bool)
}

// field is nvmlFieldValue_t: same size, same order.
type field struct {
	id        uint32
	scope     uint32
	stampUS   int64
	latencyUS int64
	kind      uint32
	ret       uint32
	value     [8]byte
}

// use is what is read beside power at every tick.
type use struct {
	utilisationRet uint32
	utilisation    uint32 // %
	memoryRet      uint32
	memoryVersion  uint32 // 2 when reserved memory is told apart
	usedB          uint64
	reservedB      uint64
	totalB         uint64
}

// state is what is read once a second.
type state struct {
	temperatureRet uint32
	temperature    int32 // degC
	smRet          uint32
	smMHz          uint32
	memoryRet      uint32
	memoryMHz      uint32
	pstateRet      uint32
	pstate         uint32
	throttleRet    uint32
	spare          uint32
	throttle       uint64 // bits
	correctedRet   uint32
	uncorrectedRet uint32
	corrected      uint64
	uncorrected    uint64
}

// Field ids, all at or below 250, where they mean the same in every driver.
const (
	fieldThrottlePower   = 74  // time slowed by the power cap
	fieldThrottleThermal = 75  // time slowed by temperature
	fieldEnergy          = 83  // mJ since the driver was loaded
	fieldPowerAverage    = 185 // mW
	fieldPowerInstant    = 186 // mW
)

// Scopes of a field.
const (
	scopeGPU    = 0
	scopeModule = 1
)

// Bits of the reasons for a lowered clock.
const (
	bitPowerCap    = 0x04
	bitHWSlowdown  = 0x08
	bitSyncBoost   = 0x10
	bitSWThermal   = 0x20
	bitHWThermal   = 0x40
	bitPowerBrake  = 0x80
	defaultLibrary = "libnvidia-ml.so.1"
)

// Architectures as nvmlDeviceGetArchitecture numbers them.
const (
	archKepler    = 2
	archMaxwell   = 3
	archPascal    = 4
	archVolta     = 5
	archTuring    = 6
	archAmpere    = 7
	archAda       = 8
	archHopper    = 9
	archBlackwell = 10
)

func archName(a uint32) string {
	names := [...]string{
		archKepler: "Kepler", archMaxwell: "Maxwell", archPascal: "Pascal", archVolta: "Volta", archTuring: "Turing",
		archAmpere: "Ampere", archAda: "Ada", archHopper: "Hopper", archBlackwell: "Blackwell",
	}
	if int64(a) < int64(len(names)) {
		return names[a]
	}
	return ""
}

func midpoint(asked, got time.Duration) time.Duration { return asked + (got-asked)/2 }
