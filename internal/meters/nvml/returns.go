package nvml

import "fmt"

// ret is a return code of the library, nvmlReturn_t.
type ret uint32

// The return codes that decide something here.
const (
	retOK             ret = 0
	retUninitialised  ret = 1
	retInvalid        ret = 2
	retNotSupported   ret = 3
	retNoPermission   ret = 4
	retNotFound       ret = 6
	retNotLoaded      ret = 9
	retTimeout        ret = 10
	retNoFunction     ret = 13
	retLost           ret = 15
	retResetRequired  ret = 16
	retOperatingSys   ret = 17
	retMismatch       ret = 18
	retNoData         ret = 21
	retNotReady       ret = 27
	retGPUNotFound    ret = 28
	retUnknown        ret = 999
	retNoSymbol       ret = 1<<32 - 2 // ours: the library has no such function
	retNotAvailable   ret = 1<<32 - 3 // ours: answered with the "not available" value
	retNotAsked       ret = 1<<32 - 4 // ours: makes no sense to ask
	sentinel32            = 1<<32 - 1
	sentinel64            = 1<<64 - 1
	maxPlausibleWatts     = 1e5 // no module draws 100 kW
)

// String says what a code means. The library's own texts are not asked for:
// they need a symbol that may be missing.
func (r ret) String() string {
	switch r {
	case retOK:
		return "ok"
	case retUninitialised:
		return "the library is not initialised"
	case retInvalid:
		return "refused as invalid"
	case retNotSupported:
		return "not supported"
	case retNoPermission:
		return "no permission"
	case retNotFound:
		return "not found"
	case retNotLoaded:
		return "the driver is not loaded"
	case retTimeout:
		return "timed out"
	case retNoFunction, retNoSymbol:
		return "not in this driver's library"
	case retLost:
		return "the GPU is lost: it fell off the bus"
	case retResetRequired:
		return "the GPU needs a reset"
	case retOperatingSys:
		return "blocked by the operating system"
	case retMismatch:
		return "library and kernel driver are of different versions"
	case retNoData:
		return "no data"
	case retNotReady:
		return "not ready"
	case retGPUNotFound:
		return "GPU not found"
	case retUnknown:
		return "unknown error"
	case retNotAvailable:
		return "answered with the value for not available"
	case retNotAsked:
		return "not asked"
	default:
		return fmt.Sprintf("error %d", uint32(r))
	}
}

// gone reports whether the GPU or the driver will not answer again.
func (r ret) gone() bool {
	switch r {
	case retLost, retResetRequired, retUninitialised, retNotLoaded, retMismatch, retGPUNotFound:
		return true
	default:
		return false
	}
}

// absent reports whether a capability is not there, as opposed to one that
// failed this time.
func (r ret) absent() bool {
	switch r {
	case retNotSupported, retNoFunction, retNoSymbol, retInvalid, retNotAvailable, retNotAsked, retNoPermission, retNotFound:
		return true
	default:
		return false
	}
}

// again asks once more where the library answered with an unknown error, which
// drivers give for passing troubles.
func again(ask func() ret) ret {
	r := ask()
	if r == retUnknown {
		r = ask()
	}
	return r
}
