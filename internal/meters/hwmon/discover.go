package hwmon

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// rail is one power or energy that a driver shows.
type rail struct {
	name    string   // of the channel, after "hwmon."
	inputs  []string // files: one, or voltage and current to multiply
	unit    float64  // of the value, or of the product, in W or J
	counter bool
	scope   bench.Scope
	partOf  string
	device  string
	label   string
	window  time.Duration
	about   string
}

const (
	micro = 1e-6
	// maxMonitors and maxRails bound what is looked at.
	maxMonitors = 256
	maxRails    = 16
)

// discover lists the rails of the drivers that are known, in order of monitors.
func discover(class string) []rail {
	f, err := os.Open(class)
	if err != nil {
		return nil
	}
	defer f.Close()
	names, err := f.Readdirnames(maxMonitors)
	if err != nil {
		return nil
	}
	var all []rail
	for no := range maxMonitors {
		name := "hwmon" + strconv.Itoa(no)
		for _, n := range names {
			if n == name {
				all = append(all, monitor(filepath.Join(class, name))...)
			}
		}
	}
	return distinct(all)
}

// monitor lists the rails of one monitor.
func monitor(folder string) []rail {
	driver := word(filepath.Join(folder, "name"))
	device := owner(folder)
	switch driver {
	case "amdgpu":
		return amdGPU(folder, device)
	case "i915", "xe":
		return intelGPU(folder, driver, device)
	case "power_meter":
		return acpi(folder, device)
	case "ina3221":
		return jetson(folder, device)
	}
	return nil
}

// owner is what the monitor belongs to: a PCI address, a bus address.
func owner(folder string) string {
	target, err := os.Readlink(filepath.Join(folder, "device"))
	if err != nil {
		return filepath.Base(folder)
	}
	return filepath.Base(target)
}

// amdGPU reads power1_average, on newer parts power1_input, in µW.
func amdGPU(folder, device string) []rail {
	id := word(filepath.Join(folder, "device", "unique_id"))
	if id == "" {
		id = device
	}
	for _, file := range []string{"power1_average", "power1_input"} {
		path := filepath.Join(folder, file)
		if !exists(path) {
			continue
		}
		return []rail{{
			name: "amdgpu." + tidy(device), inputs: []string{path}, unit: micro, scope: bench.ScopeGPU, device: "gpu " + id,
			label: word(filepath.Join(folder, "power1_label")),
			about: file + " of the driver amdgpu; on processors with integrated graphics it includes the processor; over what time it averages is not stated",
		}}
	}
	return nil
}

// intelGPU reads energy1_input in µJ: of the card where it is told, else of
// the package.
func intelGPU(folder, driver, device string) []rail {
	best := rail{}
	for no := 1; no <= 2; no++ {
		path := filepath.Join(folder, fmt.Sprintf("energy%d_input", no))
		label := word(filepath.Join(folder, fmt.Sprintf("energy%d_label", no)))
		if exists(path) && (best.inputs == nil || label == "card") {
			best = rail{
				name: driver + "." + tidy(device), inputs: []string{path}, unit: micro, counter: true, scope: bench.ScopeGPU,
				device: "gpu " + device, label: label,
				about: "energy counter of the driver " + driver + ", whose range no document tells, so that a fall is a reset",
			}
		}
	}
	if best.inputs == nil {
		return nil
	}
	return []rail{best}
}

// acpi reads power1_average in µW. On Grace the label tells the rail: the whole
// module overlaps what NVML tells of its GPU; CPU and SysIO are parts of Grace.
func acpi(folder, device string) []rail {
	path := filepath.Join(folder, "power1_average")
	if !exists(path) {
		return nil
	}
	label := word(filepath.Join(folder, "power1_oem_info"))
	r := rail{
		name: "acpi." + tidy(device), inputs: []string{path}, unit: micro, scope: bench.ScopePSU, device: "acpi " + device, label: label,
		about: "power1_average of an ACPI power meter",
	}
	if ms, err := strconv.ParseInt(word(filepath.Join(folder, "power1_average_interval")), 10, 32); err == nil && ms > 0 {
		r.window = time.Duration(ms) * time.Millisecond
	}
	what, socket, ok := strings.Cut(label, " Power Socket ")
	if !ok {
		return []rail{r}
	}
	r.name = "acpi." + tidy(strings.ToLower(what)) + tidy(socket)
	r.device = "grace socket " + tidy(socket) + " " + strings.ToLower(what)
	switch what {
	case "Grace":
		r.scope = bench.ScopePackage
	case "CPU":
		r.scope, r.partOf = bench.ScopePackage, Name+".acpi.grace"+tidy(socket)+".power"
	default: // Module and SysIO overlap
		r.scope = bench.ScopePlatform
	}
	return []rail{r}
}

// jetson multiplies voltage (mV) and current (mA) of each rail. The input of
// the module is the whole; the others are parts of it.
func jetson(folder, device string) []rail {
	var all []rail
	whole := ""
	for no := 1; no <= maxRails; no++ {
		voltage := filepath.Join(folder, fmt.Sprintf("in%d_input", no))
		current := filepath.Join(folder, fmt.Sprintf("curr%d_input", no))
		label := word(filepath.Join(folder, fmt.Sprintf("in%d_label", no)))
		if label == "" || !exists(voltage) || !exists(current) {
			continue
		}
		r := rail{
			name: "ina3221." + tidy(label), inputs: []string{voltage, current}, unit: micro, scope: bench.ScopePlatform,
			device: "ina3221 " + device + " " + label, label: label,
			about: "voltage times current of a rail, read one after the other; the carrier board is outside",
		}
		if label == "VDD_IN" || label == "POM_5V_IN" {
			r.scope = bench.ScopeModule
			whole = Name + "." + r.name + ".power"
		}
		all = append(all, r)
	}
	for i := range all {
		if all[i].scope != bench.ScopeModule {
			all[i].partOf = whole
		}
	}
	return all
}

// distinct keeps the first rail of each name, and drops a PartOf whose whole is
// not there.
func distinct(all []rail) []rail {
	seen := map[string]bool{}
	kept := all[:0]
	for _, r := range all {
		if !seen[r.name] {
			seen[r.name] = true
			kept = append(kept, r)
		}
	}
	for i := range kept {
		whole := strings.TrimSuffix(strings.TrimPrefix(kept[i].partOf, Name+"."), ".power")
		if !seen[whole] {
			kept[i].partOf = ""
		}
	}
	return kept
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// word reads a small file without its line's end, "" when there is none.
func word(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	var buf [64]byte
	n, _ := f.Read(buf[:])
	first, _, _ := strings.Cut(string(buf[:n]), "\n")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, strings.TrimSpace(first))
}

// tidy makes text part of a channel's name.
func tidy(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-':
			return r
		}
		return '_'
	}, s)
}
