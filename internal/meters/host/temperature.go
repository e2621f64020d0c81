package host

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/procfs"
)

// Temperatures that a processor can have, in thousandths of °C. Beyond them a
// driver means that it does not know.
const (
	coldest = -40_000
	hottest = 150_000
)

// maxSensors bounds how many sensors are read: one for each socket.
const maxSensors = 16

// temperature is the hottest of the processors' sensors.
type temperature struct {
	files []*procfs.File
	from  string // driver and labels, for Method
}

// openTemperature finds the sensors of processor packages: those of hardware
// monitors first, then thermal zones.
func openTemperature(sys string) (*temperature, *meters.Missing) {
	paths, from := monitors(filepath.Join(sys, "class", "hwmon"))
	if len(paths) == 0 {
		paths, from = thermalZones(filepath.Join(sys, "class", "thermal"))
	}
	t := &temperature{from: from}
	for _, p := range paths[:min(len(paths), maxSensors)] {
		if f, err := procfs.Open(p, 32); err == nil {
			t.files = append(t.files, f)
		}
	}
	if len(t.files) == 0 {
		return nil, &meters.Missing{
			Meter: ChannelTemperature, Why: "the kernel shows no temperature sensor of a processor",
			Mend: "load the module coretemp or k10temp; virtual machines and most containers have none",
		}
	}
	return t, nil
}

// monitors looks for the drivers of processors' sensors below class/hwmon.
func monitors(class string) (paths []string, from string) {
	for _, folder := range folders(class, "hwmon") {
		driver := word(filepath.Join(folder, "name"))
		var found []string
		switch driver {
		case "coretemp":
			found = labelled(folder, func(label string) bool { return strings.HasPrefix(label, "Package id") })
		case "k10temp", "zenpower":
			// Tctl steers the fans and lies above the die on some models.
			for _, wanted := range []string{"Tdie", "Tctl"} {
				if found = labelled(folder, func(label string) bool { return label == wanted }); len(found) > 0 {
					driver += " " + wanted
					break
				}
			}
		case "cpu_thermal":
			found = []string{filepath.Join(folder, "temp1_input")}
		}
		if len(found) > 0 {
			paths, from = append(paths, found...), "hardware monitor "+driver
		}
	}
	return paths, from
}

// labelled gives the inputs of a monitor whose label is wanted.
func labelled(folder string, wanted func(string) bool) []string {
	var all []string
	labels, err := filepath.Glob(filepath.Join(folder, "temp*_label"))
	if err != nil {
		return nil
	}
	for _, l := range labels {
		if wanted(word(l)) {
			all = append(all, strings.TrimSuffix(l, "_label")+"_input")
		}
	}
	return all
}

// thermalZones looks for zones of processors, then for those that the firmware
// tells, which are all that some boards have.
func thermalZones(class string) (paths []string, from string) {
	for _, types := range [][]string{{"x86_pkg_temp"}, {"cpu-thermal", "cpu_thermal", "soc-thermal", "soc_thermal"}, {"acpitz"}} {
		for _, folder := range folders(class, "thermal_zone") {
			if kind := word(filepath.Join(folder, "type")); slices.Contains(types, kind) {
				paths, from = append(paths, filepath.Join(folder, "temp")), "thermal zone "+kind
			}
		}
		if len(paths) > 0 {
			if types[0] == "acpitz" {
				from += ", whose place the firmware does not tell"
			}
			return paths, from
		}
	}
	return nil, ""
}

// folders lists the entries of class whose name begins with prefix, in order.
func folders(class, prefix string) []string {
	entries, err := os.ReadDir(class)
	if err != nil {
		return nil
	}
	var all []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			all = append(all, filepath.Join(class, e.Name()))
		}
	}
	return all
}

// word reads a small file without its line's end, "" when there is none.
func word(path string) string {
	f, err := procfs.Open(path, 64)
	if err != nil {
		return ""
	}
	defer f.Close()
	text, err := f.Read()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func (t *temperature) channel(identity string, _ time.Duration) bench.Channel {
	return bench.Channel{
		Name: ChannelTemperature, Unit: bench.UnitCelsius, Scope: bench.ScopeHost, Sensor: bench.SensorInstant,
		UpdatePeriod: time.Second, PeriodBasis: "assumed: the driver coretemp renews its values once a second, others at each read",
		Resolution: 1, Identity: identity,
		Method:       "hottest processor package, by " + t.from,
		AccuracyNote: "not stated; processors' sensors are made to be right near their limit, not at rest",
	}
}

// read gives the hottest of the sensors that answer.
func (t *temperature) read(now func() time.Duration) bench.Reading {
	asked := now()
	most, answered, known := int64(coldest), false, false
	for _, f := range t.files {
		text, err := f.Read()
		if err != nil {
			continue
		}
		v, err := procfs.ParseInt(text)
		answered = true
		if err != nil || v <= coldest || v > hottest {
			continue
		}
		most, known = max(most, v), true
	}
	at := midpoint(asked, now())
	switch {
	case known:
		return bench.Reading{At: at, Value: float64(most) / 1000}
	case answered:
		return bench.Reading{At: at, State: bench.ReadingOutOfRange, Reason: reasonTemperatureRange}
	default:
		return missing(at, reasonTemperature)
	}
}

func (t *temperature) close() error {
	var errs []error
	for _, f := range t.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
