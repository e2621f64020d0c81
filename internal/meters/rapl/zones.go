package rapl

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// kind is what a domain covers.
type kind string

const (
	kindPackage kind = "package"
	kindDRAM    kind = "dram"
	kindPsys    kind = "psys"
)

// zone is one domain as powercap lists it.
type zone struct {
	folder string // intel-rapl:0:2
	driver string // intel-rapl
	at     []int  // 0, 2
	name   string // dram
	kind   kind
	id     string // of the package: 0, 0die1; empty where there is but one
}

// key is what a domain is called in channel names; two zones with one key are
// views of the same counter.
func (z zone) key() string { return string(z.kind) + z.id }

// msrDriver lists domains by the processor's registers. Where another driver
// lists the same package, this one is read.
const msrDriver = "intel-rapl"

// maxEntries bounds what is looked at: far more than any machine has.
const maxEntries = 4096

// zones finds the domains that are worth reading, by driver and number.
func zones(class string) ([]zone, error) {
	f, err := os.Open(class)
	if err != nil {
		return nil, fmt.Errorf("look for RAPL domains: %w", err)
	}
	defer f.Close()
	names, err := f.Readdirnames(maxEntries)
	if err != nil && len(names) == 0 {
		if info, statErr := f.Stat(); statErr == nil && info.IsDir() {
			return nil, nil // an empty folder
		}
		return nil, fmt.Errorf("look for RAPL domains: %w", err)
	}
	var all []zone
	for _, name := range names {
		z, ok := parseFolder(name)
		if !ok {
			continue
		}
		z.name = line(filepath.Join(class, name, "name"))
		all = append(all, z)
	}
	slices.SortFunc(all, func(a, b zone) int {
		return cmp.Or(
			-cmp.Compare(b2i(a.driver == msrDriver), b2i(b.driver == msrDriver)),
			cmp.Compare(a.driver, b.driver), slices.Compare(a.at, b.at))
	})
	return classify(all), nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// parseFolder reads names such as intel-rapl:0 and intel-rapl-mmio:0:2.
func parseFolder(name string) (zone, bool) {
	parts := strings.Split(name, ":")
	if len(parts) < 2 || len(parts) > 3 || !strings.Contains(parts[0], "rapl") {
		return zone{}, false
	}
	z := zone{folder: name, driver: parts[0]}
	for _, p := range parts[1:] {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return zone{}, false
		}
		z.at = append(z.at, int(n))
	}
	return z, true
}

// classify keeps packages, their memory and the platform, in that order.
func classify(all []zone) []zone {
	packages := map[string]string{} // id of the package by its folder
	kept := make([]zone, 0, len(all))
	for _, z := range all {
		if id, ok := packageID(z.name); ok && len(z.at) == 1 {
			z.kind, z.id = kindPackage, id
			packages[z.folder] = id
			kept = append(kept, z)
		}
	}
	for _, z := range all {
		if z.name == "dram" {
			z.kind, z.id = kindDRAM, packages[z.driver+":"+strconv.Itoa(z.at[0])]
			kept = append(kept, z)
		}
	}
	for _, z := range all {
		if rest, ok := strings.CutPrefix(z.name, "psys"); ok && len(z.at) == 1 {
			id := strings.TrimPrefix(rest, "-")
			if rest == "" || (rest[0] == '-' && digits(id)) {
				z.kind, z.id = kindPsys, id
				kept = append(kept, z)
			}
		}
	}
	return kept
}

// packageID reads package-0 and, for packages of several dies, package-0-die-1.
func packageID(name string) (string, bool) {
	rest, ok := strings.CutPrefix(name, "package-")
	if !ok {
		return "", false
	}
	socket, die, dies := strings.Cut(rest, "-die-")
	if !digits(socket) || (dies && !digits(die)) {
		return "", false
	}
	if dies {
		return socket + "die" + die, true
	}
	return socket, true
}

// digits reports whether s is a short number.
func digits(s string) bool {
	return s != "" && len(s) <= 4 && strings.Trim(s, "0123456789") == ""
}

// line reads the first line of a small file, "" when there is none.
func line(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	var buf [64]byte
	n, _ := f.Read(buf[:])
	first, _, _ := strings.Cut(string(buf[:n]), "\n")
	return strings.TrimSpace(first)
}
