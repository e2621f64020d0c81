package hostfacts

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// gpus is what can be known about NVIDIA GPUs without their library.
type gpus struct {
	names   []string
	missing string
	driver  string
}

// Reasons for a list of GPUs that is empty or lacks names.
const (
	missingDriver = "no NVIDIA driver on this host"
	missingTables = "no NVIDIA driver on this host, and its PCI devices cannot be listed"
	missingCards  = "an NVIDIA driver is loaded but lists no GPU"
)

// readGPUs asks the driver's own table, /proc/driver/nvidia/gpus; without a
// driver it looks on the PCI bus for display controllers (class 03) of NVIDIA
// (vendor 10de), which have an address but no name.
func readGPUs(opts Options) gpus {
	g := gpus{names: []string{}, driver: driverVersion(opts)}
	cards, err := filepath.Glob(filepath.Join(opts.ProcFS, "driver/nvidia/gpus/*/information"))
	if err == nil {
		for _, path := range cards {
			if name := cardName(path); name != "" {
				g.names = append(g.names, name)
			}
		}
	}
	if len(g.names) > 0 {
		return g
	}
	found, listed := onPCI(opts.SysFS)
	g.names = append(g.names, found...)
	switch {
	case g.driver != "":
		g.missing = missingCards
	case len(found) > 0:
		g.missing = missingDriver + ": the GPUs found on the PCI bus cannot be named or used"
	case !listed:
		g.missing = missingTables
	default:
		g.missing = missingDriver
	}
	return g
}

// cardName reads "Model" and, where it is told, "GPU UUID" of one card.
func cardName(path string) string {
	text, err := readSome(path)
	if err != nil {
		return ""
	}
	var model, uuid string
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(line, ":")
		switch strings.TrimSpace(key) {
		case "Model":
			model = strings.TrimSpace(value)
		case "GPU UUID":
			uuid = strings.TrimSpace(value)
		}
	}
	if model == "" {
		return ""
	}
	if strings.HasPrefix(uuid, "GPU-") && !strings.Contains(uuid, "?") {
		return model + " (" + uuid + ")"
	}
	return model
}

var versionPattern = regexp.MustCompile(`Kernel Module.*?\s([0-9]+\.[0-9]+(?:\.[0-9]+)?)`)

// driverVersion is the version of the loaded kernel module, "" without one.
func driverVersion(opts Options) string {
	if text, err := readSome(filepath.Join(opts.SysFS, "module/nvidia/version")); err == nil {
		if v := strings.TrimSpace(text); v != "" {
			return v
		}
	}
	text, err := readSome(filepath.Join(opts.ProcFS, "driver/nvidia/version"))
	if err != nil {
		return ""
	}
	if m := versionPattern.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// onPCI lists NVIDIA display controllers by device id and address; listed is
// false when the bus cannot be looked at.
func onPCI(sys string) (found []string, listed bool) {
	bus := filepath.Join(sys, "bus/pci/devices")
	entries, err := os.ReadDir(bus)
	if err != nil {
		return nil, false
	}
	for _, e := range entries {
		folder := filepath.Join(bus, e.Name())
		vendor, err1 := readSome(filepath.Join(folder, "vendor"))
		class, err2 := readSome(filepath.Join(folder, "class"))
		if err1 != nil || err2 != nil ||
			strings.TrimSpace(vendor) != "0x10de" || !strings.HasPrefix(class, "0x03") {
			continue
		}
		device, _ := readSome(filepath.Join(folder, "device"))
		id := strings.TrimPrefix(strings.TrimSpace(device), "0x")
		found = append(found, "NVIDIA PCI device 10de:"+id+" at "+e.Name())
	}
	return found, true
}

// readSome reads at most 64 KiB of a table.
func readSome(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	buf := make([]byte, 64<<10)
	n := 0
	for n < len(buf) {
		more, err := f.Read(buf[n:])
		n += more
		if err != nil || more == 0 {
			break
		}
	}
	return string(buf[:n]), nil
}
