//go:build !cgo || !linux

package nvml

import "github.com/wattsweep/wattsweep/internal/meters"

// openDriver says why this build reads no GPU.
func openDriver(string) (driver, error) {
	return nil, &meters.Missing{
		Meter: Name, Why: "this build has no NVML: it was made without cgo or for another system than Linux",
		Mend: "build on Linux with CGO_ENABLED=1 and a C compiler",
	}
}
