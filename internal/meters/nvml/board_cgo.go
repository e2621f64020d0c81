//go:build cgo && linux

package nvml

import (
	"cmp"
	"slices"
	"strings"

	gonvml "github.com/NVIDIA/go-nvml/pkg/nvml"
)

// goBoard is one GPU through go-nvml.
type goBoard struct {
	dev    gonvml.Device
	has    func(symbols ...string) bool
	object sharedObject
	index  int
}

var _ board = (*goBoard)(nil)

func (b *goBoard) name() (string, ret) { return guarded(b.has, b.dev.GetName, "nvmlDeviceGetName") }
func (b *goBoard) uuid() (string, ret) { return guarded(b.has, b.dev.GetUUID, "nvmlDeviceGetUUID") }

func (b *goBoard) vbios() (string, ret) {
	return guarded(b.has, b.dev.GetVbiosVersion, "nvmlDeviceGetVbiosVersion")
}

func (b *goBoard) architecture() (uint32, ret) {
	a, r := guarded(b.has, b.dev.GetArchitecture, "nvmlDeviceGetArchitecture")
	return uint32(a), r
}

func (b *goBoard) pci() (pciInfo, ret) {
	// nvmlDeviceGetPciInfo_v1 fills a shorter structure; nobody needs it.
	p, r := guarded(b.has, b.dev.GetPciInfo, "nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetPciInfo_v2")
	if r != retOK {
		return pciInfo{}, r
	}
	var bus strings.Builder
	for _, c := range p.BusId {
		if c == 0 {
			break
		}
		bus.WriteByte(byte(c)) //nolint:gosec // a byte of C
	}
	return pciInfo{bus: bus.String(), device: p.PciDeviceId}, retOK
}

func (b *goBoard) powerLimitMW() (uint32, ret) {
	return guarded(b.has, b.dev.GetEnforcedPowerLimit, "nvmlDeviceGetEnforcedPowerLimit")
}

func (b *goBoard) migMode() (bool, ret) {
	mode, r := guarded(b.has, func() (int, gonvml.Return) {
		now, _, r := b.dev.GetMigMode()
		return now, r
	}, "nvmlDeviceGetMigMode")
	return mode == gonvml.DEVICE_MIG_ENABLE, r
}

func (b *goBoard) migDevices() (int, ret) {
	most, r := guarded(b.has, b.dev.GetMaxMigDeviceCount, "nvmlDeviceGetMaxMigDeviceCount")
	switch {
	case r != retOK:
		return 0, r
	case !b.has("nvmlDeviceGetMigDeviceHandleByIndex"):
		return 0, retNoSymbol
	}
	n := 0
	for i := range most {
		if _, r := b.dev.GetMigDeviceHandleByIndex(i); r == gonvml.SUCCESS {
			n++
		}
	}
	return n, retOK
}

func (b *goBoard) eccMode() (bool, ret) {
	mode, r := guarded(b.has, func() (gonvml.EnableState, gonvml.Return) {
		now, _, r := b.dev.GetEccMode()
		return now, r
	}, "nvmlDeviceGetEccMode")
	return mode == gonvml.FEATURE_ENABLED, r
}

// processes lists those that compute and those that draw, each once.
func (b *goBoard) processes() ([]process, ret) {
	compute, r := guarded(b.has, b.dev.GetComputeRunningProcesses, versions("nvmlDeviceGetComputeRunningProcesses")...)
	if r != retOK {
		return nil, r
	}
	// A driver without graphics lists none; what computes is still told.
	drawing, _ := guarded(b.has, b.dev.GetGraphicsRunningProcesses, versions("nvmlDeviceGetGraphicsRunningProcesses")...)
	all := make([]process, 0, len(compute)+len(drawing))
	for i, p := range slices.Concat(compute, drawing) {
		one := process{pid: int32(p.Pid), bytes: p.UsedGpuMemory, known: p.UsedGpuMemory != sentinel64} //nolint:gosec // ids are below 2^22
		same := slices.IndexFunc(all, func(o process) bool { return o.pid == one.pid })
		switch {
		case same < 0:
			all = append(all, one)
		case i < len(compute) && one.known && all[same].known: // one row per MIG instance
			all[same].bytes += one.bytes
		case i >= len(compute) && one.known && all[same].known: // the same memory, told twice
			all[same].bytes = max(one.bytes, all[same].bytes)
		}
	}
	slices.SortFunc(all, func(a, b process) int { return cmp.Compare(a.pid, b.pid) })
	return all, retOK
}

func versions(name string) []string { return []string{name + "_v3", name + "_v2", name} }

func (b *goBoard) sampler() (sampler, ret) {
	s, r := b.object.sampler(b.index)
	if r != retOK {
		return nil, r
	}
	return s, retOK
}
