package nvml

import (
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// What the reasons of readings are; the order is that of reasons.
const (
	reasonAbsent uint8 = iota
	reasonPermission
	reasonTimeout
	reasonNotReady
	reasonUnknown
	reasonOther
	reasonNotAvailable
	reasonZeroPower
	reasonImplausible
	reasonHostMemory
	reasonFirst
	reasonNotLooked
	reasonLookStale
	reasonLookFailed
	reasonNamespace
	reasonRootsUnknown
	reasonMemoryUnknown
	reasonCounterFell
	reasonSameMoment
)

func reasons() []string {
	return []string{
		reasonAbsent:        "the driver does not support this value any more",
		reasonPermission:    "the driver refuses this value to this user",
		reasonTimeout:       "the driver did not answer in time",
		reasonNotReady:      "the driver was not ready to tell",
		reasonUnknown:       "the driver answered with an unknown error twice",
		reasonOther:         "the driver answered with an error",
		reasonNotAvailable:  "the driver answered that the value is not available",
		reasonZeroPower:     "the sensor gave 0 W, which no GPU that answers draws",
		reasonImplausible:   "the value is beyond what a GPU can show",
		reasonHostMemory:    "the memory of the host could not be read",
		reasonFirst:         "first sample: no earlier value to compare with",
		reasonNotLooked:     "the processes on the GPU have not been looked up yet",
		reasonLookStale:     "the processes on the GPU could not be looked up for some seconds",
		reasonLookFailed:    "the driver did not list the processes on the GPU",
		reasonNamespace:     "the driver's process ids are not of this PID namespace: run with the host's PID namespace",
		reasonRootsUnknown:  "the runtime's processes could not be looked up",
		reasonMemoryUnknown: "the driver does not tell the memory of a foreign process",
		reasonCounterFell:   "the driver's count of throttled time fell",
		reasonSameMoment:    "read twice at one moment",
	}
}

func reasonOf(r ret) uint8 {
	switch {
	case r == retNotAvailable:
		return reasonNotAvailable
	case r == retNoPermission:
		return reasonPermission
	case r == retTimeout:
		return reasonTimeout
	case r == retNotReady:
		return reasonNotReady
	case r == retUnknown:
		return reasonUnknown
	case r.absent():
		return reasonAbsent
	default:
		return reasonOther
	}
}

func missing(at time.Duration, reason uint8) bench.Reading {
	return bench.Reading{At: at, State: bench.ReadingMissing, Reason: reason}
}

func outOfRange(at time.Duration, value float64, reason uint8) bench.Reading {
	return bench.Reading{At: at, Value: value, State: bench.ReadingOutOfRange, Reason: reason}
}
