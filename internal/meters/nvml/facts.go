package nvml

import (
	"fmt"
	"maps"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// versionFacts are what is the same for all GPUs of a host.
type versionFacts struct {
	driver, nvml, cuda string
	missing            map[string]string
}

func readVersions(d driver) versionFacts {
	v := versionFacts{missing: map[string]string{}}
	var r ret
	if v.driver, r = d.version(); r != retOK {
		v.missing["driver"] = r.String()
	}
	if v.nvml, r = d.nvmlVersion(); r != retOK {
		v.missing["nvml"] = r.String()
	}
	cuda, r := d.cudaVersion()
	if r != retOK {
		v.missing["cuda"] = r.String()
	} else {
		v.cuda = fmt.Sprintf("%d.%d", cuda/1000, cuda%1000/10)
	}
	return v
}

// identify reads who a GPU is. It is not fit to be measured without a UUID,
// as the same GPU could then count twice.
func identify(index int, b board, v versionFacts) *gpu {
	g := &gpu{index: index, board: b, major: driverMajor(v.driver)}
	f := &g.facts
	*f = bench.GPUFacts{Index: index, Driver: v.driver, NVML: v.nvml, CUDA: v.cuda, Missing: map[string]string{}}
	maps.Copy(f.Missing, v.missing)
	take := func(into *string, key, call string, ask func() (string, ret)) {
		text, r := ask()
		g.note(call, r)
		if r != retOK {
			f.Missing[key] = r.String()
			return
		}
		*into = strings.ToValidUTF8(text, "?")
	}
	take(&f.UUID, "uuid", "nvmlDeviceGetUUID", b.uuid)
	take(&f.Name, "name", "nvmlDeviceGetName", b.name)
	take(&f.VBIOS, "vbios", "nvmlDeviceGetVbiosVersion", b.vbios)
	arch, r := b.architecture()
	g.note("nvmlDeviceGetArchitecture", r)
	if f.Architecture = archName(arch); r != retOK {
		f.Architecture, f.Missing["architecture"], arch = "", r.String(), 0
	} else if f.Architecture == "" {
		f.Missing["architecture"] = fmt.Sprintf("number %d is not known to this version", arch)
	}
	pci, r := b.pci()
	g.note("nvmlDeviceGetPciInfo", r)
	if f.PCIBus = pci.bus; r != retOK {
		f.Missing["pci_bus"] = r.String()
	}
	g.kind = generation{arch: arch, ga100: isGA100(arch, pci.device, f.Name)}
	g.limits()
	return g
}

// limits reads the settings that bear on power.
func (g *gpu) limits() {
	f := &g.facts
	mw, r := g.board.powerLimitMW()
	g.note("nvmlDeviceGetEnforcedPowerLimit", r)
	switch {
	case r == retOK && mw != sentinel32 && mw > 0:
		f.PowerLimitW = float64(mw) / 1000
	case r == retOK:
		f.Missing["power_limit_w"] = retNotAvailable.String()
	default:
		f.Missing["power_limit_w"] = r.String()
	}
	ecc, r := g.board.eccMode()
	g.note("nvmlDeviceGetEccMode", r)
	if f.ECC = onOff(ecc); r != retOK {
		f.ECC, f.Missing["ecc"] = "", r.String()
	}
	mig, r := g.board.migMode()
	g.note("nvmlDeviceGetMigMode", r)
	switch {
	case r == retNotSupported || r == retNoSymbol || r == retNoFunction:
		f.MIG = "not supported"
	case r != retOK:
		f.Missing["mig"] = r.String()
	case mig:
		f.MIG = "on, number of instances not told"
		if n, r := g.board.migDevices(); r == retOK {
			f.MIG = fmt.Sprintf("on, %d instances", n)
		}
		f.Missing["mig_power"] = "power, energy and temperature are those of the whole board, told once; no instance has its own"
		f.Missing["utilisation"] = "not available while MIG is on"
	default:
		f.MIG = "off"
	}
}

func (g *gpu) mig() bool { return strings.HasPrefix(g.facts.MIG, "on") }

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// simulated reports whether a stand-in answers: it says so in the driver's
// version or the device's name, and every channel then says so too.
func (g *gpu) simulated() bool {
	return strings.Contains(strings.ToLower(g.facts.Driver+" "+g.facts.Name), "simulated")
}
