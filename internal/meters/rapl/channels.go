package rapl

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// describe makes the channels from what was opened.
func (m *Meter) describe(opts Options, vendor string) {
	for _, d := range m.domains {
		c := bench.Channel{
			Name: Name + "." + d.key(), Unit: bench.UnitJoule, Scope: scope(d.kind),
			Sensor: bench.SensorCounter, Counter: true,
			Device:       Name + " " + d.key(),
			UpdatePeriod: updatePeriod,
			PeriodBasis:  "documented by Intel as about 1 ms, the same driver for AMD; not measured",
			Resolution:   resolution(d.rangeUJ),
			WrapAt:       float64(d.rangeUJ) * joulesPerMicrojoule,
			Identity:     fmt.Sprintf("powercap %s (%s)", d.folder, d.name),
			Simulated:    opts.Simulated,
			Method:       m.method(d, opts),
		}
		c.RelAccuracy, c.AccuracyNote = accuracy(d.kind, vendor)
		m.channels = append(m.channels, c)
	}
}

func scope(k kind) bench.Scope {
	switch k {
	case kindDRAM:
		return bench.ScopeDRAM
	case kindPsys:
		return bench.ScopePlatform
	default:
		return bench.ScopePackage
	}
}

// resolution is the counter's step in J: its register has 32 bits, and the file
// counts whole microjoules.
func resolution(rangeUJ uint64) float64 {
	return max(1, float64(rangeUJ)/(1<<32)) * joulesPerMicrojoule
}

func (m *Meter) method(d domain, opts Options) string {
	var b strings.Builder
	switch d.kind {
	case kindPackage:
		fmt.Fprintf(&b, "energy counter of processor %s (RAPL): cores, caches, memory controller and integrated graphics; core and uncore are inside it and not read", d.name)
	case kindDRAM:
		b.WriteString("energy counter of the memory of one processor package (RAPL), beside the package")
	case kindPsys:
		b.WriteString("energy counter of the platform (RAPL psys), whose extent the board's maker sets; overlaps package and memory and is never added to them")
	}
	fmt.Fprintf(&b, "; read from powercap %s", d.folder)
	if d.rangeUJ > 0 {
		fmt.Fprintf(&b, "; wraps at %.0f J by the driver's own figure", float64(d.rangeUJ)*joulesPerMicrojoule)
	} else {
		b.WriteString("; the driver tells no range, so that a fall of the counter is a reset and leaves no figure")
	}
	if m.limit < unlimited {
		fmt.Fprintf(&b, "; two reads must be no more than %s apart, or at %g W a second wrap could pass unseen", m.limit.Round(time.Millisecond), opts.MaxPowerW)
	}
	if opts.Interval != m.interval && m.interval > 0 {
		fmt.Fprintf(&b, "; read every %s instead of the %s that was asked for", m.interval, opts.Interval)
	}
	fmt.Fprintf(&b, "; not for windows under %s, as Intel filters the counter with noise (INTEL-SA-00389)", MinInterval)
	return b.String()
}

// accuracy gives the relative error that is assumed, with where it comes from.
// No vendor states one.
func accuracy(k kind, vendor string) (float64, string) {
	switch {
	case k == kindPsys:
		return 0, "nobody states how accurate psys is, nor which rails it covers on this board"
	case k == kindDRAM && vendor == vendorIntel:
		return 0.20, "an assumption, ±20 %; Intel states no limit. Against instrumented memory the trend is right and mostly off by a constant, worst when " +
			"idle, better on servers that measure (Desrochers, Paradis and Weaver, MEMSYS 2016, doi 10.1145/2989081.2989088)"
	case k == kindPackage && vendor == vendorIntel:
		return 0.10, "an assumption, ±10 %; Intel states no limit. Measured and not modelled since Haswell (Hackenberg et al., IPDPSW 2015, " +
			"doi 10.1109/IPDPSW.2015.70), highly correlated with power at the plug (Khan et al., TOMPECS 2018, doi 10.1145/3177754)"
	case k == kindPackage && vendor == vendorAMD:
		return 0.20, "an assumption, ±20 %; AMD states no limit. On Zen 2 the figure is modelled and not measured, and what the data is that is computed on " +
			"does not show in it (Schöne et al., CLUSTER 2021, arXiv 2108.00808)"
	default:
		return 0, "no study of this processor's RAPL is known to wattsweep"
	}
}

const (
	vendorIntel = "GenuineIntel"
	vendorAMD   = "AuthenticAMD"
)

// vendor reads the first processor's vendor_id, "" when there is none.
func vendor(proc string) string {
	f, err := os.Open(filepath.Join(proc, "cpuinfo"))
	if err != nil {
		return ""
	}
	defer f.Close()
	buf := make([]byte, 4096)
	n, _ := f.Read(buf)
	for l := range strings.Lines(string(buf[:n])) {
		if key, value, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(key) == "vendor_id" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
